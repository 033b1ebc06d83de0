"""A bank: recordings decoded once, end to end in one int16 tensor, from which crops are gathered on any device."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from winnow.errors import BadInput
from winnow.train.sources import Source, open_source


@dataclass(frozen=True)
class Bank:
    """Recordings of one kind (speech, noise or rooms) at one rate.

    samples: `(total,)` int16; peak-normalised per recording, since levels are drawn later anyway.
    start, length: `(recordings,)` int64, samples.
    chance: `(recordings,)` float64, sums to 1: how often each recording is drawn.
    rate: hertz.
    """

    samples: Tensor
    start: Tensor
    length: Tensor
    chance: np.ndarray
    rate: int

    @property
    def hours(self) -> float:
        """Length of all recordings, hours."""
        return float(self.length.sum()) / self.rate / 3600

    def to(self, device: torch.device) -> Bank:
        """The same bank with its samples on another device."""
        return Bank(self.samples.to(device), self.start.to(device), self.length.to(device), self.chance, self.rate)

    def crops(self, which: np.ndarray, place: np.ndarray, speed: np.ndarray, count: int, loop: bool) -> Tensor:
        """Gather crops, resampled by linear interpolation where `speed` is not 1.

        which: `(N,)` recording numbers; place: `(N,)` in [0, 1), where in the recording the crop begins;
        speed: `(N,)` playback speed; count: samples per crop; loop: repeat short recordings, else pad them with zeros.
        Returns `(N, count)` float32 in [-1, 1]. A crop that does not loop may begin before its recording does, so that
        short utterances land anywhere in it.
        """
        still = np.flatnonzero(speed == 1)
        moving = np.flatnonzero(speed != 1)
        out = torch.empty(len(which), count, device=self.samples.device)
        if still.size:
            out[still] = self._exact(which[still], place[still], count, loop)
        if moving.size:
            out[moving] = self._interpolated(which[moving], place[moving], speed[moving], count, loop)
        return out / 32768

    def _exact(self, which: np.ndarray, place: np.ndarray, count: int, loop: bool) -> Tensor:
        number = torch.as_tensor(which, device=self.samples.device)
        where = torch.as_tensor(place, dtype=torch.float64, device=self.samples.device)
        length = self.length[number]
        begin = (where * (length if loop else length - count)).floor().long()
        index = begin[:, None] + torch.arange(count, device=self.samples.device)
        return self._at(self.start[number][:, None], length[:, None], index, loop)

    def _interpolated(self, which: np.ndarray, place: np.ndarray, speed: np.ndarray, count: int, loop: bool) -> Tensor:
        """One integer gather at the original speed, then linear interpolation inside it."""
        wide = int(np.ceil(count * speed.max())) + 2
        source = self._exact(which, place, wide, loop)
        pace = torch.as_tensor(speed, dtype=torch.float32, device=source.device)[:, None]
        at = torch.arange(count, device=source.device, dtype=torch.float32) * pace
        left = at.long()
        return torch.lerp(source.gather(1, left), source.gather(1, left + 1), at - left)

    def _at(self, start: Tensor, length: Tensor, index: Tensor, loop: bool) -> Tensor:
        if loop:
            return self.samples[start + index % length].float()
        inside = (index >= 0) & (index < length)
        return self.samples[start + index.clamp_(min=0).minimum(length - 1)].float() * inside


def bank_of(sounds: Tensor, rate: int) -> Bank:
    """A bank of equally long sounds, `(recordings, time)` float, each normalised to its peak and drawn equally often."""
    count, length = sounds.shape
    peak = sounds.abs().amax(1, keepdim=True).clamp(min=1e-9)
    samples = (sounds * (32000 / peak)).round().to(torch.int16).reshape(-1)
    start = torch.arange(count, device=samples.device) * length
    return Bank(samples, start, torch.full_like(start, length), np.full(count, 1 / count), rate)


def parse_source(text: str) -> tuple[Path, float | None]:
    """`FOLDER`, `LIST.jsonl` or `PACK`, or with `=WEIGHT`: how often it is drawn in relation to the others (default: its hours)."""
    folder, sep, weight = text.rpartition("=")
    if not sep:
        return Path(text), None
    try:
        return Path(folder), float(weight)
    except ValueError:
        return Path(text), None


def build_bank(
    sources: Sequence[str], rate: int, *, use: str | None = None, lowest_rate: int = 0, cache: Path | None = None
) -> Bank:
    """Decode all recordings of some folders, lists (.jsonl) and packs into a bank on the CPU.

    sources: each with or without `=WEIGHT`, see `parse_source`; rate: hertz; use: "speech", "noise" or "rooms": of lists and packs
    only what serves as that is taken; recordings below `lowest_rate` hertz are left out; cache: folder in which the decoded
    bank is kept for the next start.
    Recordings that cannot be read are skipped; raises BadInput when none is left, or a shard is damaged.
    """
    parsed = [parse_source(s) for s in sources]
    opened = [open_source(path, use) for path, _ in parsed]
    kept = cache / f"bank-{_fingerprint(opened, rate, lowest_rate)}.npz" if cache else None
    if kept and kept.exists():
        with np.load(kept) as stored:
            samples, length, group = stored["samples"], stored["length"], stored["group"]
    else:
        samples, length, group = _decode(opened, rate, lowest_rate)
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.savez(kept, samples=samples, length=length, group=group)
    start = np.concatenate([[0], np.cumsum(length)[:-1]])
    chance = _chance(length, group, [weight for _, weight in parsed])
    return Bank(torch.from_numpy(samples), torch.from_numpy(start), torch.from_numpy(length), chance, rate)


def _fingerprint(sources: Sequence[Source], rate: int, lowest_rate: int) -> str:
    seen = hashlib.sha256(f"{rate} {lowest_rate}".encode())
    for group, source in enumerate(sources):
        for fact in source.facts():
            seen.update(f"{group} {fact}\n".encode())
    return seen.hexdigest()[:16]


def _decode(sources: Sequence[Source], rate: int, lowest_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parts, groups = [], []
    for group, source in enumerate(sources):
        for mono in source.sounds(rate, lowest_rate):
            peak = float(np.abs(mono).max(initial=0))
            if peak > 0 and mono.size > rate // 100:
                parts.append(np.round(mono * (32000 / peak)).astype(np.int16))
                groups.append(group)
    if not parts:
        raise BadInput("none of the recordings given for training could be read.")
    return np.concatenate(parts), np.array([p.size for p in parts], np.int64), np.array(groups, np.int64)


def _chance(length: np.ndarray, group: np.ndarray, weights: Sequence[float | None]) -> np.ndarray:
    """Within a folder a recording is drawn in proportion to its length, a folder to its weight or its length."""
    chance = length.astype(np.float64)
    for i, weight in enumerate(weights):
        inside = group == i
        if weight is not None and inside.any():
            chance[inside] *= weight / chance[inside].sum()
        elif inside.any():
            chance[inside] /= 3.6e3 * 16000  # about its hours, the unit in which weights are thought of
    return np.asarray(chance / chance.sum(), np.float64)
