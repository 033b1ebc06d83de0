"""File sets as the published systems expect them, so that their own code and notebooks find what they look for."""
