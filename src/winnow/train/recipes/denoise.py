"""Recipes `denoise` (16 kHz) and `denoise-fullband` (48 kHz, on top of a trained `denoise`): the causal enhancers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from winnow.models.manifest import FramesSettings, Manifest
from winnow.train.losses import Loss, LossConfig, enhancement_loss
from winnow.train.mixing import MixConfig
from winnow.train.networks.bandformer import Bandformer, BandformerConfig
from winnow.train.networks.fullband import Fullband, FullbandConfig
from winnow.train.recipes.base import BaseRecipe, BatchDescent
from winnow.train.spectra import compress, istft, stft


@dataclass(frozen=True)
class DenoiseConfig(BatchDescent):
    """Everything that a run needs besides its data.

    window: samples.

    power: compression of magnitudes; exponent: to which the bundle raises the gains. The loss settles on the
    mean of the compressed gains that a frame may need, and expanding a mean gives less than the mean of the expanded: the
    gains come out too small. bench/exponent.py measures by how much.
    """

    window: int = 512
    power: float = 0.3
    exponent: float = 0.8
    learning_rate: float = 2.5e-3
    network: BandformerConfig = field(default_factory=BandformerConfig)
    mix: MixConfig = field(default_factory=MixConfig)
    loss: LossConfig = field(default_factory=LossConfig)

    @classmethod
    def shipped(cls) -> DenoiseConfig:
        """What the shipped bundle was trained with."""
        return cls()

    @classmethod
    def tiny(cls) -> DenoiseConfig:
        """Small enough for a test: seconds, not minutes."""
        network = BandformerConfig(channels=8, depth=1, bands=8, width=8, blocks=1, heads=2)
        return cls(
            batch_size=2,
            epoch=8,
            network=network,
            mix=replace(MixConfig(), seconds=0.5, synthetic_count=20, simulated_count=8),
        )


@dataclass(frozen=True)
class FullbandRunConfig(BatchDescent):
    """As DenoiseConfig, for 48 kHz; only the upper bands are trained."""

    window: int = 1536
    power: float = 0.3
    exponent: float = 0.8
    learning_rate: float = 2e-3
    average: float = 0.99
    network: FullbandConfig = field(default_factory=FullbandConfig)
    mix: MixConfig = field(
        default_factory=lambda: replace(MixConfig(), rate=48000, synthetic_count=200, simulated_count=300)
    )
    loss: LossConfig = field(default_factory=LossConfig)

    @classmethod
    def shipped(cls) -> FullbandRunConfig:
        """What the shipped bundle was trained with."""
        return cls()

    @classmethod
    def tiny(cls) -> FullbandRunConfig:
        """Small enough for a test; on top of the tiny `denoise`."""
        mix = replace(MixConfig(), rate=48000, seconds=0.5, synthetic_count=20, simulated_count=8)
        network = FullbandConfig(core=DenoiseConfig.tiny().network, hidden=16)
        return cls(batch_size=2, epoch=8, network=network, mix=mix)


class MaskRecipe(BaseRecipe):
    """What both have in common: a network of masks on compressed spectra."""

    config_class: type[Any] = DenoiseConfig

    def network(self) -> nn.Module:
        """A new network."""
        raise NotImplementedError

    def loss(self, network: nn.Module, mixture: Tensor, target: Tensor) -> Loss:
        """Of mixture and target `(N, time)`."""
        c = self.config
        hop = c.window // 2
        spectrum = compress(stft(mixture, c.window, hop), c.power)[..., :-1, :]
        mask, _ = network(spectrum)
        total, parts, wave = enhancement_loss(mask, spectrum, target, c.window, hop, c.power, c.loss)
        return Loss(total, parts, wave, target, mixture)

    def manifest(self, name: str, network: Any) -> Manifest:
        """The manifest of a bundle, without what only a person knows."""
        c = self.config
        state = tuple(network.begin(1, torch.device("cpu")).shape)
        settings = FramesSettings(c.window, c.power, c.window // 2, state, exponent=c.exponent)
        return self.described(name, "frames", network, ("speech", "background"), settings, c.window / c.mix.rate)


class DenoiseRecipe(MaskRecipe):
    """16 kHz."""

    name = "denoise"
    title = "Speech out of noise and reverberation, 16 kHz, real time"

    def network(self) -> Bandformer:
        """A new network."""
        return Bandformer(self.config.network)


class FullbandRecipe(MaskRecipe):
    """48 kHz: a trained 16 kHz network below 8 kHz, band gains above."""

    name = "denoise-fullband"
    title = "Speech out of noise and reverberation, 48 kHz, real time"
    config_class = FullbandRunConfig

    def __init__(self, config: Any, core: dict[str, Tensor] | None = None) -> None:
        super().__init__(config)
        self.core = core

    def network(self) -> Fullband:
        """A new network around the trained core, if one was given (an export loads all weights later)."""
        network = Fullband(self.config.network)
        if self.core is not None:
            network.core.load_state_dict(self.core)
        return network

    def loss(self, network: nn.Module, mixture: Tensor, target: Tensor) -> Loss:
        """As above, but of the upper bands alone: the core is frozen, and its far louder bands would drown the rest."""
        c = self.config
        hop = c.window // 2
        whole = stft(mixture, c.window, hop)
        mask, _ = network(compress(whole, c.power)[..., :-1, :])
        upper = torch.arange(whole.shape[-1], device=whole.device) >= c.network.start
        wanted = istft(stft(target, c.window, hop) * upper, c.window, hop, target.shape[-1])
        heard = compress(whole * upper, c.power)[..., :-1, :]
        total, parts, wave = enhancement_loss(mask, heard, wanted, c.window, hop, c.power, c.loss)
        return Loss(total, parts, wave, wanted, istft(whole * upper, c.window, hop, mixture.shape[-1]))
