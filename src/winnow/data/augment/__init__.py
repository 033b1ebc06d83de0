"""Effects on one channel: what recordings go through before they reach a listener.

Each is a pure function `(samples (time,) float32, rate in hertz, **parameters) -> (time,) float32`; noise in it comes from a seed
among the parameters, so that the same parameters give the same samples bit for bit. An effect on record is a plain
dictionary, `{"name": "clip", "keep": 0.5, "kind": "hard"}`, as `draw` makes it and `apply` takes it.

Every effect keeps the length but `speed`, which gives `round(time / factor)` samples: `speed_span` tells how many to read.
"""

from winnow.data.augment.coding import codecs
from winnow.data.augment.effects import EFFECTS, Effect, apply, draw, find_effect
from winnow.data.augment.time import speed_span

__all__ = ["EFFECTS", "Effect", "apply", "codecs", "draw", "find_effect", "speed_span"]
