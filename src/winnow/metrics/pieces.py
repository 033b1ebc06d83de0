"""A recording cut at its pauses: stretches with speech, none longer than a recogniser takes, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from winnow.audio import Samples
from winnow.metrics.activity import FRAME, RATE, Detector, Scores
from winnow.metrics.recognisers import quietest

BEGIN, GO_ON = 0.5, 0.35
"""Scores from which on speech begins, and below which it may end; those of Silero VAD's authors."""

PAUSE = 16
"""Frames without speech that end a stretch: half a second."""

SURE = 3
"""Frames that a stretch must be sure of: 0.1 s. Less is a click."""

PAD = 6
"""Frames taken along on both sides, 0.2 s: consonants are soft."""


@dataclass(frozen=True)
class Piece:
    """A stretch with speech. start: seconds; samples: `(lanes, time)` at 16 kHz."""

    start: float
    samples: Samples

    @property
    def end(self) -> float:
        """Seconds."""
        return float(self.start + self.samples.shape[1] / RATE)


class Cutter:
    """Finds the pieces of one stream `(lanes, time)`; the first lane decides, the others are cut at the same places.

    longest: seconds of a piece; where speech has no pause for so long, it is cut at the quietest place of the last 5 s.
    """

    def __init__(self, detector: Detector, longest: float, lanes: int = 1) -> None:
        self._detector = detector
        self._most = round(longest * RATE)
        self._kept: Samples = np.zeros((lanes, 0), np.float32)
        self._from = 0  # sample of the recording where what is kept begins
        self._done = 0  # sample up to which pieces were given out
        self._frame = 0
        self._open: int | None = None  # sample where the stretch under way begins
        self._last = self._sure = 0  # its last frame with speech; its frames with certain speech

    def feed(self, block: Samples) -> Iterator[Piece]:
        """Take the next samples, give the pieces that ended."""
        self._kept = np.concatenate([self._kept, block], axis=1)
        yield from self._advance(self._detector.feed(block[0]))
        self._forget()

    def flush(self) -> Iterator[Piece]:
        """The rest."""
        yield from self._advance(self._detector.flush())
        yield from self._close()

    def _advance(self, scores: Scores) -> Iterator[Piece]:
        for score in scores:
            if self._open is None and score >= BEGIN:
                self._open = max(self._done, (self._frame - PAD) * FRAME)
            if self._open is not None:
                yield from self._go_on(float(score))
            self._frame += 1

    def _go_on(self, score: float) -> Iterator[Piece]:
        """One more frame of the stretch under way."""
        assert self._open is not None
        self._sure += score >= BEGIN
        if score >= GO_ON:
            self._last = self._frame
        if self._frame - self._last >= PAUSE:
            yield from self._close()
        elif (self._frame + 1) * FRAME - self._open > self._most:
            yield self._cut()

    def _cut(self) -> Piece:
        assert self._open is not None
        first = self._open - self._from
        size = quietest(self._kept[0, first : first + self._most], self._most)
        piece = self._taken(self._open, self._open + size)
        self._open = self._done
        return piece

    def _close(self) -> Iterator[Piece]:
        """End the stretch under way, a little after its last frame with speech."""
        if self._open is not None and self._sure >= SURE:
            end = min((self._last + 1 + PAD) * FRAME, self._from + self._kept.shape[1])
            if end > self._open:
                yield self._taken(self._open, min(end, self._open + self._most))
        self._open, self._sure = None, 0

    def _taken(self, start: int, end: int) -> Piece:
        self._done = end
        return Piece(start / RATE, self._kept[:, start - self._from : end - self._from])

    def _forget(self) -> None:
        """Let go of what no piece can begin with any more."""
        needed = self._open if self._open is not None else max(self._done, (self._frame - PAD) * FRAME)
        drop = max(0, needed - self._from)
        self._kept, self._from = self._kept[:, drop:], self._from + drop


def pieces(blocks: Iterable[Samples], detector: Detector, longest: float, lanes: int = 1) -> Iterator[Piece]:
    """The pieces of a stream of blocks `(lanes, time)` at 16 kHz, lazily; they do not overlap and follow in time."""
    cutter = Cutter(detector, longest, lanes)
    for block in blocks:
        yield from cutter.feed(block)
    yield from cutter.flush()
