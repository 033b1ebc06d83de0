"""The record of one example: all that was decided about it, from which it can be made again. Plain data, JSON and back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from winnow.errors import BadInput

Effect = dict[str, Any]
WHOLE, EARLY, DRY = "whole", "early", "dry"


@dataclass(frozen=True)
class Room:
    """A room response. item, path: its recording; channel: of it, from 0; t60, drr: seconds, dB that it is altered to."""

    item: str
    path: str
    channel: int = 0
    t60: float | None = None
    drr: float | None = None


@dataclass(frozen=True)
class Part:
    """One stretch of a recording in an example.

    role: whose part it is ("speech", "talker2", "noise1", "reference" ...); several parts may have one role. item, path, sha256:
    the recording; start: where the stretch begins in it, seconds; at: where it lies in the example, length: how long it is there,
    both in samples of the example's rate; gain: linear, applied last; speed: 1.1 plays faster; room: the response it is heard
    through, the same for all parts of a role; effects: on this part; loop: the recording is repeated, cross-faded.
    """

    role: str
    item: str
    path: str
    start: float
    at: int
    length: int
    gain: float = 1.0
    speed: float = 1.0
    room: Room | None = None
    effects: tuple[Effect, ...] = ()
    loop: bool = False
    sha256: str | None = None


@dataclass(frozen=True)
class Target:
    """A stem. of: the roles that are summed, None for the mixture less all other stems; room: "whole", "early" or "dry"."""

    of: tuple[str, ...] | None
    room: str = WHOLE


@dataclass(frozen=True)
class Example:
    """One example, as it stands in a row of `examples.jsonl`.

    number, seed, attempt: what it was drawn with (attempt: 1 where the first draw named a recording that cannot be used ...);
    rate: hertz; samples: its length; reference: that of the reference clip, 0 without; parts: what it is made of; mode: as in
    `MixConfig`; snr: speech to background, dB, level: of the active speech (of the background where nobody speaks), dB of full
    scale, None where the mode sets none; full_scale: see `MixConfig`; early: seconds of a room that "early" keeps; taps: seconds
    of a room that are used; effects: on the mixture only; targets: the stems beside the mixture, in order.
    """

    number: int
    seed: int
    preset: str
    rate: int
    samples: int
    mode: str
    parts: tuple[Part, ...]
    targets: dict[str, Target]
    snr: float | None = None
    level: float | None = None
    full_scale: float = 0.0
    early: float = 0.05
    taps: float = 0.8
    reference: int = 0
    effects: tuple[Effect, ...] = field(default=())
    attempt: int = 0

    @property
    def roles(self) -> list[str]:
        """The roles of the mixture in order, without the reference."""
        return list(dict.fromkeys(part.role for part in self.parts if part.role != REFERENCE))

    @property
    def stems(self) -> list[str]:
        """Names of all that `render` makes."""
        return ["mixture", *self.targets, *([REFERENCE] if self.reference else [])]

    def of(self, role: str) -> list[Part]:
        """The parts of a role."""
        return [part for part in self.parts if part.role == role]

    def to_json(self) -> str:
        """One row, without the line's end."""
        return json.dumps(asdict(self), ensure_ascii=False)


REFERENCE = "reference"
BACKGROUND = ("noise", "babble", "music")
"""How the names of roles begin that are background."""


def is_background(role: str) -> bool:
    """Whether a role belongs to the background."""
    return role.startswith(BACKGROUND)


def parse_example(line: str, where: str) -> Example:
    """The record of a row; `where` names it in errors. Raises BadInput."""
    try:
        values = json.loads(line)
        values["parts"] = tuple(_part(part) for part in values["parts"])
        values["targets"] = {name: _target(each) for name, each in values["targets"].items()}
        values["effects"] = tuple(values["effects"])
        return Example(**values)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(f"{where}: this is no record of an example of `winnow data mix`.") from None


def _part(values: dict[str, Any]) -> Part:
    room = values["room"]
    return Part(**{**values, "room": room and Room(**room), "effects": tuple(values["effects"])})


def _target(values: dict[str, Any]) -> Target:
    of = values["of"]
    return Target(None if of is None else tuple(of), values["room"])
