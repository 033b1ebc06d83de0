"""`winnow data legacy`: the file sets of the published systems."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from winnow.cli.helptext import Command, Group
from winnow.cli.process import Quiet

Speech = Annotated[str, typer.Option("--speech", metavar="LIST", help="List of clean speech.")]
Folder = Annotated[str, typer.Option("-o", "--output", metavar="DIR", help="A new folder.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of the draw.")]


def legacy() -> None:
    """winnow data legacy system1 --speech s.jsonl --noise n.jsonl -o data/

    Files as the code of the published systems expects them. Lists are made by `winnow data scan`.
    """


def system1(
    speech: Speech,
    noise: Annotated[str, typer.Option("--noise", metavar="LIST", help="List of noise.")],
    output: Folder,
    *,
    count: Annotated[int, typer.Option("--count", metavar="N", help="Windows of 1.008 s.")] = 50,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """winnow data legacy system1 --speech s.jsonl --noise n.jsonl -o data/ --count 99

    Write sound/, time_serie/ and spectrogram/ of vbelz' Speech-enhancement, from which the U-Nets of
    nmd2k train: 8 kHz, (N, 128, 128), noisy = voice + u noise, u in 0.2 to 0.8.
    """
    from winnow.data.legacy.common import items_of
    from winnow.data.legacy.system1 import write_system1
    from winnow.errors import BadOption

    if count < 1:
        raise BadOption(f"--count is 1 or more, not {count}")
    voices, noises = items_of(speech, "speech"), items_of(noise, "noise")
    with _working("writing", quiet, "nothing is kept, the same command begins again") as tell:
        bad = write_system1(voices, noises, Path(output), count=count, seed=seed, tell=tell)
    _say(output, f"{count} windows", bad, quiet)


def system3(
    speech: Speech,
    output: Folder,
    *,
    noise: Annotated[str | None, typer.Option("--noise", metavar="LIST", help="List of noise, added at 0.3.")] = None,
    talkers: Annotated[int, typer.Option("--talkers", metavar="N", help="Voices in each mixture, 2 to 5.")] = 2,
    mode: Annotated[str, typer.Option("--mode", metavar="seq|cp", help="Each clip once, or all combinations.")] = "seq",
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", help="Mixtures at most.")] = None,
    as_published: Annotated[
        bool, typer.Option("--as-published", help="The power law inverted, on the waveform.")
    ] = False,
    portable: Annotated[bool, typer.Option("--portable", help="Names that Windows allows.")] = False,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """winnow data legacy system3 --speech clips.jsonl --noise n.jsonl -o data/

    Write clean/, mix/ and crm/ of Looking to Listen (Lapter57): 16 kHz, 3 s, (298, 257, 2), with
    its names idx:youtube_id.npy; masks are compressed by tanh with K = 10 and C = 0.1.
    """
    from winnow.data.legacy.common import items_of
    from winnow.data.legacy.system3 import Looking, write_system3

    settings = Looking(talkers, mode, limit, as_published, portable, seed)
    voices, noises = items_of(speech, "speech"), items_of(noise, "noise") if noise else []
    with _working("writing", quiet) as tell:
        made, bad = write_system3(voices, noises, Path(output), settings, tell)
    _say(output, f"{made} mixtures", bad, quiet)


def system4(
    speech: Speech,
    output: Folder,
    *,
    train_size: Annotated[int, typer.Option("--train-size", metavar="N", help="Examples in train/.")] = 40,
    test_size: Annotated[int, typer.Option("--test-size", metavar="N", help="Examples in test/.")] = 20,
    reverse: Annotated[bool, typer.Option("--reverse-data", help="The target is the other voice.")] = False,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """winnow data legacy system4 --speech libri.jsonl -o data/ --train-size 1000

    Write NNNNNN-target.wav, -mixed.wav, -dvec.txt and spectrograms (301, 601) of VoiceFilter: 16 kHz,
    3 s, .pt where torch is there, else .npy. No talker of train/ is in test/.
    """
    from winnow.data.legacy.common import items_of
    from winnow.data.legacy.system4 import VoiceFilter, write_system4

    settings = VoiceFilter(train_size, test_size, reverse, seed=seed)
    voices = items_of(speech, "speech")
    with _working("writing", quiet) as tell:
        bad = write_system4(voices, Path(output), settings, tell)
    _say(output, f"{train_size} for training, {test_size} for test", bad, quiet)


def system5(
    videos: Annotated[list[str], typer.Argument(metavar="VIDEOS", hidden=True)],
    output: Folder,
    *,
    quiet: Quiet = False,
) -> None:
    """winnow data legacy system5 simple.mp4 music.mp4 crowd.mp4 -o project/

    Make the folders of vocal-noise.separation (data/raw, data/voices, data/background, report, src) with
    VIDEOS, their transcripts (NAME.txt beside them) and their sound as MP3, 44.1 kHz stereo, 160 kbit/s.
    """
    from winnow.data.legacy.system5 import write_system5

    with _working("extracting", quiet) as tell:
        made = write_system5([Path(video) for video in videos], Path(output), tell)
    _say(output, f"{len(made)} videos", {}, quiet)


def _working(title: str, quiet: bool, kept: str = "what is finished stays, the same command goes on") -> Any:
    from winnow.cli.data.pack import working

    return working(title, quiet, kept)


def _say(output: str, what: str, bad: dict[str, str], quiet: bool) -> None:
    from winnow.cli.words import one_line

    for reason in bad.values():
        print(f"winnow: left out: {one_line(reason)}", file=sys.stderr)
    if not quiet:
        print(f"{output}   {what}")


def app() -> typer.Typer:
    """The group of commands."""
    from winnow.cli.app import CONTEXT, PLAIN

    group = typer.Typer(cls=Group, **PLAIN)
    group.callback()(legacy)
    for name, function, brief in (
        ("system1", system1, "Spectrogram U-Nets: vbelz, nmd2k."),
        ("system3", system3, "Looking to Listen: Lapter57."),
        ("system4", system4, "VoiceFilter, and reversed."),
        ("system5", system5, "Vocals and noise from videos."),
    ):
        group.command(name, cls=Command, short_help=brief, context_settings=CONTEXT)(function)
    return group
