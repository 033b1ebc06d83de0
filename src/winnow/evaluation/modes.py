"""Spectrograms of what every mode of a voicefilter does to a mixture, as system 4 shows them: mixture, target, result."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from winnow.audio import Audio, Samples
from winnow.engine.bodies import separated
from winnow.metrics.report.pictures import panels
from winnow.models.bundle import Bundle
from winnow.models.voicefilter import FACTOR, MASKS


def results(bundle: Bundle, voice: Samples, mixture: Audio, factor: float = FACTOR) -> dict[str, Samples]:
    """What the corrected form and each published mode make of a mixture, by title, each `(time,)` at the bundle's rate.

    voice: the vector `(D,)` that tells the voice; channels are mixed to one first. Raises BadOption for another kind of bundle.
    """
    m, cues = bundle.manifest, {"voice": np.asarray(voice, np.float32)}
    heard = mixture.mono().resampled(m.rate).samples
    first = separated(bundle.separator(cues), heard, m.rate)[0, 0]
    found = {f"corrected: {m.stems[0]}": first, f"corrected: {m.stems[1]}": heard[0] - first}
    for mask in MASKS:
        separator = bundle.separator(cues, mask=mask, factor=None if mask == MASKS[0] else factor)
        title = mask if mask == MASKS[0] else f"{mask} {factor:g}"
        found[f"{title}: {separator.stems[0]}"] = separated(separator, heard, m.rate)[0, 0]
    return found


def figure(
    bundle: Bundle,
    voice: Samples,
    mixture: Audio,
    targets: Mapping[str, Audio] | None = None,
    factor: float = FACTOR,
) -> bytes:
    """A PNG of spectrograms on one scale: the mixture, what is wanted where that is known, and `results`.

    targets: by what they are, such as {"voice": ..., "rest": ...}. Raises ImportError without matplotlib.
    """
    rate = bundle.manifest.rate
    given = {"mixture": mixture, **{f"wanted: {name}": sound for name, sound in (targets or {}).items()}}
    signals = {title: sound.mono().resampled(rate).samples[0] for title, sound in given.items()}
    return panels(signals | results(bundle, voice, mixture, factor), rate)
