"""From a recording to named stems, block by block."""
