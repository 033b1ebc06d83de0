"""Encoders of voices: the published LSTM (Wan et al. 2018, as in VoiceFilter), and a small time-delay network.

Shapes: N windows, T frames, M mel bands, D numbers of a voice vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from winnow.errors import BadOption
from winnow.metrics.mel import mel_bank
from winnow.models.manifest import SpeakerSettings
from winnow.models.speaker import FLOOR

MODELS = ("lstm", "tdnn")


@dataclass(frozen=True)
class EncoderConfig:
    """model: "lstm" or "tdnn"; hidden: units of a layer; layers: of the LSTM, or dilated convolutions; size: D."""

    model: str = "tdnn"
    mels: int = 40
    hidden: int = 128
    layers: int = 4
    size: int = 128

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise BadOption(f'no model named "{self.model}"; there are {", ".join(MODELS)}.')
        if min(self.mels, self.hidden, self.layers, self.size) < 1:
            raise BadOption("mels, hidden, layers and size of the network are 1 or more.")


def build(config: EncoderConfig) -> nn.Module:
    """A new encoder: `(N, T, M)` to unit vectors `(N, D)`."""
    return Lstm(config) if config.model == "lstm" else Tdnn(config)


class Lstm(nn.Module):
    """LSTM layers, a projection of the last frame, unit length: 12,134,656 parameters as published."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.lstm = nn.LSTM(config.mels, config.hidden, config.layers, batch_first=True)
        self.project = nn.Linear(config.hidden, config.size)

    def forward(self, mels: Tensor) -> Tensor:
        """`(N, T, M)` to `(N, D)`."""
        return nn.functional.normalize(self.project(self.lstm(mels)[0][:, -1]), dim=-1)


class Tdnn(nn.Module):
    """Dilated convolutions over time, then mean and deviation weighted by attention (Okabe et al. 2018; Desplanques et al. 2020).

    Each band's mean over the window is taken away first: what a microphone or a line adds to a logarithm is constant.
    Convolutions have two dimensions, one of them of size 1: in that form they are fast in bfloat16, and can be stored in 8 bits.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        width, wide = config.hidden, 2 * config.hidden
        self.first = _block(config.mels, width, 5, stride=2)
        self.blocks = nn.ModuleList(_block(width, width, 3, dilation=1 + i) for i in range(config.layers))
        self.last = _block(width, wide, 1)
        self.attention = nn.Sequential(nn.Conv2d(wide, 64, 1), nn.Tanh(), nn.Conv2d(64, wide, 1))
        self.project = nn.Sequential(nn.BatchNorm1d(2 * wide), nn.Linear(2 * wide, config.size))

    def forward(self, mels: Tensor) -> Tensor:
        """`(N, T, M)` to `(N, D)`."""
        x = self.first((mels - mels.mean(1, keepdim=True)).transpose(1, 2)[:, :, None])
        for block in self.blocks:
            x = x + block(x)
        x = self.last(x)
        weight = torch.softmax(self.attention(x).float(), -1)
        mean = (x * weight).sum((2, 3))
        spread = ((x * x * weight).sum((2, 3)) - mean * mean).clamp(min=1e-5).sqrt()
        return nn.functional.normalize(self.project(torch.cat([mean, spread], 1)).float(), dim=-1)


def _block(inside: int, outside: int, kernel: int, dilation: int = 1, stride: int = 1) -> nn.Sequential:
    pad = (0, dilation * (kernel // 2))
    conv = nn.Conv2d(inside, outside, (1, kernel), (1, stride), pad, (1, dilation), bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside), nn.ReLU())


def log_mels(sound: Tensor, settings: SpeakerSettings) -> Tensor:
    """`(N, time)` to log10 mel powers `(N, T, M)`, T = 1 + time // hop; as `winnow.models.speaker.log_mels`."""
    s = settings
    window = torch.hann_window(s.window, device=sound.device)
    spectrum = torch.stft(sound, s.fft, s.hop, s.window, window, pad_mode="constant", return_complex=True)
    power = torch.view_as_real(spectrum).square().sum(-1)
    return torch.log10(_bank(s).to(sound.device) @ power + FLOOR).transpose(1, 2)


@lru_cache(maxsize=4)
def _bank(s: SpeakerSettings) -> Tensor:
    return torch.as_tensor(mel_bank(s.rate, s.fft, s.mels, s.highest), dtype=torch.float32)


def band_sums(s: SpeakerSettings) -> Tensor:
    """What each band makes of a spectrum of ones, `(M,)`."""
    return _bank(s).sum(1)


def middles(s: SpeakerSettings) -> npt.NDArray[np.float64]:
    """Where each band is highest, hertz, `(M,)`."""
    return np.asarray(_bank(s).argmax(1).numpy() * s.rate / s.fft)


def ge2e(vectors: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
    """Generalised end-to-end loss in its softmax form (Wan et al. 2018, equations 5, 6, 8 and 9), a mean over all vectors.

    vectors: `(speakers, M, D)` of unit length, M > 1; scale, offset: of the cosines, learnt. A vector is compared with the
    mean of its speaker's other vectors, and with the means of all other speakers.
    """
    speakers, count, _ = vectors.shape
    total = vectors.sum(1, keepdim=True)
    centres = nn.functional.normalize(total[:, 0], dim=-1)
    without = nn.functional.normalize(total - vectors, dim=-1)
    alike = torch.einsum("smd,kd->smk", vectors, centres)
    own = torch.eye(speakers, dtype=torch.bool, device=vectors.device)[:, None]
    alike = torch.where(own, (vectors * without).sum(-1, keepdim=True), alike)
    wanted = torch.arange(speakers, device=vectors.device).repeat_interleave(count)
    return nn.functional.cross_entropy((scale.clamp(min=1e-6) * alike + offset).flatten(0, 1), wanted)


class Taught(nn.Module):
    """An encoder and what only its loss needs."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.scale, self.offset = nn.Parameter(torch.tensor(10.0)), nn.Parameter(torch.tensor(-5.0))

    def forward(self, mels: Tensor) -> Tensor:
        """As the encoder."""
        return self.encoder(mels)
