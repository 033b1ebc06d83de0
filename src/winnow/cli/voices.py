"""`winnow voices`: enrolled voices, as vectors and never as sound."""

from __future__ import annotations

import json as json_
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from winnow.cli.helptext import Command, Group
from winnow.cli.words import one_line

if TYPE_CHECKING:
    from winnow.engine.voicestore import Enrolled

Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
Name = Annotated[str, typer.Argument(metavar="NAME", hidden=True)]


def voices() -> None:
    """winnow voices enrol alice a1.wav a2.mp4
    winnow voices list

    Keep voices by name: `@alice` then stands for hers. What is kept is a row of numbers
    for each voice, and never sound; WINNOW_VOICES names another folder for them.
    """


def enrol(
    name: Name,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", hidden=True)],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a voice of that name.")] = False,
    json: Json = False,
) -> None:
    """winnow voices enrol alice a1.wav a2.mp4
    winnow voices enrol bob interview.mp4@0:12-0:20

    Keep a voice under NAME, the mean over all FILEs. Each holds one person who speaks for at least a second, better
    ten; FILE@START-END is a stretch of a recording.
    """
    from winnow.engine import voicestore
    from winnow.engine.reference import voice_of
    from winnow.models.voices import default_encoder

    plain = voicestore.checked(name)
    if not replace:
        voicestore.check_free(plain)
    voice = voice_of(files, default_encoder())
    for line in voice.warnings:
        print(f"winnow: {one_line(line)}", file=sys.stderr)
    path = voicestore.save(plain, voice, tuple(files), replace)
    if json:
        print(json_.dumps(_facts(voicestore.read(plain))))
    else:
        print(f"{plain}   {voice.seconds:.1f} s of speech, kept in {one_line(path)}; use it as @{plain}")


def list_(json: Json = False) -> None:
    """winnow voices list

    List the enrolled voices: seconds of speech each was made of, and when.
    """
    from winnow.engine import voicestore
    from winnow.errors import BadInput

    found, damaged = [], []
    for name in voicestore.names():
        try:
            found.append(voicestore.read(name))
        except BadInput as error:
            damaged.append(str(error))
    if json:
        print(json_.dumps([_facts(each) for each in found]))
    for each in () if json else found:
        print(f"{each.name:<20} {each.voice.seconds:6.1f} s   {each.enrolled}   {each.voice.encoder}")
    if not found and not json:
        print("no voices yet; winnow voices enrol alice recording.wav")
    for line in damaged:
        print(f"winnow: {one_line(line)}", file=sys.stderr)


def forget(name: Name) -> None:
    """winnow voices forget alice

    Remove an enrolled voice.
    """
    from winnow.engine import voicestore

    plain = voicestore.checked(name)
    voicestore.forget(plain)
    print(f"{plain}   forgotten")


def _facts(each: Enrolled) -> dict[str, object]:
    return {
        "name": each.name,
        "seconds": round(each.voice.seconds, 2),
        "encoder": each.voice.encoder,
        "enrolled": each.enrolled,
        "references": list(each.references),
    }


def app() -> typer.Typer:
    """The group of commands."""
    from winnow.cli.app import CONTEXT, PLAIN

    group = typer.Typer(cls=Group, **PLAIN)
    group.callback()(voices)
    for name, function, brief in (
        ("enrol", enrol, "Keep a voice under a name."),
        ("list", list_, "List the enrolled voices."),
        ("forget", forget, "Remove an enrolled voice."),
    ):
        group.command(name, cls=Command, short_help=brief, context_settings=CONTEXT)(function)
    return group
