"""Write examples out: what a worker does with some rows of `examples.jsonl`, on any engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from winnow.audio import Audio, Samples
from winnow.data.example import Example, parse_example
from winnow.data.recordings import Recordings, Unusable
from winnow.data.render import render
from winnow.errors import BadOption, InputNotFound, OutputError

LIST = "examples.jsonl"
FORMATS = {"wav": ("wav", 16), "flac": ("flac", 16), "float": ("wav", 32)}
"""Suffix and bits of each format of the audio; "float" is WAV in 32-bit floating point."""
ROWS = 16  # of a chunk


class Chunk(NamedTuple):
    """Rows of a list that one worker does at a time: where they begin, how long they are in bytes, how many."""

    place: int
    size: int
    rows: int


class Outcome(NamedTuple):
    """What became of an example. path, reason: the recording that it cannot be made with, None where all went well;
    once: as in `Unusable`.
    """

    number: int
    path: str | None = None
    reason: str | None = None
    once: bool = False


@dataclass(frozen=True)
class Writing:
    """Plain data that tells a worker what to do. megabytes: of decoded recordings that it keeps."""

    folder: str
    format: str = "wav"
    megabytes: float = 300

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise BadOption(f"--format {self.format}: there are {', '.join(FORMATS)}.")

    def do(self, chunk: Chunk) -> Iterator[Outcome]:
        """Write the examples of a chunk that are not there yet. Raises OutputError, BadInput."""
        for example in read_chunk(Path(self.folder), chunk):
            if self.there(example):
                yield Outcome(example.number)
                continue
            try:
                stems = render(example, _recordings(self.megabytes))
            except Unusable as problem:
                yield Outcome(example.number, problem.path, problem.reason, problem.once)
                continue
            for stem, samples in stems.items():
                self.write(self.path(stem, example.number), samples, example.rate)
            yield Outcome(example.number)

    def there(self, example: Example) -> bool:
        """Whether all its files are there; each got its name only when it was whole."""
        return all(os.path.exists(self.path(stem, example.number)) for stem in example.stems)

    def path(self, stem: str, number: int) -> str:
        """Of a stem's file."""
        return os.path.join(self.folder, stem, f"{number:06d}.{FORMATS[self.format][0]}")

    def write(self, path: str, samples: Samples, rate: int) -> None:
        """One stem, aside first. Raises OutputError."""
        from winnow.media import write

        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{os.path.dirname(path)}: cannot be made ({error.strerror}). Choose another -o."
            ) from None
        write(path, Audio(samples[None], rate), bits=FORMATS[self.format][1])


@lru_cache(maxsize=1)
def _recordings(megabytes: float) -> Recordings:
    """One store for each process, kept from chunk to chunk."""
    return Recordings(megabytes)


def read_chunk(folder: Path, chunk: Chunk) -> list[Example]:
    """The records of a chunk. Raises InputNotFound, BadInput."""
    path = folder / LIST
    try:
        with path.open("rb") as file:
            file.seek(chunk.place)
            lines = file.read(chunk.size).decode("utf-8").splitlines()
    except OSError as error:
        raise InputNotFound(f"{path}: cannot be read ({error.strerror}).") from None
    return [parse_example(line, str(path)) for line in lines]


def chunks(folder: Path, numbers: set[int] | None = None) -> Iterator[Chunk]:
    """The list in chunks; with `numbers` those examples only, each by itself. Row number n is example number n."""
    place = begin = rows = 0
    with (folder / LIST).open("rb") as file:
        for number, line in enumerate(file):
            if numbers is not None:
                if number in numbers:
                    yield Chunk(place, len(line), 1)
                place += len(line)
                continue
            place, rows = place + len(line), rows + 1
            if rows == ROWS:
                yield Chunk(begin, place - begin, rows)
                begin, rows = place, 0
    if rows:
        yield Chunk(begin, place - begin, rows)
