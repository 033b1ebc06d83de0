"""Recipe `unet`: system 1's spectrogram U-Nets at 8 kHz, as published (preset `paper`) and corrected (preset `shipped`).

Published (nmd2k/speech-enhancement on vbelz/Speech-enhancement): decibels of a window relative to its own loudest bin in,
decibels of noise out, smooth L1. The published target is the difference of two decibel spectrograms, each relative to its own
loudest bin; `own_reference` keeps that. Corrected: one reference for both, and either the same target or a gain per bin.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from winnow.errors import BadOption
from winnow.models.manifest import Manifest, SpectralSettings
from winnow.train.losses import Loss, noise_ratio
from winnow.train.mixing import MixConfig
from winnow.train.networks.unet import UNetConfig, build
from winnow.train.recipes.base import PLAIN, BaseRecipe, BatchDescent
from winnow.train.spectra import decibels, hann_istft, hann_stft

FFT, HOP, FRAMES = 255, 63, 128
"""Of system 1: 128 bins, and 128 frames are 8064 samples, 1.008 s at 8 kHz."""

INPUT = (-46.0, 50.0)
OUTPUT = (6.0, 82.0)
"""Centre and span of the decibels that go in and come out: `(x - centre) / span`."""

THRESHOLD = 6.0
"""Noise of a bin, dB, from which the published IoU counts it."""

POWER = 0.3
MODELS = ("unet", "resnet")
TARGETS = ("noise", "gain")


def _mix(samples: int, **values: Any) -> MixConfig:
    """Examples at 8 kHz of the given length."""
    return replace(MixConfig(), rate=8000, seconds=samples / 8000, **values)


def _plain_mix() -> MixConfig:
    """As vbelz mixes: a voice and u times a noise, u in 0.2-0.8, and nothing else."""
    return _mix(FRAMES * HOP, amplitude=(0.2, 0.8), synthetic_chance=0.0, babble_chance=0.0, talker_chance=0.0)


@dataclass(frozen=True)
class UNetRunConfig(BatchDescent):
    """Everything that a run needs besides its data.

    target: "noise" (decibels of noise, as published) or "gain" (of each bin's magnitude); own_reference: decibels of the clean
    window relative to its own loudest bin, as published, instead of the mixture's.
    fft, hop: samples; an odd transform of 2 k - 1 points has k bins, which the network can halve as often as it must.
    """

    target: str = "gain"
    own_reference: bool = False
    batch_size: int = 16
    epoch: int = 4800
    fft: int = FFT
    hop: int = HOP
    learning_rate: float = 1.5e-3
    final_rate: float = 1e-5
    average: float = 0.995
    network: UNetConfig = field(default_factory=lambda: UNetConfig(start_fm=32, dropout=0.1))
    mix: MixConfig = field(
        default_factory=lambda: _mix(2 * FRAMES * HOP, babble_chance=0.0, talker_chance=0.0, band_limit_chance=0.1)
    )

    def __post_init__(self) -> None:
        if self.network.model not in MODELS:
            raise BadOption(f'no model named "{self.network.model}"; there are {", ".join(MODELS)}.')
        if self.target not in TARGETS:
            raise BadOption(f'no target named "{self.target}"; there are {", ".join(TARGETS)}.')
        if not 0 <= self.network.dropout < 1 or self.network.start_fm < 1:
            raise BadOption("dropout is from 0 to below 1, start_fm a whole number from 1.")

    @property
    def frames(self) -> int:
        """Frames of an example."""
        return round(self.mix.seconds * self.mix.rate) // self.hop

    @classmethod
    def shipped(cls) -> UNetRunConfig:
        """What the shipped bundles were trained with: true SNR, rooms, one reference, a gain."""
        return cls()

    @classmethod
    def paper(cls) -> UNetRunConfig:
        """As published: windows of 8064 samples, amplitude mixing, decibels of noise, Adam without a schedule."""
        return cls(
            target="noise",
            own_reference=True,
            learning_rate=1e-4,
            final_rate=1e-4,
            network=UNetConfig(start_fm=16, dropout=0.5, shared_norm=True),
            mix=_plain_mix(),
            **PLAIN,
        )

    @classmethod
    def split(cls) -> UNetRunConfig:
        """Speech against music, babble and noise at 16 kHz: what split-16k was trained with."""
        mix = replace(MixConfig(), rate=16000, seconds=256 * 128 / 16000, snr=(-8.0, 15.0), synthetic_chance=0.45)
        mix = replace(
            mix, music_share=0.85, synthetic_count=1200, babble_chance=0.2, codec_chance=0.04, clip_chance=0.03
        )
        return cls(fft=511, hop=128, network=UNetConfig(start_fm=16, dropout=0.1), mix=mix)

    @classmethod
    def tiny(cls) -> UNetRunConfig:
        """Small enough for a test: seconds, not minutes."""
        mix = _mix(32 * HOP, synthetic_count=20, simulated_count=8)
        return cls(batch_size=2, epoch=8, network=UNetConfig(start_fm=2, dropout=0.1), mix=mix)


class UNetRecipe(BaseRecipe):
    """Both networks of system 1."""

    name = "unet"
    title = "Speech out of noise by a spectrogram U-Net, 8 kHz"
    config_class: type[Any] = UNetRunConfig
    maximise = "iou"

    def network(self) -> nn.Module:
        """A new network."""
        return Windowed(build(self.config.network))

    def loss(self, network: nn.Module, mixture: Tensor, target: Tensor) -> Loss:
        """Of mixture and target `(N, time)`."""
        noisy, clean = self._spectra(mixture, target)
        out = network(self._input(noisy))
        gain = self._gain(out)
        wave = hann_istft(noisy * gain, self.config.fft, self.config.hop, mixture.shape[-1])
        if self.config.target == "noise":
            wanted = (self._noise(noisy, clean) - OUTPUT[0]) / OUTPUT[1]
            total = nn.functional.smooth_l1_loss(out, wanted)
            parts = {"noise": total}
        else:
            parts = self._gain_loss(gain, noisy, clean, wave, target)
            total = 30 * parts["magnitude"] + 0.1 * parts["ratio"]
        return Loss(total, parts, wave, target, mixture)

    def _spectra(self, mixture: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        c = self.config
        return hann_stft(mixture, c.fft, c.hop), hann_stft(target, c.fft, c.hop)

    @staticmethod
    def _gain_loss(gain: Tensor, noisy: Tensor, clean: Tensor, wave: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Compressed magnitudes at a level of one, and the signal-to-noise ratio of the waveform."""
        level = noisy.abs().square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-5)
        size, wanted = gain * noisy.abs() / level, clean.abs() / level
        error = (size + 1e-4) ** POWER - (wanted + 1e-4) ** POWER
        magnitude = (error.square() * torch.where(error < 0, 1.5, 1.0)).mean()
        return {"magnitude": magnitude, "ratio": -noise_ratio(wave, target).mean()}

    @staticmethod
    def _input(noisy: Tensor) -> Tensor:
        level = decibels(noisy.abs(), noisy.abs().amax((1, 2), keepdim=True))
        return (level - INPUT[0]) / INPUT[1]

    def _noise(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Decibels of noise, `(N, T, F)`: noisy minus clean."""
        reference = noisy.abs().amax((1, 2), keepdim=True)
        own = clean.abs().amax((1, 2), keepdim=True) if self.config.own_reference else reference
        return decibels(noisy.abs(), reference) - decibels(clean.abs(), own)

    def _gain(self, out: Tensor) -> Tensor:
        """What a bin's magnitude is multiplied with, 0 to 1."""
        if self.config.target == "gain":
            return torch.sigmoid(out)
        return torch.pow(10.0, -(out * OUTPUT[1] + OUTPUT[0]) / 20).clamp(max=1.0)

    @torch.no_grad()
    def score(self, network: nn.Module, mixture: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The published measure, `(N,)`: intersection over union of the bins with 6 dB of noise and more."""
        noisy, clean = self._spectra(mixture, target)
        true = self._noise(noisy, clean) >= THRESHOLD
        told = self._told(network(self._input(noisy))) >= THRESHOLD
        both, either = (true & told).sum((1, 2)).float(), (true | told).sum((1, 2)).float()
        return {"iou": (both + 1e-6) / (either + 1e-6)}

    def _told(self, out: Tensor) -> Tensor:
        """Decibels of noise that a network's output tells."""
        if self.config.target == "noise":
            return out * OUTPUT[1] + OUTPUT[0]
        return -20 * torch.log10(torch.sigmoid(out).clamp(min=1e-5))

    @torch.no_grad()
    def pictures(self, network: nn.Module, mixture: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Spectrograms of the first example in decibels, `(F, T)`: noisy, noise, prediction."""
        noisy, clean = self._spectra(mixture[:1], target[:1])
        level = decibels(noisy.abs(), noisy.abs().amax((1, 2), keepdim=True))
        told = self._told(network(self._input(noisy)))
        found = {"noisy": level, "noise": self._noise(noisy, clean), "prediction": told}
        return {name: picture[0].T for name, picture in found.items()}

    def manifest(self, name: str, network: nn.Module) -> Manifest:
        """The manifest of a bundle, without what only a person knows."""
        c = self.config
        settings = SpectralSettings(
            fft=c.fft,
            window=c.fft,
            hop=c.hop,
            frames=c.frames,
            bins=c.fft // 2 + 1,
            multiple=32,
            input="decibel",
            centre=INPUT[0],
            span=INPUT[1],
            output="gain" if c.target == "gain" else "noise",
            out_centre=OUTPUT[0],
            out_span=OUTPUT[1],
            as_published=c.own_reference,
        )
        return mask_manifest(self, name, network, settings)


def mask_manifest(recipe: BaseRecipe, name: str, network: nn.Module, settings: SpectralSettings) -> Manifest:
    """The manifest of a network of kind `spectral` that makes one mask, that of the speech."""
    latency = ((settings.frames - 1) * settings.hop + settings.window) / recipe.config.mix.rate
    return recipe.described(name, "spectral", network, ("speech", "background"), settings, latency)


class Windowed(nn.Module):
    """Frames in the order of the kind `spectral`, `(N, T, F)`, for a network of pictures `(N, 1, F, T)`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """`(N, T, F)` to `(N, T, F)`, T a multiple of 32."""
        return self.network(x.transpose(1, 2)[:, None])[:, 0].transpose(1, 2)
