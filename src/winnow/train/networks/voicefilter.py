"""VoiceFilter (Wang et al. 2019, table 1) as maum-ai/voicefilter builds it: convolutions, a voice vector, an LSTM, a mask.

Trainable parameters as published: 18,876,001, of which the bidirectional LSTM has 17,491,200.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from winnow.errors import BadOption


@dataclass(frozen=True)
class VoiceFilterConfig:
    """Sizes; the defaults are the published ones.

    bins: of the spectrogram; voice: numbers of the vector that tells the voice; channels: of the convolutions, the last of which
    has `last`; dilations: along time, of the convolutions of 5 by 5; stride: along frequency, of the first convolution, 1 as
    published; lstm, hidden: units of each direction of the LSTM, and of the layer after it; bidirectional: the paper has both.
    """

    bins: int = 601
    voice: int = 256
    channels: int = 64
    last: int = 8
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)
    stride: int = 1
    lstm: int = 400
    hidden: int = 600
    bidirectional: bool = True

    def __post_init__(self) -> None:
        sizes = (self.bins, self.voice, self.channels, self.last, self.stride, self.lstm, self.hidden, *self.dilations)
        if min(sizes) < 1:
            raise BadOption("the sizes of a voicefilter network are whole numbers from 1.")


class VoiceFilter(nn.Module):
    """`(N, T, F)` spectrogram and `(N, D)` voice to a mask `(N, T, F)` in 0..1, any T from 1."""

    def __init__(self, config: VoiceFilterConfig) -> None:
        super().__init__()
        c = config
        kernels = [(1, 7, 1), (7, 1, 1), *((5, 5, dilation) for dilation in c.dilations)]
        widths = [1, *[c.channels] * len(kernels)]
        layers: list[nn.Module] = []
        for place, (time, frequency, dilation) in enumerate(kernels):
            stride = c.stride if place == 0 else 1
            padding = (dilation * (time // 2), frequency // 2)
            layers += _block(
                nn.Conv2d(
                    widths[place], widths[place + 1], (time, frequency), (1, stride), padding, dilation=(dilation, 1)
                )
            )
        self.convolutions = nn.Sequential(*layers, *_block(nn.Conv2d(c.channels, c.last, 1)))
        seen = c.last * ((c.bins - 1) // c.stride + 1) + c.voice
        self.lstm = nn.LSTM(seen, c.lstm, batch_first=True, bidirectional=c.bidirectional)
        self.hidden = nn.Linear(c.lstm * (1 + c.bidirectional), c.hidden)
        self.mask = nn.Linear(c.hidden, c.bins)

    def forward(self, spectrum: Tensor, voice: Tensor) -> Tensor:
        """The mask."""
        maps = self.convolutions(spectrum[:, None])
        seen = maps.transpose(1, 2).flatten(2)
        voices = voice.to(seen.dtype)[:, None].expand(-1, seen.shape[1], -1)
        heard, _ = self.lstm(torch.cat([seen, voices], -1))
        return torch.sigmoid(self.mask(torch.relu(self.hidden(torch.relu(heard)))))


def _block(convolution: nn.Conv2d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU()]
