"""`winnow data`: from corpora on disk to training examples."""

from __future__ import annotations

import typer

from winnow.cli.helptext import Command, Group


def data() -> None:
    """winnow data list                 which corpora are known
    winnow data scan librispeech LibriSpeech/ -o libri.jsonl
    winnow data split libri.jsonl --valid 5% --test 5%

    From corpora on disk to training examples. A list has one recording a row;
    everything else starts from lists.
    """


def app() -> typer.Typer:
    """The group of commands."""
    from winnow.cli.app import CONTEXT, PLAIN
    from winnow.cli.data import clips, downloading, legacy, listing, mix, pack, rooms, scanning, show, splitting

    group = typer.Typer(cls=Group, **PLAIN)
    group.callback()(data)
    for name, function, brief in (
        ("list", listing.list_, "List the corpora that are known; show one."),
        ("download", downloading.download, "Fetch a corpus from its publisher."),
        ("clips", clips.clips, "Cut the clips of AVSpeech and AudioSet."),
        ("scan", scanning.scan, "Make the list of a corpus."),
        ("split", splitting.split, "Part a list for training, validation and test."),
        ("check", splitting.check, "Tell whether lists share a speaker or a room."),
        ("rooms", rooms.rooms, "Simulate room responses, or alter measured ones."),
        ("mix", mix.mix, "Make examples to train on, and their list."),
        ("verify", mix.verify, "Compare the audio of a set with its list."),
        ("show", show.show, "Describe one example; write sound and pictures."),
        ("pack", pack.pack, "Put many recordings into few small files."),
        ("unpack", pack.unpack, "Make files of a pack again."),
    ):
        group.command(name, cls=Command, short_help=brief, context_settings=CONTEXT)(function)
    group.add_typer(legacy.app(), name="legacy", short_help="Files as published systems expect them.")
    return group
