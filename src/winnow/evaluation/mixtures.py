"""Noisy speech from folders of speech, noise and rooms: drawn first and written down, then made by pure functions.

A list is a file of JSON lines: the settings first, then one mixture each. From it and the same folders the same
mixtures come again, sample for sample.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from winnow.aside import write_text
from winnow.audio import Audio, Samples
from winnow.errors import BadInput, BadOption
from winnow.media import probe, read

LIST = "mixtures.jsonl"
LEVEL = 10 ** (-25 / 20)  # root mean square of the reference, 1 = full scale
PEAK = 0.98
EARLY = 0.05  # seconds of a room's response that stay in the reference
LEAD = 0.001  # seconds before the direct sound: the resampler's pre-ringing
FADE = 0.01
SILENT = 1e-4  # a stretch of noise below -80 dB is drawn again
TRIES = 20


@dataclass(frozen=True)
class Recipe:
    """What a set of mixtures is drawn from. Folders as given; `snrs` in dB take turns; seconds: the longest mixture.

    rate: hertz of the mixtures; None: that of each speech recording.
    """

    speech: str
    noise: str
    rooms: str | None = None
    snrs: tuple[float, ...] = (-5.0, 0.0, 5.0, 10.0, 15.0)
    seed: int = 0
    count: int = 100
    seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise BadOption(f"--count is 1 or more, not {self.count}.")
        if not self.snrs or not all(abs(snr) <= 100 for snr in self.snrs):
            raise BadOption("--snr is decibels between -100 and 100, such as 0,5,10 or -5:15:5.")
        if not self.seconds > 0:
            raise BadOption(f"--seconds is more than 0, not {self.seconds:g}.")


@dataclass(frozen=True)
class Mixture:
    """One line of a list. Places and length are in seconds, snr in dB: speech in the room to noise, over the whole.

    rate: hertz, of the speech and so of the mixture. room: a response's file or None.
    """

    name: str
    speech: str
    speech_place: float
    seconds: float
    rate: int
    noise: str
    noise_place: float
    snr: float
    room: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The recordings it is made of."""
        return tuple(path for path in (self.speech, self.noise, self.room) if path)


def parse_snrs(text: str) -> tuple[float, ...]:
    """`-5:15:5` (from, to, step; both ends count) or `0,5,10` as decibels. Raises BadOption."""
    try:
        if ":" not in text:
            return tuple(float(part) for part in text.split(","))
        first, last, *step = (float(part) for part in text.split(":"))
        width = step[0] if step else 5.0
        if width <= 0 or last < first or len(step) > 1 or (last - first) / width > 1000:
            raise ValueError
        return tuple(first + k * width for k in range(int((last - first) / width + 1e-6) + 1))
    except ValueError:
        raise BadOption(f"--snr {text}: give decibels as 0,5,10 or from:to:step, such as -5:15:5.") from None


def draw(recipe: Recipe, speech: Sequence[str], noise: Sequence[str], rooms: Sequence[str]) -> list[Mixture]:
    """Decide everything about all mixtures: a function of the recipe, the files' names and their lengths.

    Speech takes turns, and so do the ratios; noise is drawn by folder first, so that a large class does not rule;
    with rooms every second round of the ratios stands in one.
    """
    chance = random.Random(recipe.seed)
    turns: list[str] = []
    mixtures = []
    for index in range(recipe.count):
        turns = turns or chance.sample(list(speech), len(speech))
        talk = turns.pop()
        length, rate = facts(talk)
        seconds = min(recipe.seconds, length)
        sound, place = _draw_noise(chance, noise)
        roomy = bool(rooms) and index // len(recipe.snrs) % 2 == 1
        mixtures.append(
            Mixture(
                name=f"mix{index:04d}",
                speech=talk,
                speech_place=round(chance.uniform(0, length - seconds), 4),
                seconds=round(seconds, 4),
                rate=rate,
                noise=sound,
                noise_place=place,
                snr=recipe.snrs[index % len(recipe.snrs)],
                room=_pick(chance, rooms) if roomy else None,
            )
        )
    return mixtures


def _draw_noise(chance: random.Random, noise: Sequence[str]) -> tuple[str, float]:
    """A noise file and where to begin, drawn again where nothing can be heard there."""
    for _ in range(TRIES):
        sound = _pick(chance, noise)
        place = round(chance.uniform(0, facts(sound)[0]), 4)
        samples = loaded(sound, facts(sound)[1])
        start = round(place * facts(sound)[1])
        if rms(np.roll(samples, -start, axis=1)[:, : facts(sound)[1]]) > SILENT:
            return sound, place
    raise BadInput(f"{sound}: this noise is nearly silent, and so were others. Give a folder of audible noise.")


