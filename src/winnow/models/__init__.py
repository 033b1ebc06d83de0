"""Bundles and the kinds of running them."""
