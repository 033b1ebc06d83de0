"""Signal processing in NumPy: spectra, masks, bands, resampling."""
