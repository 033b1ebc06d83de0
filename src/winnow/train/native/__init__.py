"""Blocks of networks in C++ for processors with AMX; compiled when a run begins, and left out where they cannot be."""
