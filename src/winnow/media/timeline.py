"""Where decoded frames belong: gaps in the timestamps become silence, decoder padding at the end goes.

A recording is played by its timestamps. When a packet is missing, a decoder that counts samples alone runs ahead of
the picture from then on; so frames are placed by their timestamps, with some patience, since containers round them.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from winnow.audio import Samples

_PATIENCE = 0.020  # seconds by which a timestamp may stray before it is believed; Matroska's are rounded to 1 ms
_PATIENCE_AFTER_DAMAGE = 0.0015  # after a packet that could not be decoded a gap is expected
_LONGEST_GAP = 4 * 3600.0  # seconds; a larger jump is a broken timestamp or another recording joined on
_MOST_SILENCE = 24 * 3600.0  # seconds in all; a small file could otherwise claim years
_LONGEST_OVERLAP = 2.0  # seconds; a larger step back is a clock that began anew
_PADDING = 4096  # samples; the longest codec frame and its delay, more is no padding


class Timeline:
    """Places frames and cuts what lies past the end.

    rate: hertz. first: timestamp of the first sample, in units of `base` seconds. end: where the container says that
    the track ends, same units, or None. The end is believed only when what lies past it can be a codec's padding:
    headers of unfinished files are wrong.
    """

    def __init__(self, rate: int, first: int, base: Fraction, end: int | None) -> None:
        self.strict = False
        self.position = 0  # samples placed so far
        self._rate, self._first, self._scale = rate, first, base * rate
        self._limit = None if end is None else self._samples(end - first)
        # An MP4 tells its length to the millisecond and its last packet to the sample, so the last one is held back.
        self._hold_from = None if self._limit is None else max(0, self._limit - rate // 1000)
        self._taken = self._filled = 0
        self._held: list[Samples] = []
        self._last = (0, 0)  # the last frame: position, duration by its packet

    def _samples(self, units: int) -> int:
        # Integers: this runs for every frame, and fractions cost more than the decoder.
        numerator, denominator = self._scale.numerator, self._scale.denominator
        return (2 * units * numerator + denominator) // (2 * denominator)

    def place(self, frame: Any) -> tuple[int, int]:
        """`(samples to drop from the frame, samples of silence before it)`, the former at the frame's own rate."""
        rate: int = frame.sample_rate
        count = frame.samples if rate == self._rate else round(frame.samples * self._rate / rate)
        pts = frame.pts
        skip, gap = (0, 0) if pts is None else self._correction(self._samples(pts - self._first), count)
        self.position += gap
        self._last = (self.position, frame.duration)
        self.position += count - skip
        return (skip if rate == self._rate else round(skip * rate / self._rate)), gap

    def _correction(self, index: int, count: int) -> tuple[int, int]:
        ahead = index - self.position
        patience = (_PATIENCE_AFTER_DAMAGE if self.strict else _PATIENCE) * self._rate
        self.strict = False
        if abs(ahead) <= patience:
            return 0, 0
        if 0 < ahead <= _LONGEST_GAP * self._rate and self._filled + ahead <= _MOST_SILENCE * self._rate:
            self._filled += ahead
            return 0, ahead
        if 0 < -ahead <= _LONGEST_OVERLAP * self._rate:
            return min(-ahead, count), 0
        self._first += round(ahead / self._scale)  # another clock from here on
        self._limit = self._hold_from = None
        return 0, 0

    def take(self, piece: Samples) -> Iterator[Samples]:
        """Pass samples on; those near the end are held until it is known whether they are padding."""
        begin, self._taken = self._taken, self._taken + piece.shape[1]
        if self._hold_from is None or self._limit is None:
            yield from self._release()
            yield piece
            return
        cut = max(0, self._hold_from - begin)
        if cut:
            yield piece[:, :cut]
        if piece.shape[1] > cut:
            self._held.append(piece[:, cut:])
        if self._taken - self._limit > _PADDING:
            self._limit = self._hold_from = None  # the header was wrong
            yield from self._release()

    def rest(self) -> Iterator[Samples]:
        """What is left at the end of the track, without the padding."""
        kept = self._taken if self._hold_from is None else self._end() - self._hold_from
        for piece in self._release():
            if kept > 0:
                yield piece[:, :kept]
            kept -= piece.shape[1]

    def _end(self) -> int:
        """The first sample that is padding: by the last packet where the container's rounded length agrees."""
        limit, (position, duration) = self._limit or 0, self._last
        end = position + self._samples(duration or 0)
        return end if duration and abs(end - limit) <= 0.001 * self._rate + 1 else limit

    def _release(self) -> Iterator[Samples]:
        held, self._held = self._held, []
        yield from held
