"""Fixed mixtures of voices: what each is made of, kept as records of `winnow data mix` in lists/*.jsonl, and their sound.

Paths in a list are relative to the data folder, so that it says nothing of a machine.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from kit.sound import Wave
from winnow.data.example import Example, Part, parse_example
from winnow.data.recordings import Recordings
from winnow.data.render import render

LISTS = Path(__file__).parents[1] / "lists"


@dataclass(frozen=True)
class Fixed:
    """One mixture. condition: such as "noisy"; pair: "lower", "higher" (both voices are) or "different"."""

    id: str
    condition: str
    pair: str
    example: Example


@dataclass(frozen=True, eq=False)
class Sounding:
    """A mixture and its stems by name, `(time,)` at `rate` hertz."""

    fixed: Fixed
    stems: dict[str, Wave]
    rate: int

    @property
    def mixture(self) -> Wave:
        """What goes in."""
        return self.stems["mixture"]

    @property
    def checksum(self) -> str:
        """Of all samples, so that scores of other samples are never taken from a cache."""
        value = 0
        for stem in self.stems.values():
            value = zlib.crc32(stem.tobytes(), value)
        return f"{value:08x}"


def write_set(name: str, mixtures: Sequence[Fixed]) -> None:
    """Write lists/NAME.jsonl."""
    rows = (json.dumps(asdict(mixture), ensure_ascii=False) for mixture in mixtures)
    (LISTS / f"{name}.jsonl").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def read_set(name: str) -> list[Fixed]:
    """The mixtures of lists/NAME.jsonl."""
    path, found = LISTS / f"{name}.jsonl", []
    for row in path.read_text(encoding="utf-8").splitlines():
        values = json.loads(row)
        found.append(Fixed(**values | {"example": parse_example(json.dumps(values["example"]), path.name)}))
    return found


def quick(mixtures: Sequence[Fixed], each: int) -> list[Fixed]:
    """The first few of each condition."""
    conditions = dict.fromkeys(mixture.condition for mixture in mixtures)
    return [m for c in conditions for m in [m for m in mixtures if m.condition == c][:each]]


def sounding(mixtures: Sequence[Fixed], data: Path) -> Iterator[Sounding]:
    """The sound of each."""
    recordings = Recordings()
    for mixture in mixtures:
        example = moved(mixture.example, lambda path: str(data / path))
        stems = {name: np.ascontiguousarray(stem) for name, stem in render(example, recordings).items()}
        yield Sounding(mixture, stems, example.rate)


def moved(example: Example, place: Callable[[str], str]) -> Example:
    """The record with other paths of its recordings."""

    def part(each: Part) -> Part:
        room = each.room and replace(each.room, path=place(each.room.path))
        return replace(each, path=place(each.path), room=room)

    return replace(example, parts=tuple(part(each) for each in example.parts))
