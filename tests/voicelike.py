"""Synthesised voices: a pulse train through the resonances of a vocal tract, with syllables; many texts for one speaker."""

import numpy as np

VOWELS = np.array([[730, 1090, 2440], [270, 2290, 3010], [300, 870, 2240], [530, 1840, 2480], [570, 840, 2410.0]])
"""First three formants of a man's vowels, hertz (Peterson & Barney 1952)."""


def voice(speaker, seconds=4.0, text=0, rate=16000):
    """`(time,)`, at most 0.5: speakers 0, 1, 2 ... differ in pitch, tract length and brightness; a text is which vowels, when."""
    who, what = np.random.default_rng(speaker), np.random.default_rng([speaker, text])
    pitch, tract, tilt = 90 * 2 ** (speaker % 8 / 5), 0.85 + speaker * 3 % 8 / 16, who.uniform(0.85, 0.97)
    count = round(seconds * 5) + 1
    knots = np.arange(count + 1) / 5
    time = np.arange(round(seconds * rate)) / rate
    melody = np.interp(time, knots, pitch * 2 ** what.normal(0, 0.12, count + 1))
    formants = VOWELS[what.integers(5, size=count + 1)] * tract
    tracks = np.stack([np.interp(time, knots, formants[:, k]) for k in range(3)])
    buzz, phase = np.zeros(len(time)), 2 * np.pi * np.cumsum(melody) / rate
    for k in range(1, int(0.45 * rate / melody.max())):
        hertz = k * melody
        gain = sum(1 / (1 + ((hertz - track) / (60 + 30 * n)) ** 2) / (n + 1) for n, track in enumerate(tracks))
        buzz += gain * tilt**k * np.sin(k * phase)
    loudness = np.clip(np.sin(np.pi * ((time * 5) % 1)), 0, 1) ** 0.5 * (np.floor(time * 5) % 6 != 5)
    sound = buzz * loudness + 1e-4 * what.standard_normal(len(time))
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)
