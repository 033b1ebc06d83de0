"""The few functions that `import winnow` offers."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np

from winnow.audio import Audio, Samples
from winnow.engine import run
from winnow.engine.run import Settings
from winnow.errors import BadAudio
from winnow.media import read

Source = Audio | str | os.PathLike[str] | tuple[Any, int]
"""A recording: an Audio, the path of an audio or video file, or `(array, rate)`."""

Voice = Source | list[Source]
"""Some seconds of a person: a recording as above, "FILE@0:12-0:20" for a stretch of one, "@NAME" for an enrolled voice."""


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
    parts = list(run.separate(_blocks(audio), audio.rate, audio.channels, Settings(**options)))
    return {name: Audio(np.concatenate([part[name] for part in parts], axis=1), audio.rate) for name in parts[0]}


def _blocks(audio: Audio) -> Iterator[Samples]:
    step = max(1, audio.rate)
    return (audio.samples[:, i : i + step] for i in range(0, audio.samples.shape[1], step))


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
    parts = list(separate_talkers(lambda: _blocks(audio), audio.rate, audio.channels, network, speakers))
    return {name: Audio(np.concatenate([part[name] for part in parts], axis=1), audio.rate) for name in parts[0]}


def extract(source: Source, *, voice: Voice, track: int = 0, **options: Any) -> Audio:
    """One voice out of a recording: same length, rate and channels.

    voice: a few seconds of it, see Voice, or a list of such; doubtful ones are warned of.
    options: the fields of `winnow.engine.chosen.ChosenSettings` (model, strength, max_attenuation, channels, sure, mask, factor,
    encoder).
    Raises as `load`, of the voice too, and BadOption, UnknownModel.
    """
    return _chosen(source, voice, track, False, options)[0]


def remove(source: Source, *, voice: Voice, track: int = 0, **options: Any) -> Audio:
    """A recording without one voice: same length, rate and channels. Parameters and errors as in `extract`."""
    return _chosen(source, voice, track, True, options)[1]


def _chosen(source: Source, voice: Voice, track: int, remove: bool, options: dict[str, Any]) -> tuple[Audio, Audio]:
    """The voice and the rest."""
    from winnow.engine.chosen import CUE, DEFAULT, REST, Chosen, ChosenSettings, encoder_for, find_bundle
    from winnow.engine.people import persons

    encoder = encoder_for(find_bundle(str(options.get("model", DEFAULT))), str(options.get("encoder", "")))
    known, lines = persons({CUE: [_reference(one) for one in (voice if isinstance(voice, list) else [voice])]}, encoder)
    for line in lines:
        warnings.warn(line, stacklevel=3)
    settings = ChosenSettings(**options, persons=known, remove=remove)
    settings.check()
    audio = load(source, track)
    chosen = Chosen(audio.rate, audio.channels, settings)
    parts = [*(chosen.feed(block) for block in _blocks(audio)), chosen.flush()]
    found, rest = (np.concatenate([part[name] for part in parts], axis=1) for name in (CUE, REST))
    return Audio(found, audio.rate), Audio(rest, audio.rate)


def _reference(voice: Any) -> str | Audio:
    return os.fspath(voice) if isinstance(voice, (str, os.PathLike)) else load(voice)
