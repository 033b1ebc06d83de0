"""The recurrent part of MossFormer2 that does without recurrence: a gated, dilated feedforward sequential memory network.

After "MossFormer2" (Zhao et al. 2023, section 2.2) and, for what the paper leaves open, its published code.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from winnow.train.networks.flash import ConvolvedProjection


@dataclass(frozen=True)
class MemoryConfig:
    """inner: channels; order: frames that a memory reaches to either side, itself counted; depth: convolutions, each dilated twice
    as far as the one before; kernel: frames of the gates' depthwise convolutions.
    """

    inner: int = 256
    order: int = 20
    depth: int = 2
    kernel: int = 17
    dropout: float = 0.1


class DenseMemory(nn.Module):
    """Dilated convolutions over time, each over all that came before it.

    As published: the convolution of layer i has as many groups as channels, and its input is the layers so far one after the
    other, the latest first. Hence output channel c sees the (i + 1) neighbours from channel c (i + 1) on: the second layer's first
    half hears the first layer in pairs, its second half the input.
    """

    def __init__(self, config: MemoryConfig) -> None:
        super().__init__()
        c, self.convolutions = config, nn.ModuleList()
        self.norms = nn.ModuleList(nn.InstanceNorm1d(c.inner, affine=True) for _ in range(c.depth))
        self.curves = nn.ModuleList(nn.PReLU(c.inner) for _ in range(c.depth))
        for i in range(c.depth):
            reach = {"dilation": 2**i, "padding": 2**i * (c.order - 1)}
            wide = c.inner * (i + 1)
            self.convolutions.append(nn.Conv1d(wide, c.inner, 2 * c.order - 1, groups=c.inner, bias=False, **reach))

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inner, T)` to the same, T of two frames at least."""
        out = x
        for convolution, norm, curve in zip(self.convolutions, self.norms, self.curves, strict=True):
            out = curve(norm(convolution(x)))
            x = torch.cat([out, x], 1)
        return out


class Memory(nn.Module):
    """A feedforward sequential memory: two linear layers, the dense memory, and a short cut."""

    def __init__(self, config: MemoryConfig) -> None:
        super().__init__()
        self.wide = nn.Linear(config.inner, config.inner)
        self.narrow = nn.Linear(config.inner, config.inner, bias=False)
        self.dense = DenseMemory(config)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, T, inner)` to the same."""
        projected = self.narrow(F.relu(self.wide(x)))
        remembered: Tensor = self.dense(projected.transpose(1, 2)).transpose(1, 2)
        return x + remembered


class GatedMemory(nn.Module):
    """A memory and its gate between a bottleneck and its inverse, with short cuts around both."""

    def __init__(self, width: int, config: MemoryConfig) -> None:
        super().__init__()
        c = config
        self.enter = nn.Sequential(nn.Linear(width, c.inner), nn.PReLU(), nn.LayerNorm(c.inner))
        self.content, self.gate = (
            ConvolvedProjection(nn.LayerNorm(c.inner), c.inner, c.inner, c.kernel, c.dropout) for _ in range(2)
        )
        self.memory = Memory(c)
        self.leave = nn.Sequential(nn.LayerNorm(c.inner), nn.Linear(c.inner, width))

    def forward(self, x: Tensor) -> Tensor:
        """`(N, T, width)` to the same."""
        inner = self.enter(x)
        left: Tensor = self.leave(self.gate(inner) * self.memory(self.content(inner)) + inner)
        return x + left
