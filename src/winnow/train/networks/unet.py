"""The two networks of system 1, spectrogram windows in, one value per bin out.

U-Net: Ronneberger et al. 2015 as nmd2k/speech-enhancement sizes it; residual U-Net: pre-activated residual blocks (He et al.
2016) in the same shape. Parameter counts agree with the published code: 1,943,761 and 7,765,409; 4,897,409.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

LEVELS = (1, 2, 4, 8)


@dataclass(frozen=True)
class UNetConfig:
    """model: "unet" or "resnet"; start_fm: feature maps of the first level, doubled at each; dropout: of the residual one.

    shared_norm: a residual block ends with the same batch norm that it begins with, as published. Its running statistics are
    then those of neither place, and the network is another one at inference than in training.
    """

    model: str = "unet"
    start_fm: int = 16
    dropout: float = 0.5
    shared_norm: bool = False


def convolution(before: int, after: int, activated: bool = True) -> nn.Sequential:
    """3 x 3 convolution and batch norm, then ReLU if activated."""
    layers: list[nn.Module] = [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after)]
    return nn.Sequential(*layers, *([nn.ReLU()] if activated else []))


def double(before: int, after: int) -> nn.Sequential:
    """Two activated convolutions."""
    return nn.Sequential(convolution(before, after), convolution(after, after))


class UNet(nn.Module):
    """`(N, 1, H, W)` to `(N, 1, H, W)`, H and W multiples of 16."""

    def __init__(self, start_fm: int) -> None:
        super().__init__()
        widths = [start_fm * level for level in LEVELS]
        self.encoders = nn.ModuleList(double(i, o) for i, o in zip([1, *widths], widths, strict=False))
        self.middle = double(widths[-1], 2 * widths[-1])
        self.raises = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in reversed(widths))
        self.decoders = nn.ModuleList(double(2 * w, w) for w in reversed(widths))
        self.last = nn.Conv2d(start_fm, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """One value per bin."""
        skips = []
        for encoder in self.encoders:
            x = encoder(x)
            skips.append(x)
            x = nn.functional.max_pool2d(x, 2)
        x = self.middle(x)
        for raised, decoder in zip(self.raises, self.decoders, strict=True):
            x = decoder(torch.cat([skips.pop(), raised(x)], 1))
        return self.last(x)


class Residual(nn.Module):
    """Batch norm, two convolutions, the input added; `last`: a batch norm at the end too.

    The published code makes two norms and calls the first one in both places (`shared`); the count of parameters is the same.
    """

    def __init__(self, width: int, last: bool = False, shared: bool = False) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        self.first = convolution(width, width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.end = nn.BatchNorm2d(width)
        self.last, self.shared = last, shared

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        x = self.second(self.first(self.norm(x))) + x
        if not self.last:
            return x
        return self.norm(x) if self.shared else self.end(x)


def residuals(before: int, after: int, shared: bool) -> nn.Sequential:
    """A convolution and two residual blocks."""
    blocks = Residual(after, shared=shared), Residual(after, last=True, shared=shared)
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), *blocks)


class ResidualUNet(nn.Module):
    """`(N, 1, H, W)` to `(N, 1, H, W)`, H and W multiples of 32: skips are taken after pooling, the middle pools again.

    dropout: as published, of whole feature maps before each decoder; the published code's `dropout // 2` after the encoders
    is 0 for every share below 2, so there is none.
    """

    def __init__(self, start_fm: int, dropout: float, shared: bool = False) -> None:
        super().__init__()
        widths = [start_fm * level for level in LEVELS]
        self.encoders = nn.ModuleList(residuals(i, o, shared) for i, o in zip([1, *widths], widths, strict=False))
        self.middle = residuals(widths[-1], 2 * widths[-1], shared)
        self.raises = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in reversed(widths))
        self.decoders = nn.ModuleList(residuals(2 * w, w, shared) for w in reversed(widths))
        self.dropout = nn.Dropout2d(dropout)
        self.whole = nn.ConvTranspose2d(start_fm, start_fm, 2, 2)
        self.last = nn.Conv2d(start_fm, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """One value per bin."""
        skips = []
        for encoder in self.encoders:
            x = nn.functional.max_pool2d(encoder(x), 2)
            skips.append(x)
        x = nn.functional.max_pool2d(self.middle(x), 2)
        for raised, decoder in zip(self.raises, self.decoders, strict=True):
            x = decoder(self.dropout(torch.cat([skips.pop(), raised(x)], 1)))
        return self.last(self.whole(x))


def build(config: UNetConfig) -> UNet | ResidualUNet:
    """The network that a configuration describes."""
    if config.model == "unet":
        return UNet(config.start_fm)
    return ResidualUNet(config.start_fm, config.dropout, config.shared_norm)
