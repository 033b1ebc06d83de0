"""Recipe `mossformer2`: overlapping talkers apart on the waveform; the published sizes (system 5), and small ones for 16 kHz."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from winnow.data.presets import MixConfig, find_preset
from winnow.errors import BadOption
from winnow.models.manifest import Manifest, WaveSettings
from winnow.train.losses import Loss, si_sdr
from winnow.train.networks.flash import FlashConfig
from winnow.train.networks.fsmn import MemoryConfig
from winnow.train.networks.mossformer2 import MossFormer2, MossFormer2Config
from winnow.train.recipes.base import BaseRecipe, BatchDescent
from winnow.train.separation import QUIET, between, in_order, pit

LOSSES = ("si-sdr", "snr")


def clean(rate: int, seconds: float, **changes: Any) -> MixConfig:
    """Two talkers all the time, up to 5 dB apart, and nothing else: as the mixtures of WSJ0-2mix are."""
    mix = MixConfig(name="mossformer2", target="talkers", talkers=(2, 2), rate=rate, seconds=seconds, noise=0.0)
    return replace(mix, **changes)


def mixed(**changes: Any) -> MixConfig:
    """Two talkers who overlap wholly, partly or in turns, in some noise and in rooms."""
    return replace(find_preset("talkers"), name="mossformer2", talkers=(2, 2), seconds=3.0, **changes)


@dataclass(frozen=True)
class MossFormer2RunConfig(BatchDescent):
    """Everything that a run needs besides its data.

    loss: "si-sdr" as published, which leaves the level of each waveform free, or "snr", which wants it to be the talker's;
    floor: dB from which less noise no longer counts; window, overlap: seconds in which the bundle takes a recording.
    """

    loss: str = "si-sdr"
    floor: float = 30.0
    window: float = 8.0
    overlap: float = 2.0
    batch_size: int = 4
    epoch: int = 20000
    learning_rate: float = 1.5e-4
    final_rate: float = 1e-6
    warm_up: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float = 10.0
    average: float = 0.0
    network: MossFormer2Config = field(default_factory=MossFormer2Config)
    mix: MixConfig = field(default_factory=lambda: clean(8000, 2.0))

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise BadOption(f"loss is {' or '.join(LOSSES)}, not {self.loss!r}.")

    @classmethod
    def paper(cls) -> MossFormer2RunConfig:
        """As published, 8 kHz and two talkers: four mixtures of two seconds a step, learning rate 1.5e-4, gradients up to 10."""
        return cls()

    @classmethod
    def shipped(cls) -> MossFormer2RunConfig:
        """For 16 kHz and two cores: a quarter of the width and of the layers, frames of 4 ms.

        A group of frames is 256 ms long, as in the published one.
        """
        network = MossFormer2Config(
            kernel=64,
            channels=256,
            layers=6,
            flash=FlashConfig(width=128, group=128, query_key=64, dropout=0.0),
            memory=MemoryConfig(inner=64, dropout=0.0),
        )
        small = cls(loss="snr", network=network, mix=mixed(), warm_up=0.02, weight_decay=0.01, clip_norm=5.0)
        return replace(small, learning_rate=1e-3, final_rate=1e-5, average=0.998)

    @classmethod
    def tiny(cls) -> MossFormer2RunConfig:
        """Small enough for a test."""
        network = MossFormer2Config(
            kernel=32,
            channels=32,
            layers=1,
            flash=FlashConfig(width=16, group=32, query_key=8, rotary=8, kernel=5, dropout=0.0),
            memory=MemoryConfig(inner=8, order=3, kernel=5, dropout=0.0),
        )
        mix = clean(8000, 0.5)
        return cls(loss="snr", window=1.0, overlap=0.25, batch_size=2, epoch=8, network=network, mix=mix)


class MossFormer2Recipe(BaseRecipe):
    """Talkers apart, in no given order."""

    name = "mossformer2"
    title = "Overlapping talkers apart, on the waveform (MossFormer2)"
    config_class: type[Any] = MossFormer2RunConfig

    def __init__(self, config: MossFormer2RunConfig) -> None:
        if config.network.talkers != config.mix.talkers[1]:
            raise BadOption(
                f"network.talkers is {config.network.talkers}, and mix.talkers says at most {config.mix.talkers[1]}: "
                "both must be the same."
            )
        self.config = config

    def network(self) -> nn.Module:
        """A new network."""
        return MossFormer2(self.config.network)

    def loss(self, network: nn.Module, mixture: Tensor, talkers: Tensor) -> Loss:
        """Of mixtures `(N, time)` and their talkers `(N, S, time)`, some of them silent; in the order that costs least."""
        waves = network(mixture).float()
        c = self.config
        errors = between(waves, talkers, mixture, c.floor)  # of a silent target, what comes out against the mixture
        if c.loss == "si-sdr":
            errors = torch.where(_silent(talkers)[:, :, None], errors, -si_sdr(waves[:, None], talkers[:, :, None]))
        losses, order = pit(errors)
        heard = mixture[:, None].expand_as(talkers)
        return Loss(losses.mean(), {"error": losses.mean()}, in_order(waves, order), talkers, heard)

    def manifest(self, name: str, network: nn.Module) -> Manifest:
        """The manifest of a bundle, without what only a person knows."""
        c = self.config
        stems = tuple(f"talker{k + 1}" for k in range(c.network.talkers))
        settings = WaveSettings(
            window=c.window, overlap=c.overlap, least=2 * c.network.kernel, fitted=c.loss == "si-sdr"
        )
        return self.described(name, "wave", network, (*stems, "background"), settings, c.window, ordered=False)


def _silent(targets: Tensor) -> Tensor:
    """Which of `(N, S, time)` are, `(N, S)`."""
    return targets.square().mean(-1) <= QUIET
