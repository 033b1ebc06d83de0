"""Music that needs no recording: chords, bass, a tune and drums over a beat, drawn at random.

Recorded music that anyone may train on is scarcer than noise. What tells music from speech is that tones hold their pitch, start
together on a beat and come again; this has all three, and neither composer nor performer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float64]

SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 2, 4, 7, 9))
"""Major, minor, Dorian, pentatonic: semitones above the key."""


def synthetic_music(count: int, length: int, rate: int, chance: torch.Generator) -> Tensor:
    """Pieces of music, each another, `(count, length)`, peak 1."""
    seeds = torch.randint(0, 2**31, (count,), generator=chance).tolist()
    pieces = [_piece(length, rate, np.random.default_rng(seed)) for seed in seeds]
    return torch.from_numpy(np.stack(pieces).astype(np.float32))


def _piece(length: int, rate: int, rng: np.random.Generator) -> Floats:
    beat = 60 / rng.uniform(65, 165)
    scale = SCALES[rng.integers(len(SCALES))]
    key = rng.uniform(36, 48)  # MIDI note numbers; between the keys too, as old recordings run
    beats = int(length / rate / beat) + 2
    roots = np.repeat(rng.integers(0, len(scale), beats // 2 + 1), 2 * rng.integers(1, 3))[:beats]
    out = np.zeros(length)
    parts = (_chords, _bass, _tune, _drums)
    weights = rng.uniform(0, 1, len(parts)) * (rng.random(len(parts)) < 0.75)
    if not weights.any():
        weights[rng.integers(len(parts))] = 1
    for part, weight in zip(parts, weights, strict=True):
        if weight:
            line = part(length, rate, beat, key, scale, roots, rng)
            out += weight * line / max(np.sqrt(np.mean(line**2)), 1e-9)
    return out / max(np.abs(out).max(), 1e-9)


def _place(out: Floats, sound: Floats, start: int) -> None:
    if start < len(out):
        end = min(len(out), start + len(sound))
        out[start:end] += sound[: end - start]


def _degree(scale: tuple[int, ...], step: int) -> int:
    """Semitones of a step of the scale, octaves above and below included."""
    octave, inside = divmod(step, len(scale))
    return 12 * octave + scale[inside]


def tone(note: float, seconds: float, rate: int, rng: np.random.Generator, timbre: Floats, decay: float) -> Floats:
    """One note: harmonics of falling strength, an attack, an exponential decay (seconds), a little vibrato."""
    time = np.arange(max(1, round(seconds * rate))) / rate
    base = 440 * 2 ** ((note - 69) / 12)
    wobble = rng.uniform(0, 0.004) * np.sin(2 * np.pi * rng.uniform(4, 7) * time)
    phase = 2 * np.pi * base * (time + np.cumsum(wobble) / rate)
    numbers = np.arange(1, len(timbre) + 1)
    heard = timbre * (numbers * base < rate * 0.47)
    sound = (heard[:, None] * np.sin(numbers[:, None] * phase + rng.uniform(0, 6.28, (len(timbre), 1)))).sum(0)
    envelope = np.minimum(time / 0.008, 1) * np.exp(-time / decay) * np.minimum((seconds - time) / 0.02, 1).clip(0)
    return np.asarray(sound * envelope)


def _timbre(rng: np.random.Generator) -> Floats:
    numbers = np.arange(1, 13)
    return np.asarray(
        numbers ** -rng.uniform(0.6, 2.5) * rng.uniform(0.3, 1, 12) * np.where(numbers % 2, 1, rng.uniform(0, 1))
    )


def _chords(
    length: int,
    rate: int,
    beat: float,
    key: float,
    scale: tuple[int, ...],
    roots: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> Floats:
    out, timbre, decay = np.zeros(length), _timbre(rng), rng.choice([0.3, 0.8, 3.0])
    every = int(rng.choice([1, 2, 4]))
    for i in range(0, len(roots), every):
        for step in (0, 2, 4, 6)[: rng.integers(2, 5)]:
            note = key + 12 + _degree(scale, int(roots[i]) + step)
            _place(out, tone(note, every * beat, rate, rng, timbre, decay), round(i * beat * rate))
    return out


def _bass(
    length: int,
    rate: int,
    beat: float,
    key: float,
    scale: tuple[int, ...],
    roots: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> Floats:
    out, timbre = np.zeros(length), _timbre(rng)
    for i, root in enumerate(roots):
        if rng.random() < 0.8:
            note = key - 12 + _degree(scale, int(root)) + 12 * (rng.random() < 0.1)
            _place(out, tone(note, beat, rate, rng, timbre, 0.5), round(i * beat * rate))
    return out


def _tune(
    length: int,
    rate: int,
    beat: float,
    key: float,
    scale: tuple[int, ...],
    roots: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> Floats:
    out, timbre, decay = np.zeros(length), _timbre(rng), rng.choice([0.2, 0.6, 2.0])
    step, at = int(rng.integers(0, 7)), 0.0
    while at < len(roots):
        lasts = float(rng.choice([0.25, 0.5, 0.5, 1.0, 2.0]))
        step += int(rng.integers(-2, 3))
        step = min(max(step, -3), 12)
        if rng.random() < 0.85:
            note = key + 24 + _degree(scale, step)
            _place(out, tone(note, lasts * beat, rate, rng, timbre, decay), round(at * beat * rate))
        at += lasts
    return out


def _drums(
    length: int,
    rate: int,
    beat: float,
    key: float,
    scale: tuple[int, ...],
    roots: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> Floats:
    """A pattern of half beats that comes again each four beats: low drum, snare, cymbal."""
    out = np.zeros(length)
    pattern = rng.random((3, 8)) < np.array([[0.4], [0.3], [0.7]])
    sounds = (_low_drum(rate, rng), _burst(rate, rng, 0.09, 0.2), _burst(rate, rng, 0.03, 0.95))
    for half in range(2 * len(roots)):
        for hit, sound, level in zip(pattern[:, half % 8], sounds, (1.0, 0.5, 0.25), strict=True):
            if hit:
                _place(out, level * rng.uniform(0.6, 1) * sound, round(half * beat / 2 * rate))
    return out


def _low_drum(rate: int, rng: np.random.Generator) -> Floats:
    time = np.arange(round(0.3 * rate)) / rate
    falling = rng.uniform(40, 70) * (1 + 2 * np.exp(-time / 0.03))
    return np.asarray(np.sin(2 * np.pi * np.cumsum(falling) / rate) * np.exp(-time / 0.09))


def _burst(rate: int, rng: np.random.Generator, decay: float, bright: float) -> Floats:
    """Decaying noise; bright: how much of its low half is taken away, 0 to 1."""
    time = np.arange(round(0.3 * rate)) / rate
    noise = rng.normal(0, 1, time.size)
    noise = noise - bright * np.convolve(noise, np.ones(6) / 6, "same")
    return np.asarray(noise * np.exp(-time / decay))
