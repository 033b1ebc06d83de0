"""From what a person typed about voices to voices: references read, averaged and named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from winnow.audio import Audio, Samples
from winnow.engine.chosen import CUE, REST, Person
from winnow.errors import BadOption
from winnow.models.voices import VoiceEncoder

Source = str | Audio


def grouped(voice: Sequence[str], person: Sequence[str]) -> dict[str, list[str]]:
    """References by the name of whom they are of: those of `--voice` are of one person, `--person` has `NAME=REFERENCE`.

    Raises BadOption.
    """
    if voice and person:
        raise BadOption("give --voice for one person, or --person NAME=... for each of several, not both.")
    if not voice and not person:
        raise BadOption("say whose voice with a few seconds of it: --voice alice.wav, or --voice talk.mp4@0:12-0:20.")
    if voice:
        return {CUE: list(voice)}
    found: dict[str, list[str]] = {}
    for text in person:
        name, equals, reference = text.partition("=")
        if not equals or not reference:
            raise BadOption(f'--person is NAME=REFERENCE, such as alice=alice.wav, not "{text}".')
        found.setdefault(checked_name(name.strip()), []).append(reference)
    if len({name.casefold() for name in found}) < len(found):
        raise BadOption("two names differ in capitals alone, which file names may not show; choose others.")
    return found


def checked_name(name: str) -> str:
    """A name that can be part of a file's. Raises BadOption."""
    from winnow.engine.voicestore import checked

    if name.casefold() == REST:
        raise BadOption(f'"{REST}" is what all but the voices are called; choose another name for --person.')
    return checked(name)


def persons(groups: Mapping[str, Sequence[Source]], encoder: VoiceEncoder) -> tuple[tuple[Person, ...], list[str]]:
    """The persons of references, by name, and what should be known about these, a line each.

    A reference is text as `winnow.engine.reference` reads it, or a recording in memory. Raises BadInput with the reason.
    """
    found: list[Person] = []
    warnings: list[str] = []
    for name, references in groups.items():
        vector, clip, lines = _voice(references, encoder)
        found.append(Person(name, tuple(vector.tolist()), () if clip is None else tuple(clip.tolist())))
        warnings += lines
    return tuple(found), warnings


def _voice(references: Sequence[Source], encoder: VoiceEncoder) -> tuple[Samples, Samples | None, list[str]]:
    """The mean of all references, of unit length, the longest clip, and what should be known about them."""
    from winnow.engine.reference import longest, voice_in, voice_of

    texts = [reference for reference in references if isinstance(reference, str)]
    heard = [reference for reference in references if isinstance(reference, Audio)]
    voices = [voice_of(texts, encoder)] * len(texts) if texts else []  # as many as it is the mean of
    voices += [voice_in(_speech(audio), encoder, "the reference") for audio in heard]
    total = np.sum([voice.vector for voice in voices], axis=0)
    lines = dict.fromkeys(line for voice in voices for line in voice.warnings)
    return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12), np.float32), longest(voices), list(lines)


def _speech(audio: Audio) -> Samples:
    """Of a recording in memory what `winnow.engine.reference.speech_of` takes of a file."""
    from winnow.engine.reference import active
    from winnow.metrics.activity import RATE

    return active(audio.mono().resampled(RATE).samples[0])


def words(names: Iterable[str], rest: bool) -> tuple[str, ...]:
    """What the outputs of voices are called: "voice" for one without a name, "alice.voice" for others, then "rest"."""
    spoken = [name if name == CUE else f"{name}.{CUE}" for name in names]
    return (*spoken, REST) if rest else tuple(spoken)
