"""What examples look like: one frozen dataclass, and the presets of `winnow data mix --preset`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace

from winnow.errors import BadOption
from winnow.settings import changed

Range = tuple[float, float]
TARGETS = ("speech", "talkers", "voice", "rest")
OVERLAPS = ("full", "partial", "conversation", "any")
MODES = ("snr", "amplitude", "peak")
ROOM_TARGETS = ("early", "dry", "whole")
MOST_TALKERS = 5


@dataclass(frozen=True)
class Chances:
    """How often each effect of `winnow.data.augment` is put on; they go on in this order. Speed is `MixConfig.speed`."""

    equalise: float = 0.0
    wind: float = 0.0
    hum: float = 0.0
    dc: float = 0.0
    resample: float = 0.0
    band_limit: float = 0.0
    level: float = 0.0
    clip: float = 0.0
    quantise: float = 0.0
    packet_loss: float = 0.0
    codec: float = 0.0


@dataclass(frozen=True)
class MixConfig:
    """What examples are. Chances are per example unless said otherwise; ranges are uniform and hold both ends.

    target: what is wanted. "speech": stems speech and background. "talkers": a stem for each. "voice": one chosen voice, given by
    a reference clip of `reference` seconds; stems voice and rest. "rest": the same with everything but the voice wanted.
    mode: how loud the background is. "snr": every part at one active level (see `winnow.data.level`), talkers within `balance` dB
    of the first, speech to background `snr` dB, the whole at `level` dB of full scale over active speech. "amplitude": recordings
    as they are, background times `amplitude` (system 1 of docs/mixing.md). "peak": each voice and the background divided by its
    maximum, background times `amplitude` (system 3).
    full_scale: above 0, the mixture is divided by its maximum and multiplied by this (system 4: 1 / 1.1).
    talkers: least and most. overlap: "full" all the time, "partial" a share `overlap_share` of the time, "conversation" takes turns
    of `turn` seconds with `pause` seconds between, negative ones overlap; "any" one of the three.
    absent: chance that the first voice is not there; alone: chance that nothing else is.
    noise: chance of noise at all, second_noise: of a second one on top; babble: of `babble_talkers` distant voices; music: of
    music; all but the first are `noise_balance` dB against it. With none of them there is no background.
    speed: of speech and of noise, with chance speed_chance each; a reference has that of its voice.
    room: chance that talkers stand in a room; noise_room: that the noise does too. altered_t60, altered_drr: chances that
    responses are altered to a reverberation time in `t60` seconds, a direct-to-reverberant ratio in `drr` dB. room_target: what
    the target keeps: "early" the first `early` seconds, "dry" nothing, "whole" all. room_seconds: responses are cut there.
    on_speech, on_noise: effects that are part of the target too; on_mixture: effects on the mixture only.
    """

    name: str = "denoise"
    rate: int = 16000
    seconds: float = 4.0
    target: str = "speech"
    mode: str = "snr"
    snr: Range = (-5.0, 20.0)
    amplitude: Range = (0.2, 0.8)
    balance: Range = (-5.0, 5.0)
    level: Range = (-36.0, -16.0)
    full_scale: float = 0.0
    talkers: tuple[int, int] = (1, 1)
    overlap: str = "full"
    overlap_share: Range = (0.1, 0.7)
    turn: Range = (0.8, 3.0)
    pause: Range = (-0.6, 0.8)
    absent: float = 0.0
    alone: float = 0.0
    reference: float = 4.0
    noise: float = 1.0
    second_noise: float = 0.0
    noise_balance: Range = (-12.0, 0.0)
    babble: float = 0.0
    babble_talkers: tuple[int, int] = (3, 6)
    music: float = 0.0
    speed: Range = (0.9, 1.1)
    speed_chance: float = 0.0
    room: float = 0.0
    noise_room: float = 0.0
    room_target: str = "early"
    early: float = 0.05
    room_seconds: float = 0.8
    altered_t60: float = 0.0
    t60: Range = (0.2, 1.2)
    altered_drr: float = 0.0
    drr: Range = (-6.0, 18.0)
    on_speech: Chances = field(default_factory=Chances)
    on_noise: Chances = field(default_factory=Chances)
    on_mixture: Chances = field(default_factory=Chances)

    def __post_init__(self) -> None:
        for name, values in (
            ("target", TARGETS),
            ("overlap", OVERLAPS),
            ("mode", MODES),
            ("room_target", ROOM_TARGETS),
        ):
            if getattr(self, name) not in values:
                raise BadOption(f"{name} is {', '.join(values)}, not {getattr(self, name)!r}.")
        _check_ranges(self)
        _check_chances(self)
        low, high = self.talkers
        if not 1 <= low <= high <= MOST_TALKERS:
            raise BadOption(f"talkers is two whole numbers from 1 to {MOST_TALKERS}, not {low},{high}.")
        if not (self.rate >= 2000 and 0.1 <= self.seconds <= 600):
            raise BadOption("rate is 2000 hertz or more, seconds from 0.1 to 600.")
        if not 0.5 <= self.reference <= 600:
            raise BadOption("reference, the length of the clip that tells a voice, is from 0.5 to 600 seconds.")

    @property
    def samples(self) -> int:
        """Length of an example, samples."""
        return round(self.seconds * self.rate)

    @property
    def both(self) -> float:
        """Seconds of one recording that are enough for an example and a reference beside it, also at the highest speed."""
        return (self.seconds + self.reference) * (max(1.0, self.speed[1]) if self.speed_chance else 1.0)

    @property
    def with_reference(self) -> bool:
        """Whether one voice is chosen, and told by a reference clip."""
        return self.target in ("voice", "rest")

    @property
    def needs_speakers(self) -> bool:
        """Whether it matters who speaks."""
        return self.with_reference or self.talkers[1] > 1


def _check_ranges(config: MixConfig) -> None:
    for f in fields(config):
        value = getattr(config, f.name)
        if isinstance(value, tuple) and (len(value) != 2 or not value[0] <= value[1]):
            raise BadOption(f"{f.name} is two numbers, the lower one first, such as {','.join(map(str, f.default))}.")  # type: ignore[arg-type]


def _check_chances(config: MixConfig) -> None:
    names = ("absent", "alone", "noise", "second_noise", "babble", "music", "speed_chance", "room", "noise_room")
    chances = {name: getattr(config, name) for name in (*names, "altered_t60", "altered_drr")}
    for group in ("on_speech", "on_noise", "on_mixture"):
        chances |= {f"{group}.{name}": value for name, value in asdict(getattr(config, group)).items()}
    for name, value in chances.items():
        if not 0 <= value <= 1:
            raise BadOption(f"{name} is a chance, from 0 to 1, not {value:g}.")
    if config.absent + config.alone > 1:
        raise BadOption("absent and alone together are at most 1.")


_VOICE = MixConfig(
    name="voice",
    target="voice",
    talkers=(1, 3),
    overlap="any",
    absent=0.2,
    alone=0.15,
    snr=(0.0, 25.0),
    noise=0.7,
    room=0.4,
    room_target="whole",
)

PRESETS: dict[str, MixConfig] = {
    config.name: config
    for config in (
        MixConfig(
            absent=0.04,
            alone=0.08,
            second_noise=0.3,
            babble=0.1,
            speed_chance=0.4,
            room=0.5,
            noise_room=0.2,
            on_speech=Chances(equalise=0.4),
            on_noise=Chances(equalise=0.5),
            on_mixture=Chances(band_limit=0.15, clip=0.05, codec=0.02),
        ),
        MixConfig(
            name="dereverb",
            snr=(10.0, 40.0),
            noise=0.7,
            room=0.95,
            noise_room=0.5,
            room_seconds=1.2,
            altered_drr=0.3,
            altered_t60=0.05,
            on_mixture=Chances(equalise=0.3),
        ),
        MixConfig(name="unet", rate=8000, seconds=8064 / 8000, mode="amplitude"),
        MixConfig(
            name="split",
            snr=(-10.0, 15.0),
            noise=0.6,
            second_noise=0.2,
            babble=0.3,
            music=0.4,
            absent=0.1,
            alone=0.1,
            room=0.3,
        ),
        MixConfig(
            name="talkers",
            target="talkers",
            talkers=(2, 5),
            overlap="any",
            snr=(5.0, 30.0),
            noise=0.6,
            room=0.4,
            room_target="whole",
            speed_chance=0.3,
        ),
        MixConfig(name="looking", target="talkers", seconds=3.0, talkers=(2, 2), mode="peak", amplitude=(0.3, 0.3)),
        _VOICE,
        replace(_VOICE, name="rest", target="rest"),
        MixConfig(
            name="voicefilter",
            target="voice",
            seconds=3.0,
            talkers=(2, 2),
            balance=(0.0, 0.0),
            noise=0.0,
            full_scale=1 / 1.1,
            room_target="whole",
        ),
    )
}
"""By name."""


def find_preset(name: str, assignments: Iterable[str] = ()) -> MixConfig:
    """A preset, changed by `key=value`. Raises BadOption."""
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise BadOption(f'no preset named "{name}". {hint}There are {", ".join(PRESETS)}.')
    return changed(PRESETS[name], assignments)
