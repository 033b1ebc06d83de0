"""48 kHz enhancer: the 16 kHz network below 8 kHz, unchanged, and band gains above it.

With a window of the same duration, the first 256 bins at 48 kHz are the bins of the 16 kHz network. Above 8 kHz speech
is noise-like: a gain per 500 Hz band is enough, found from the band's own level, its past, and what the lower network knows.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from winnow.train.networks.bandformer import Bandformer, BandformerConfig


@dataclass(frozen=True)
class FullbandConfig:
    """Sizes; `ratio` is the sample rate over the core's, `upper` the number of bands from bin `start` on.

    They begin a little below the core's last bin: near its own Nyquist frequency the core has only heard resampled
    recordings, which end there, so it would leave a notch.
    """

    core: BandformerConfig = field(default_factory=BandformerConfig)
    bins: int = 768
    start: int = 240
    upper: int = 16
    hidden: int = 48
    ratio: int = 3
    power: float = 0.3


class Fullband(nn.Module):
    """The core, frozen, and the upper bands. State: the core's, and one more row that holds the GRU of the upper bands."""

    def __init__(self, config: FullbandConfig) -> None:
        super().__init__()
        c = self.config = config
        self.core = Bandformer(c.core).requires_grad_(False)
        self.know = nn.Linear(c.core.bands * c.core.width, c.hidden)
        self.hear = nn.Linear(c.upper, c.hidden)
        self.gru = nn.GRU(c.hidden, c.hidden)
        self.gain = nn.Linear(2 * c.hidden, c.upper)
        nn.init.constant_(self.gain.bias, 1.0)
        self.act = nn.SiLU()
        self.register_buffer("spread", self._spread(c.upper, c.bins - c.start))

    @staticmethod
    def _spread(bands: int, bins: int) -> Tensor:
        """Bins from bands by linear interpolation, `(bands, bins)`."""
        place = (torch.arange(bins) + 0.5) / bins * bands - 0.5
        return (1 - (place[None] - torch.arange(bands)[:, None]).abs()).clamp(min=0)

    def train(self, mode: bool = True) -> Fullband:
        """The core stays as it is at run time."""
        super().train(mode)
        self.core.eval()
        return self

    @torch.no_grad()
    def folded(self) -> Fullband:
        """A copy for run time, with a folded core."""
        copied = copy.deepcopy(self).eval()
        copied.core = copied.core.folded()
        return copied

    def begin(self, count: int, device: torch.device) -> Tensor:
        """The state before the first frame, `(blocks + 1, count * K, D)`."""
        core = self.core.begin(count, device)
        return torch.cat([core, torch.zeros_like(core[:1])])

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Compressed spectrum `(B, T, F, 2)` and state to mask `(B, T, F, 2)` and the next state."""
        c = self.config
        if state is None:
            state = self.begin(x.shape[0], x.device)
        scale = float(c.ratio) ** -c.power  # a window of `ratio` times the samples has a spectrum as many times larger
        lower, core_state, known = self.core.detailed(x[:, :, : c.core.bins] * scale, state[:-1])
        size = (x[:, :, c.start :].square().sum(-1) + 1e-8).sqrt()
        heard = size.reshape(*size.shape[:2], c.upper, -1).mean(-1) * scale
        y = self.act(self.know(known.flatten(2))) + self.act(self.hear(heard))
        past = state[-1:].reshape(1, x.shape[0], -1)[..., : c.hidden].contiguous()
        z, past = self.gru(y.transpose(0, 1), past)
        gain = self.gain(torch.cat([y, z.transpose(0, 1)], -1)).clamp(0, 1.2) @ self.spread
        upper = torch.stack([gain, torch.zeros_like(gain)], -1)
        return torch.cat([lower[:, :, : c.start], upper], 2), torch.cat([core_state, self._row(past, state)])

    def _row(self, past: Tensor, state: Tensor) -> Tensor:
        missing = self.config.core.bands * self.config.core.width - self.config.hidden
        return nn.functional.pad(past, (0, missing)).reshape(1, state.shape[1], state.shape[2])
