"""Draw the fixed mixtures of valid/speech with valid/noise and valid/rir: writes bench/lists/mixtures.csv.

    python bench/make_list.py --data FOLDER

The draw depends on the seed and on the files alone. For each signal-to-noise ratio half the mixtures stand in a room.
Speakers take turns (LibriSpeech and VCTK; RAVDESS is left out: acted, two sentences, non-commercial), noise corpora
take turns and within them classes are drawn. The reference is set to -25 dBFS, the noise to the ratio of the speech in
the room to the noise, both over the whole clip; both are turned down together where the sum would clip.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from kit.material import LEVEL, LIST, Mixture, cached, parts
from kit.sound import RATE, loop, rms

SEED = 20240
SNRS = (-5, 0, 5, 10, 15)
EACH = 20
SECONDS = 6
NOISE_FLOOR = 10 ** (-60 / 20)
NOISES = ("noise/esc10", "noise/urbansound8k", "noise48/moodist", "noise48/esc10", "noise/picovoice")
TURNS = (0, 1, 2, 3, 0, 1, 2, 1, 2, 4)  # which of NOISES: picovoice, a single minute of a kitchen, is rare

Length = Callable[[str], int]
Loudness = Callable[[str, int, int], float]


def main() -> None:
    """Draw, set the gains, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds valid/speech, valid/noise ...")
    parser.add_argument("--output", type=Path, default=LIST)
    args = parser.parse_args()
    write(make(args.data), args.output)


def make(data: Path) -> list[Mixture]:
    """The whole list, with gains."""
    pools = [files(data, f"valid/{folder}") for folder in NOISES]
    speech = files(data, "valid/speech/librispeech") + files(data, "valid/speech/vctk")
    rooms = files(data, "valid/rir")
    drawn = draw(speech, pools, rooms, lambda f: len(cached(data / f)), lambda f, a, n: loudness(data, f, a, n))
    return [set_gains(mixture, data) for mixture in drawn]


def files(data: Path, folder: str) -> list[str]:
    """The sound files under a folder, relative to `data`, sorted."""
    return sorted(p.relative_to(data).as_posix() for p in (data / folder).rglob("*.*") if p.is_file())


def draw(
    speech: Sequence[str], pools: Sequence[Sequence[str]], rooms: Sequence[str], length: Length, loud: Loudness
) -> list[Mixture]:
    """The mixtures without their gains: a function of the seed, the names and the files' lengths and loudness."""
    rng = random.Random(SEED)
    turns: list[str] = []
    mixtures = []
    for index in range(len(SNRS) * EACH):
        turns = turns or rng.sample(list(speech), len(speech))
        talk, place = turns.pop(), index % EACH
        samples = min(SECONDS * RATE, length(talk))
        noise, noise_offset = draw_noise(rng, pools[TURNS[place // 2 % len(TURNS)]], samples, length, loud)
        mixtures.append(
            Mixture(
                id=f"mix{index:03d}",
                snr=SNRS[index // EACH],
                speech=talk,
                speech_offset=rng.randint(0, length(talk) - samples),
                samples=samples,
                noise=noise,
                noise_offset=noise_offset,
                rir=pick(rng, rooms) if place % 2 else "",
                speech_gain=1.0,
                noise_gain=1.0,
            )
        )
    return mixtures


def draw_noise(
    rng: random.Random, pool: Sequence[str], samples: int, length: Length, loud: Loudness
) -> tuple[str, int]:
    """A noise file and where to begin, drawn again where that stretch is nearly silent."""
    while True:
        noise = pick(rng, pool)
        offset = rng.randrange(length(noise))
        if loud(noise, offset, samples) > NOISE_FLOOR:
            return noise, offset


def pick(rng: random.Random, pool: Sequence[str]) -> str:
    """First a folder (a class of noise, a room), then a file in it."""
    folders = [list(group) for _, group in groupby(sorted(pool), key=lambda name: name.rsplit("/", 1)[0])]
    return rng.choice(rng.choice(folders))


def loudness(data: Path, name: str, offset: int, samples: int) -> float:
    """Root mean square of the stretch of a noise that would be used."""
    return rms(loop(cached(data / name), offset, samples))


def set_gains(mixture: Mixture, data: Path) -> Mixture:
    """The mixture with the gains that give its level and its ratio."""
    reference, wet, noise = parts(mixture, data)
    speech_gain = LEVEL / rms(reference)
    noise_gain = rms(wet) * speech_gain / rms(noise) / 10 ** (mixture.snr / 20)
    down = min(1.0, 0.98 / float(np.max(np.abs(wet * speech_gain + noise * noise_gain))))
    return replace(mixture, speech_gain=round(speech_gain * down, 6), noise_gain=round(noise_gain * down, 6))


def write(mixtures: Sequence[Mixture], path: Path) -> None:
    """The list as CSV."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Mixture)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(mixture) for mixture in mixtures)


if __name__ == "__main__":
    main()
