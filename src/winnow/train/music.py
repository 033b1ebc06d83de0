"""Music that needs no recording: chords, bass, a tune and drums over a beat, drawn at random.

Recorded music that anyone may train on is scarcer than noise. What tells music from speech is that tones hold their pitch, start
together on a beat and come again; this has all three, and neither composer nor performer.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Song:
    """What all parts of a piece hold to. length: samples; rate: hertz; beat: seconds; key: a MIDI note number, also between two;
    scale: semitones above it; roots: of the chords, a step of the scale for each beat."""

    length: int
    rate: int
    beat: float
    key: float
    scale: tuple[int, ...]
    roots: npt.NDArray[np.int64]

    @classmethod
    def drawn(cls, length: int, rate: int, rng: np.random.Generator) -> Song:
        """Any."""
        beat = 60 / rng.uniform(65, 165)
        scale = SCALES[rng.integers(len(SCALES))]
        key = rng.uniform(36, 48)  # between the keys too, as old recordings run
        beats = int(length / rate / beat) + 2
        roots = np.repeat(rng.integers(0, len(scale), beats // 2 + 1), 2 * rng.integers(1, 3))[:beats]
        return cls(length, rate, beat, key, scale, roots)

    def note(self, step: int) -> float:
        """The note of a step of the scale, octaves above and below included."""
        octave, inside = divmod(step, len(self.scale))
        return self.key + 12 * octave + self.scale[inside]

    def place(self, out: Floats, sound: Floats, beat: float) -> None:
        """Add a sound that begins at a beat."""
        start = round(beat * self.beat * self.rate)
        if start < len(out):
            end = min(len(out), start + len(sound))
            out[start:end] += sound[: end - start]


def _piece(length: int, rate: int, rng: np.random.Generator) -> Floats:
    song = Song.drawn(length, rate, rng)
    out = np.zeros(length)
    parts = (_chords, _bass, _tune, _drums)
    weights = rng.uniform(0, 1, len(parts)) * (rng.random(len(parts)) < 0.75)
    if not weights.any():
        weights[rng.integers(len(parts))] = 1
    for part, weight in zip(parts, weights, strict=True):
        if weight:
            line = part(song, rng)
            out += weight * line / max(np.sqrt(np.mean(line**2)), 1e-9)
    return out / max(np.abs(out).max(), 1e-9)


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


def _chords(song: Song, rng: np.random.Generator) -> Floats:
    out, timbre, decay = np.zeros(song.length), _timbre(rng), rng.choice([0.3, 0.8, 3.0])
    every = int(rng.choice([1, 2, 4]))
    for i in range(0, len(song.roots), every):
        for step in (0, 2, 4, 6)[: rng.integers(2, 5)]:
            note = song.note(int(song.roots[i]) + step) + 12
            song.place(out, tone(note, every * song.beat, song.rate, rng, timbre, decay), i)
    return out


def _bass(song: Song, rng: np.random.Generator) -> Floats:
    out, timbre = np.zeros(song.length), _timbre(rng)
    for i, root in enumerate(song.roots):
        if rng.random() < 0.8:
            note = song.note(int(root)) - 12 + 12 * (rng.random() < 0.1)
            song.place(out, tone(note, song.beat, song.rate, rng, timbre, 0.5), i)
    return out


def _tune(song: Song, rng: np.random.Generator) -> Floats:
    out, timbre, decay = np.zeros(song.length), _timbre(rng), rng.choice([0.2, 0.6, 2.0])
    step, at = int(rng.integers(0, 7)), 0.0
    while at < len(song.roots):
        lasts = float(rng.choice([0.25, 0.5, 0.5, 1.0, 2.0]))
        step += int(rng.integers(-2, 3))
        step = min(max(step, -3), 12)
        if rng.random() < 0.85:
            note = song.note(step) + 24
            song.place(out, tone(note, lasts * song.beat, song.rate, rng, timbre, decay), at)
        at += lasts
    return out


def _drums(song: Song, rng: np.random.Generator) -> Floats:
    """A pattern of half beats that comes again each four beats: low drum, snare, cymbal."""
    out = np.zeros(song.length)
    pattern = rng.random((3, 8)) < np.array([[0.4], [0.3], [0.7]])
    sounds = (_low_drum(song.rate, rng), _burst(song.rate, rng, 0.09, 0.2), _burst(song.rate, rng, 0.03, 0.95))
    for half in range(2 * len(song.roots)):
        for hit, sound, level in zip(pattern[:, half % 8], sounds, (1.0, 0.5, 0.25), strict=True):
            if hit:
                song.place(out, level * rng.uniform(0.6, 1) * sound, half / 2)
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
