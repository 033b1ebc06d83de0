"""The methods that `winnow benchmark` compares, each a function from a recording to its tracks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from winnow.audio import Audio
from winnow.errors import BadOption

Tracks = dict[str, Audio]
"""By name, "speech" first and "background" where there is one; each as long as the recording."""


def _none(audio: Audio) -> Tracks:
    return {"speech": audio, "background": Audio(np.zeros_like(audio.samples), audio.rate)}


def _network(audio: Audio) -> Tracks:
    from winnow.api import split

    return split(audio)


METHODS: dict[str, Callable[[Audio], Tracks]] = {"none": _none, "network": _network}
"""By the name that `--methods` takes; "none" is the untouched recording, to compare with."""


def check_method(name: str) -> str:
    """The name itself. Raises BadOption for one that there is not."""
    if name not in METHODS:
        raise BadOption(f'no method named "{name}". There are {", ".join(METHODS)}.')
    return name


def separate_with(method: str, audio: Audio) -> Tracks:
    """A recording `(channels, time)` taken apart by a method. Raises BadOption, and what the method itself refuses."""
    return METHODS[check_method(method)](audio)
