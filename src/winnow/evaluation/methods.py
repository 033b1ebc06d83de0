"""The methods that `winnow benchmark` compares, each a function from a recording to its tracks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from winnow.audio import Audio
from winnow.errors import BadOption

Tracks = dict[str, Audio]
"""By name, "speech" first and "background" where there is one; each as long as the recording."""


def _none(audio: Audio) -> Tracks:
    return {"speech": audio, "background": Audio(np.zeros_like(audio.samples), audio.rate)}


def _split(model: str, audio: Audio) -> Tracks:
    from winnow.api import split

    speech = split(audio, model=model)["speech"]
    return {"speech": speech, "background": Audio(audio.samples - speech.samples, audio.rate)}


def _blind(audio: Audio) -> Tracks:
    """The sources too; the voice is the one that a voice detector hears most speech in, since their order is chance."""
    from winnow.api import split

    sources = split(audio, model="auxiva")
    voice = max(sources, key=lambda name: speechlike(sources[name]))
    rest = Audio(audio.samples - sources[voice].samples, audio.rate)
    return {"speech": sources[voice], "background": rest, **sources}


def speechlike(audio: Audio) -> float:
    """How sure a voice detector is of speech in a recording, on average over its frames, 0 to 1."""
    from winnow.metrics.activity import RATE, find_detector

    detector = find_detector("auto")()
    samples = audio.mono().resampled(RATE).samples[0]
    scores = np.concatenate([detector.feed(samples), detector.flush()])
    return float(scores.mean()) if len(scores) else 0.0


METHODS: dict[str, Callable[[Audio], Tracks]] = {
    "none": _none,
    "network": partial(_split, "auto"),
    "split-16k": partial(_split, "split-16k"),
    "neighbour": partial(_split, "neighbour"),
    "blind": _blind,
    "wpe": partial(_split, "wpe"),
}
"""By the name that `--methods` takes; "none" is the untouched recording, to compare with."""


def check_method(name: str) -> str:
    """The name itself. Raises BadOption for one that there is not."""
    if name not in METHODS:
        raise BadOption(f'no method named "{name}". There are {", ".join(METHODS)}.')
    return name


def separate_with(method: str, audio: Audio) -> Tracks:
    """A recording `(channels, time)` taken apart by a method. Raises BadOption, and what the method itself refuses."""
    return METHODS[check_method(method)](audio)
