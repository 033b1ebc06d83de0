"""The table of effects; applying one from its record, drawing one at random."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.data.augment import additive, coding, damage, filters, time
from winnow.data.augment.base import Floats, Parameters
from winnow.errors import BadInput


@dataclass(frozen=True)
class Effect:
    """One effect. function: `(samples, rate, **parameters) -> samples`; draw: `(rng, rate) -> parameters`, which JSON can hold.

    linear: goes on the target as well as on the mixture, because a network is not to undo it; otherwise on the mixture only.
    """

    function: Callable[..., Floats]
    draw: Callable[[np.random.Generator, int], Parameters]
    linear: bool


EFFECTS: dict[str, Effect] = {
    "equalise": Effect(filters.equalise, filters.draw_equalise, linear=True),
    "level": Effect(time.level, time.draw_level, linear=True),
    "speed": Effect(time.speed, time.draw_speed, linear=True),
    "resample": Effect(filters.resample, filters.draw_resample, linear=True),
    "band_limit": Effect(filters.band_limit, filters.draw_band_limit, linear=True),
    "clip": Effect(damage.clip, damage.draw_clip, linear=False),
    "quantise": Effect(damage.quantise, damage.draw_quantise, linear=False),
    "packet_loss": Effect(damage.packet_loss, damage.draw_packet_loss, linear=False),
    "codec": Effect(coding.codec, coding.draw_codec, linear=False),
    "wind": Effect(additive.wind, additive.draw_wind, linear=False),
    "hum": Effect(additive.hum, additive.draw_hum, linear=False),
    "dc": Effect(time.dc, time.draw_dc, linear=False),
}
"""Every effect by its name in a record."""


def find_effect(name: object) -> Effect:
    """An effect by its name. Raises BadInput with the nearest name and all choices."""
    if isinstance(name, str) and name in EFFECTS:
        return EFFECTS[name]
    near = difflib.get_close_matches(str(name), EFFECTS, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise BadInput(f"no effect named {name!r}. {hint}There are {', '.join(EFFECTS)}.")


def draw(rng: np.random.Generator, rate: int, name: str) -> dict[str, Any]:
    """A record of the effect `name` with random parameters, for samples at `rate` hertz. Raises BadInput as `find_effect`."""
    return {"name": name, **find_effect(name).draw(rng, rate)}


def apply(samples: Floats, rate: int, effect: Mapping[str, Any]) -> Floats:
    """Apply one record to `samples`, `(time,)` float32 at `rate` hertz; the input is not changed.

    Returns new samples, `(time,)` float32; of `speed` `(round(time / factor),)`. Raises BadInput for an unknown effect, an
    unknown, missing or bad parameter.
    """
    parameters = {key: value for key, value in effect.items() if key != "name"}
    function = find_effect(effect.get("name")).function
    try:
        inspect.signature(function).bind(samples, rate, **parameters)
    except TypeError as error:
        raise BadInput(f"effect {effect['name']}: {error}. It takes {_parameters(function)}.") from None
    return np.asarray(function(samples, rate, **parameters), np.float32)


def _parameters(function: Callable[..., Floats]) -> str:
    return ", ".join(list(inspect.signature(function).parameters)[2:])
