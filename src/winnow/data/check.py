"""Is the audio of a set what its records say? Each example is made again and compared sample for sample."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from winnow.data.example import Example
from winnow.data.recordings import Recordings, Unusable
from winnow.data.render import render
from winnow.data.sets import read_about, read_set
from winnow.data.writing import Writing
from winnow.errors import BadInput


def check_set(folder: Path, sample: int | None = None) -> Iterator[tuple[int, str | None]]:
    """Number of each example and what is wrong with it, None where nothing is.

    sample: how many examples, evenly spread over the set; None for all. Raises InputNotFound, BadInput where there is no set.
    """
    about = read_about(folder)
    count, recordings = int(about["count"]), Recordings()
    writing = Writing(str(folder), about["format"])
    some = set(range(count)) if sample is None else {round(k) for k in np.linspace(0, count - 1, min(sample, count))}
    for number, example in enumerate(read_set(folder)):
        if number in some:
            yield number, _problem(example, number, writing, recordings)


def _problem(example: Example, number: int, writing: Writing, recordings: Recordings) -> str | None:
    if example.number != number:
        return f"row {number} holds example {example.number}"
    try:
        stems = render(example, recordings)
    except Unusable as problem:
        return str(problem)
    with tempfile.TemporaryDirectory() as folder:
        again = Writing(folder, writing.format)
        for stem, samples in stems.items():
            again.write(again.path(stem, number), samples, example.rate)
            wrong = _different(writing.path(stem, number), again.path(stem, number))
            if wrong:
                return f"{writing.path(stem, number)}: {wrong}"
    return None


def _different(path: str, again: str) -> str | None:
    from winnow.media import read

    if not os.path.exists(path):
        return "is missing; run the command that made the set once more"
    try:
        there, made = read(path), read(again)
    except BadInput as error:
        return str(error).removeprefix(f"{path}: ")
    if there.rate != made.rate or there.samples.shape != made.samples.shape:
        return f"has {there.samples.shape[1]} samples at {there.rate} Hz instead of {made.samples.shape[1]} at {made.rate} Hz"
    gap = float(np.abs(there.samples - made.samples).max())
    return f"differs by {20 * np.log10(gap):.0f} dB of full scale" if gap else None
