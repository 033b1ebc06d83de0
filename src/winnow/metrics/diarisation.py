"""Who spoke when, found against true: diarisation error rate.

DER is the share of speech that is missed, invented or given to the wrong talker (NIST Rich Transcription evaluation plan 2009,
section 6): in every stretch in which nothing changes, of length t, with r true and f found talkers of whom c are right,
missed time is t * max(0, r - f), false alarm t * max(0, f - r), confusion t * (min(r, f) - c), and all are divided by the sum of
t * r. Found talkers are matched one to one to true ones so that the time in which both talk is longest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.errors import BadInput, BadOption
from winnow.metrics.sdr import best_order


class Turn(NamedTuple):
    """Somebody speaks from `start` to `end`, seconds."""

    talker: str
    start: float
    end: float


class Piece(NamedTuple):
    """A stretch in which nothing changes: its length in seconds, and who speaks in it."""

    seconds: float
    true: frozenset[str]
    found: frozenset[str]


@dataclass(frozen=True)
class Diarisation:
    """Seconds missed, invented (false_alarm), given to the wrong talker (confusion), and spoken at all, each talker counted.

    talkers: which true talker each found one was taken for; found talkers without one are left out.
    """

    missed: float
    false_alarm: float
    confusion: float
    spoken: float
    talkers: dict[str, str]

    @property
    def rate(self) -> float | None:
        """DER, 0 (perfect) and up; None where nobody speaks."""
        return (self.missed + self.false_alarm + self.confusion) / self.spoken if self.spoken > 0 else None


def diarisation(reference: Iterable[Turn], estimate: Iterable[Turn], *, collar: float = 0.25) -> Diarisation:
    """Compare turns; those of one talker may overlap each other and count once, names of the two sides mean nothing.

    collar: seconds around each true beginning and end that are not judged (0.25 is usual, 0 judges everything). Up to 16 talkers a
    side. Raises BadOption for a collar below 0, BadInput for a turn that ends before it begins and for more talkers.
    """
    if not 0 <= collar < float("inf"):
        raise BadOption(f"the collar is 0 seconds or more, not {collar}.")
    true, found = merged(reference), merged(estimate)
    if max(len(true), len(found)) > 16:
        raise BadInput(f"{len(true)} true and {len(found)} found talkers; 16 a side are the most.")
    pieces = list(_pieces(true, found, collar))
    talkers = _matched(pieces, sorted(true), sorted(found))
    missed = alarm = confusion = spoken = 0.0
    for seconds, speaking, heard in pieces:
        right = sum(talkers.get(name) in speaking for name in heard)
        missed += seconds * max(0, len(speaking) - len(heard))
        alarm += seconds * max(0, len(heard) - len(speaking))
        confusion += seconds * (min(len(speaking), len(heard)) - right)
        spoken += seconds * len(speaking)
    return Diarisation(missed, alarm, confusion, spoken, talkers)


def merged(turns: Iterable[Turn]) -> dict[str, list[tuple[float, float]]]:
    """Spans of each talker in order, those that touch or overlap joined. Raises BadInput."""
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for talker, start, end in sorted(turns, key=lambda turn: (turn[0], turn[1])):
        if not start <= end:
            raise BadInput(f"a turn of {talker} ends at {end:g} s, before it begins at {start:g} s.")
        mine = spans[talker]
        if mine and start <= mine[-1][1]:
            mine[-1] = (mine[-1][0], max(mine[-1][1], end))
        else:
            mine.append((start, end))
    return dict(spans)


Spans = dict[str, list[tuple[float, float]]]


def _pieces(true: Spans, found: Spans, collar: float) -> Iterator[Piece]:
    """Everything that is judged, cut where somebody begins or ends."""
    edges = [edge for spans in true.values() for span in spans for edge in span]
    unjudged: Spans = merged(Turn("", edge - collar, edge + collar) for edge in edges) if collar else {}
    sides = [("true", true), ("found", found), ("unjudged", unjudged)]
    changes: dict[float, list[tuple[str, str, bool]]] = defaultdict(list)
    for side, talkers in sides:
        for name, spans in talkers.items():
            for start, end in spans:
                if start < end:
                    changes[start].append((side, name, True))
                    changes[end].append((side, name, False))
    speaking: dict[str, set[str]] = {side: set() for side, _ in sides}
    last = 0.0
    for time in sorted(changes):
        if not speaking["unjudged"] and (speaking["true"] or speaking["found"]):
            yield Piece(time - last, frozenset(speaking["true"]), frozenset(speaking["found"]))
        for side, name, begins in changes[time]:
            (speaking[side].add if begins else speaking[side].discard)(name)
        last = time


def _matched(pieces: Sequence[Piece], true: Sequence[str], found: Sequence[str]) -> dict[str, str]:
    """Found talkers to true ones, so that the time in which both talk is longest."""
    together: npt.NDArray[np.float64] = np.zeros((max(len(true), len(found)),) * 2)
    for seconds, speaking, heard in pieces:
        for name in speaking:
            for other in heard:
                together[true.index(name), found.index(other)] += seconds
    if not len(together):
        return {}
    order = best_order(together)
    return {found[j]: true[i] for i, j in enumerate(order) if i < len(true) and j < len(found) and together[i, j] > 0}
