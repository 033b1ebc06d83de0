"""winnow: any audio or video recording in, the same recording with clean speech out."""

__version__ = "0.1.0"
