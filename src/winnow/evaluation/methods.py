"""The methods that `winnow benchmark` compares, each a function from a recording to its tracks."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from winnow.audio import Audio
from winnow.errors import BadOption
from winnow.models import catalog
from winnow.models.methods import BLIND

Tracks = dict[str, Audio]
"""By name, "speech" first and "background" where there is one; each as long as the recording."""


def _none(audio: Audio) -> Tracks:
    return {"speech": audio, "background": Audio(np.zeros_like(audio.samples), audio.rate)}


def _split(model: str, audio: Audio) -> Tracks:
    from winnow.api import split

    speech = split(audio, model=model)["speech"]
    return {"speech": speech, "background": Audio(audio.samples - speech.samples, audio.rate)}


def _sources(model: str, audio: Audio) -> Tracks:
    """The sources too; the voice is the one that a voice detector hears most speech in, since their order is chance."""
    from winnow.api import split

    sources = split(audio, model=model)
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
    "blind": partial(_sources, "auxiva"),
    "wpe": partial(_split, "wpe"),
}
"""Those that are compared where nothing is said; "none" is the untouched recording, to compare with."""


def find_method(name: str) -> Callable[[Audio], Tracks]:
    """A method of METHODS, one of the blind ones, or a network by its name or by the folder of its bundle.

    Of networks that give one track for each talker the voice is found as of the blind ones. Raises BadOption, BundleError, and
    UnknownModel for a folder that there is not.
    """
    if name in METHODS:
        return METHODS[name]
    if name in BLIND:
        return partial(_sources, name)
    if not (os.path.isdir(name) or os.sep in name or name in catalog.names()):
        raise BadOption(_unknown(name))
    bundle = catalog.find(name)
    _ = bundle.graph  # a bundle that was damaged is told of now, and not by a table full of refusals
    if bundle.manifest.cues:
        cue = bundle.manifest.cues[0].name
        raise BadOption(
            f"{name}: this network wants a {cue} beside the recording, which a benchmark has not. Leave it out."
        )
    return partial(_split if "speech" in bundle.manifest.stems else _sources, name)


def _unknown(name: str) -> str:
    known = [*METHODS, *BLIND, *catalog.names()]
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    hint = f"Did you mean {' or '.join(dict.fromkeys(near))}? " if near else ""
    listed = ", ".join(dict.fromkeys([*METHODS, *BLIND]))
    return f'no method named "{name}". {hint}There are {listed}, and networks by name or folder (`winnow models`).'


def check_methods(names: Iterable[str]) -> list[str]:
    """The names, each once. Raises as `find_method`."""
    found = list(dict.fromkeys(name.rstrip(os.sep) or name for name in map(str.strip, names)))
    for name in found:
        find_method(name)
    return found


def separate_with(method: str, audio: Audio) -> Tracks:
    """A recording `(channels, time)` taken apart by a method. Raises as `find_method`, and what the method itself refuses."""
    return find_method(method)(audio)
