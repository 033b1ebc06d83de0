"""`winnow separate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from winnow.cli.process import Force, Inputs, Jobs, Json, Output, Quiet, Track, carry_out, process

if TYPE_CHECKING:
    from winnow.engine.conversation.work import Request
    from winnow.engine.jobs import Job
    from winnow.engine.plan import StemsOf

Speakers = Annotated[int | None, typer.Option("--speakers", metavar="N", help="How many talk. [default: found]")]
Network = Annotated[str | None, typer.Option("--model", metavar="NAME|PATH", help="Of talkers. [default: talkers-16k]")]
NoTimeline = Annotated[bool, typer.Option("--no-timeline", help="Leave out who speaks when (.talkers.json, .png).")]
Method = Annotated[
    str | None,
    typer.Option(
        "--method",
        metavar="NAME",
        help="network; by microphones: auxiva (default with --sources), ilrma, fastmnmf, ica.",
    ),
]
Sources = Annotated[
    int | None, typer.Option("--sources", metavar="N", help="By microphones: how many. [default: as many as they are]")
]


def separate(
    inputs: Inputs,
    *,
    output: Output = None,
    speakers: Speakers = None,
    model: Network = None,
    no_timeline: NoTimeline = False,
    method: Method = None,
    sources: Sources = None,
    jobs: Jobs = None,
    track: Track = 0,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """winnow separate debate.mp4 --speakers 2   debate.talker1.wav, .talker2.wav ...
    winnow separate meeting.wav -o parts/     finds out how many talk
    winnow separate meeting_4ch.wav --sources 3     several microphones, no network

    One track for each who talks, from beginning to end, and the background: together they
    are the recording. Any number of people, two of them at once. Beside the tracks: who
    speaks when, as meeting.talkers.json and .png.

    Several microphones can do without a network, and for any sources: .source1.wav ... With
    auxiva, ilrma, fastmnmf (rooms) or ica (a mixing desk); ilrma and fastmnmf need pip
    install "winnow-audio[array]".
    """
    from winnow.errors import BadOption

    method = method or ("auxiva" if sources is not None else "network")
    if method == "network":
        if sources is not None:
            raise BadOption("--sources goes with --method auxiva, ilrma, fastmnmf or ica; for talkers say --speakers.")
        from winnow.engine.conversation.work import Request

        request = Request(speakers, model or "talkers-16k", not no_timeline)
        return _talkers(inputs, output, request, jobs, track=track, force=force, json=json, quiet=quiet)
    if speakers is not None or model is not None or no_timeline:
        raise BadOption(f"--speakers, --model and --no-timeline go with --method network, not with {method}.")
    return by_microphones(inputs, output, method, sources, jobs, track=track, force=force, json=json, quiet=quiet)


def _talkers(
    inputs: list[str],
    output: str | None,
    request: Request,
    workers: int | None,
    *,
    track: int,
    force: bool,
    json: bool,
    quiet: bool,
) -> int:
    from functools import partial

    from winnow.cli.report import Report
    from winnow.engine.conversation.work import Conversing
    from winnow.engine.files import plan

    work = Conversing(request)

    def planned() -> list[Job]:
        _ = work.network  # what is wrong with it is said before any file is touched
        return plan(inputs, output, task="separate", track=track, force=force, stems=request.stems)

    return carry_out(planned, work, workers, partial(Report, json=json, quiet=quiet, doing="separating"))


def by_microphones(
    inputs: list[str],
    output: str | None,
    method: str,
    sources: int | None,
    workers: int | None,
    *,
    track: int,
    force: bool,
    json: bool,
    quiet: bool,
) -> int:
    """Blind separation. Raises BadOption."""
    from winnow.engine.run import Settings
    from winnow.errors import BadOption
    from winnow.models.methods import BLIND

    if method not in BLIND:
        raise BadOption(f'no method "{method}" here; there are network, {", ".join(BLIND)}.')
    if sources is not None and sources < 2:
        raise BadOption(f"--sources is 2 or more, not {sources}.")
    settings = Settings(model=method, sources=sources)
    stems = _stems(method, sources, track)
    return process(
        inputs,
        output,
        settings,
        task="separate",
        track=track,
        force=force,
        workers=workers,
        json=json,
        quiet=quiet,
        stems=stems,
    )


def _stems(method: str, sources: int | None, track: int) -> StemsOf:
    """What a recording's stems will be called, by its number of channels."""
    from winnow.engine.jobs import PIPE
    from winnow.errors import BadOption
    from winnow.media import open_reader
    from winnow.models.methods import METHODS

    def stems(path: str) -> tuple[str, ...]:
        if path == PIPE:
            raise BadOption("standard input does not tell its channels beforehand; give a file.")
        with open_reader(path, track=track) as reader:
            return METHODS[method](reader.channels, sources).stems

    return stems
