"""Recipe `spleeter`: voice and accompaniment by a U-Net in Spleeter's shape; faithful sizes, and small ones for 16 kHz."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from winnow.models.manifest import Manifest, SpectralSettings
from winnow.train.losses import Loss
from winnow.train.mixing import MixConfig
from winnow.train.networks.spleeter import Spleeter, SpleeterConfig
from winnow.train.recipes.base import BaseRecipe, BatchDescent
from winnow.train.recipes.unet import mask_manifest
from winnow.train.spectra import hann_istft, hann_stft


def _mix(rate: int, samples: int) -> MixConfig:
    """Speech over music, babble and noise."""
    base = replace(MixConfig(), rate=rate, seconds=samples / rate, music_share=0.8, synthetic_chance=0.5)
    return replace(
        base, babble_chance=0.25, clean_chance=0.05, codec_chance=0.0, clip_chance=0.0, band_limit_chance=0.0
    )


@dataclass(frozen=True)
class SpleeterRunConfig(BatchDescent):
    """Everything that a run needs besides its data; fft, hop: samples; frames, bins: of an example."""

    fft: int = 4096
    hop: int = 1024
    frames: int = 512
    bins: int = 1024
    batch_size: int = 4
    epoch: int = 4800
    learning_rate: float = 1e-4
    final_rate: float = 1e-4
    warm_up: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float = 1e9
    average: float = 0.0
    network: SpleeterConfig = field(default_factory=SpleeterConfig)
    mix: MixConfig = field(default_factory=lambda: _mix(44100, 512 * 1024))

    @classmethod
    def paper(cls) -> SpleeterRunConfig:
        """As published, but for one channel: 44.1 kHz, 4096 and 1024 samples, 512 frames of 1024 bins, Adam at 1e-4."""
        return cls()

    @classmethod
    def shipped(cls) -> SpleeterRunConfig:
        """For speech at 16 kHz, a quarter of the maps: small enough for two cores."""
        return cls(
            fft=1024,
            hop=256,
            frames=128,
            bins=512,
            batch_size=8,
            learning_rate=1e-3,
            final_rate=1e-5,
            average=0.99,
            network=SpleeterConfig(maps=(8, 16, 32, 64, 96, 128)),
            mix=_mix(16000, 128 * 256),
        )

    @classmethod
    def tiny(cls) -> SpleeterRunConfig:
        """Small enough for a test."""
        mix = replace(_mix(8000, 64 * 64), synthetic_count=20, simulated_count=8)
        network = SpleeterConfig(maps=(2, 2, 2, 2, 2, 2))
        return cls(fft=256, hop=64, frames=64, bins=128, batch_size=2, epoch=8, network=network, mix=mix)


class SpleeterRecipe(BaseRecipe):
    """Speech and what is not speech."""

    name = "spleeter"
    title = "Speech from music, voices and noise by a U-Net in Spleeter's shape"
    config_class: type[Any] = SpleeterRunConfig

    def network(self) -> nn.Module:
        """A new network."""
        return Spleeter(self.config.network)

    def loss(self, network: nn.Module, mixture: Tensor, target: Tensor) -> Loss:
        """Mean absolute error of the magnitudes of the speech and of the rest, as published but through the ratio mask."""
        c = self.config
        noisy, clean = (hann_stft(x, c.fft, c.hop)[:, : c.frames] for x in (mixture, target))
        size = noisy.abs()[..., : c.bins]
        gain = network(size)
        rest = (noisy - clean).abs()[..., : c.bins]
        level = size.mean((1, 2), keepdim=True).clamp(min=1e-6)
        parts = {
            "speech": ((gain * size - clean.abs()[..., : c.bins]) / level).abs().mean(),
            "rest": (((1 - gain) * size - rest) / level).abs().mean(),
        }
        whole = nn.functional.pad(gain, (0, noisy.shape[-1] - c.bins))
        wave = hann_istft(noisy * whole, c.fft, c.hop, mixture.shape[-1])
        return Loss(torch.stack(list(parts.values())).sum(), parts, wave, target, mixture)

    def manifest(self, name: str, network: nn.Module) -> Manifest:
        """The manifest of a bundle, without what only a person knows."""
        c = self.config
        settings = SpectralSettings(
            fft=c.fft,
            window=c.fft,
            hop=c.hop,
            frames=c.frames,
            bins=c.bins,
            multiple=2 ** len(c.network.maps),
            input="magnitude",
            output="mask",
        )
        return mask_manifest(self, name, network, settings)
