"""Reading, writing and aligning sound for the benchmarks.

Files are read with PyAV directly and not by `winnow.media`, so that winnow is not measured through its own reader.
"""

from __future__ import annotations

import wave
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soxr
from scipy import fft

Wave = npt.NDArray[np.float32]
RATE = 16000


def read(path: Path, rate: int = RATE) -> Wave:
    """The first audio track of a file as one channel `(time,)`, the mean of its channels, at `rate` hertz."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        layout = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        frames = [f.to_ndarray() for packet in container.decode(stream) for f in layout.resample(packet)]
        native = stream.rate
    mono = np.concatenate(frames, axis=1).mean(axis=0)
    return resample(mono, native, rate)


def resample(samples: Wave, source: int, target: int) -> Wave:
    """`(time,)` at another rate, without delay (soxr, very high quality)."""
    if source == target:
        return np.asarray(samples, np.float32)
    return np.asarray(soxr.resample(samples, source, target, quality="VHQ"), np.float32)


def fit(samples: Wave, length: int) -> Wave:
    """Cut, or padded with zeros at the end, to `length` samples."""
    return np.pad(samples[:length], (0, max(0, length - len(samples)))).astype(np.float32)


def loop(samples: Wave, start: int, length: int) -> Wave:
    """`length` samples from `start` on, beginning again where the recording ends."""
    return np.take(samples, range(start, start + length), mode="wrap")


def shift(samples: Wave, delay: int) -> Wave:
    """Moved earlier by `delay` samples (later where negative), same length, zeros at the free end."""
    if delay >= 0:
        return fit(samples[delay:], len(samples))
    return fit(np.pad(samples, (-delay, 0)), len(samples))


def rms(samples: Wave) -> float:
    """Root mean square of `(time,)`."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def delay(reference: Wave, delayed: Wave, most: int = 1600) -> int:
    """Samples by which `delayed` lags `reference`: the highest cross-correlation within +-`most` samples."""
    size = fft.next_fast_len(len(reference) + len(delayed))
    spectrum = fft.rfft(delayed, size) * np.conj(fft.rfft(reference, size))
    lags = np.concatenate([np.arange(most + 1), np.arange(-most, 0)])
    return int(lags[np.argmax(fft.irfft(spectrum, size)[lags])])


def write_wav(path: Path, blocks: Iterable[Wave], rate: int) -> None:
    """Write `(time,)` blocks as 16-bit PCM, one channel; any length below 4 GB."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        for block in blocks:
            file.writeframesraw((np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())
