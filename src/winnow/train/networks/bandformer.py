"""Causal enhancer: convolutions over frequency, GRU over time shared by bands, mixing across bands, complex mask.

The family is that of FastEnhancer (Ahn et al. 2025, "RNNFormer"): it has few, large operations, so it is fast where networks with
fewer multiplications are not. Only the GRUs carry state; nothing looks ahead, so the algorithmic latency is one window.

Shapes: B batch, T frames, F frequency bins used (without Nyquist), K bands, C channels of the convolutions, D of the blocks.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class BandformerConfig:
    """Sizes; stored with the weights."""

    bins: int = 256
    channels: int = 32
    kernel: int = 8
    stride: int = 4
    depth: int = 2
    bands: int = 24
    width: int = 32
    blocks: int = 2
    heads: int = 4

    @property
    def columns(self) -> int:
        """Frequency positions after the strided convolution."""
        return self.bins // self.stride


class FrequencyConv(nn.Module):
    """Convolution over frequency with batch normalisation, SiLU and a residual path, `(B, C, T, columns)` to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, (1, 3), padding=(0, 1), bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, T, columns)` to the same."""
        return self.act(self.norm(self.conv(x))) + x


class TokenNorm(nn.Module):
    """Batch normalisation over the last axis of any shape; `Block.fold` makes it part of the next product."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        """`(..., D)` to the same."""
        return self.norm(x.reshape(-1, x.shape[-1])).reshape(x.shape)

    def product(self) -> tuple[Tensor, Tensor]:
        """Scale and shift `(D,)` that it comes to at run time."""
        n = self.norm
        assert n.running_var is not None and n.running_mean is not None
        scale = n.weight * torch.rsqrt(n.running_var + n.eps)
        return scale, n.bias - n.running_mean * scale


class Attention(nn.Module):
    """Multi-head attention across the bands of one frame with learned positions, `(N, K, D)` to the same."""

    def __init__(self, bands: int, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.position = nn.Parameter(torch.randn(bands, width) * 0.02)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, K, D)` to the same."""
        q, key, v = self._heads(self.qkv(x + self.position))
        return self._joined(torch.softmax(q @ key.transpose(-1, -2) * (q.shape[-1] ** -0.5), -1) @ v)

    def _heads(self, y: Tensor) -> Tensor:
        return y.reshape(y.shape[0], y.shape[1], 3, self.heads, -1).permute(2, 0, 3, 1, 4)

    def _joined(self, y: Tensor) -> Tensor:
        return self.out(y.transpose(1, 2).reshape(y.shape[0], y.shape[2], -1))


class FoldedAttention(Attention):
    """What `Attention` comes to at run time, the norm before it included: one product with a bias for each band."""

    weight: Tensor
    bias: Tensor

    def __init__(self, source: Attention, norm: TokenNorm) -> None:
        nn.Module.__init__(self)
        self.heads, self.out = source.heads, source.out
        scale, shift = norm.product()
        width = source.qkv.in_features
        share = torch.ones(3 * width)
        share[:width] = (width // source.heads) ** -0.5  # the queries take the scale of the scores with them
        self.register_buffer("weight", (source.qkv.weight * scale * share[:, None]).T.contiguous())
        self.register_buffer("bias", source.qkv(shift + source.position) * share)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, K, D)` to the same."""
        q, key, v = self._heads(x @ self.weight + self.bias)
        return self._joined(torch.softmax(q @ key.transpose(-1, -2), -1) @ v)


