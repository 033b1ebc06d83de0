"""Losses on compressed spectra and waveforms (after FastEnhancer, 2025, and GTCRN, Rong et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from winnow.train.spectra import compress, expand, istft, multiply, stft


@dataclass(frozen=True)
class LossConfig:
    """Weights of the parts. `over_suppression` multiplies magnitude errors where speech was taken away."""

    magnitude: float = 30.0
    complex: float = 20.0
    consistency: float = 30.0
    waveform: float = 1.0
    ratio: float = 0.05
    over_suppression: float = 1.5


class Loss(NamedTuple):
    """What a recipe makes of a batch: the loss, its parts, and the waveforms `(N, time)` that it compared.

    estimate: what the network gives; target: what it should give; mixture: what it was given, all of the same band.
    """

    total: Tensor
    parts: dict[str, Tensor]
    estimate: Tensor
    target: Tensor
    mixture: Tensor


def enhancement_loss(
    mask: Tensor, mixture: Tensor, target: Tensor, window: int, hop: int, power: float, config: LossConfig
) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """The training loss of mask-based enhancers.

    mask: `(N, T, F - 1, 2)`, for the compressed spectrum without its last bin; mixture: compressed, same shape;
    target: waveform `(N, time)`. Returns the loss, its parts, and the estimated waveform.
    """
    estimate = multiply(mask, mixture)
    reference = compress(stft(target, window, hop), power)[..., :-1, :]
    padded = torch.nn.functional.pad(estimate, (0, 0, 0, 1))
    wave = istft(expand(padded, power), window, hop, target.shape[-1])
    again = compress(stft(wave, window, hop), power)[..., :-1, :]
    scale = target.square().mean(-1, keepdim=True).sqrt().clamp(min=3e-3)
    parts = {
        "magnitude": magnitude_error(estimate, reference, config.over_suppression),
        "complex": (estimate - reference).square().sum(-1).mean(),
        "consistency": (again - reference).square().sum(-1).mean(),
        "waveform": ((wave - target).abs() / scale).mean(),
        "ratio": -noise_ratio(wave, target).mean(),
    }
    return sum(getattr(config, name) * value for name, value in parts.items()), parts, wave


def magnitude_error(estimate: Tensor, reference: Tensor, over_suppression: float) -> Tensor:
    """Mean squared error of the magnitudes of `(..., 2)` spectra, more where the estimate is too small."""
    size = (estimate.square().sum(-1) + 1e-8).sqrt()
    error = size - (reference.square().sum(-1) + 1e-8).sqrt()
    return (error.square() * torch.where(error < 0, over_suppression, 1.0)).mean()


def noise_ratio(estimate: Tensor, target: Tensor) -> Tensor:
    """Signal-to-noise ratio in dB, limited to about 30; silent targets count as that limit's floor, `(N, time)` to `(N,)`."""
    power = target.square().sum(-1)
    error = (estimate - target).square().sum(-1)
    return 10 * torch.log10((power + 1e-3) / (error + 1e-3 * power + 1e-3))


def si_sdr(estimate: Tensor, target: Tensor) -> Tensor:
    """Scale-invariant SDR in dB (Le Roux et al. 2019), `(N, time)` to `(N,)`."""
    factor = (estimate * target).sum(-1, keepdim=True) / target.square().sum(-1, keepdim=True).clamp(min=1e-9)
    kept = (factor * target).square().sum(-1)
    return 10 * torch.log10((kept + 1e-9) / ((factor * target - estimate).square().sum(-1) + 1e-9))
