"""How good a recording is: measures with and without a reference, one registry, one function `score`."""
