"""From what a person typed about voices to voices: references read, averaged and named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from winnow.engine.chosen import CUE, REST, Person
from winnow.errors import BadOption
from winnow.models.voices import VoiceEncoder

UNFIT = set('/\\:*?"<>|')
LONGEST = 60


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
    good = name and name.isprintable() and not UNFIT & set(name) and name[0] != "." and len(name) <= LONGEST
    if not good or name.casefold() == REST:
        raise BadOption(f'"{name}" cannot be part of a file name here; choose another name for --person.')
    return name


def persons(groups: dict[str, list[Any]], encoder: VoiceEncoder) -> tuple[tuple[Person, ...], list[str]]:
    """The persons of references, by name, and what should be known about these. Raises BadInput with the reason."""
    from winnow.engine.reference import voice_of

    found: list[Person] = []
    warnings: list[str] = []
    for name, texts in groups.items():
        voice = voice_of(texts, encoder)
        found.append(Person(name, tuple(float(value) for value in voice.vector)))
        warnings += list(voice.warnings)
    return tuple(found), warnings


def words(names: Iterable[str], rest: bool) -> tuple[str, ...]:
    """What the outputs of voices are called: "voice" for one without a name, "alice.voice" for others, then "rest"."""
    spoken = [name if name == CUE else f"{name}.{CUE}" for name in names]
    return (*spoken, REST) if rest else tuple(spoken)
