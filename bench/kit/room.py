"""Simulated rooms with two talkers and two microphones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kit.sound import RATE, Wave, loop


def simulate(voices: Sequence[Wave], t60: float, seed: int, seconds: int) -> Wave:
    """Images `(talkers, microphones, time)` in a room of about 5 x 4 x 2.8 m."""
    import pyroomacoustics as pra

    rng = np.random.default_rng(seed)
    size, length = np.array([5, 4, 2.8]) + rng.uniform(-0.4, 0.4, 3), seconds * RATE
    absorption, reflections = pra.inverse_sabine(t60, size)
    room = pra.ShoeBox(size, fs=RATE, materials=pra.Material(absorption), max_order=reflections)
    centre = size / 2 + rng.uniform(-0.3, 0.3, 3)
    room.add_microphone_array(centre[:, None] + np.array([[-0.05, 0.05], [0, 0], [0, 0]]))
    for angle, voice in zip(np.deg2rad(np.array([40, 130]) + rng.uniform(-15, 15, 2)), voices, strict=True):
        place = centre + 1.3 * np.array([np.cos(angle), np.sin(angle), 0])
        room.add_source(place, signal=0.05 * loop(voice, 0, length) / max(float(voice.std()), 1e-6))
    return np.asarray(room.simulate(return_premix=True)[:, :, :length], np.float32)
