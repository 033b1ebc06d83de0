"""Recipe `looking`: the audio-only half of Looking to Listen, one complex mask for each talker (system 3).

Published (Lapter57/speech-separation after Ephrat et al. 2018): spectra to the power 0.3, the mask of each talker in a fixed order,
compressed by tanh, mean squared error. Nothing tells a network without faces which talker is the first, so that a fixed order
teaches it the mean of all of them: here the order that fits an example best counts, `fixed_order` is there to show the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from winnow.data.presets import PRESETS, MixConfig
from winnow.dsp.crm import FORMS, C, K
from winnow.dsp.published import LOOKING, Stft
from winnow.errors import BadOption
from winnow.metrics.bss import sdr
from winnow.models.manifest import ComplexSettings, Manifest
from winnow.train.losses import Loss, si_sdr
from winnow.train.networks.looking import JOINS, OUTPUTS, Looking, LookingConfig
from winnow.train.published import compress_mask, expand_mask, forward, ideal_mask, inverse
from winnow.train.recipes.base import BaseRecipe, BatchDescent
from winnow.train.recipes.talkers import complex_manifest
from winnow.train.separation import in_order, pit
from winnow.train.spectra import compress, expand, multiply

CHOICES = {
    "mask": ("none", *FORMS),
    "loss": ("masks", "spectra"),
    "level": ("none", "rms", "peak"),
    "network.join": JOINS,
    "network.output": OUTPUTS,
}
"""What the settings that are words may be."""

QUIET = 1e-6
"""Level of an example below which it is taken as it is."""


@dataclass(frozen=True)
class LookingRunConfig(BatchDescent):
    """Everything that a run needs besides its data.

    fft, window, hop: samples; centred: see `Stft`; level: what a mixture is divided by, its "peak", the "rms" of its spectrum or
    "none"; power: to which magnitudes are raised, 1 leaves them. mask: how the network tells a mask, compressed by "tanh" or
    "sigmoid" with k and c, or as it is, "none". loss: squared error of the "masks" as they are told (published), or of the
    "spectra" to that power (Ephrat et al. 2018, section 3.2). fixed_order: of the talkers, as published, instead of the one that
    fits an example best. share: of a window of the bundle that the next one repeats.
    """

    fft: int = LOOKING.size
    window: int = LOOKING.window
    hop: int = LOOKING.hop
    centred: bool = LOOKING.centred
    level: str = "peak"
    power: float = 0.3
    mask: str = "tanh"
    k: float = K
    c: float = C
    loss: str = "masks"
    fixed_order: bool = False
    share: float = 0.5
    batch_size: int = 6
    epoch: int = 6000
    final_rate: float = 1e-3
    warm_up: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float = 1e9
    average: float = 0.0
    network: LookingConfig = field(default_factory=LookingConfig)
    mix: MixConfig = field(default_factory=lambda: PRESETS["looking"])

    @classmethod
    def paper(cls) -> LookingRunConfig:
        """As published, 8.03 M parameters, but for the order; the larger one is `network.cells=400 network.join=sum`."""
        return cls()

    @classmethod
    def shipped(cls) -> LookingRunConfig:
        """Small enough for two cores: fewer maps, layers and cells, longer hops; noise in half of the examples."""
        doubled = (1, 2, 4, 8, 16, 32)
        return cls(
            window=512,
            hop=256,
            centred=True,
            level="rms",
            mask="none",
            loss="spectra",
            batch_size=8,
            epoch=4000,
            learning_rate=2e-3,
            final_rate=2e-5,
            warm_up=0.02,
            weight_decay=0.01,
            clip_norm=3.0,
            average=0.998,
            network=LookingConfig(2, 257, 16, 2, 3, doubled, doubled, cells=128, dense=192),
            mix=replace(PRESETS["looking"], mode="snr", snr=(10.0, 30.0), noise=0.5),
        )

    @classmethod
    def tiny(cls) -> LookingRunConfig:
        """Small enough for a test: seconds, not minutes."""
        network = LookingConfig(2, 65, 4, 2, 3, (1, 2), (1, 2), cells=8, dense=16)
        mix = replace(PRESETS["looking"], rate=8000, seconds=1.0, noise=0.0)
        return cls(fft=128, window=100, hop=40, batch_size=2, epoch=8, network=network, mix=mix)

    @property
    def transform(self) -> Stft:
        """The transform."""
        return Stft(self.fft, self.hop, self.window, self.centred)


class LookingRecipe(BaseRecipe):
    """Two talkers or more."""

    name = "looking"
    title = "Talkers apart by complex masks: Looking to Listen by ear alone"
    config_class: type[Any] = LookingRunConfig
    maximise = "si_sdr_improvement"

    def __init__(self, config: LookingRunConfig) -> None:
        _check(config)
        self.config = config

    def network(self) -> nn.Module:
        """A new network."""
        return Looking(self.config.network)

    def loss(self, network: nn.Module, mixture: Tensor, talkers: Tensor) -> Loss:
        """Of mixtures `(N, time)` and their talkers `(N, S, time)`; the estimates stand beside their targets.

        A window is cut off at both ends of the sounds: few frames meet there, and the inverse of a changed spectrum says little.
        """
        seen = self._seen(network, mixture, talkers)
        with torch.no_grad():
            parts = expand(seen.estimates, self.config.power)
            waves = seen.level[:, None] * inverse(parts, self.config.transform, mixture.shape[-1])
        edge = self.config.window
        heard = mixture[:, None].expand_as(talkers)
        return Loss(seen.loss, {self.config.loss: seen.loss}, *(x[..., edge:-edge] for x in (waves, talkers, heard)))

    def _seen(self, network: nn.Module, mixture: Tensor, talkers: Tensor) -> Seen:
        """A batch as the network sees it."""
        c = self.config
        level = self._level(mixture)
        heard = compress(forward(mixture / level, c.transform), c.power)
        clean = compress(forward(talkers / level[:, None], c.transform), c.power)
        told = network(heard).float()
        masks = told if c.mask == "none" else expand_mask(told, c.mask, c.k, c.c)
        estimates = multiply(masks, heard[:, None])
        pair = (estimates, clean) if c.loss == "spectra" else (told, self._wanted(clean, heard))
        table = _errors(*pair)
        least, order = fixed(table) if c.fixed_order else pit(table)
        return Seen(least.mean(), heard, clean, in_order(masks, order), in_order(estimates, order), level)

    def _wanted(self, clean: Tensor, heard: Tensor) -> Tensor:
        """The ideal masks as the network should tell them, `(N, S, T, F, 2)`, of compressed spectra `(..., 2)`."""
        c = self.config
        masks = ideal_mask(clean, heard[:, None])
        return masks if c.mask == "none" else compress_mask(masks, c.mask, c.k, c.c)

    def _level(self, mixture: Tensor) -> Tensor:
        """What an example is divided by, `(N, 1)`."""
        if self.config.level == "none":
            return torch.ones_like(mixture[:, :1])
        if self.config.level == "peak":
            return mixture.abs().amax(-1, keepdim=True).clamp(min=QUIET)
        power = forward(mixture, self.config.transform).abs().square().mean((1, 2))
        return power.sqrt().clamp(min=QUIET)[:, None]

    @torch.no_grad()
    def score(self, network: nn.Module, mixture: Tensor, talkers: Tensor) -> dict[str, Tensor]:
        """Of the talkers that are heard, dB: SI-SDR, its improvement, and SDR of the first, second ... (BSS Eval, as published)."""
        loss = self.loss(network, mixture, talkers)
        heard = loss.target.square().mean(-1) > 1e-8
        after, before = (si_sdr(sound, loss.target)[heard] for sound in (loss.estimate, loss.mixture))
        return {"si_sdr": after, "si_sdr_improvement": after - before, **_ratios(loss)}

    @torch.no_grad()
    def pictures(self, network: nn.Module, mixture: Tensor, talkers: Tensor) -> dict[str, Tensor]:
        """The first example in decibels, `(F, T)`: the mixture, and of each talker the voice, the estimate and the mask."""
        seen, power = self._seen(network, mixture[:1], talkers[:1]), self.config.power
        found = {"mixture": expand(seen.heard, power)[0]}
        for k in range(talkers.shape[1]):
            found[f"talker{k}"] = expand(seen.clean, power)[0, k]
            found[f"estimate{k}"] = expand(seen.estimates, power)[0, k]
            found[f"mask{k}"] = torch.view_as_complex(seen.masks[0, k].contiguous())
        return {name: 20 * torch.log10(values.abs().clamp(min=1e-5)).T for name, values in found.items()}

    @torch.no_grad()
    def sounds(self, network: nn.Module, mixture: Tensor, talkers: Tensor) -> dict[str, Tensor]:
        """The first example, `(time,)`: the mixture, and of each talker the voice and the estimate."""
        loss = self.loss(network, mixture[:1], talkers[:1])
        found = {"mixture": loss.mixture[0, 0]}
        for k in range(talkers.shape[1]):
            found |= {f"talker{k}": loss.target[0, k], f"estimate{k}": loss.estimate[0, k]}
        return found

    def manifest(self, name: str, network: Any) -> Manifest:
        """The manifest of a bundle, without what only a person knows."""
        c = self.config
        settings = ComplexSettings(
            fft=c.fft,
            window=c.window,
            hop=c.hop,
            bins=c.network.bins,
            centred=c.centred,
            level=c.level,
            power=c.power,
            domain="compressed",
            compression=c.mask,
            k=c.k,
            c=c.c,
            samples=c.mix.samples,
            share=c.share,
        )
        stems = (*(f"talker{k + 1}" for k in range(c.network.talkers)), "background")
        return complex_manifest(self, name, network, stems, settings, ordered=False, parameters=network.counts()[0])


class Seen(NamedTuple):
    """loss; spectra of the mixture `(N, T, F, 2)`, of the talkers and the estimates `(N, S, T, F, 2)`, compressed, and the masks;
    level: that they were divided by, `(N, 1)`."""

    loss: Tensor
    heard: Tensor
    clean: Tensor
    masks: Tensor
    estimates: Tensor
    level: Tensor


def _errors(given: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared error of each wanted one (second axis) with each given one (third), `(N, S, T, F, 2)` to `(N, S, S)`."""
    return (given[:, None] - wanted[:, :, None]).square().mean((-3, -2, -1))


