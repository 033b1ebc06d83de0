"""Recipe `voicefilter`: system 4, one voice out of a mixture by a vector of it; reversed, everything but that voice.

Published (maum-ai/voicefilter, palette-knife25/reverse-voice-filter; preset `paper`): the mask multiplies clipped, normalised
decibels, and the loss is their mean squared error. Corrected: the mask multiplies magnitudes, and the loss compares magnitudes
and spectra raised to the power 0.3 (Wilson et al. 2018, as in Wang et al. 2019) and the waveforms; the other stem is the recording
minus the estimate, so that both add up to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from winnow.data.presets import PRESETS, MixConfig
from winnow.errors import BadOption
from winnow.models.manifest import Cue, Manifest, SpectralSettings
from winnow.train.losses import Loss, noise_ratio
from winnow.train.networks.voicefilter import VoiceFilter, VoiceFilterConfig
from winnow.train.recipes.base import PLAIN, BatchDescent, VoicedRecipe
from winnow.train.spectra import padded_istft, padded_stft

MASKS = ("magnitude", "level")
LEVEL, SPAN = 20.0, 100.0
"""Published: decibels that count as 1, and how far below them 0 is."""

LOUDEST = 40.0
"""The same of the corrected form: a sine at full scale has 40 dB in windows of 400 samples."""


def _voices(**values: Any) -> MixConfig:
    """Two talkers within 5 dB, at any level, some with noise or in a room, some without the voice, or with it alone."""
    chosen = {"balance": (-5.0, 5.0), "full_scale": 0.0, "noise": 0.3, "snr": (3.0, 25.0), "room": 0.2}
    return replace(PRESETS["voicefilter"], **{**chosen, "absent": 0.1, "alone": 0.1, **values})


@dataclass(frozen=True)
class VoiceFilterRunConfig(BatchDescent):
    """Everything that a run needs besides its data.

    masks: what the mask multiplies, "magnitude", or "level" as published; reverse: everything but the voice is wanted.
    encoder: bundle of the network that makes the vectors, empty for the one that ships; identity: of that encoder, it is
    filled in when a run begins, as is `network.voice`. fft, window, hop: samples; level, span: dB, of the input's scale.
    power, complex, ratio: of the corrected loss: the exponent, and the weights of the error of the spectra and of the
    signal-to-noise ratio in dB.
    """

    masks: str = "magnitude"
    reverse: bool = False
    encoder: str = ""
    identity: str = ""
    fft: int = 1200
    window: int = 400
    hop: int = 160
    level: float = LOUDEST
    span: float = SPAN
    power: float = 0.3
    complex: float = 0.5
    ratio: float = 0.01
    epoch: int = 4800
    final_rate: float = 1e-5
    weight_decay: float = 0.0
    average: float = 0.995
    network: VoiceFilterConfig = field(default_factory=VoiceFilterConfig)
    mix: MixConfig = field(default_factory=_voices)

    def __post_init__(self) -> None:
        if self.masks not in MASKS:
            raise BadOption(f'no masks named "{self.masks}"; there are {", ".join(MASKS)}.')
        if self.network.bins != self.fft // 2 + 1:
            raise BadOption(
                f"a transform of {self.fft} samples has {self.fft // 2 + 1} bins: set network.bins to that."
            )
        if not 0 < self.hop <= self.window <= self.fft or not 0 < self.power <= 1 or self.span <= 0:
            raise BadOption("hop, window and fft are in rising order, power is above 0 and at most 1, span above 0.")
        if self.mix.target != "voice":
            raise BadOption("mix.target is voice; of everything but the voice `reverse` makes the target.")

    @property
    def frames(self) -> int:
        """Frames of an example."""
        return self.mix.samples // self.hop

    @classmethod
    def paper(cls) -> VoiceFilterRunConfig:
        """As published: 3 s of two talkers, decibels, mean squared error, Adam at 1e-3 without a schedule."""
        return cls(
            masks="level",
            level=LEVEL,
            final_rate=1e-3,
            mix=PRESETS["voicefilter"],
            **PLAIN,
        )

    @classmethod
    def corrected(cls) -> VoiceFilterRunConfig:
        """The published sizes; magnitudes, the power-law loss, and mixtures in which the voice may be absent or alone."""
        return cls()

    @classmethod
    def shipped(cls) -> VoiceFilterRunConfig:
        """The corrected form small enough for two cores: 257 bins, seen at every fourth, half of the channels."""
        network = VoiceFilterConfig(bins=257, channels=32, stride=4, lstm=192, hidden=256)
        return cls(fft=512, window=512, hop=256, network=network)

    @classmethod
    def tiny(cls) -> VoiceFilterRunConfig:
        """Small enough for a test: seconds, not minutes."""
        network = VoiceFilterConfig(bins=65, channels=4, last=2, dilations=(1, 2), stride=2, lstm=16, hidden=16)
        mix = _voices(rate=8000, seconds=0.5, reference=0.5, noise=0.0, room=0.0)
        return cls(fft=128, window=128, hop=64, batch_size=2, epoch=8, network=network, mix=mix)


class VoiceFilterRecipe(VoicedRecipe):
    """One voice, or everything but it."""

    name = "voicefilter"
    title = "One chosen voice out of a mixture, by VoiceFilter"
    reverse_title = "Everything but one chosen voice, by VoiceFilter trained on that"
    config_class: type[Any] = VoiceFilterRunConfig
    maximise = "si_sdr_improvement"

    def network(self) -> nn.Module:
        """A new network."""
        return VoiceFilter(self.config.network)

    def adopted(self, other: Any, network: nn.Module) -> dict[str, Tensor] | None:
        """First weights from a run that wants the other stem: its mask's complement, sigmoid(-x) = 1 - sigmoid(x)."""
        c, theirs = self.config, other.config
        if other.name != self.name or theirs.network != c.network or theirs.reverse == c.reverse:
            return None
        if not c.masks == theirs.masks == "magnitude":
            return None
        weights = network.state_dict()
        return {**weights, **{name: -weights[name] for name in ("mask.weight", "mask.bias")}}

    def loss(self, network: nn.Module, mixture: Tensor, stems: Tensor, reference: Tensor) -> Loss:
        """Of mixture `(N, time)`, voice and rest `(N, 2, time)`, and clips of the voice `(N, clip)`."""
        c, target = self.config, stems[:, int(self.config.reverse)]
        noisy, clean = self._stft(mixture), self._stft(target)
        heard = self._levels(noisy.abs())
        mask = network(heard, self._told(reference))
        gain = self._gain(heard, mask)
        wave = padded_istft(noisy * gain, c.fft, c.window, c.hop, mixture.shape[-1])
        if c.masks == "level":
            parts = {"level": nn.functional.mse_loss(mask * heard, self._levels(clean.abs()))}
            return Loss(parts["level"], parts, wave, target, mixture)
        parts = {
            **_power_law(noisy * gain, clean, c.power),
            "ratio": -noise_ratio(wave, target).mean(),
        }
        total = parts["magnitude"] + c.complex * parts["complex"] + c.ratio * parts["ratio"]
        return Loss(total, parts, wave, target, mixture)

    def _told(self, reference: Tensor) -> Tensor:
        """The vectors of the voices, `(N, D)`. Raises BadInput for another encoder than that of the run."""
        found = self.vectors(reference.detach().cpu().numpy(), self.config.mix.rate)
        return torch.from_numpy(found).to(reference.device)

    def _stft(self, x: Tensor) -> Tensor:
        return padded_stft(x, self.config.fft, self.config.window, self.config.hop)

    def _levels(self, size: Tensor) -> Tensor:
        """Clipped, normalised decibels, 0 to 1."""
        c = self.config
        return ((20 * torch.log10(size.clamp(min=1e-5)) - c.level) / c.span).clamp(-1, 0) + 1

    def _gain(self, heard: Tensor, mask: Tensor) -> Tensor:
        """What magnitudes are multiplied with, 0 to 1."""
        if self.config.masks == "magnitude":
            return mask
        return torch.pow(10.0, heard * (mask - 1) * (self.config.span / 20))

    @torch.no_grad()
    def pictures(self, network: nn.Module, mixture: Tensor, stems: Tensor, reference: Tensor) -> dict[str, Tensor]:
        """Spectrograms of the first example in decibels, `(F, T)`: mixture, what is wanted, what the network gives."""
        found = self.loss(network, mixture[:1], stems[:1], reference[:1])
        sounds = {"mixture": found.mixture, "wanted": found.target, "result": found.estimate}
        return {name: 20 * torch.log10(self._stft(sound)[0].abs().clamp(min=1e-5)).T for name, sound in sounds.items()}

    def manifest(self, name: str, network: nn.Module) -> Manifest:
        """The manifest of a bundle, without what only a person knows."""
        c = self.config
        settings = SpectralSettings(
            fft=c.fft,
            window=c.window,
            hop=c.hop,
            frames=c.frames,
            bins=c.network.bins,
            multiple=1,
            input="clipped",
            centre=c.level,
            span=c.span,
            output="level" if c.masks == "level" else "mask",
        )
        return self.described(
            name,
            "spectral",
            network,
            ("rest", "voice") if c.reverse else ("voice", "rest"),
            settings,
            c.frames * c.hop / c.mix.rate,
            title=self.reverse_title if c.reverse else self.title,
            cues=(Cue("voice", size=c.network.voice, source=c.identity),),
        )


def _power_law(estimate: Tensor, wanted: Tensor, power: float) -> dict[str, Tensor]:
    """Mean squared errors of the magnitudes to a power, and of the spectra with magnitudes to that power."""
    small, large = ((torch.view_as_real(spectrum).square().sum(-1) + 1e-6).sqrt() for spectrum in (estimate, wanted))
    spectra = (estimate * small ** (power - 1), wanted * large ** (power - 1))
    return {
        "magnitude": (small**power - large**power).square().mean(),
        "complex": torch.view_as_real(spectra[0] - spectra[1]).square().sum(-1).mean(),
    }