class Block(nn.Module):
    """GRU over time, shared by the bands, then attention across the bands, each on a residual path."""

    def __init__(self, config: BandformerConfig) -> None:
        super().__init__()
        d = config.width
        self.norm_time: TokenNorm | nn.Identity = TokenNorm(d)
        self.gru = nn.GRU(d, d)
        self.proj = nn.Linear(d, d)
        self.norm_bands: TokenNorm | nn.Identity = TokenNorm(d)
        self.mix = Attention(config.bands, d, config.heads)

    def fold(self) -> None:
        """Make the norms part of the products that follow: fewer steps for the same result at run time."""
        assert isinstance(self.norm_time, TokenNorm) and isinstance(self.norm_bands, TokenNorm)
        scale, shift = self.norm_time.product()
        weight, bias = self.gru.get_parameter("weight_ih_l0"), self.gru.get_parameter("bias_ih_l0")
        bias.copy_(bias + weight @ shift)
        weight.copy_(weight * scale)
        self.mix = FoldedAttention(self.mix, self.norm_bands)
        self.norm_time, self.norm_bands = nn.Identity(), nn.Identity()

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """`(B, T, K, D)` and the GRU's state `(1, B * K, D)` to the same."""
        b, t, k, d = x.shape
        y = self.norm_time(x).transpose(0, 1).reshape(t, b * k, d)  # costs nothing for one recording
        y, state = self.gru(y, state)
        x = x + self.proj(y).reshape(t, b, k, d).transpose(0, 1)
        y = self.mix(self.norm_bands(x).reshape(b * t, k, d))
        return x + y.reshape(b, t, k, d), state


class Bandformer(nn.Module):
    """The whole network: compressed spectrum in, mask for it out."""

    def __init__(self, config: BandformerConfig) -> None:
        super().__init__()
        c = self.config = config
        pad = (0, (c.kernel - c.stride) // 2)
        self.encode = nn.Sequential(
            nn.Conv2d(2, c.channels, (1, c.kernel), (1, c.stride), pad, bias=False),
            nn.BatchNorm2d(c.channels),
            nn.SiLU(),
        )
        self.down = nn.ModuleList(FrequencyConv(c.channels) for _ in range(c.depth))
        self.to_bands = nn.Linear(c.columns, c.bands, bias=False)
        self.to_width = nn.Linear(c.channels, c.width)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.blocks))
        self.to_channels = nn.Linear(c.width, c.channels)
        self.from_bands = nn.Linear(c.bands, c.columns, bias=False)
        self.skips = nn.ModuleList(nn.Conv2d(c.channels, c.channels, 1) for _ in range(c.depth + 1))
        self.up = nn.ModuleList(FrequencyConv(c.channels) for _ in range(c.depth))
        self.decode = nn.ConvTranspose2d(c.channels, 2, (1, c.kernel), (1, c.stride), pad)
        with torch.no_grad():  # begin near a mask of 0.8: expansion makes large masks of random weights enormous
            self.decode.weight.mul_(0.1)
            self.decode.bias.copy_(torch.tensor([0.8, 0.0]))  # type: ignore[union-attr]

    @torch.no_grad()
    def folded(self) -> Bandformer:
        """A copy for run time, see `Block.fold`."""
        copied = copy.deepcopy(self).eval()
        for block in copied.blocks:
            block.fold()  # type: ignore[operator]
        return copied

    def begin(self, count: int, device: torch.device) -> Tensor:
        """The state before the first frame, `(blocks, count * K, D)`."""
        return torch.zeros(self.config.blocks, count * self.config.bands, self.config.width, device=device)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Compressed spectrum `(B, T, F, 2)` and state to mask `(B, T, F, 2)` and the next state."""
        mask, state, _ = self.detailed(x, state)
        return mask, state

    def detailed(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """As `forward`, and what the blocks know of each frame, `(B, T, K, D)`."""
        if state is None:
            state = self.begin(x.shape[0], x.device)
        y = self.encode(x.permute(0, 3, 1, 2))
        kept = [y]
        for layer in self.down:
            y = layer(y)
            kept.append(y)
        y = self.to_bands(y)  # (B, C, T, K)
        z = self.to_width(y.permute(0, 2, 3, 1))
        states = []
        for i, block in enumerate(self.blocks):
            z, after = block(z, state[i : i + 1])
            states.append(after)
        y = self.from_bands(self.to_channels(z).permute(0, 3, 1, 2))
        for i, skip in enumerate(self.skips):
            y = y + skip(kept.pop())
            if i < len(self.up):
                y = self.up[i](y)
        return self.decode(y).permute(0, 2, 3, 1), torch.cat(states), z
