"""One layer of gated single-head attention: within groups of frames, and linear over all of them.

After "Transformer Quality in Linear Time" (Hua et al. 2022) in the joint form of MossFormer (Zhao and Ma 2023): projections
with a depthwise convolution, squared ReLU in place of softmax, values and gates through one attention.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

QUERIES_AND_KEYS = 4
"""Of the groups and of the linear attention, all made from one projection."""


@dataclass(frozen=True)
class FlashConfig:
    """width: of a frame; group: frames that see each other in full; query_key: width of queries and keys; rotary: of which are
    turned by position; expansion: of width, for values and gates together; kernel: frames of the depthwise convolutions.
    """

    width: int = 512
    group: int = 256
    query_key: int = 128
    rotary: int = 32
    expansion: int = 4
    kernel: int = 17
    dropout: float = 0.1


class Turns(NamedTuple):
    """Cosines and sines of the rotary positions, each `(T, rotary / 2)`."""

    cosine: Tensor
    sine: Tensor


def rotary_turns(frames: Tensor, rotary: int) -> Turns:
    """Angles `t * 10000 ** (-2 i / rotary)` of pair i at frame t (Su et al. 2021); frames: their numbers, `(T,)`."""
    pace = 10000 ** (-torch.arange(0, rotary, 2, device=frames.device, dtype=torch.float32) / rotary)
    angle = frames[:, None] * pace
    return Turns(angle.cos(), angle.sin())


def rotated(x: Tensor, turns: Turns) -> Tensor:
    """Turn the pairs of neighbouring values at the beginning of `(N, T, heads, D)` by the angle of their frame."""
    cosine, sine = (part[:, None].to(x.dtype) for part in turns)
    width = 2 * cosine.shape[-1]
    a, b = x[..., 0:width:2], x[..., 1:width:2]
    turned = torch.stack([a * cosine - b * sine, b * cosine + a * sine], -1).flatten(-2)
    return torch.cat([turned, x[..., width:]], -1)


class ScaleNorm(nn.Module):
    """Frames to a root mean square of one, times one learned number (Nguyen and Salazar 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = width**-0.5
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        """`(..., width)` to the same."""
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True) * self.scale
        return x / size.clamp(min=1e-5) * self.gain


class ConvolvedProjection(nn.Module):
    """Norm, linear layer, SiLU, then a depthwise convolution over the frames beside a short cut."""

    def __init__(self, norm: nn.Module, wide: int, out: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = norm
        self.linear = nn.Linear(wide, out)
        self.convolution = nn.Conv1d(out, out, kernel, padding=kernel // 2, groups=out, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, T, wide)` to `(N, T, out)`."""
        x = F.silu(self.linear(self.norm(x)))
        near: Tensor = self.convolution(x.transpose(1, 2)).transpose(1, 2)
        dropped: Tensor = self.dropout(x + near)
        return dropped


class Flash(nn.Module):
    """The layer, with its short cut."""

    def __init__(self, config: FlashConfig) -> None:
        super().__init__()
        self.config = c = config
        hidden = c.width * c.expansion
        self.hidden = ConvolvedProjection(ScaleNorm(c.width), c.width, hidden, c.kernel, c.dropout)
        self.query_key = ConvolvedProjection(ScaleNorm(c.width), c.width, c.query_key, c.kernel, c.dropout)
        self.gain = nn.Parameter(torch.empty(QUERIES_AND_KEYS, c.query_key).normal_(std=0.02))
        self.offset = nn.Parameter(torch.zeros(QUERIES_AND_KEYS, c.query_key))
        self.out = ConvolvedProjection(ScaleNorm(hidden // 2), hidden // 2, c.width, c.kernel, c.dropout)
        self.dropout = nn.Dropout(c.dropout)

    def forward(self, x: Tensor, turns: Turns) -> Tensor:
        """`(N, T, width)` to the same."""
        shifted = self._shifted(x)
        hidden = self.hidden(shifted)
        both = self.query_key(shifted)[:, :, None] * self.gain + self.offset
        attended = self._attended(rotated(both, turns), hidden)
        value, gate = hidden.chunk(2, -1)
        attended_value, attended_gate = attended.chunk(2, -1)
        out: Tensor = self.out(attended_gate * value * torch.sigmoid(attended_value * gate))
        return x + out

    @staticmethod
    def _shifted(x: Tensor) -> Tensor:
        """The first half of the channels one frame later, so that a frame sees the one before for nothing."""
        late, now = x.chunk(2, -1)
        return torch.cat([F.pad(late[:, :-1], (0, 0, 1, 0)), now], -1)

    def _attended(self, heads: Tensor, hidden: Tensor) -> Tensor:
        """Queries and keys `(N, T, 4, D)` and what they are for, `(N, T, E)`, to `(N, T, E)`.

        Frames of nothing fill the last group: their keys are zero, and the square of zero's ReLU gives them no weight.
        """
        count, group = hidden.shape[1], self.config.group
        spare = -count % group
        near_query, far_query, near_key, far_key = heads.unbind(2)
        everywhere = far_query @ (far_key.transpose(1, 2) @ hidden / count)
        query, key, values = (
            F.pad(part, (0, 0, 0, spare)).unflatten(1, (-1, group)) for part in (near_query, near_key, hidden)
        )
        weight = self.dropout(F.relu(query @ key.transpose(-1, -2) / group).square())
        return (weight @ values).flatten(1, 2)[:, :count] + everywhere
