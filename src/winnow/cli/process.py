"""`winnow enhance` and `winnow split`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from winnow.cli.report import Report
    from winnow.engine.jobs import Job, Task
    from winnow.engine.plan import StemsOf
    from winnow.engine.run import Settings
    from winnow.engine.trade import JobTrade

Inputs = Annotated[list[str], typer.Argument(metavar="INPUTS", hidden=True)]  # told in the text, which is shorter
Output = Annotated[
    str | None,
    typer.Option("-o", "--output", metavar="OUT", help="A file, a folder, or '-'. [default: beside the input]"),
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", metavar="N", help="Recordings at a time. [default: one for each core]")
]
Strength = Annotated[float, typer.Option("--strength", metavar="0..1", help="How much to clean; 0 changes nothing.")]
Limit = Annotated[
    float | None, typer.Option("--max-attenuation", metavar="DB", help="Never lower anything by more than this.")
]
Model = Annotated[
    str, typer.Option("--model", metavar="NAME|PATH", help="A name from `winnow models`, or a bundle's folder.")
]
Channels = Annotated[
    str, typer.Option("--channels", metavar="linked|apart", help="One gain for all channels, or one for each.")
]
Track = Annotated[
    int, typer.Option("--track", metavar="N", help="Which audio track, from 0; `winnow info` lists them.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace outputs that exist.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for each file.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]


def enhance(
    inputs: Inputs,
    *,
    output: Output = None,
    jobs: Jobs = None,
    strength: Strength = 1.0,
    max_attenuation: Limit = None,
    model: Model = "auto",
    method: Annotated[
        str, typer.Option("--method", metavar="network|wpe", help="wpe takes reverberation out, without a network.")
    ] = "network",
    channels: Channels = "linked",
    track: Track = 0,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """winnow enhance talk.mp4                 writes talk.enhanced.mp4, picture copied
    winnow enhance lectures/ -o clean/      all in a folder, same tree out
    winnow enhance in.flac -o out.mp3 --strength 0.8
    cat x.wav | winnow enhance - -o - > y.wav

    Clean the speech in recordings. INPUTS are files and folders; '-' is standard input.
    Length, channels, picture, other tracks, tags and chapters stay as they are.
    What exists is left alone, so the same command goes on where it was stopped.
    """
    model = _chosen(model, method, ("network", "neighbour", "wpe"))
    settings = make_settings(model, strength, max_attenuation, channels)
    return process(
        inputs, output, settings, task="enhance", track=track, force=force, workers=jobs, json=json, quiet=quiet
    )


def split(
    inputs: Inputs,
    *,
    output: Output = None,
    into_video: Annotated[
        bool, typer.Option("--into-video", help="One video: original, speech, background as tracks.")
    ] = False,
    jobs: Jobs = None,
    strength: Strength = 1.0,
    max_attenuation: Limit = None,
    model: Model = "auto",
    method: Annotated[
        str, typer.Option("--method", metavar="NAME", help="network, neighbour (no network), blind (microphones).")
    ] = "network",
    channels: Channels = "linked",
    track: Track = 0,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """winnow split talk.mp4                writes talk.speech.wav, talk.background.wav
    winnow split lectures/ -o parts/     all in a folder, same tree out
    winnow split talk.mp4 --into-video   talk.split.mp4 with three audio tracks
    winnow split song.mp4 --method neighbour     voice from what repeats behind it

    Write speech and background apart. INPUTS are files and folders. Together,
    the two are the original. WAV of 24 bits, or FLAC with -o NAME.flac.
    """
    if method == "blind":
        from winnow.cli.separate import by_microphones
        from winnow.errors import BadOption

        if into_video or model != "auto":
            raise BadOption(
                "--method blind goes with neither --into-video nor --model; it writes a track for each source"
            )
        return by_microphones(inputs, output, "auxiva", None, jobs, track=track, force=force, json=json, quiet=quiet)
    model = _chosen(model, method, ("network", "neighbour", "blind"))
    settings = make_settings(model, strength, max_attenuation, channels)
    task: Task = "into-video" if into_video else "split"
    return process(inputs, output, settings, task=task, track=track, force=force, workers=jobs, json=json, quiet=quiet)


def _chosen(model: str, method: str, methods: tuple[str, ...]) -> str:
    """The model that stands for a method. Raises BadOption."""
    from winnow.errors import BadOption

    if method not in methods:
        raise BadOption(f'no method "{method}" here; there are {", ".join(methods)}.')
    if method == "network":
        return model
    if model != "auto":
        raise BadOption(f"--method {method} needs no network; leave out --model.")
    return method


def make_settings(model: str, strength: float, max_attenuation: float | None, channels: str) -> Settings:
    """Validated before any file is touched; the model is looked up too, unless each recording chooses its own."""
    from winnow.engine.run import Settings

    settings = Settings(model=model, strength=strength, max_attenuation=max_attenuation, channels=channels)  # type: ignore[arg-type]
    settings.check_speech()
    return settings


def process(
    inputs: list[str],
    output: str | None,
    settings: Settings,
    *,
    task: Task,
    track: int,
    force: bool,
    workers: int | None,
    json: bool,
    quiet: bool,
    stems: StemsOf | None = None,
    prepare: Callable[[Job], Job] | None = None,
    reporter: type[Report] | None = None,
) -> int:
    """Plan, run and report.

    stems: names of the stems of a recording, where the task does not tell them; prepare: adds to each job what only the command
    knows of it; reporter: says what became of them.
    """
    from functools import partial

    from winnow.cli.report import Report
    from winnow.engine.files import Cleaning, plan

    def jobs() -> list[Job]:
        planned = plan(inputs, output, task=task, track=track, force=force, stems=stems)
        _check_pipes(planned)
        return [prepare(job) for job in planned] if prepare else planned

    return carry_out(jobs, Cleaning(settings), workers, partial(reporter or Report, json=json, quiet=quiet))


def carry_out(
    jobs: Callable[[], list[Job]], trade: JobTrade, processes: int | None, reporter: Callable[..., Report]
) -> int:
    """Plan, run and report; returns the exit code. Raises BadOption.

    jobs: makes the plan; processes: as `--jobs` says; reporter: makes what says what became of them.
    """
    from contextlib import closing
    from functools import partial

    from winnow.cli.ending import NOTHING_HALF, told_when_stopped
    from winnow.engine.trade import results_of

    count = workers(processes)
    with told_when_stopped(NOTHING_HALF) as stop:
        planned = jobs()
        stop.hasty = partial(_sweep, trade, planned)
        # The results are closed first, whatever happens: workers are stopped before anything is said of it.
        with (
            reporter(planned, check=stop.check) as report,
            closing(results_of(planned, trade, count, report.progress)) as results,
        ):
            for result in results:
                report.add(result)
        return report.finish()


def _sweep(trade: JobTrade, jobs: list[Job]) -> None:
    """Remove what this process leaves half-written where it ends without unwinding."""
    for job in jobs:
        trade.sweep(job, os.getpid())


def _check_pipes(jobs: list[Job]) -> None:
    from winnow.engine.jobs import PIPE
    from winnow.errors import BadOption

    check_keyboard(jobs)
    if any(PIPE in job.outputs for job in jobs) and sys.stdout.isatty():
        raise BadOption("'-' writes the recording to standard output, but that is the terminal; redirect it")


def check_keyboard(jobs: list[Job]) -> None:
    """Raises BadOption where nobody can give what is to be read."""
    from winnow.engine.jobs import PIPE
    from winnow.errors import BadOption

    if any(job.source == PIPE for job in jobs) and sys.stdin.isatty():
        raise BadOption("'-' reads a recording from standard input, but that is the keyboard; pipe one in")


def workers(jobs: int | None) -> int:
    """How many processes. Raises BadOption."""
    from winnow.errors import BadOption

    if jobs is not None and jobs < 1:
        raise BadOption(f"--jobs is 1 or more, not {jobs}")
    return jobs or cores()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
