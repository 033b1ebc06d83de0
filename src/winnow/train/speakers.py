"""Recordings whose speakers are known, decoded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from winnow.errors import BadInput, WinnowError
from winnow.train.bank import Bank, parse_source
from winnow.train.sources import find_recordings


@dataclass(frozen=True)
class Speakers:
    """Recordings by speaker.

    bank: the recordings; speaker: number of each one's speaker, `(recordings,)`; chance: how often each speaker is drawn,
    sums to 1.
    """

    bank: Bank
    speaker: np.ndarray
    chance: np.ndarray

    def choose(self, rng: np.random.Generator, count: int, versions: int) -> np.ndarray:
        """Different voices, `(voices,)`: speaker times versions, plus the version; as many as there are, at most `count`."""
        total = len(self.chance) * versions
        chance = np.repeat(self.chance / versions, versions)
        return rng.choice(total, min(count, total), replace=False, p=chance)

    def recordings(self, rng: np.random.Generator, speaker: np.ndarray) -> np.ndarray:
        """A recording of each of these speakers, in proportion to its length, `(N,)`."""
        length = self.bank.length.numpy().astype(np.float64)
        order = np.argsort(self.speaker, kind="stable")
        end = np.cumsum(length[order])
        edges = np.concatenate([[0.0], end])[np.searchsorted(self.speaker[order], np.arange(len(self.chance) + 1))]
        place = edges[speaker] + rng.random(len(speaker)) * (edges[speaker + 1] - edges[speaker])
        return order[np.minimum(np.searchsorted(end, place, side="right"), len(order) - 1)]


def build_speakers(sources: Sequence[str], rate: int) -> Speakers:
    """Decode lists (.jsonl, by their `speaker`) and folders (recordings of one speaker lie in one folder), each also `=WEIGHT`.

    Recordings that cannot be read are skipped. Raises BadInput where fewer than two speakers are left, InputNotFound.
    """
    parts, names = [], []
    weights: dict[str, float] = {}
    for text in sources:
        path, weight = parse_source(text)
        for file, name in labelled(path):
            sound = _decoded(file, rate)
            if sound is not None:
                parts.append(sound)
                names.append(name)
                weights.setdefault(name, 1.0 if weight is None else weight)
    kinds = sorted(set(names))
    if len(kinds) < 2:
        raise BadInput(f"{len(kinds)} speakers in the recordings given; telling voices apart takes two or more.")
    numbers = {name: number for number, name in enumerate(kinds)}
    length = np.array([part.size for part in parts], np.int64)
    start = torch.from_numpy(np.concatenate([[0], np.cumsum(length)[:-1]]))
    chance = np.array([weights[name] for name in kinds])
    bank = Bank(torch.from_numpy(np.concatenate(parts)), start, torch.from_numpy(length), length / length.sum(), rate)
    return Speakers(bank, np.array([numbers[name] for name in names]), chance / chance.sum())


def labelled(path: Path) -> Iterator[tuple[str, str]]:
    """Recordings and their speakers. Raises BadInput where a list does not tell them."""
    if path.suffix != ".jsonl" or path.is_dir():
        for file in find_recordings(path):
            yield str(file), str(file.parent)
        return
    from winnow.data.items import read_items

    for item in read_items(path):
        if item.kind == "speech":
            if item.speaker is None:
                raise BadInput(
                    f"{path}: {item.id} has no speaker. Scan its corpus by name, or add `speaker` to its row."
                )
            yield item.path, f"{item.corpus}/{item.speaker}"


def _decoded(path: str, rate: int) -> np.ndarray | None:
    """`(time,)` int16, its peak at 32000; None for what cannot be read, is silent, or shorter than half a second."""
    from winnow.media import read

    try:
        mono = read(path).mono().resampled(rate).samples[0]
    except WinnowError:
        return None
    peak = float(np.abs(mono).max(initial=0))
    return np.round(mono * (32000 / peak)).astype(np.int16) if peak > 0 and mono.size > rate // 2 else None
