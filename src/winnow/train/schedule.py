"""How long a run goes, what it does on the way, and where it stands."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any

from winnow.errors import BadOption
from winnow.train.settings import restored

DEVICES = ("auto", "cpu")
PRECISIONS = ("full", "bf16")


@dataclass(frozen=True)
class Schedule:
    """How long a run goes and what it does on the way; times in minutes of training, start-up not counted.

    steps or epochs: instead of minutes; the learning rate and the log then go by steps alone, so that a run which was stopped
    and resumed gives the curve of an unbroken one. validate_steps, log_steps: validate and log after so many steps (default:
    with steps a tenth and a twentieth of them, but a log every 50; with minutes `validate_every` and a log every 50).
    precision: "full", or "bf16": matrix products in bfloat16, several times faster where the processor has them.
    """

    minutes: float = 60.0
    steps: int | None = None
    save_every: float = 2.0
    validate_every: float = 5.0
    seed: int = 0
    device: str = "auto"
    precision: str = "full"
    epochs: int | None = None
    validate_steps: int | None = None
    log_steps: int | None = None

    def of(self, config: Any, processes: int = 1) -> Schedule:
        """Complete: epochs as steps, each validated at its end. An epoch is `epoch` examples of a recipe's configuration."""
        heard = config.batch_size * processes
        steps = ceil(self.epochs * config.epoch / heard) if self.epochs else self.steps
        validate = ceil(config.epoch / heard) if self.epochs else max(1, steps // 10) if steps else None
        validate = self.validate_steps or validate
        log = self.log_steps or (min(50, max(1, steps // 20)) if steps else 50)
        return replace(self, steps=steps, validate_steps=validate, log_steps=log)


@dataclass
class Progress:
    """Where a run stands; what a resumed run starts from.

    step: steps done; elapsed: seconds; audio: seconds heard; validated, validated_at: step and seconds of the last validation;
    best: the best score; sums: of losses over the last `count` steps, not in the log yet.
    """

    step: int = 0
    elapsed: float = 0.0
    audio: float = 0.0
    validated: int = 0
    validated_at: float = 0.0
    best: float | None = None
    count: int = 0
    sums: dict[str, float] = field(default_factory=dict)


def planned(
    folder: Path,
    resume: bool,
    *,
    minutes: float | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    precision: str | None = None,
) -> Schedule:
    """The schedule that options ask for; what they leave open is as in the run that is resumed. Raises BadOption."""
    given = {"--minutes": minutes, "--steps": steps, "--epochs": epochs}
    given = {option: value for option, value in given.items() if value is not None}
    if len(given) > 1:
        raise BadOption(f"{' and '.join(given)} contradict each other. Give one of them.")
    for option, value in given.items():
        if not value or value < 0:
            raise BadOption(f"{option} {value:g}: a run needs more than that.")
    _check_words(device, precision)
    before = _stored(folder) if resume else Schedule()
    precision = precision or before.precision
    if given:
        before = Schedule(seed=before.seed, minutes=minutes or 60.0, steps=steps, epochs=epochs)
        before = replace(before, validate_every=min(5.0, before.minutes / 10))
    return replace(before, seed=before.seed if seed is None else seed, device=device, precision=precision)


def _check_words(device: str, precision: str | None) -> None:
    for option, value, allowed in (("--device", device, DEVICES), ("--precision", precision, PRECISIONS)):
        if value is not None and value not in allowed:
            raise BadOption(f"{option} {value}: there are {' and '.join(allowed)}.")


def _stored(folder: Path) -> Schedule:
    """Of the run in the folder; the default where it cannot be told, which the start of the run complains about."""
    try:
        described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return restored(Schedule, described["schedule"])
    except (OSError, ValueError, KeyError, TypeError):
        return Schedule()
