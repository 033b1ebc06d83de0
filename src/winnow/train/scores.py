"""Scores of held-out examples: a recipe's own, or SI-SDR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from winnow.train.losses import si_sdr

Examples = Callable[[int], tuple[Tensor, ...]]
"""Step number to a batch: the mixture `(N, time)`, the target, `(N, time)` or `(N, stems, time)`, and what else a recipe takes; the
same number gives the same examples."""


@torch.no_grad()
def validation(recipe: Any, network: nn.Module, valid: Examples, batches: int = 4) -> dict[str, float]:
    """Means over some batches of held-out examples, each name with `valid_` before it.

    They are the loss and what the recipe's method `score(network, *batch)` gives, numbers or `(N,)` by name; a recipe
    without it is scored by SI-SDR and its improvement, dB.
    """
    network.eval()
    found: dict[str, list[Tensor]] = {}
    for number in range(batches):
        for name, values in _of_batch(recipe, network, valid(number)).items():
            found.setdefault(f"valid_{name}", []).append(values.reshape(-1).float().cpu())
    return {name: float(torch.cat(values).mean()) for name, values in found.items()}


def _of_batch(recipe: Any, network: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
    loss = recipe.loss(network, *batch)
    own = getattr(recipe, "score", None)
    if own is not None:
        return {"loss": loss.total} | {n: torch.as_tensor(v) for n, v in own(network, *batch).items()}
    heard = loss.target.square().mean(-1) > 1e-8
    after, before = (si_sdr(sound, loss.target)[heard] for sound in (loss.estimate, loss.mixture))
    return {"loss": loss.total, "si_sdr": after, "si_sdr_improvement": after - before}
