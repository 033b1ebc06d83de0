"""Losses for stems whose order is not known (permutation-invariant training: Yu et al. 2017; Kolbaek et al. 2017)."""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor

QUIET = 1e-8
"""Mean square below which a target counts as silent: -80 dB of full scale."""


def pit(losses: Tensor) -> tuple[Tensor, Tensor]:
    """The order of the estimates with the smallest mean loss.

    losses: `(N, S, S)`, of each target (second axis) with each estimate (third). Returns the mean loss `(N,)` and, for each
    target, the number of its estimate, `(N, S)`.
    """
    count = losses.shape[1]
    orders = torch.tensor(list(permutations(range(count))), device=losses.device)  # (orders, S)
    each = losses[:, torch.arange(count, device=losses.device), orders].mean(-1)  # (N, orders)
    least, which = each.min(-1)
    return least, orders[which]


def in_order(estimates: Tensor, order: Tensor) -> Tensor:
    """Estimates `(N, S, ...)` in the order that `pit` gave, so that they stand beside their targets."""
    index = order.reshape(*order.shape, *[1] * (estimates.ndim - 2)).expand_as(estimates)
    return estimates.gather(1, index)


def noise_decibels(
    estimate: Tensor, target: Tensor, mixture: Tensor, floor: float = 30.0, silence: float | None = None
) -> Tensor:
    """How much of an estimate is wrong, dB relative to its target; lower is better, `(..., time)` to `(...)`.

    The negative signal-to-noise ratio, whose gain fades from `floor` dB on (Wisdom et al. 2020, equation 2). Of a silent target
    what comes out is compared with the mixture (Wisdom et al. 2021, equation 4): 0 dB for the mixture itself, fading from `silence`
    dB on (as `floor` if not given).
    """
    wanted, heard = target.square().mean(-1), mixture.square().mean(-1)
    silent = wanted <= QUIET
    whole = torch.where(silent, heard, wanted) + QUIET
    error = (estimate - target).square().mean(-1)
    least = torch.where(silent, 10 ** (-(floor if silence is None else silence) / 10), 10 ** (-floor / 10))
    return 10 * torch.log10(error / whole + least)


def between(estimates: Tensor, targets: Tensor, mixture: Tensor, floor: float = 30.0) -> Tensor:
    """`noise_decibels` of each target with each estimate: `(N, S, time)` twice to `(N, S, S)` for `pit`."""
    return noise_decibels(estimates[:, None], targets[:, :, None], mixture[:, None, None], floor)
