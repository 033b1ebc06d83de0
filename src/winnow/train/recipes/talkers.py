"""Recipe `talkers`: overlapping speakers apart by a band-split network, out of noise and rooms, in no given order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from winnow.data.presets import MixConfig, find_preset
from winnow.models.manifest import ComplexSettings, Manifest
from winnow.train.losses import Loss
from winnow.train.networks.bandsplit import BandSplit, BandSplitConfig, fits, grown
from winnow.train.recipes.base import BaseRecipe, BatchDescent
from winnow.train.separation import between, in_order, pit
from winnow.train.spectra import compressed, masked, root_hann_stft


def mixed(**changes: Any) -> MixConfig:
    """Two talkers who overlap all the time, many in noise or in rooms: what is easy to take apart teaches little."""
    mix = replace(
        find_preset("talkers"),
        talkers=(2, 2),
        overlap="full",
        seconds=3.0,
        snr=(0.0, 25.0),
        noise=0.4,
        room=0.25,
        speed=(0.85, 1.18),
        speed_chance=0.5,
    )
    return replace(mix, **changes)


@dataclass(frozen=True)
class TalkersConfig(BatchDescent):
    """Everything that a run needs besides its data.

    window: samples, hop is half of it; power: compression of the magnitudes that the network sees; floor: dB of noise from
    which better no longer counts; fixed_order: train without permutations, to show what that comes to.
    """

    window: int = 512
    power: float = 0.3
    floor: float = 12.0
    fixed_order: bool = False
    batch_size: int = 4
    optimiser: str = "muon"
    learning_rate: float = 1.2e-3
    network: BandSplitConfig = field(default_factory=lambda: BandSplitConfig(blocks=8))
    mix: MixConfig = field(default_factory=mixed)

    @classmethod
    def shipped(cls) -> TalkersConfig:
        """What the shipped bundle was trained with."""
        return cls()

    @classmethod
    def tiny(cls) -> TalkersConfig:
        """Small enough for a test: seconds, not minutes."""
        network = BandSplitConfig(counts=(8,), sizes=(32,), width=8, hidden=8, blocks=1)
        return cls(batch_size=2, epoch=8, network=network, mix=mixed(seconds=0.5, noise=0.0, room=0.0))


class TalkersRecipe(BaseRecipe):
    """The network of `winnow separate`."""

    name = "talkers"
    title = "Two overlapping talkers apart, 16 kHz"
    config_class: type[Any] = TalkersConfig

    def network(self) -> nn.Module:
        """A new network."""
        return BandSplit(self.config.network)

    def adopted(self, other: Any, network: nn.Module) -> dict[str, Tensor] | None:
        """First weights from a run of a network of fewer blocks."""
        if other.name != self.name or not fits(other.config.network, self.config.network):
            return None
        return grown(network.state_dict(), BandSplit(self.config.network))

    def loss(self, network: nn.Module, mixture: Tensor, talkers: Tensor) -> Loss:
        """Of mixtures `(N, time)` and their talkers `(N, S, time)`, some of them silent."""
        c = self.config
        spectrum = root_hann_stft(mixture, c.window)
        masks = network(compressed(spectrum, c.power)[..., : c.network.bins, :])
        waves = masked(masks.float(), spectrum, c.window, mixture.shape[-1])
        if c.fixed_order:
            order = torch.arange(talkers.shape[1], device=talkers.device).expand(len(talkers), -1)
            losses = between(waves, talkers, mixture, c.floor).diagonal(dim1=1, dim2=2).mean(-1)
        else:
            losses, order = pit(between(waves, talkers, mixture, c.floor))
        heard = mixture[:, None].expand_as(talkers)
        return Loss(losses.mean(), {"error": losses.mean()}, in_order(waves, order), talkers, heard)

    def manifest(self, name: str, network: nn.Module) -> Manifest:
        """The manifest of a bundle, without what only a person knows."""
        stems = tuple(f"talker{k + 1}" for k in range(self.config.network.stems))
        return complex_manifest(
            self, name, network, (*stems, "background"), complex_settings(self.config), ordered=False
        )


def complex_settings(config: Any) -> ComplexSettings:
    """How a band-split network of a recipe is run."""
    return ComplexSettings(
        fft=config.window,
        window=config.window,
        hop=config.window // 2,
        bins=config.network.bins,
        shape="root-hann",
        power=config.power,
        level="rms",
    )


def complex_manifest(
    recipe: BaseRecipe, name: str, network: nn.Module, stems: tuple[str, ...], settings: ComplexSettings, **more: Any
) -> Manifest:
    """The manifest of a network of kind `complex`; more: as of `described`."""
    latency = settings.samples / recipe.config.mix.rate
    return recipe.described(name, "complex", network, stems, settings, latency, **more)
