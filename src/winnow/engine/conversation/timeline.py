"""Who speaks when: as data, as JSON, and as a picture."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.engine.conversation.levels import FRAME, Flags, runs, without_short

GAP, BURST = round(0.5 / FRAME), round(0.2 / FRAME)  # frames: shorter pauses are part of a turn, shorter turns are none


@dataclass(frozen=True)
class Talker:
    """name: as in the names of files; segments: beginning and end of each turn, seconds."""

    name: str
    segments: tuple[tuple[float, float], ...]

    @property
    def seconds(self) -> float:
        """Of all turns together."""
        return sum(end - begin for begin, end in self.segments)


@dataclass(frozen=True)
class Timeline:
    """seconds: of the recording; overlap: seconds in which more than one speaks; found: whether the number of talkers was found
    rather than asked for."""

    talkers: tuple[Talker, ...]
    seconds: float
    overlap: float
    found: bool

    def to_json(self) -> str:
        """As it is written to NAME.talkers.json."""
        talkers = [
            {
                "name": talker.name,
                "seconds": round(talker.seconds, 3),
                "segments": [[round(begin, 3), round(end, 3)] for begin, end in talker.segments],
            }
            for talker in self.talkers
        ]
        facts = {
            "seconds": round(self.seconds, 3),
            "overlap_seconds": round(self.overlap, 3),
            "number": "found" if self.found else "given",
        }
        return json.dumps({"talkers": talkers, **facts}, indent=1) + "\n"


def names(count: int) -> tuple[str, ...]:
    """What talkers are called: talker1, talker2 ..."""
    return tuple(f"talker{number + 1}" for number in range(count))


def timeline(speaking: Flags, seconds: float, found: bool) -> Timeline:
    """From `(talkers, frames)`, true where somebody speaks."""
    turns = np.stack([without_short(row, GAP, BURST) for row in speaking])
    talkers = [
        Talker(name, tuple((b * FRAME, min(e * FRAME, seconds)) for b, e in runs(row)))
        for name, row in zip(names(len(turns)), turns, strict=True)
    ]
    overlap = float((turns.sum(axis=0) > 1).sum() * FRAME)
    return Timeline(tuple(talkers), seconds, overlap, found)


def picture(made: Timeline, title: str) -> bytes:
    """A PNG with a lane for each talker. Needs matplotlib (ImportError)."""
    from matplotlib.figure import Figure

    count = len(made.talkers)
    figure = Figure(figsize=(10.4, 0.9 + 0.42 * count), dpi=90, layout="constrained")
    place = figure.add_subplot()
    unit, name = (60.0, "minutes") if made.seconds >= 300 else (1.0, "seconds")
    for row, talker in enumerate(made.talkers):
        turns = [(begin / unit, (end - begin) / unit) for begin, end in talker.segments]
        place.broken_barh(turns, (row - 0.36, 0.72), facecolors=f"C{row % 10}")
    share = [talker.seconds / made.seconds if made.seconds else 0.0 for talker in made.talkers]
    labels = [f"{talker.name}  {part:.0%}" for talker, part in zip(made.talkers, share, strict=True)]
    place.set_yticks(range(count), labels, fontsize=9)
    place.set_ylim(count - 0.5, -0.5)
    place.set_xlim(0, max(made.seconds / unit, 1e-3))
    place.set_xlabel(name, fontsize=8)
    place.set_title(_plain(title), fontsize=9, loc="left")
    place.tick_params(axis="x", labelsize=8)
    place.spines[["top", "right", "left"]].set_visible(False)
    return _png(figure)


def _plain(title: str) -> str:
    """Without what the drawing takes for a formula, or its letters cannot show."""
    return "".join(letter if letter.isprintable() and ord(letter) < 0x2500 else "?" for letter in title).replace(
        "$", r"\$"
    )


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
