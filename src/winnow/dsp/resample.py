"""Sample rate conversion (soxr)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def resample(samples: Floats, rate: int, new_rate: int) -> Floats:
    """`(channels, time)` at `rate` hertz to `(channels, round(time * new_rate / rate))` at `new_rate` hertz."""
    import soxr

    if rate == new_rate:
        return samples
    length = round(samples.shape[1] * new_rate / rate)
    made = np.asarray(soxr.resample(samples.T, rate, new_rate).T, np.float32)
    return np.ascontiguousarray(fit(made, length))


def fit(samples: Floats, length: int) -> Floats:
    """Cut or pad with zeros to `length` samples, `(channels, length)`."""
    missing = length - samples.shape[1]
    return samples[:, :length] if missing <= 0 else np.pad(samples, ((0, 0), (0, missing)))


class StreamResampler:
    """Sample rate conversion block by block, without delay between what goes in and what comes out of the whole.

    All blocks given, and `flush` called, the output has `round(time * new_rate / rate)` samples and equals `resample` of
    the whole to the precision of the filter.
    """

    def __init__(self, rate: int, new_rate: int, channels: int) -> None:
        self._ratio = new_rate / rate
        self._taken = self._given = 0
        self._stream = None
        if rate != new_rate:
            import soxr

            self._stream = soxr.ResampleStream(rate, new_rate, channels, dtype="float32")
        self._channels = channels

    def feed(self, block: Floats) -> Floats:
        """`(channels, time)` to what is finished, `(channels, time')`."""
        self._taken += block.shape[1]
        return self._pass(block, last=False)

    def flush(self) -> Floats:
        """The rest."""
        rest = self._pass(np.zeros((self._channels, 0), np.float32), last=True)
        return fit(rest, rest.shape[1] + round(self._taken * self._ratio) - self._given)

    def _pass(self, block: Floats, last: bool) -> Floats:
        if self._stream is None:
            made = block
        else:
            made = np.ascontiguousarray(self._stream.resample_chunk(np.ascontiguousarray(block.T), last=last).T)
        self._given += made.shape[1]
        return made
