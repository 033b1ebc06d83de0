"""The files of vbelz/Speech-enhancement, from which nmd2k/speech-enhancement trains its U-Nets.

Windows of 8064 samples at 8 kHz; noisy = voice + u noise with u in 0.2 to 0.8, of amplitude and not of level; spectrograms of 128
frequencies by 128 frames in dB over the maximum of each window of each signal, as its code does it (so that levels are lost).
Arrays are float32 and complex64 where the original has 64-bit numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.data.items import Item
from winnow.data.legacy.common import Pool, Tell, claim, first_of, generator, growing_array, writing
from winnow.dsp.decibels import amplitude_to_db
from winnow.dsp.published import UNET
from winnow.errors import BadInput

RATE, FRAME, NOISE_HOP = 8000, 8064, 5000
BLEND = (0.2, 0.8)
SIGNALS = ("voice", "noise", "noisy_voice")


@dataclass(frozen=True)
class Windows:
    """All windows of some recordings, `hop` samples apart."""

    pool: Pool
    hop: int
    ends: npt.NDArray[np.int64]

    def draw(self, rng: np.random.Generator) -> Iterator[Samples | None]:
        """Windows `(8064,)` one after the other, None for one that cannot be read."""
        while True:
            number = int(rng.integers(self.ends[-1]))
            which = int(np.searchsorted(self.ends, number, side="right"))
            place = number - (int(self.ends[which - 1]) if which else 0)
            whole = self.pool.samples(self.pool.items[which])
            window = None if whole is None else whole[place * self.hop : place * self.hop + FRAME]
            yield window if window is not None and window.size == FRAME else None


def windows(items: Sequence[Item], hop: int, what: str) -> Windows:
    """The windows of all recordings that are as long as one. Raises BadInput if none is."""
    counts = [max(0, 1 + (round(item.seconds * RATE) - FRAME) // hop) for item in items]
    if not sum(counts):
        raise BadInput(f"no {what} is as long as a window, {FRAME / RATE} s. Give longer recordings.")
    return Windows(Pool(items, RATE), hop, np.cumsum(counts))


def spectrogram(window: Samples) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """A window `(8064,)` as dB float32 and phase complex64 of size one, both `(128, 128)`, frequency by time."""
    spectrum = UNET.forward(window).T
    size = np.abs(spectrum)
    phase = np.where(size > 0, spectrum / np.where(size > 0, size, 1), 1)
    return amplitude_to_db(size).astype(np.float32), phase.astype(np.complex64)


def write_system1(
    speech: Sequence[Item],
    noise: Sequence[Item],
    folder: Path,
    *,
    count: int = 50,
    seed: int = 0,
    tell: Tell = lambda done, whole: None,
) -> dict[str, str]:
    """Write sound/, time_serie/ and spectrogram/ with `count` windows; returns the recordings that could not be read.

    Raises BadInput, BadOption, OutputError.
    """
    voices, noises = windows(speech, FRAME, "speech"), windows(noise, NOISE_HOP, "noise")
    claim(folder, {"system": 1, "count": count, "seed": seed, "recordings": [len(speech), len(noise)]})
    with writing(folder), _Files(folder, count) as files:
        for number in range(count):
            rng = generator(seed, number)
            voice = first_of(voices.draw(rng), "no window of speech could be read")
            level = rng.uniform(*BLEND)
            other = np.float32(level) * first_of(noises.draw(rng), "no window of noise could be read")
            files.put({"voice": voice, "noise": other, "noisy_voice": voice + other})
            tell((number + 1) * FRAME / RATE, count * FRAME / RATE)
    return voices.pool.bad | noises.pool.bad


class _Files:
    """All files of the set, open at once, filled window by window."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder, self._count = folder, count
        self._stack = ExitStack()
        self._arrays: dict[str, Any] = {}
        self._sounds: dict[str, Any] = {}

    def __enter__(self) -> _Files:
        with ExitStack() as stack:
            for name in SIGNALS:
                self._open(name, stack)
            self._stack = stack.pop_all()
        return self

    def _open(self, name: str, stack: ExitStack) -> None:
        from winnow.media import Writer

        (self._folder / "sound").mkdir(parents=True, exist_ok=True)
        wav = self._folder / "sound" / f"{name}_long.wav"
        self._sounds[name] = stack.enter_context(Writer(wav, RATE, 1, bits=32))
        for file, shape, kind in (
            (f"time_serie/{name}_timeserie", (FRAME,), np.float32),
            (f"spectrogram/{name}_amp_db", (128, 128), np.float32),
            (f"spectrogram/{name}_pha_db", (128, 128), np.complex64),
        ):
            array = growing_array(self._folder / f"{file}.npy", (self._count, *shape), kind)
            self._arrays[file] = stack.enter_context(array)

    def put(self, signals: dict[str, Samples]) -> None:
        """The next window of each signal."""
        for name, samples in signals.items():
            self._sounds[name].write(samples[None])
            self._arrays[f"time_serie/{name}_timeserie"](samples)
            decibels, phase = spectrogram(samples)
            self._arrays[f"spectrogram/{name}_amp_db"](decibels)
            self._arrays[f"spectrogram/{name}_pha_db"](phase)

    def __exit__(self, *reason: Any) -> None:
        self._stack.__exit__(*reason)
