"""Partials of voices, altered as mel powers: noise, rooms, equalisers and lines for a fraction of what they cost as samples.

Powers of independent sounds add, a room spreads power over time, a filter multiplies it; what this leaves out is the
phase between voice and noise within a band. Shapes: N partials, T frames, M mel bands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from winnow.dsp.resample import resample
from winnow.models.manifest import SpeakerSettings
from winnow.models.speaker import FLOOR
from winnow.train.bank import Bank
from winnow.train.mixing import Banks, active_rms, aligned
from winnow.train.networks.speaker import band_sums, log_mels, middles

SPEECH_LEVEL = 0.1
"""Root mean square to which recordings are brought, -20 dBFS."""


@dataclass(frozen=True)
class MelMixConfig:
    """What happens to partials. Chances are per partial, levels in dB, frequencies in hertz.

    equalise: deviation of a random smooth filter, drawn up to it; floor: level of a faint steady noise below the voice;
    low_cut, high_cut: edges of lines that do not carry all; rate: numbers that make a second of sound, set by the recipe.
    """

    snr: tuple[float, float] = (0.0, 25.0)
    noise_chance: float = 0.75
    synthetic_chance: float = 0.3
    voice_chance: float = 0.2
    room_chance: float = 0.5
    simulated_room_chance: float = 0.6
    equalise: float = 8.0
    floor: tuple[float, float] = (-60.0, -30.0)
    low_cut: tuple[float, float] = (100.0, 400.0)
    low_cut_chance: float = 0.25
    high_cut: tuple[float, float] = (2400.0, 3700.0)
    high_cut_chance: float = 0.2
    simulated_count: int = 300
    synthetic_count: int = 300
    rate: int = 4000


@dataclass(frozen=True)
class MelBank:
    """Recordings of one kind as log10 mel powers, end to end.

    values: `(total, M)` float16; start, length: frames, `(recordings,)`.
    """

    values: Tensor
    start: np.ndarray
    length: np.ndarray

    def crops(self, which: np.ndarray, place: np.ndarray, frames: int) -> Tensor:
        """Powers from a place in [0, 1) of each recording on, short ones repeated, `(N, frames, M)`."""
        length = self.length[which][:, None]
        begin = np.floor(place[:, None] * np.maximum(1, length - frames + 1)).astype(np.int64)
        index = self.start[which][:, None] + (begin + np.arange(frames)) % length
        return torch.pow(10.0, self.values[torch.from_numpy(index)].float())


def mel_bank(bank: Bank, settings: SpeakerSettings, speed: float = 1.0) -> MelBank:
    """All recordings of a bank, each at one level and at a speed."""
    parts = [_mels(sound, settings, speed).to(torch.float16) for sound in _sounds(bank)]
    length = np.array([len(part) for part in parts], np.int64)
    return MelBank(torch.cat(parts), np.concatenate([[0], np.cumsum(length)[:-1]]), length)


def joined(banks: list[MelBank]) -> MelBank:
    """Several banks as one, the recordings of the first first."""
    ahead = np.cumsum([0, *(len(bank.values) for bank in banks)])
    start = np.concatenate([bank.start + before for bank, before in zip(banks, ahead[:-1], strict=True)])
    return MelBank(torch.cat([bank.values for bank in banks]), start, np.concatenate([b.length for b in banks]))


def _sounds(bank: Bank) -> Iterator[Tensor]:
    for start, length in zip(bank.start.tolist(), bank.length.tolist(), strict=True):
        yield bank.samples[start : start + length].float() / 32768


def _mels(sound: Tensor, settings: SpeakerSettings, speed: float) -> Tensor:
    if speed != 1:
        moved = resample(sound.numpy()[None], settings.rate, round(settings.rate / speed))[0]
        sound = torch.from_numpy(moved)
    if len(sound) < 640:  # active_rms needs a frame or two
        sound = torch.nn.functional.pad(sound, (0, 640 - len(sound)))
    sound = sound * (SPEECH_LEVEL / active_rms(sound[None])[0].clamp(min=1e-6))
    return log_mels(sound[None], settings)[0]


def room_powers(bank: Bank, settings: SpeakerSettings, frames: int = 64) -> Tensor:
    """How a room spreads the power of each band over frames, the direct sound being 1 in the first, `(rooms, frames, M)`."""
    taps = frames * settings.hop
    count = len(bank.length)
    still = np.ones(count)
    responses = aligned(bank.crops(np.arange(count), still * 0, still, taps, loop=False))
    powers = torch.pow(10.0, log_mels(responses, settings)[:, :frames]) - FLOOR
    return powers.clamp(min=0) / band_sums(settings)


@dataclass(frozen=True)
class MelSounds:
    """What partials are made of; rooms: measured ones, None where there are none."""

    voices: MelBank
    noise: MelBank
    synthetic: MelBank
    rooms: Tensor | None
    simulated: Tensor


def sounds_of(banks: Banks, settings: SpeakerSettings, speeds: tuple[float, ...]) -> MelSounds:
    """The same sounds as mel powers; the voices at each of the speeds, all of one speed after another."""
    return MelSounds(
        joined([mel_bank(banks.speech, settings, speed) for speed in speeds]),
        mel_bank(banks.noise, settings),
        mel_bank(banks.synthetic, settings),
        None if banks.rooms is None else room_powers(banks.rooms, settings),
        room_powers(banks.simulated, settings),
    )


def altered(
    voice: Tensor, rng: np.random.Generator, config: MelMixConfig, sounds: MelSounds, settings: SpeakerSettings
) -> Tensor:
    """Powers of partials `(N, T, M)` to what a microphone somewhere would have made of them, each on its own."""
    count, frames, _ = voice.shape
    wet = _in_rooms(voice, rng, config, sounds) * _filters(rng, count, config, settings)
    noise = _noises(rng, count, frames, config, sounds) * _filters(rng, count, config, settings)
    level = _mean(wet)
    snr = np.where(rng.random(count) < config.noise_chance, rng.uniform(*config.snr, count), 60.0)
    steady = level * _db(rng.uniform(*config.floor, count))
    mixed = wet + noise * (level / _mean(noise).clamp(min=1e-12)) * _db(-snr) + steady
    return mixed * _line(rng, count, config, settings) * _db(rng.uniform(-4, 4, count))


def _mean(powers: Tensor) -> Tensor:
    return powers.mean((1, 2), keepdim=True)


def _db(value: np.ndarray) -> Tensor:
    return torch.as_tensor(10 ** (value / 10), dtype=torch.float32)[:, None, None]


def _in_rooms(voice: Tensor, rng: np.random.Generator, config: MelMixConfig, sounds: MelSounds) -> Tensor:
    """Power spreads over time: a convolution in each band."""
    count, frames, bands = voice.shape
    simulated = rng.random(count) < config.simulated_room_chance if sounds.rooms is not None else np.ones(count, bool)
    spread = torch.zeros(count, sounds.simulated.shape[1], bands)
    for bank, rows in ((sounds.simulated, np.flatnonzero(simulated)), (sounds.rooms, np.flatnonzero(~simulated))):
        if bank is not None and rows.size:
            spread[rows] = bank[rng.integers(len(bank), size=rows.size)]
    dry = np.flatnonzero(rng.random(count) >= config.room_chance)
    spread[dry] = 0
    spread[dry, 0] = 1
    size = 1 << (frames + spread.shape[1] - 1).bit_length()
    found = torch.fft.rfft(voice, size, dim=1) * torch.fft.rfft(spread, size, dim=1)
    return torch.fft.irfft(found, size, dim=1)[:, :frames].clamp(min=0)


def _noises(rng: np.random.Generator, count: int, frames: int, config: MelMixConfig, sounds: MelSounds) -> Tensor:
    """Recorded or synthetic noise, or two other voices, `(N, T, M)`."""
    kind = rng.random(count)
    total = torch.zeros(count, frames, sounds.voices.values.shape[1])
    synthetic, voices = config.synthetic_chance, config.synthetic_chance + config.voice_chance
    choices = ((sounds.synthetic, kind < synthetic, 1), (sounds.voices, (kind >= synthetic) & (kind < voices), 2))
    for bank, chosen, layers in (*choices, (sounds.noise, kind >= voices, 1)):
        rows = np.flatnonzero(chosen)
        for _ in range(layers if rows.size else 0):
            which = rng.choice(len(bank.length), rows.size, p=bank.length / bank.length.sum())
            total[rows] += bank.crops(which, rng.random(rows.size), frames)
    return total


def _filters(rng: np.random.Generator, count: int, config: MelMixConfig, settings: SpeakerSettings) -> Tensor:
    """A smooth random gain over the bands, `(N, 1, M)`."""
    points = rng.normal(0, 1, (count, 1, 7)) * rng.uniform(0, config.equalise, (count, 1, 1))
    curve = torch.as_tensor(points, dtype=torch.float32)
    curve = torch.nn.functional.interpolate(curve, size=settings.mels, mode="linear", align_corners=True)
    return torch.pow(10.0, curve / 10)


def _line(rng: np.random.Generator, count: int, config: MelMixConfig, settings: SpeakerSettings) -> Tensor:
    """Telephones and codecs: a fall of 20 to 60 dB below or above an edge, `(N, 1, M)`."""
    hertz = middles(settings)[None]
    low = np.where(rng.random((count, 1)) < config.low_cut_chance, rng.uniform(*config.low_cut, (count, 1)), 0)
    high = np.where(rng.random((count, 1)) < config.high_cut_chance, rng.uniform(*config.high_cut, (count, 1)), 1e6)
    fall = rng.uniform(20, 60, (count, 1)) * ((hertz < low) | (hertz > high))
    return torch.as_tensor(10 ** (-fall / 10), dtype=torch.float32)[:, None]
