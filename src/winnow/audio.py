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


@dataclass(frozen=True, eq=False)
class Audio:
    """A recording in memory.

    samples: `(channels, time)` float32, full scale = 1.0, read-only. A one-dimensional array is taken as one channel.
    rate: samples per second, hertz.
    The caller's array is never changed. Raises BadAudio for a shape or a rate that cannot be audio.
    """

    samples: Samples
    rate: int

    def __post_init__(self) -> None:
        samples = np.array(self.samples, dtype=np.float32, ndmin=2)
        if samples.ndim != 2:
            raise BadAudio(f"audio has shape (channels, time), not {samples.shape}")
        if samples.shape[0] > 64:
            raise BadAudio(f"{samples.shape[0]} channels: the array is (channels, time), is it transposed?")
        if int(self.rate) != self.rate or self.rate <= 0:
            raise BadAudio(f"the sample rate is a positive whole number of hertz, not {self.rate!r}")
        samples.flags.writeable = False
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "rate", int(self.rate))

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

        return Audio(resample(self.samples, self.rate, rate), rate)

    def save(self, path: str | PathLike[str], **options: Any) -> None:
        """Write to a file, format by suffix; options as in `winnow.media.write`."""
        from winnow.media import write

        write(path, self, **options)
