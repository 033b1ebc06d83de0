"""Muon: steps of the same length in all directions of a matrix (Jordan et al. 2024), AdamW for what is no matrix."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, overload

import torch
from torch import Tensor, nn

from winnow.train.networks.bandsplit import BandLinear

ROUNDS, FACTORS = 5, (3.4445, -4.7750, 2.0315)
"""Newton-Schulz iterations, and the polynomial of each, as published."""

LENGTH = 0.2
"""Root mean square of a step before the learning rate: about that of AdamW, so one rate suits both (Liu et al. 2025, eq. 4)."""

Shape = tuple[int, int, int]


def matrices(network: nn.Module) -> Iterator[tuple[Tensor, Shape]]:
    """The weights that multiply something, each as `(matrices, rows, columns)`.

    A layer per band has as many as bands, a recurrent layer one per gate, a convolution one of its output channels by the rest.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            yield module.weight, (1, *module.weight.shape)
        elif isinstance(module, BandLinear):
            bands, rows, columns = module.weight.shape
            yield module.weight, (bands, rows, columns)
        elif isinstance(module, nn.Conv1d | nn.Conv2d):
            yield module.weight, (1, len(module.weight), module.weight[0].numel())
        elif isinstance(module, nn.LSTM | nn.GRU):
            for weight in module.parameters():
                if weight.ndim == 2:
                    gates = max(1, len(weight) // module.hidden_size)
                    yield weight, (gates, len(weight) // gates, weight.shape[1])


def orthogonal(gradients: Tensor) -> Tensor:
    """About the nearest matrices with singular values of 1, of `(matrices, rows, columns)`: theirs come out from 0.5 to 1.3."""
    a, b, c = FACTORS
    x = gradients.bfloat16()
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """One optimiser for a whole network: Muon with Nesterov momentum for `matrices`, AdamW for the rest."""

    def __init__(
        self,
        network: nn.Module,
        lr: float,
        betas: tuple[float, float],
        weight_decay: float,
        momentum: float = 0.95,
    ) -> None:
        shapes = {id(weight): shape for weight, shape in matrices(network)}
        trained = [p for p in network.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in trained if id(p) not in shapes]},
            {"params": [p for p in trained if id(p) in shapes]},
        ]
        super().__init__(groups, {"lr": lr, "betas": betas, "weight_decay": weight_decay, "momentum": momentum})
        self._shapes = [shapes[id(p)] for p in groups[1]["params"]]

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Move all weights that have a gradient; closure: computes gradients and loss first, then the loss is returned."""
        loss = closure() if closure else None
        vectors, weights = self.param_groups
        with torch.no_grad():
            self._adam(vectors)
            self._muon(weights)
        return loss

    def _adam(self, group: dict[str, Any]) -> None:
        params = [p for p in group["params"] if p.grad is not None]
        if not params:
            return
        for p in params:
            if not self.state[p]:
                self.state[p] = {"step": torch.zeros(()), "m": torch.zeros_like(p), "v": torch.zeros_like(p)}
            self.state[p]["step"] += 1
        lr, (less, more) = group["lr"], group["betas"]
        count = float(self.state[params[0]]["step"])
        gradients, means, squares = [p.grad for p in params], *([self.state[p][k] for p in params] for k in "mv")
        torch._foreach_lerp_(means, gradients, 1 - less)
        torch._foreach_mul_(squares, more)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - more)
        sizes = torch._foreach_sqrt(squares)
        torch._foreach_div_(sizes, math.sqrt(1 - more**count))
        torch._foreach_add_(sizes, 1e-8)
        torch._foreach_mul_(params, 1 - lr * group["weight_decay"])
        torch._foreach_addcdiv_(params, means, sizes, -lr / (1 - less**count))

    def _muon(self, group: dict[str, Any]) -> None:
        lr, keep = group["lr"], group["momentum"]
        found = [(p, shape) for p, shape in zip(group["params"], self._shapes, strict=True) if p.grad is not None]
        if not found:
            return
        for p, _ in found:
            if not self.state[p]:
                self.state[p]["m"] = torch.zeros_like(p)
        params, means = [p for p, _ in found], [self.state[p]["m"] for p, _ in found]
        gradients = [p.grad for p in params]
        torch._foreach_lerp_(means, gradients, 1 - keep)
        ahead = torch._foreach_lerp(gradients, means, keep)
        torch._foreach_mul_(params, 1 - lr * group["weight_decay"])
        alike = defaultdict(list)
        for (p, shape), step in zip(found, ahead, strict=True):
            alike[shape[1:]].append((p, step.reshape(shape)))
        for size, those in alike.items():  # matrices of one size in one go
            steps = orthogonal(torch.cat([step for _, step in those])) * (-LENGTH * math.sqrt(max(size)) * lr)
            parts = steps.split([len(step) for _, step in those])
            torch._foreach_add_(
                [p for p, _ in those], [step.reshape(p.shape) for (p, _), step in zip(those, parts, strict=True)]
            )
