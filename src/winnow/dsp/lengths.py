"""Lengths of transforms."""


def fast_length(count: int) -> int:
    """The next length of the form 2^a * 1, 3, 5, 9 or 15, on which transforms are fast."""
    return min(odd << max(0, (-(-count // odd) - 1).bit_length()) for odd in (1, 3, 5, 9, 15))
