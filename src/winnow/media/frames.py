"""Decoded frames of any sample format as float32 arrays, all at the rate and layout of the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from winnow.audio import Samples

# FFmpeg's sample formats, packed name: numpy type, offset, scale to full scale 1.0.
_FORMATS: dict[str, tuple[str, float, float]] = {
    "u8": ("u1", -128.0, 1 / 128),
    "s16": ("i2", 0.0, 1 / 32768),
    "s32": ("i4", 0.0, 1 / 2**31),
    "s64": ("i8", 0.0, 1 / 2**63),
    "flt": ("f4", 0.0, 1.0),
    "dbl": ("f8", 0.0, 1.0),
}


def to_float(frame: Any) -> Samples:
    """The samples of a PyAV audio frame as float32, `(channels, time)`, in full scale 1.0."""
    channels, count, planar = frame.layout.nb_channels, frame.samples, frame.format.is_planar
    kind, offset, scale = _FORMATS[frame.format.name.removesuffix("p")]
    out = np.empty((channels, count), np.float32)
    if planar:
        # Slicing by the channel count: PyAV sees a ninth plane where there are eight.
        for channel, plane in enumerate(frame.planes[:channels]):
            out[channel] = np.frombuffer(plane, kind, count)
    else:
        out[:] = np.frombuffer(frame.planes[0], kind, count * channels).reshape(count, channels).T
    if offset:
        out += np.float32(offset)
    if scale != 1.0:
        out *= np.float32(scale)
    return out


def layout_name(layout: Any) -> str:
    """The name of a layout; a file that does not name its one or two channels means mono or stereo."""
    name: str = layout.name
    return {"1 channels": "mono", "2 channels": "stereo"}.get(name, name)


class Converter:
    """Turns frames into arrays. A change of rate or layout in the middle is converted to that of the first frame.

    Broadcasts change between stereo and 5.1, and joined recordings between rates; the caller was promised one shape.
    FFmpeg's libswresample does it, since it also knows how to fold one layout into another.
    """

    def __init__(self, first: Any) -> None:
        self.rate: int = first.sample_rate
        self.layout: str = first.layout.name
        self.channels: int = first.layout.nb_channels
        self._resampler: Any = None
        self._key: tuple[int, str, str] | None = None

    def convert(self, frame: Any) -> Iterator[Samples]:
        """The frame's samples, and before them what a resampler that is no longer needed still held."""
        key = (frame.sample_rate, frame.layout.name, frame.format.name)
        if key[:2] == (self.rate, self.layout):
            yield from self.flush()
            yield to_float(frame)
            return
        if key != self._key:
            yield from self.flush()
            self._start(key)
        frame.pts = None  # the resampler counts samples; the timeline has already placed the frame
        yield from map(to_float, self._resampler.resample(frame))

    def _start(self, key: tuple[int, str, str]) -> None:
        from av.audio.resampler import AudioResampler

        self._resampler, self._key = AudioResampler(format="fltp", layout=self.layout, rate=self.rate), key

    def flush(self) -> Iterator[Samples]:
        """What the resampler still holds."""
        if self._resampler is not None:
            last, self._resampler, self._key = self._resampler.resample(None), None, None
            yield from map(to_float, last)
