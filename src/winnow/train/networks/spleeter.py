"""A U-Net in Spleeter's shape (Hennequin et al. 2020): one network for each stem, soft masks, ratio masks of their squares.

Trainable parameters of the published two stems in stereo: 19,647,498, 9,823,749 each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

KEPT_OUT = 3
"""Decoders with dropout, from the lowest on."""


@dataclass(frozen=True)
class SpleeterConfig:
    """stems: networks side by side; channels: of the sound, 2 as published; maps: of the six levels."""

    stems: int = 2
    channels: int = 1
    maps: tuple[int, ...] = (16, 32, 64, 128, 256, 512)


class SpleeterUNet(nn.Module):
    """The soft mask of one stem, `(N, channels, T, F)` magnitudes to `(N, channels, T, F)` in 0..1; T and F multiples of 2^levels.

    As published, skips and the bottom are the convolutions' own outputs, before batch norm, so that the last norm is never used.
    """

    def __init__(self, channels: int, maps: tuple[int, ...]) -> None:
        super().__init__()
        before = (channels, *maps)
        self.down = nn.ModuleList(nn.Conv2d(i, o, 5, 2, 2) for i, o in zip(before, maps, strict=False))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in maps)
        after = (*reversed(maps[:-1]), 1)
        wide = [maps[-1], *(2 * width for width in after[:-1])]
        self.up = nn.ModuleList(nn.ConvTranspose2d(i, o, 5, 2, 2, 1) for i, o in zip(wide, after, strict=True))
        self.up_norms = nn.ModuleList(nn.BatchNorm2d(width) for width in after)
        self.dropout = nn.Dropout(0.5)
        self.last = nn.Conv2d(1, channels, 4, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        """The mask."""
        raw = []
        for level, down in enumerate(self.down):
            raw.append(down(x))
            x = nn.functional.leaky_relu(self.norms[level](raw[-1]), 0.2)
        x = raw.pop()
        for level, up in enumerate(self.up):
            x = self.up_norms[level](nn.functional.relu(up(x)))
            x = self.dropout(x) if level < KEPT_OUT else x
            x = torch.cat([raw.pop(), x], 1) if raw else x
        return torch.sigmoid(self.last(nn.functional.pad(x, (3, 3, 3, 3))))


class Spleeter(nn.Module):
    """The gain of the first stem, `(N, T, F)` magnitudes to `(N, T, F)`; several channels, `(N, channels, T, F)`, likewise."""

    def __init__(self, config: SpleeterConfig) -> None:
        super().__init__()
        self.stems = nn.ModuleList(SpleeterUNet(config.channels, tuple(config.maps)) for _ in range(config.stems))

    def soft(self, x: Tensor) -> Tensor:
        """The soft masks of all stems, `(stems, N, channels, T, F)`."""
        x = x[:, None] if x.ndim == 3 else x
        return torch.stack([stem(x) for stem in self.stems])

    def forward(self, x: Tensor) -> Tensor:
        """The ratio mask: this stem's estimate squared over the sum of all, as its Wiener filter with exponent 2."""
        power = self.soft(x).square() + 1e-10 / len(self.stems)
        gain = power[0] / power.sum(0)
        return gain[:, 0] if x.ndim == 3 else gain
