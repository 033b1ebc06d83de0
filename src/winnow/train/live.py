"""Examples of several voices, drawn and rendered by `winnow.data` while training."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from winnow.data.example import REFERENCE
from winnow.data.loader import Batch, Loader, stem_names
from winnow.data.pools import Pools, build_pools
from winnow.errors import BadOption
from winnow.train.scores import Examples

if TYPE_CHECKING:
    from pathlib import Path

    from winnow.train.run import Sounds

VALID = 16
"""Held-out examples in a batch."""


class Drawn:
    """Batches `(mixture (N, time), stems (N, S, time))`, of a chosen voice also `(N, time of the clip)`, its reference.

    The stems are the talkers, or the voice and the rest, by `config.mix.target`; the background is none of them.
    """

    def gather(self, sounds: Sounds, config: Any, seed: int, cache: Path) -> Pools:
        """Read the lists. Raises BadOption, BadInput."""
        return pools_of(sounds)

    def examples(self, material: Pools, config: Any, seed: int, process: int, device: torch.device) -> Examples:
        """Made ahead by threads, one for every four processors."""
        own = seed * 1000 + process  # a loader's seed is one number
        workers = max(1, (os.cpu_count() or 1) // 4)
        return _tensors(Loader(config.mix, material, config.batch_size, own, workers), config.mix, device)

    def held_out(self, material: Pools, config: Any, seed: int, device: torch.device) -> Examples:
        """Examples in which all that is asked for is heard, else SI-SDR tells nothing."""
        mix = replace(config.mix, absent=0.0, alone=0.0)
        if mix.target == "talkers":
            mix = replace(mix, overlap="full")
        return _tensors(Loader(mix, material, VALID, seed), mix, device)


def pools_of(sounds: Sounds) -> Pools:
    """Lists by role. Raises BadOption for what is no list."""
    for path in (*sounds.speech, *sounds.noise, *sounds.rooms):
        if not path.endswith(".jsonl"):
            raise BadOption(
                f"{path}: this recipe needs to know who speaks. Give a list: winnow data scan folder {path} -o list.jsonl"
            )
    return build_pools(sounds.speech, sounds.noise, (), sounds.rooms)


def _tensors(loader: Loader, mix: Any, device: torch.device) -> Examples:
    names = [name for name in stem_names(mix) if name not in ("mixture", "background", REFERENCE)]

    def make(step: int) -> tuple[Tensor, ...]:
        batch: Batch = loader(step)
        stems = torch.stack([torch.from_numpy(batch[name]) for name in names], 1)
        parts = [torch.from_numpy(batch["mixture"]), stems]
        if mix.with_reference:
            parts.append(torch.from_numpy(batch[REFERENCE]))
        return tuple(part.to(device) for part in parts)

    return make
