"""How numbers, lengths and names are put for a person."""

from __future__ import annotations

import os

CHANNELS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


def one_line(text: object) -> str:
    """Text that cannot disturb the terminal: one line, no control characters, no half of a character."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(str(text).split(" "))
    )


def named(path: str, pipe: str) -> str:
    """A path as it is shown, `pipe` for "-"."""
    if path == "-":
        return pipe
    return one_line(path if "://" in path else os.path.normpath(path))


def clock(seconds: float | None) -> str:
    """Length as `0:07`, `12:34` or `1:02:03`; `?` when unknown."""
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def times(factor: float | None) -> str:
    """Speed as `142x` or `3.4x`."""
    if factor is None:
        return ""
    return f"{factor:.0f}x" if factor >= 10 else f"{factor:.1f}x"


def kilohertz(rate: int) -> str:
    """Rate as `44.1 kHz`."""
    return f"{rate / 1000:g} kHz"


def channels(count: int) -> str:
    """Number of channels as `stereo` or `3 channels`."""
    return CHANNELS.get(count, f"{count} channels")


def megabytes(size: float) -> str:
    """Size in bytes as `1.3 MB` or `12 GB`."""
    return f"{size / 1e9:.0f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def decibels(value: float | None) -> str:
    """Level as `-18.2`, or `none` for silence."""
    return "none" if value is None else f"{value:.1f}"
