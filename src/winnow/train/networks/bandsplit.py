"""Band-split separator: bands of the spectrum as tokens, an LSTM along time shared by the bands, mixing across the bands.

Between BSRNN (Luo & Yu 2023: band split, LSTM along time) and SpatialNet (Quan & Li 2024: full-band linear mixing and convolutions
across frequency, much cheaper than a second LSTM). A `voice` (a speaker's vector) may tell which talker is wanted: it scales and
shifts what enters each block (FiLM, Perez et al. 2018). A `clip` of that talker may be heard first, so that the LSTMs carry on from
him what the vector does not say, as from the adaptation utterance that SpeakerBeam hears (Zmolikova et al. 2019).

Shapes: B batch, T frames, T' tokens of some frames each, F bins (without Nyquist), K bands, D width, S stems, V size of a voice,
C frames of a clip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class BandSplitConfig:
    """Sizes; stored with the weights.

    counts, sizes: how many bands there are of how many bins, from 0 hertz up; frames: that make one token of a band; hidden: of
    the LSTM in each direction; expansion: of the perceptrons; voice: size of a speaker's vector, 0 for none; clip: whether it hears
    that speaker first.
    """

    counts: tuple[int, ...] = (16, 8, 8)
    sizes: tuple[int, ...] = (4, 8, 16)
    frames: int = 2
    width: int = 64
    hidden: int = 64
    blocks: int = 4
    expansion: int = 2
    stems: int = 2
    voice: int = 0
    clip: bool = False

    @property
    def groups(self) -> list[tuple[int, int]]:
        """Bands of one size: how many, and of how many bins."""
        return list(zip(self.counts, self.sizes, strict=True))

    @property
    def bands(self) -> int:
        """K."""
        return sum(self.counts)

    @property
    def bins(self) -> int:
        """F."""
        return sum(count * size for count, size in self.groups)


class BandLinear(nn.Module):
    """A linear layer of its own for each band, `(B, T', K, in)` to `(B, T', K, out)`."""

    def __init__(self, bands: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(bands, inputs, outputs).uniform_(-1, 1) * inputs**-0.5)
        self.bias = nn.Parameter(torch.zeros(bands, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, T', K, in)` to `(B, T', K, out)`."""
        b, t, k, d = x.shape
        y = torch.matmul(x.permute(2, 0, 1, 3).reshape(k, b * t, d), self.weight)
        y = y + self.bias.to(y.dtype)  # in bfloat16 all that follows stays so, and a step takes a seventh less time
        return y.reshape(k, b, t, y.shape[-1]).permute(1, 2, 0, 3)


class AlongTime(nn.Module):
    """LSTM over the tokens in both directions, shared by the bands, on a residual path."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.lstm = nn.LSTM(width, hidden, bidirectional=True)
        self.out = nn.Linear(2 * hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, T', K, D)` to the same."""
        b, t, k, d = x.shape
        y, _ = self.lstm(self.norm(x).transpose(0, 1).reshape(t, b * k, d))
        return x + self.out(y).reshape(t, b, k, d).transpose(0, 1)


