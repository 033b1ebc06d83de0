"""Recipe `voice`: one voice out of a recording, given a clip and a vector of it, and the rest; by the band-split network."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from winnow.data.presets import MixConfig, find_preset
from winnow.models.manifest import CLIP, Cue, Manifest
from winnow.train.losses import Loss
from winnow.train.networks.bandsplit import BandSplit, BandSplitConfig, fits, grown
from winnow.train.recipes.base import BatchDescent, VoicedRecipe
from winnow.train.recipes.talkers import complex_manifest, complex_settings
from winnow.train.separation import noise_decibels
from winnow.train.spectra import compressed, masked, multi_resolution, root_hann_stft

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def mixed(**changes: Any) -> MixConfig:
    """One or two others beside the voice all the time; it is absent from a fifth of the examples and alone in some."""
    mix = replace(
        find_preset("voice"),
        talkers=(2, 3),
        overlap="full",
        seconds=3.0,
        snr=(0.0, 30.0),
        noise=0.4,
        room=0.2,
        speed=(0.85, 1.18),
        speed_chance=0.5,
    )
    return replace(mix, **changes)


@dataclass(frozen=True)
class VoiceConfig(BatchDescent):
    """Everything that a run needs besides its data.

    window: samples, hop is half of it; power: compression of the magnitudes that the network sees; floor: dB of noise from
    which better no longer counts, and silence of a stem that should be silent, relative to the mixture; detail: weight of the
    magnitudes at several resolutions; clip: seconds of the reference that the network hears before the mixture, if it does; blank:
    share of the examples in which that is silent, for of an enrolled voice there is only the vector; microphone: share of the
    references that come through another microphone than the mixture, else the network compares these; encoder: bundle of the
    network that makes the vectors, empty for the one that ships; identity: of that encoder, filled in when a run begins, as is
    `network.voice`.
    """

    window: int = 512
    power: float = 0.3
    floor: float = 12.0
    silence: float = 20.0
    detail: float = 5.0
    clip: float = 2.5
    blank: float = 0.15
    microphone: float = 0.7
    encoder: str = ""
    identity: str = ""
    batch_size: int = 4
    optimiser: str = "muon"
    learning_rate: float = 1.2e-3
    network: BandSplitConfig = field(default_factory=BandSplitConfig)
    mix: MixConfig = field(default_factory=mixed)

    @classmethod
    def shipped(cls) -> VoiceConfig:
        """What the shipped bundle was trained with."""
        return cls(network=BandSplitConfig(blocks=8, clip=True))

    @classmethod
    def tiny(cls) -> VoiceConfig:
        """Small enough for a test: seconds, not minutes."""
        network = BandSplitConfig(counts=(8,), sizes=(32,), width=8, hidden=8, blocks=1, clip=True)
        mix = replace(mixed(noise=0.0, room=0.0), seconds=0.5, reference=0.5)
        return cls(batch_size=2, epoch=8, clip=0.5, network=network, mix=mix)


def microphone(rng: np.random.Generator, sound: Floats) -> Floats:
    """`(time,)` as by another microphone: brighter or duller by a filter of two taps, with noise of its own 15 to 40 dB below."""
    tilt, below = rng.uniform(-0.6, 0.6), rng.uniform(15, 40)
    coloured = sound + tilt * np.concatenate([sound[:1], sound[:-1]])
    noise = rng.standard_normal(sound.size) * np.sqrt(np.square(coloured).mean()) * 10 ** (-below / 20)
    return np.asarray(coloured + noise, np.float32)


class Chosen(nn.Module):
    """A band-split network whose two stems, the voice and the rest, are made to add up to the mixture."""

    def __init__(self, config: BandSplitConfig) -> None:
        super().__init__()
        self.network = BandSplit(config)

    def forward(self, spectrum: Tensor, voice: Tensor, clip: Tensor | None = None) -> Tensor:
        """Compressed spectrum `(B, T, F, 2)`, vectors `(B, V)` and compressed clips `(B, C, F, 2)` to masks `(B, 1, T, F, 2)`.

        What the two masks lack is shared between them (mixture consistency, Wisdom et al. 2019).
        """
        masks = self.network(spectrum, voice, clip)
        one = torch.tensor([1.0, 0.0], device=masks.device)
        return 0.5 * (one + masks[:, :1] - masks[:, 1:])


class VoiceRecipe(VoicedRecipe):
    """The network of `winnow extract` and `winnow remove`."""

    name = "voice"
    title = "One chosen voice apart from everything else, 16 kHz"
    config_class: type[Any] = VoiceConfig

    def network(self) -> nn.Module:
        """A new network."""
        return Chosen(self.config.network)

    def adopted(self, other: Any, network: nn.Module) -> dict[str, Tensor] | None:
        """First weights from a run of `talkers`, which knows voices apart but not yet which is wanted, or of `voice`.

        That network may have fewer blocks.
        """
        if other.name not in ("talkers", self.name) or not fits(other.config.network, self.config.network):
            return None
        if other.name == self.name and other.config.identity != self.config.identity:
            return None
        own = Chosen(self.config.network)
        weights = {name.removeprefix("network."): value for name, value in network.state_dict().items()}
        own.network.load_state_dict(grown(weights, own.network))
        return own.state_dict()

    def loss(self, network: nn.Module, mixture: Tensor, stems: Tensor, reference: Tensor) -> Loss:
        """Of mixtures `(N, time)`, the voice and the rest `(N, 2, time)`, and clips of the voice `(N, clip)`."""
        c = self.config
        references, blank = self._references(mixture.cpu().numpy(), reference.cpu().numpy())
        voice = torch.from_numpy(self.vectors(references, c.mix.rate)).to(mixture.device)
        spectrum = root_hann_stft(mixture, c.window)
        clip = (self._clips(references, blank).to(mixture.device),) if c.network.clip else ()
        masks = network(compressed(spectrum, c.power)[..., : c.network.bins, :], voice, *clip)
        wave = masked(masks.float(), spectrum, c.window, mixture.shape[-1])[:, 0]
        estimates, heard = torch.stack([wave, mixture - wave], 1), mixture[:, None].expand_as(stems)
        parts = {
            "error": noise_decibels(estimates, stems, heard, c.floor, c.silence).mean(),
            "detail": multi_resolution(estimates, stems, heard, c.power),
        }
        return Loss(parts["error"] + c.detail * parts["detail"], parts, estimates, stems, heard)

    def _references(self, mixtures: Floats, references: Floats) -> tuple[Floats, Flags]:
        """The references `(N, time)` as they are heard, and which of them as a vector alone; the mixtures decide, like dice."""
        c, heard, blank = self.config, [], []
        for mixture, reference in zip(mixtures, references, strict=True):
            rng = np.random.default_rng(zlib.crc32(mixture.tobytes()))
            blank.append(rng.random() < c.blank)
            heard.append(microphone(rng, reference) if rng.random() < c.microphone else reference)
        return np.stack(heard), np.array(blank)

    def _clips(self, references: Floats, blank: Flags) -> Tensor:
        """Compressed spectra of the beginnings of references, `(N, C, F, 2)`, silent where they are blank."""
        c = self.config
        clips = torch.from_numpy(references[:, : self.samples] * ~blank[:, None])
        return compressed(root_hann_stft(clips, c.window), c.power)[..., : c.network.bins, :]

    @property
    def samples(self) -> int:
        """Of a clip."""
        return round(self.config.clip * self.config.mix.rate)

    def manifest(self, name: str, network: nn.Module) -> Manifest:
        """The manifest of a bundle, without what only a person knows."""
        c = self.config
        cues = [Cue("voice", size=c.network.voice, source=c.identity)]
        if c.network.clip:
            cues.append(Cue(CLIP, size=self.samples))
        return complex_manifest(self, name, network, ("voice", "rest"), complex_settings(c), cues=tuple(cues))
