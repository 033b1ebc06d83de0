"""The few functions that `import winnow` offers."""

from __future__ import annotations

import os
from numbers import Real
from typing import Any

import numpy as np

from winnow.audio import Audio
from winnow.engine import run
from winnow.engine.run import Settings
from winnow.errors import BadAudio
from winnow.media import read

Source = Audio | str | os.PathLike[str] | tuple[Any, int]
"""A recording: an Audio, the path of an audio or video file, or `(array, rate)`."""


def load(source: Source, track: int = 0) -> Audio:
    """Any recording as an Audio.

    source: see Source; an array is `(time,)` or `(channels, time)`, floating point within +-1 or PCM of 8, 16 or 32 bits;
    track: which audio track of a file, from 0.
    Raises InputNotFound, NoAudio, BadAudio.
    """
    if isinstance(source, Audio):
        return source
    if isinstance(source, (str, os.PathLike)):
        return read(source, track=track)
    if not isinstance(source, (tuple, list)) or len(source) != 2:
        raise BadAudio("give an Audio, the path of a file, or (array, rate).")
    samples, rate = source
    if isinstance(samples, Real):
        raise BadAudio("give (array, rate), the array first.")
    return Audio(samples, rate)


def split(source: Source, *, track: int = 0, **options: Any) -> dict[str, Audio]:
    """A recording apart: `{"speech": Audio, "background": Audio}`, each as long as the recording, together equal to it.

    options: the fields of `winnow.engine.run.Settings` (model, strength, max_attenuation, channels). Raises as `load`,
    and BadOption, UnknownModel.
    """
    audio = load(source, track)
    length, step = audio.samples.shape[1], max(1, audio.rate)
    blocks = (audio.samples[:, i : i + step] for i in range(0, length, step))
    parts = list(run.separate(blocks, audio.rate, audio.channels, Settings(**options)))
    return {name: Audio(np.concatenate([part[name] for part in parts], axis=1), audio.rate) for name in parts[0]}


def enhance(source: Source, *, track: int = 0, **options: Any) -> Audio:
    """A recording with clean speech: same length, rate and channels. Parameters and errors as in `split`."""
    Settings(**options).check_speech()
    return split(source, track=track, **options)["speech"]


def separate(
    source: Source, speakers: int | None = None, model: str | os.PathLike[str] = "talkers-16k", *, track: int = 0
) -> dict[str, Audio]:
    """A conversation apart: `{"talker1": Audio, "talker2": Audio, ..., "background": Audio}`, together equal to it.

    speakers: how many talkers, None: found; model: a bundle that separates talkers, by its name or path; track: as in `load`.
    talker1 is who begins. Raises as `load`, and BadOption, UnknownModel, BundleError, and NoSpeech where nobody speaks.
    """
    from winnow.engine.conversation.passes import open_network, separate_talkers
    from winnow.engine.conversation.talkers import check_speakers

    check_speakers(speakers)
    network, audio = open_network(model), load(source, track)
    length, step = audio.samples.shape[1], max(1, audio.rate)
    parts = list(
        separate_talkers(
            lambda: (audio.samples[:, i : i + step] for i in range(0, length, step)),
            audio.rate,
            audio.channels,
            network,
            speakers,
        )
    )
    return {name: Audio(np.concatenate([part[name] for part in parts], axis=1), audio.rate) for name in parts[0]}
