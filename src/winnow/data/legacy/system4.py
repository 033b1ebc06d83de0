"""The files of maum-ai/voicefilter and palette-knife25/reverse-voice-filter: sound and spectrograms of targets and mixtures.

A target voice and another one, 3 s at 16 kHz; NNNNNN-dvec.txt names the file of another utterance of the target's speaker, from
which the voice vector is made. Reversed, the target is the other voice. No talker of train/ is in test/.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.aside import aside, write_text
from winnow.audio import Samples
from winnow.data.items import Item
from winnow.data.legacy.common import (
    Pool,
    Tell,
    claim,
    first_of,
    generator,
    write_array,
    write_sound,
    writing,
)
from winnow.dsp.decibels import normalised_db
from winnow.dsp.published import VOICEFILTER
from winnow.errors import BadInput, BadOption

RATE, COUNT = 16000, 48000
REFERENCE = round(1.1 * 80 * 160)
"""Samples of a reference at least: 1.1 windows of 80 frames."""
TOP_DB = 20.0
HEADROOM = 1.1

Talkers = dict[str, list[Item]]


@dataclass(frozen=True)
class VoiceFilter:
    """train, test: examples of each; reverse: the target is the other voice.

    test_share: of the talkers, where the list has no splits.
    """

    train: int = 40
    test: int = 20
    reverse: bool = False
    test_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.train < 0 or self.test < 0 or self.train + self.test == 0:
            raise BadOption("--train-size and --test-size are not negative, and one of them is above 0.")


def write_system4(
    speech: Sequence[Item], folder: Path, settings: VoiceFilter, tell: Tell = lambda done, whole: None
) -> dict[str, str]:
    """Write train/ and test/; returns the recordings that could not be read. Raises BadInput, BadOption, OutputError."""
    sides = split_talkers(speech, settings)
    sizes = {"train": settings.train, "test": settings.test}
    for side, size in sizes.items():
        if size:
            _check(sides[side], side)
    claim(folder, {"system": 4, **asdict(settings), "recordings": len(speech)})
    pool, done = Pool(speech, RATE), 0
    with writing(folder):
        for place, (side, size) in enumerate(sizes.items()):
            (folder / side).mkdir(exist_ok=True)
            for number in range(size):
                # Train and test draw from sequences of their own.
                rng = generator(settings.seed, 2 * number + place)
                _write(folder / side, number, sides[side], pool, rng, settings.reverse)
                done += 1
                tell(3.0 * done, 3.0 * sum(sizes.values()))
    return pool.bad


def split_talkers(speech: Sequence[Item], settings: VoiceFilter) -> dict[str, Talkers]:
    """Utterances by talker for each side: as the list splits them, else some talkers drawn for test. Raises BadInput."""
    nameless = sum(item.speaker is None for item in speech)
    if nameless:
        raise BadInput(
            f"{nameless} of {len(speech)} recordings have no speaker, which this set needs. Scan them with --speaker-from."
        )
    if any(item.split for item in speech):
        return {
            "train": _by_talker(item for item in speech if item.split == "train"),
            "test": _by_talker(item for item in speech if item.split in ("test", "valid")),
        }
    if not settings.test:
        return {"train": _by_talker(speech), "test": {}}
    talkers = sorted(_by_talker(speech))
    count = (
        len(talkers) if not settings.train else min(max(2, round(settings.test_share * len(talkers))), len(talkers) - 2)
    )
    order = np.random.Generator(np.random.PCG64(settings.seed)).permutation(len(talkers))
    held = {talkers[k] for k in order[: max(count, 0)]}
    return {
        "train": _by_talker(item for item in speech if item.speaker not in held),
        "test": _by_talker(item for item in speech if item.speaker in held),
    }


def _by_talker(items: Any) -> Talkers:
    found: Talkers = defaultdict(list)
    for item in items:
        found[str(item.speaker)].append(item)
    return dict(found)


def _check(talkers: Talkers, side: str) -> None:
    able = sum(len(items) > 1 for items in talkers.values())
    if len(talkers) < 2 or not able:
        raise BadInput(
            f"{side}: {len(talkers)} talkers, {able} of them with the two utterances that target and reference need. "
            "Two talkers are the least; give more speech."
        )


def _write(folder: Path, number: int, talkers: Talkers, pool: Pool, rng: np.random.Generator, reverse: bool) -> None:
    dvec = folder / f"{number:06d}-dvec.txt"
    if dvec.exists():  # written last
        return
    target, other, reference = first_of(
        _triplets(talkers, pool, rng), "no two utterances of 3 s and a reference were found"
    )
    mixed = target + other
    scale = np.float32(1 / (HEADROOM * max(float(np.abs(mixed).max()), 1e-9)))
    for name, samples in (("target", other if reverse else target), ("mixed", mixed)):
        scaled = samples * scale
        write_sound(folder / f"{number:06d}-{name}.wav", scaled, RATE)
        _write_tensor(folder / f"{number:06d}-{name}", magnitudes(scaled))
    write_text(dvec, reference)


def _triplets(talkers: Talkers, pool: Pool, rng: np.random.Generator) -> Iterator[tuple[Samples, Samples, str] | None]:
    """Target and other voice `(48000,)`, and the path of the reference; None where one of them is too short or unreadable."""
    able = sorted(name for name, items in talkers.items() if len(items) > 1)
    names = sorted(talkers)
    while True:
        first = able[int(rng.integers(len(able)))]
        second = [name for name in names if name != first][int(rng.integers(len(names) - 1))]
        own, ref = (talkers[first][int(k)] for k in rng.choice(len(talkers[first]), 2, replace=False))
        foreign = talkers[second][int(rng.integers(len(talkers[second])))]
        sounds = [pool.samples(item) for item in (own, foreign, ref)]
        trimmed = [trim(each) if each is not None else np.zeros(0, np.float32) for each in sounds]
        enough = all(each.size >= least for each, least in zip(trimmed, (COUNT, COUNT, REFERENCE), strict=True))
        yield (trimmed[0][:COUNT], trimmed[1][:COUNT], ref.path) if enough else None


def trim(samples: Samples, top_db: float = TOP_DB, frame: int = 2048, hop: int = 512) -> Samples:
    """Cut what is more than `top_db` dB below the loudest frame at both ends, `(time,)`; frames as in librosa.effects.trim."""
    padded = np.pad(samples.astype(np.float64), frame // 2)
    power = np.square(np.lib.stride_tricks.sliding_window_view(padded, frame)[::hop]).mean(axis=1)
    loud = np.flatnonzero(10 * np.log10(np.maximum(power, 1e-10) / max(power.max(), 1e-10)) > -top_db)
    return samples[loud[0] * hop : (loud[-1] + 1) * hop]


def magnitudes(samples: Samples) -> npt.NDArray[Any]:
    """`(48000,)` to its normalised dB spectrogram, float32 `(301, 601)`, time by frequency."""
    return normalised_db(np.abs(VOICEFILTER.forward(samples))).astype(np.float32)


def _write_tensor(stem: Path, values: npt.NDArray[Any]) -> None:
    """A tensor `.pt` where torch is there, else an array `.npy`."""
    try:
        import torch
    except ImportError:
        write_array(stem.with_name(f"{stem.name}.npy"), values)
        return
    with aside(stem.with_name(f"{stem.name}.pt")) as part:
        torch.save(torch.from_numpy(values), part)
