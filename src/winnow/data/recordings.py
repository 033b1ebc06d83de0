"""Recordings in memory while they are used: decoded once, one channel at the rate of the examples, within a bound of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.data.example import Room
from winnow.errors import BadInput, WinnowError

STEP = 32767.0


class Unusable(BadInput):
    """A recording that an example names cannot be used; `path` tells which, `reason` why.

    once: only this draw is at fault, and another one may do: silence in the stretch, a room that cannot be altered that far.
    """

    def __init__(self, path: str, reason: str, once: bool = False) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason, self.once = path, reason, once

    def __reduce__(self) -> tuple[type[Unusable], tuple[str, str, bool]]:
        return Unusable, (self.path, self.reason, self.once)  # to another process and back


@dataclass(frozen=True)
class Kept:
    """A recording in 16 bits against its own peak: samples `(time,)` times step are full scale = 1."""

    samples: npt.NDArray[np.int16]
    step: np.float32

    @property
    def size(self) -> int:
        """Samples."""
        return int(self.samples.size)

    def stretch(self, start: int, length: int) -> Samples:
        """`(length,)` from `start` on; fewer at the end."""
        return self.samples[start : start + length].astype(np.float32) * self.step


class Recordings:
    """Opens recordings and room responses; keeps the last ones within `megabytes`. Threads may share it.

    What it gives does not depend on what it keeps.
    """

    def __init__(self, megabytes: float = 512) -> None:
        self._limit = int(megabytes * 1e6)
        self._kept: OrderedDict[tuple[object, ...], tuple[object, int]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes kept now."""
        return self._size

    def recording(self, path: str, rate: int) -> Kept:
        """The mean of its channels at `rate` hertz. Raises Unusable."""
        made = self._of(("recording", path, rate), lambda: _decoded(path, rate))
        assert isinstance(made, Kept)
        return made

    def response(self, room: Room, rate: int, seconds: float) -> Samples:
        """A room response `(taps,)` from the direct sound on, altered as `room` says, cut to `seconds`, of unit energy in its
        first 2.5 ms. Raises Unusable.
        """
        made = self._of(
            ("response", room, rate, seconds), lambda: _response(self._channel(room, rate), room, rate, seconds)
        )
        assert isinstance(made, np.ndarray)
        return made

    def _channel(self, room: Room, rate: int) -> Samples:
        made = self._of(("channel", room.path, room.channel, rate), lambda: _read(room.path, rate, room.channel))
        assert isinstance(made, np.ndarray)
        return made

    def _of(self, key: tuple[object, ...], make: Callable[[], Kept | Samples]) -> object:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        made = make()  # not under the lock: two threads may decode the same, which only costs time
        size = made.samples.nbytes if isinstance(made, Kept) else made.nbytes
        with self._lock:
            if key not in self._kept and size <= self._limit:
                self._kept[key] = (made, size)
                self._size += size
            while self._size > self._limit:
                self._size -= self._kept.popitem(last=False)[1][1]
        return made


def _read(path: str, rate: int, channel: int | None) -> Samples:
    from winnow.dsp.resample import resample
    from winnow.media import read

    try:
        audio = read(path)
    except WinnowError as error:
        raise Unusable(path, str(error).removeprefix(f"{path}: ")) from None
    if channel is not None and channel >= audio.channels:
        raise Unusable(path, f"it has {audio.channels} channels, and number {channel + 1} is wanted.")
    one = audio.samples[channel : channel + 1] if channel is not None else audio.samples.mean(axis=0, keepdims=True)
    return np.ascontiguousarray(resample(one, audio.rate, rate)[0])


def _decoded(path: str, rate: int) -> Kept:
    samples = _read(path, rate, None)
    peak = float(np.abs(samples).max(initial=0.0))
    if not peak:
        raise Unusable(path, "there is nothing but silence in this recording.")
    scaled = samples * np.float32(STEP / peak)
    return Kept(np.rint(scaled, out=scaled).astype(np.int16), np.float32(peak / STEP))


def _response(samples: Samples, room: Room, rate: int, seconds: float) -> Samples:
    from winnow.data.acoustics import DIRECT
    from winnow.data.response import trim, with_drr, with_t60

    try:
        h = trim(samples, rate)
    except BadInput as error:
        raise Unusable(room.path, str(error)) from None
    try:
        h = h if room.t60 is None else trim(with_t60(h, rate, room.t60), rate)
        h = h if room.drr is None else with_drr(h, rate, room.drr)
    except BadInput as error:
        raise Unusable(room.path, str(error), once=True) from None
    h = h[: max(1, round(seconds * rate))]
    fade = h.size // 10
    if fade:
        h[-fade:] *= np.linspace(1, 0, fade)
    direct = h[: max(1, round(DIRECT * rate))]
    return np.asarray(h / np.sqrt(np.sum(np.square(direct))), np.float32)
