"""Training: may import everything, nothing imports it but the command line, when it is used."""