def fixed(losses: Tensor) -> tuple[Tensor, Tensor]:
    """As `pit`, with each talker's estimate in its own place."""
    order = torch.arange(losses.shape[1], device=losses.device).expand(losses.shape[:2])
    return losses.diagonal(dim1=1, dim2=2).mean(-1), order


def _ratios(loss: Loss) -> dict[str, Tensor]:
    """SDR of each talker in dB, silent ones left out."""
    found = {}
    for k in range(loss.target.shape[1]):
        pairs = zip(loss.target[:, k].cpu().numpy(), loss.estimate[:, k].cpu().numpy(), strict=True)
        values = [sdr(target, estimate) for target, estimate in pairs]
        found[f"sdr_{k}"] = torch.tensor([value for value in values if value is not None])
    return found


def _check(config: LookingRunConfig) -> None:
    for key, allowed in CHOICES.items():
        owner = config.network if key.startswith("network.") else config
        value = getattr(owner, key.rpartition(".")[2])
        if value not in allowed:
            raise BadOption(f"{key} is {', '.join(allowed)}, not {value!r}.")
    c, network = config, config.network
    if network.bins != c.transform.bins:
        raise BadOption(f"fft={c.fft} has {c.transform.bins} bins: add --set network.bins={c.transform.bins}.")
    if c.mix.talkers[1] != network.talkers or c.mix.target != "talkers":
        raise BadOption(f"the examples have {c.mix.talkers[1]} talkers, the network {network.talkers}: give --talkers.")
    if network.output == "sigmoid" and c.mask != "sigmoid":
        raise BadOption("network.output=sigmoid is for masks of that form: add --set mask=sigmoid.")
    if len(network.time_dilations) != len(network.frequency_dilations) or network.kernel % 2 == 0:
        raise BadOption("network.kernel is odd, and there are as many dilations in time as in frequency.")
