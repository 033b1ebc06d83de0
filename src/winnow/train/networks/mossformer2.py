"""MossFormer2 (Zhao et al. 2023, arXiv 2312.11825): waveform in, a waveform for each talker out.

Sizes and order of operations are those of the published code, so that its weights would fit one for one. One thing is new: samples
that do not fill a last frame are padded with zeros and separated too; there they are lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from winnow.errors import BadOption
from winnow.train.networks.flash import Flash, FlashConfig, rotary_turns
from winnow.train.networks.fsmn import GatedMemory, MemoryConfig

EPS = 1e-8


@dataclass(frozen=True)
class MossFormer2Config:
    """talkers: waveforms out; kernel: samples of a frame, the hop is half of it; channels: of the encoder.

    masking: the waveforms are the encoder's frames under masks; False: what would be the masks is decoded itself, as in the
    weights that were published for reverberant mixtures (WHAMR!). The width of a frame in the layers is `flash.width`.
    """

    talkers: int = 2
    kernel: int = 16
    channels: int = 512
    layers: int = 24
    masking: bool = True
    flash: FlashConfig = field(default_factory=FlashConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)

    def __post_init__(self) -> None:
        f, m = self.flash, self.memory
        least = min(self.talkers, self.channels, self.layers, f.group, f.expansion, m.inner, m.order, m.depth)
        even = {"kernel": self.kernel, "flash.width": f.width, "flash.query_key": f.query_key, "flash.rotary": f.rotary}
        wrong = [name for name, value in even.items() if value < 2 or value % 2]
        if wrong or least < 1 or f.kernel % 2 == 0 or m.kernel % 2 == 0 or f.rotary > f.query_key:
            raise BadOption(
                f"no MossFormer2 has these sizes: {', '.join(even)} are even, flash.kernel and memory.kernel odd, "
                "flash.rotary at most flash.query_key, and none is below 1."
            )


class Positions(nn.Module):
    """Sinusoids added to the frames, sines then cosines, times one learned number."""

    pace: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        pace = 10000 ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)
        self.register_buffer("pace", pace, persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Numbers of the frames `(T,)` to `(T, width)`."""
        angle = frames[:, None] * self.pace
        return torch.cat([angle.sin(), angle.cos()], -1) * self.scale


class Masks(nn.Module):
    """The network between encoder and decoder."""

    def __init__(self, config: MossFormer2Config) -> None:
        super().__init__()
        self.config = c = config
        width = c.flash.width
        self.norm = nn.GroupNorm(1, c.channels, eps=EPS)
        self.enter = nn.Conv1d(c.channels, width, 1, bias=False)
        self.positions = Positions(width)
        self.flashes = nn.ModuleList(Flash(c.flash) for _ in range(c.layers))
        self.memories = nn.ModuleList(GatedMemory(width, c.memory) for _ in range(c.layers))
        self.end_norm = nn.LayerNorm(width, eps=1e-6)
        self.group_norm = nn.GroupNorm(1, width, eps=EPS)
        self.curve = nn.PReLU()
        self.apart = nn.Conv1d(width, width * c.talkers, 1)
        self.content, self.gate = nn.Conv1d(width, width, 1), nn.Conv1d(width, width, 1)
        self.leave = nn.Conv1d(width, c.channels, 1, bias=False)

    def forward(self, encoded: Tensor) -> Tensor:
        """`(N, channels, T)` to `(N * talkers, channels, T)`, none below zero."""
        x = self.enter(self.norm(encoded))
        frames = torch.arange(x.shape[-1], device=x.device, dtype=torch.float32)
        x = x + self.positions(frames).transpose(0, 1)
        x = self.curve(x + self.group_norm(self._layers(x.transpose(1, 2), frames).transpose(1, 2)))
        x = self.apart(x).unflatten(1, (self.config.talkers, -1)).flatten(0, 1)
        return F.relu(self.leave(torch.tanh(self.content(x)) * torch.sigmoid(self.gate(x))))

    def _layers(self, x: Tensor, frames: Tensor) -> Tensor:
        turns = rotary_turns(frames, self.config.flash.rotary)
        for flash, memory in zip(self.flashes, self.memories, strict=True):
            x = memory(flash(x, turns))
        normed: Tensor = self.end_norm(x)
        return normed


class MossFormer2(nn.Module):
    """The whole network."""

    def __init__(self, config: MossFormer2Config) -> None:
        super().__init__()
        self.config = c = config
        self.encoder = nn.Conv1d(1, c.channels, c.kernel, c.kernel // 2, bias=False)
        self.masks = Masks(c)
        self.decoder = nn.ConvTranspose1d(c.channels, 1, c.kernel, c.kernel // 2, bias=False)

    def forward(self, wave: Tensor) -> Tensor:
        """`(N, time)` to `(N, talkers, time)`; time: more than `kernel` samples."""
        c, time = self.config, wave.shape[-1]
        padded = F.pad(wave, (0, -time % (c.kernel // 2)))
        encoded = F.relu(self.encoder(padded[:, None]))
        masks = self.masks(encoded).unflatten(0, (-1, c.talkers))
        frames = masks * encoded[:, None] if c.masking else masks
        return self.decoder(frames.flatten(0, 1))[:, 0, :time].unflatten(0, (-1, c.talkers))