def _pick(chance: random.Random, files: Sequence[str]) -> str:
    """First a folder, then a file in it."""
    folders = sorted({os.path.dirname(path) for path in files})
    chosen = chance.choice(folders)
    return chance.choice(sorted(path for path in files if os.path.dirname(path) == chosen))


@lru_cache(maxsize=4096)
def facts(path: str) -> tuple[float, int]:
    """Seconds and rate of a recording. Raises as `probe`, and BadInput for an empty one."""
    info = probe(path)
    if not info.audio or not info.seconds:
        raise BadInput(f"{path}: its length is not known, so no mixture can be drawn from it. Convert it to WAV.")
    return float(info.seconds), info.audio[0].rate


@lru_cache(maxsize=32)
def loaded(path: str, rate: int) -> Samples:
    """A recording as one channel `(1, time)` at `rate` hertz, read once while it is used."""
    return read(path).mono().resampled(rate).samples


def make(mixture: Mixture) -> tuple[Audio, Audio]:
    """The mixture and its reference, each `(1, time)`: the same ones for the same line and files.

    In a room the reference keeps the direct sound and 50 ms after it; its delay is taken out of both.
    """
    rate, length = mixture.rate, round(mixture.seconds * mixture.rate)
    reference = wet = _part(loaded(mixture.speech, rate), round(mixture.speech_place * rate), length)
    noise = _looped(loaded(mixture.noise, rate), round(mixture.noise_place * rate), length)
    if mixture.room:
        early, whole = split_room(loaded(mixture.room, rate), rate)
        reference, wet = (convolve(wet, response, round(LEAD * rate)) for response in (early, whole))
    gain = LEVEL / max(rms(reference), SILENT)
    background = noise * (rms(wet) * gain / max(rms(noise), 1e-9) / 10 ** (mixture.snr / 20))
    mixed = wet * gain + background
    down = min(1.0, PEAK / max(float(np.abs(mixed).max()), 1e-9))
    return Audio((mixed * down).astype(np.float32), rate), Audio((reference * gain * down).astype(np.float32), rate)


def _part(samples: Samples, start: int, length: int) -> Samples:
    piece = samples[:, start : start + length]
    return np.pad(piece, ((0, 0), (0, length - piece.shape[1])))


def _looped(samples: Samples, start: int, length: int) -> Samples:
    """`length` samples from `start` on, from the beginning again where the recording ends."""
    return samples.take(np.arange(start, start + length), axis=1, mode="wrap")


def split_room(response: Samples, rate: int) -> tuple[Samples, Samples]:
    """A response `(1, taps)` without its delay: the direct sound with 50 ms after it, and all. The early energy is 1."""
    size, lead = np.abs(response[0]), round(LEAD * rate)
    # The first sample above 20 % of the peak: a reflection may be louder than the direct sound.
    onset = int(np.argmax(size > 0.2 * size.max()))
    whole = np.pad(response[0, max(0, onset - lead) :], (max(0, lead - onset), 0)).astype(np.float64)
    time = np.arange(whole.size) / rate
    early = whole * np.clip(1 - (time - LEAD - EARLY) / FADE, 0, 1)
    scale = 1 / max(float(np.sqrt(np.sum(early**2))), 1e-9)
    return (early * scale).astype(np.float32)[None], (whole * scale).astype(np.float32)[None]


def convolve(samples: Samples, response: Samples, lead: int) -> Samples:
    """`(1, time)` in a room, moved earlier by `lead` samples, same length."""
    total = samples.shape[1] + response.shape[1] - 1
    size = 1 << (total - 1).bit_length()
    wide = np.fft.irfft(np.fft.rfft(samples.astype(np.float64), size) * np.fft.rfft(response, size), size)
    return np.asarray(wide[:, lead : lead + samples.shape[1]], np.float32)


def rms(samples: Samples) -> float:
    """Root mean square of all values."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0


def write_list(recipe: Recipe, mixtures: Sequence[Mixture], path: Path) -> None:
    """The recipe, then a line for each mixture."""
    lines = [json.dumps({"winnow": "mixtures", **asdict(recipe)}), *(json.dumps(asdict(each)) for each in mixtures)]
    write_text(path, "\n".join(lines) + "\n")


def read_list(path: Path) -> tuple[Recipe, list[Mixture]]:
    """What `write_list` wrote. Raises BadInput for another file."""
    try:
        head, *lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line)
        if head.pop("winnow") != "mixtures":
            raise ValueError
        return replace(Recipe(**head), snrs=tuple(head["snrs"])), [Mixture(**line) for line in lines]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(f"{path}: this is no list of mixtures of winnow. Name another folder.") from None
