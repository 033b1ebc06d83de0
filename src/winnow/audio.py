"""`Audio`: samples and their rate, the one type that all layers exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from winnow.errors import BadAudio

if TYPE_CHECKING:
    from os import PathLike

Samples = npt.NDArray[np.float32]
FULL_SCALE = {"int16": 2.0**15, "int32": 2.0**31, "uint8": 2.0**7}
"""Integers that stand for full scale, by the type of PCM samples; those of uint8 lie around 128."""


def as_samples(values: Any) -> Samples:
    """An array of any shape as new float32 samples, full scale = 1.0.

    Floating point stays as it is; int16, int32 and uint8 are PCM, as SciPy and others read it from files, and are scaled.
    Raises BadAudio for all else: 64-bit integers, for one, have no known full scale.
    """
    try:
        given = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise BadAudio("the samples are no array: its rows differ in length.") from error
    if given.dtype.kind == "f":
        return np.array(given, np.float32)
    scale = FULL_SCALE.get(given.dtype.name)
    if scale is None:
        raise BadAudio(
            f"samples are floating point, int16, int32 or uint8, not {given.dtype.name}; convert them first."
        )
    middle = 128 if given.dtype.kind == "u" else 0
    return np.asarray((given.astype(np.float64) - middle) / scale, np.float32)


def whole_rate(rate: Any) -> int:
    """A sample rate in hertz as an int. Raises BadAudio unless it is a positive whole number."""
    try:
        whole = int(rate)
        good = whole > 0 and bool(whole == rate)
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        what = repr(rate) if isinstance(rate, (int, float, str)) else type(rate).__name__
        raise BadAudio(f"the sample rate is a positive whole number of hertz, not {what}.")
    return whole


@dataclass(frozen=True, eq=False)
class Audio:
    """A recording in memory.

    samples: `(channels, time)` float32, full scale = 1.0, read-only. A one-dimensional array is taken as one channel,
    integer PCM is scaled (see `as_samples`).
    rate: samples per second, hertz.
    The caller's array is never changed. Raises BadAudio for a shape or a rate that cannot be audio.
    """

    samples: Samples
    rate: int

    def __post_init__(self) -> None:
        samples = np.atleast_2d(as_samples(self.samples))
        if samples.ndim != 2 or samples.shape[0] == 0:
            raise BadAudio(f"audio has shape (channels, time), not {samples.shape}")
        if samples.shape[0] > 64:
            raise BadAudio(f"{samples.shape[0]} channels: the array is (channels, time), is it transposed?")
        samples.flags.writeable = False
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "rate", whole_rate(self.rate))

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[1] / self.rate)

    def mono(self) -> Audio:
        """The mean of the channels, `(1, time)`."""
        return Audio(self.samples.mean(axis=0, keepdims=True), self.rate)

    def resampled(self, rate: int) -> Audio:
        """The same recording at another rate (soxr, high quality), `(channels, round(time * rate / self.rate))`."""
        from winnow.dsp.resample import resample

        return Audio(resample(self.samples, self.rate, whole_rate(rate)), rate)

    def save(self, path: str | PathLike[str], **options: Any) -> None:
        """Write to a file, format by suffix; options as in `winnow.media.write`."""
        from winnow.media import write

        write(path, self, **options)
