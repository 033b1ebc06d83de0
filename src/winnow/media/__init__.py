"""Everything that touches files of sound (PyAV)."""