class AcrossBands(nn.Module):
    """A perceptron across all bands, the same for every channel, then one across the channels of three neighbouring bands."""

    def __init__(self, bands: int, width: int, expansion: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.bands = nn.Sequential(nn.Linear(bands, 2 * bands), nn.SiLU(), nn.Linear(2 * bands, bands))
        self.norm_near = nn.LayerNorm(width)
        self.near = nn.Sequential(
            nn.Linear(3 * width, expansion * width), nn.SiLU(), nn.Linear(expansion * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, T', K, D)` to the same."""
        x = x + self.bands(self.norm(x).transpose(2, 3)).transpose(2, 3)
        y = nn.functional.pad(self.norm_near(x), (0, 0, 1, 1))
        return x + self.near(torch.cat([y[:, :, :-2], y[:, :, 1:-1], y[:, :, 2:]], -1))


class Film(nn.Module):
    """Scale and shift by a voice, the same for all frames and bands; nothing happens at first."""

    def __init__(self, voice: int, width: int) -> None:
        super().__init__()
        self.to_scale = nn.Linear(voice, width)
        self.to_shift = nn.Linear(voice, width)
        for layer in (self.to_scale, self.to_shift):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, voice: Tensor) -> Tensor:
        """`(B, T, K, D)` and `(B, V)` to `(B, T, K, D)`."""
        return x * (1 + self.to_scale(voice)[:, None, None]) + self.to_shift(voice)[:, None, None]


class BandSplit(nn.Module):
    """The whole network: compressed spectrum in, a complex mask for each stem out.

    native: what computes all blocks in place of PyTorch, see `winnow.train.native`; None for PyTorch.
    """

    native: Callable[[BandSplit, Tensor, Tensor | None], Tensor] | None = None

    def __init__(self, config: BandSplitConfig) -> None:
        super().__init__()
        c = self.config = config
        self.split = nn.ModuleList(BandLinear(count, 2 * c.frames * size, c.width) for count, size in c.groups)
        self.time = nn.ModuleList(AlongTime(c.width, c.hidden) for _ in range(c.blocks))
        self.across = nn.ModuleList(AcrossBands(c.bands, c.width, c.expansion) for _ in range(c.blocks))
        self.film = nn.ModuleList(Film(c.voice, c.width) for _ in range(c.blocks if c.voice else 0))
        if c.clip:
            self.mark = nn.Parameter(torch.zeros(c.width))  # what tells the clip from the recording
        self.norm = nn.LayerNorm(c.width)
        self.widen = nn.ModuleList(BandLinear(count, c.width, 2 * c.width) for count, _ in c.groups)
        outputs = 2 * c.frames * c.stems
        self.masks = nn.ModuleList(BandLinear(count, 2 * c.width, outputs * size) for count, size in c.groups)
        with torch.no_grad():  # begin with an even share of the mixture for each stem
            for layer in self.masks:
                layer.bias[..., ::2] = 1 / c.stems  # type: ignore[operator]

    def forward(self, spectrum: Tensor, voice: Tensor | None = None, clip: Tensor | None = None) -> Tensor:
        """Compressed spectrum `(B, T, F, 2)` to masks `(B, S, T, F, 2)`.

        voice, clip: `(B, V)` and a compressed spectrum `(B, C, F, 2)`, for a network that takes them.
        """
        count = spectrum.shape[1]
        x = self._tokens(self._patches(spectrum))
        if clip is not None:
            first = self._tokens(self._patches(clip)) + self.mark
            x = torch.cat([first, x], 1)
        x = self._blocks(x, voice) if self.native is None else self.native(self, x, voice)
        if clip is not None:
            x = x[:, first.shape[1] :]
        return self._masks(self.norm(x))[:, :, :count]

    def _patches(self, spectrum: Tensor) -> Tensor:
        """`(B, T, F, 2)` to groups of frames, the last one filled up with silence, `(B, T', frames, F, 2)`."""
        count, size = spectrum.shape[1], self.config.frames
        patches = (count + size - 1) // size
        whole = nn.functional.pad(spectrum, (0, 0, 0, 0, 0, size - 1))[:, : patches * size]
        return whole.reshape(whole.shape[0], patches, size, *whole.shape[2:])

    def _blocks(self, x: Tensor, voice: Tensor | None) -> Tensor:
        """`(B, T', K, D)` to the same."""
        for i, (time, across) in enumerate(zip(self.time, self.across, strict=True)):
            if voice is not None:
                x = self.film[i](x, voice)
            x = across(time(x))
        return x

    def _tokens(self, patches: Tensor) -> Tensor:
        """`(B, T', frames, F, 2)` to `(B, T', K, D)`."""
        b, t, frames = patches.shape[:3]
        tokens, at = [], 0
        for (count, size), layer in zip(self.config.groups, self.split, strict=True):
            part = patches[:, :, :, at : at + count * size].reshape(b, t, frames, count, 2 * size)
            tokens.append(layer(part.transpose(2, 3).reshape(b, t, count, 2 * frames * size)))
            at += count * size
        return torch.cat(tokens, 2)

    def _masks(self, x: Tensor) -> Tensor:
        """`(B, T', K, D)` to `(B, S, T' * frames, F, 2)`."""
        c, (b, t) = self.config, x.shape[:2]
        masks, at = [], 0
        for (count, size), widen, out in zip(c.groups, self.widen, self.masks, strict=True):
            part = out(nn.functional.silu(widen(x[:, :, at : at + count])))
            part = part.reshape(b, t, count, c.stems, c.frames, size, 2).permute(0, 3, 1, 4, 2, 5, 6)
            masks.append(part.reshape(b, c.stems, t * c.frames, count * size, 2))
            at += count
        return torch.cat(masks, 3)


def grown(weights: Mapping[str, Tensor], network: BandSplit) -> dict[str, Tensor]:
    """Weights of a network of fewer blocks as those of a deeper one that begins with the same output (Chen et al. 2016, Net2Net).

    The blocks it has more begin with nothing on their residual paths. A network that takes a voice, from one that takes none,
    begins without heeding it; one that hears a clip first begins as if that were the recording's beginning.
    """
    made = network.state_dict() | dict(weights)
    added = [name for name in made if name not in weights and name.split(".")[0] in ("time", "across")]
    for name in added:
        if ".out." in name or ".bands.2." in name or ".near.2." in name:
            made[name] = torch.zeros_like(made[name])
    return made


def fits(less: BandSplitConfig, more: BandSplitConfig) -> bool:
    """Whether weights of the first configuration can begin a network of the second."""
    return (
        less.blocks <= more.blocks
        and less.voice in (0, more.voice)
        and less.clip <= more.clip
        and replace(less, blocks=more.blocks, voice=more.voice, clip=more.clip) == more
    )
