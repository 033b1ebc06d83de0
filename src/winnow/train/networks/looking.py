"""The audio-only network of Looking to Listen (Ephrat et al. 2018; Lapter57/speech-separation): a complex mask for each talker.

Dilated convolutions over time and frequency, an LSTM in both directions along time, three dense layers, a linear one. Counts of
the published sizes, 298 frames of 257 bins and two talkers, k x l filters from i to o maps having k l i o + o parameters:

    (1,7) from 2 to 96 maps                              1,440
    (7,1)                                               64,608
    twelve (5,5), 230,496 each                       2,765,952
    (1,1) to 8 maps                                        776
    batch norms, 2 trained and 2 moving each    2,704 +  2,704
    LSTM of 200 twice, 4 (2056 + 200 + 1) 200 each   3,611,200    of 400 twice, 7,862,400, added up and so 400 wide as well
    dense 400 to 600, and 600 to 600 twice             961,800
    dense 600 to 2 x 2 x 257                           617,828
    trained                                          8,026,308    12,277,508
    with the moving statistics of the norms          8,029,012    12,280,212

The latter are Keras' total, the published "8.03 M" and "12.28 M". An LSTM of Keras has one vector of biases, one of torch two: the
second is held at zero here and not trained, so that the counts are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

JOINS = ("concat", "sum")
OUTPUTS = ("linear", "sigmoid")


@dataclass(frozen=True)
class LookingConfig:
    """Sizes; stored with the weights.

    bins: F; channels: maps of the convolutions, the last of which has `narrow`; kernel: of the dilated ones, odd; in time and in
    frequency: their dilations, one after the other; cells: of the LSTM in each direction; join: "concat", or "sum" of both
    directions; dense: width of the three layers; output: "linear", or "sigmoid", which bounds masks of that form.
    """

    talkers: int = 2
    bins: int = 257
    channels: int = 96
    narrow: int = 8
    kernel: int = 5
    time_dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 1, 2, 4, 8, 16, 32)
    frequency_dilations: tuple[int, ...] = (1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 16, 32)
    cells: int = 200
    join: str = "concat"
    dense: int = 600
    output: str = "linear"

    @property
    def features(self) -> int:
        """What the LSTM gives for a frame."""
        return 2 * self.cells if self.join == "concat" else self.cells


class Looking(nn.Module):
    """Spectrum in, masks out."""

    def __init__(self, config: LookingConfig) -> None:
        super().__init__()
        self.config = c = config
        filters = [((1, 7), (1, 1)), ((7, 1), (1, 1))]
        dilations = zip(c.time_dilations, c.frequency_dilations, strict=True)
        filters += [((c.kernel, c.kernel), each) for each in dilations] + [((1, 1), (1, 1))]
        maps = [2, *[c.channels] * (len(filters) - 1), c.narrow]
        ends = zip(pairwise(maps), filters, strict=True)
        self.convolutions = nn.Sequential(*(layer for (i, o), how in ends for layer in _block(i, o, *how)))
        self.lstm = nn.LSTM(c.narrow * c.bins, c.cells, batch_first=True, bidirectional=True)
        widths = [c.features, c.dense, c.dense, c.dense]
        self.dense = nn.Sequential(*(layer for i, o in pairwise(widths) for layer in (nn.Linear(i, o), nn.ReLU())))
        self.last = nn.Linear(c.dense, c.bins * 2 * c.talkers)
        _as_published(self.lstm)

    def forward(self, spectrum: Tensor) -> Tensor:
        """`(N, T, F, 2)` to `(N, talkers, T, F, 2)`."""
        c = self.config
        maps = self.convolutions(spectrum.permute(0, 3, 1, 2))
        both = self.lstm(maps.permute(0, 2, 3, 1).flatten(2))[0]
        if c.join == "sum":
            both = both[..., : c.cells] + both[..., c.cells :]
        out = self.last(self.dense(both)).unflatten(-1, (c.bins, 2, c.talkers)).permute(0, 4, 1, 2, 3)
        return torch.sigmoid(out) if c.output == "sigmoid" else out

    def counts(self) -> tuple[int, int]:
        """Parameters that are trained, and these with the moving statistics of the norms (Keras' total)."""
        trained = sum(p.numel() for p in self.parameters() if p.requires_grad)
        norms = [m for m in self.modules() if isinstance(m, nn.BatchNorm2d)]
        return trained, trained + sum(2 * norm.num_features for norm in norms)


def _block(before: int, after: int, kernel: tuple[int, int], dilation: tuple[int, int]) -> list[nn.Module]:
    """A convolution that keeps time and frequency, batch norm with Keras' constants, ReLU."""
    edges = ((kernel[0] - 1) * dilation[0] // 2, (kernel[1] - 1) * dilation[1] // 2)
    convolution = nn.Conv2d(before, after, kernel, padding=edges, dilation=dilation)
    nn.init.xavier_uniform_(convolution.weight)
    return [convolution, nn.BatchNorm2d(after, eps=1e-3, momentum=0.01), nn.ReLU()]


def _as_published(lstm: nn.LSTM) -> None:
    """First weights as Keras draws them, the forget gates open; one vector of biases."""
    for name, value in lstm.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(value)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(value)
        else:
            nn.init.zeros_(value)
            if name.startswith("bias_ih"):
                value.data[lstm.hidden_size : 2 * lstm.hidden_size] = 1
        value.requires_grad_(not name.startswith("bias_hh"))
