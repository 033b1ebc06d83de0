"""Kind `speaker`: windows of log10 mel powers in, unit vectors out; a voice is the mean of its windows' vectors.

Source: Wan et al. 2018, "Generalized end-to-end loss for speaker verification", section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from winnow.dsp.resample import resample
from winnow.metrics.mel import mel_bank
from winnow.models.manifest import SpeakerSettings
from winnow.models.session import open_session

Floats = npt.NDArray[np.float32]

FLOOR = 1e-6
"""Added to mel powers before the logarithm."""

LEAST_FRAMES = 25
"""Shorter stretches are repeated until they have so many frames."""

_AT_ONCE = 64
_SILENT = 1e-5


class SpeakerRunner:
    """Runs a graph of kind `speaker`: input `mels` `(N, T, mels)`, output `voice` `(N, D)`."""

    def __init__(self, graph: bytes, settings: SpeakerSettings, name: str, threads: int = 1) -> None:
        self.settings = settings
        self._session = open_session(graph, name, threads)
        self.size = int(self._session.get_outputs()[0].shape[1])

    def raw(self, mels: Floats) -> Floats:
        """The graph itself."""
        return np.asarray(self._session.run(None, {"mels": mels})[0], np.float32)

    def differences(self, probe: Mapping[str, Floats]) -> dict[int, float]:
        """Largest difference to what the export wrote down, by the number of frames of a window."""
        found = {}
        for length in probe["lengths"]:
            found[int(length)] = float(np.abs(self.raw(probe[f"mels_{length}"]) - probe[f"voice_{length}"]).max())
        return found


class VoiceNetwork:
    """A `winnow.models.voices.VoiceEncoder` by a graph; identity: of the bundle."""

    def __init__(self, runner: SpeakerRunner, identity: str) -> None:
        self._runner, self.settings, self.identity = runner, runner.settings, identity
        self.size, self.alike = runner.size, runner.settings.alike

    def __call__(self, samples: Floats, rate: int) -> Floats:
        """`(time,)` at `rate` hertz to a unit vector `(size,)`; zeros for silence and for less than 100 ms."""
        sound = resample(np.nan_to_num(np.asarray(samples, np.float32))[None], rate, self.settings.rate)[0]
        level = active_rms(sound)
        if len(sound) < self.settings.rate // 10 or level < _SILENT:
            return np.zeros(self.size, np.float32)
        if self.settings.level is not None:
            sound = sound * np.float32(10 ** (self.settings.level / 20) / level)
        total = np.zeros(self.size, np.float32)
        for windows in self._windows(log_mels(sound, self.settings)):
            total += self._runner.raw(windows).sum(axis=0)
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12), np.float32)

    def _windows(self, mels: Floats) -> Iterator[Floats]:
        """Windows in which there is speech, some at once, `(N, frames, mels)`; one shorter one where there is no more."""
        s = self.settings
        if len(mels) <= s.frames:
            yield np.resize(mels, (max(len(mels), LEAST_FRAMES), s.mels))[None]
            return
        windows = np.lib.stride_tricks.sliding_window_view(mels, s.frames, axis=0)[:: s.stride].transpose(0, 2, 1)
        starts = np.flatnonzero(self._spoken(mels))
        for begin in range(0, len(starts), _AT_ONCE):
            yield np.ascontiguousarray(windows[starts[begin : begin + _AT_ONCE]])

    def _spoken(self, mels: Floats) -> npt.NDArray[np.bool_]:
        """By window, whether it has a third of the fullest one's frames that are within `active` dB of the loud ones."""
        s = self.settings
        power = 10 * np.log10(np.power(10.0, mels, dtype=np.float64).sum(axis=1))
        loud = power > np.percentile(power, 95) - s.active if s.active else np.ones(len(power), bool)
        share = np.lib.stride_tricks.sliding_window_view(loud, s.frames)[:: s.stride].mean(axis=1)
        return np.asarray(share >= float(share.max()) / 3)


def active_rms(sound: Floats, frame: int = 320) -> float:
    """Root mean square over the frames of `(time,)` that are within 30 dB of the loudest one, linear; 0 for nothing."""
    count = len(sound) // frame
    if count == 0:
        return 0.0
    power = np.square(sound[: count * frame].reshape(count, frame), dtype=np.float64).mean(axis=1)
    return float(np.sqrt(power[power >= power.max() * 1e-3].mean()))


def log_mels(sound: Floats, settings: SpeakerSettings) -> Floats:
    """`(time,)` to log10 mel powers `(T, mels)`, T = 1 + time // hop; frame t is centred on sample `t * hop`, zeros outside."""
    s = settings
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(s.window) / s.window)
    padded = np.pad(sound, (s.window // 2, s.window))
    frames = np.lib.stride_tricks.sliding_window_view(padded, s.window)[:: s.hop][: 1 + len(sound) // s.hop]
    bank = _bank(s)
    blocks = []
    for begin in range(0, len(frames), 4096):
        power = np.square(np.abs(np.fft.rfft(frames[begin : begin + 4096] * shape, s.fft)))
        blocks.append(np.log10(power @ bank.T + FLOOR).astype(np.float32))
    return np.concatenate(blocks)


@lru_cache(maxsize=4)
def _bank(s: SpeakerSettings) -> npt.NDArray[np.float64]:
    return np.asarray(mel_bank(s.rate, s.fft, s.mels, s.highest))
