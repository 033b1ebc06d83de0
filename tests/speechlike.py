"""Signals for the tests of scoring: bursts that a measure takes for speech, and steady noise; and folders of them."""

import numpy as np

from winnow import media
from winnow.audio import Audio

RATE = 16000


def talk(seconds=1.0, seed=0, rate=RATE):
    """A buzz of changing pitch in syllables, `(1, time)`, at most 0.3."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    pitch = 120 + 40 * np.sin(2 * np.pi * 0.7 * time + rng.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    buzz = sum(np.sin(k * phase) / k for k in range(1, 20))
    return (0.15 * buzz * np.clip(np.sin(2 * np.pi * 3 * time + seed), 0, 1))[None].astype(np.float32)


def hiss(seconds=1.0, seed=0, level=0.05, rate=RATE):
    """Steady noise `(1, time)`."""
    rng = np.random.default_rng(seed + 1000)
    return (level * rng.standard_normal((1, round(seconds * rate)))).astype(np.float32)


def store(path, samples, rate=RATE):
    """Write samples as FLAC or WAV of 24 bits, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    media.write(path, Audio(samples, rate), bits=24)
    return path


def paired(folder, count=3, seconds=1.0, level=0.05):
    """`clean/` and `noisy/` with recordings r0 ..., and their folder."""
    for k in range(count):
        store(folder / "clean" / f"r{k}.flac", talk(seconds, k))
        store(folder / "noisy" / f"r{k}.wav", talk(seconds, k) + hiss(seconds, k, level * (k + 1)))
    return folder
