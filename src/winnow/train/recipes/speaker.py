"""Recipe `speaker`: an encoder of voices, taught by the generalised end-to-end loss (GE2E, Wan et al. 2018).

A batch is some voices with a few partials each. Every partial gets its own noise, room, equaliser, band limit, codec and level:
most voices of small corpora come from one recording, and an encoder would learn to know that recording. A voice played
faster or slower is another voice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from winnow.errors import BadInput, BadOption
from winnow.metrics.verification import equal_error_rate, trials
from winnow.models.manifest import Manifest, SpeakerSettings
from winnow.models.speaker import FLOOR
from winnow.train.bank import build_bank
from winnow.train.losses import Loss
from winnow.train.melmix import MelMixConfig, MelSounds, altered, sounds_of
from winnow.train.mixing import MixConfig, complete_banks
from winnow.train.networks.speaker import EncoderConfig, Taught, build, ge2e
from winnow.train.recipes.base import BaseRecipe, Descent
from winnow.train.scores import Examples
from winnow.train.speakers import Speakers, build_speakers

if TYPE_CHECKING:
    from winnow.train.run import Sounds

SPEEDS = (1.0, 0.9, 1.1)
"""A recording at each of them counts as another voice."""


@dataclass(frozen=True)
class SpeakerConfig(Descent):
    """Everything that a run needs besides its data.

    speakers, partials: of a batch; shortest, longest: frames of a partial; augmented: whether partials are altered; epoch:
    partials that make one.
    """

    speakers: int = 32
    partials: int = 4
    shortest: int = 140
    longest: int = 180
    augmented: bool = True
    epoch: int = 4800
    learning_rate: float = 2e-3
    final_rate: float = 1e-5
    warm_up: float = 0.03
    weight_decay: float = 0.02
    average: float = 0.995
    network: EncoderConfig = field(default_factory=EncoderConfig)
    features: SpeakerSettings = field(
        default_factory=lambda: SpeakerSettings(
            rate=16000,
            fft=512,
            window=400,
            hop=160,
            mels=40,
            highest=3800.0,
            frames=160,
            stride=40,
            level=-20.0,
            active=35.0,
        )
    )
    mix: MelMixConfig = field(default_factory=MelMixConfig)

    def __post_init__(self) -> None:
        if self.speakers < 2 or self.partials < 2:
            raise BadOption("speakers and partials are 2 or more: the loss compares a partial with others.")
        if not 1 < self.shortest <= self.longest:
            raise BadOption("shortest is above 1 and not above longest, both frames.")
        if self.network.mels != self.features.mels:
            raise BadOption("network.mels and features.mels are the same.")
        rate = self.features.mels * self.features.rate // self.features.hop
        object.__setattr__(self, "mix", replace(self.mix, rate=rate))

    @property
    def batch_size(self) -> int:
        """Partials of a batch."""
        return self.speakers * self.partials

    @classmethod
    def shipped(cls) -> SpeakerConfig:
        """What the shipped bundle was trained with."""
        return cls()

    @classmethod
    def paper(cls) -> SpeakerConfig:
        """As published: 64 speakers x 10 utterances, 40 log-mels, 3 LSTM of 768; nothing is added to the recordings."""
        return cls(
            speakers=64,
            partials=10,
            augmented=False,
            learning_rate=1e-3,  # Adam here; published: SGD at 0.01
            weight_decay=0.0,
            network=EncoderConfig("lstm", 40, 768, 3, 256),
            features=SpeakerSettings(
                rate=16000,
                fft=512,
                window=400,
                hop=160,
                mels=40,
                highest=8000.0,
                frames=80,
                stride=40,
                level=None,
                active=0.0,
            ),
        )

    @classmethod
    def tiny(cls) -> SpeakerConfig:
        """Small enough for a test: seconds, not minutes."""
        network = EncoderConfig(hidden=16, layers=1, size=16)
        mix = MelMixConfig(simulated_count=8, synthetic_count=20)
        return cls(speakers=3, partials=2, shortest=40, longest=50, epoch=24, network=network, mix=mix)


@dataclass(frozen=True)
class Material:
    """Whose recordings there are, and all sounds as mel powers."""

    speakers: Speakers
    sounds: MelSounds


class Partials:
    """Batches of partials `(N, T, mels)` and whose voice each is, `(N,)`; on the CPU, where they cost next to nothing."""

    def gather(self, sounds: Sounds, config: SpeakerConfig, seed: int, cache: Path) -> Material:
        """Decode the recordings, at all speeds. Raises BadInput."""
        rate, mix = config.features.rate, config.mix
        speakers = build_speakers(sounds.speech, rate)
        if not sounds.noise:
            raise BadInput("no noise: an encoder of voices would learn to know recordings. Give --noise.")
        noises = build_bank(sounds.noise, rate, use="noise", cache=cache)
        rooms = build_bank(sounds.rooms, rate, use="rooms", cache=cache) if sounds.rooms else None
        made = MixConfig(rate=rate, synthetic_count=mix.synthetic_count, simulated_count=mix.simulated_count)
        banks = complete_banks(speakers.bank, noises, rooms, made, seed)
        return Material(speakers, sounds_of(banks, config.features, SPEEDS))

    def examples(
        self, material: Material, config: SpeakerConfig, seed: int, process: int, device: torch.device
    ) -> Examples:
        """Voices at all speeds."""
        return _maker(material, config, [seed, process], len(SPEEDS), device)

    def held_out(self, material: Material, config: SpeakerConfig, seed: int, device: torch.device) -> Examples:
        """Voices as they are."""
        return _maker(material, config, [seed, 0], 1, device)


def _maker(material: Material, config: SpeakerConfig, seed: list[int], versions: int, device: torch.device) -> Examples:
    def make(step: int) -> tuple[Tensor, ...]:
        rng = np.random.default_rng([*seed, step])
        sound, voice = partials(rng, config, material, versions)
        return sound.to(device), voice.to(device)

    return make


def partials(
    rng: np.random.Generator, config: SpeakerConfig, material: Material, versions: int
) -> tuple[Tensor, Tensor]:
    """One batch: log10 mel powers `(N, T, mels)`, those of a voice after each other, and the number of each one's voice `(N,)`.

    versions: of each recording, the first so many of SPEEDS.
    """
    speakers, sounds = material.speakers, material.sounds
    voices = speakers.choose(rng, config.speakers, versions).repeat(config.partials)
    which = speakers.recordings(rng, voices // versions) + len(speakers.speaker) * (voices % versions)
    frames = int(rng.integers(config.shortest, config.longest + 1))
    powers = sounds.voices.crops(which, rng.random(len(voices)), frames)
    if config.augmented:
        powers = altered(powers, rng, config.mix, sounds, config.features)
    return torch.log10(powers + FLOOR), torch.from_numpy(voices)


class SpeakerRecipe(BaseRecipe):
    """Encoders of voices."""

    name = "speaker"
    title = "Voice vectors: how alike two voices are"
    config_class: type[Any] = SpeakerConfig
    feed = Partials()

    def network(self) -> nn.Module:
        """A new network."""
        return Taught(build(self.config.network))

    def loss(self, network: nn.Module, mixture: Tensor, speaker: Tensor) -> Loss:
        """Of partials `(N, T, mels)`; those of a speaker follow each other."""
        taught: Any = getattr(network, "module", network)
        vectors = network(mixture)
        count = int((speaker == speaker[0]).sum())
        total = ge2e(vectors.reshape(-1, count, vectors.shape[-1]).float(), taught.scale, taught.offset)
        return Loss(total, {"ge2e": total}, vectors, vectors, mixture)

    @torch.no_grad()
    def score(self, network: nn.Module, mixture: Tensor, speaker: Tensor) -> dict[str, float]:
        """Equal error rate over all pairs of the partials, percent."""
        vectors = self.loss(network, mixture, speaker).estimate
        same, other = trials(vectors.float().cpu().numpy(), speaker.cpu().numpy())
        return {"eer": 100 * equal_error_rate(same, other).rate}

    def manifest(self, name: str, network: nn.Module) -> Manifest:
        """The manifest of a bundle, without what only a person knows."""
        s = self.config.features
        return self.described(
            name,
            "speaker",
            network,
            (),
            s,
            s.frames * s.hop / s.rate,
            rate=s.rate,
            remainder=False,
            parameters=sum(p.numel() for p in cast(Taught, network).encoder.parameters()),
        )
