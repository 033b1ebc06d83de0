"""Networks as torch modules; parts are handed in, sizes are one dataclass kept with the weights."""
