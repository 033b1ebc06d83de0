"""`winnow transcribe`."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli.process import STOPPED, Force, Inputs, Jobs, Json, Output, Quiet, Track

if TYPE_CHECKING:
    from collections.abc import Callable

    from winnow.engine.jobs import Job
    from winnow.transcript.work import Transcribing

After = Annotated[
    str, typer.Option("--after", metavar="none|enhance|split", help="Clean the speech first; try it with --compare.")
]
Format = Annotated[
    str | None, typer.Option("--format", metavar="srt|vtt|txt|json", help="[default: by the suffix of -o, else srt]")
]
Recogniser = Annotated[
    str, typer.Option("--recogniser", metavar="NAME", help="pocketsphinx (English), or whisper:FOLDER.")
]
Vad = Annotated[
    str, typer.Option("--vad", metavar="auto|silero|level", help="What finds the pauses; auto takes the best one here.")
]
Model = Annotated[
    str | None, typer.Option("--model", metavar="NAME|PATH", help="What cleans: a network, neighbour or wpe.")
]
Compare = Annotated[bool, typer.Option("--compare", help="The untouched recording's text beside it (txt, json).")]


def transcribe(
    inputs: Inputs,
    *,
    output: Output = None,
    format: Format = None,
    after: After = "none",
    model: Model = None,
    compare: Compare = False,
    recogniser: Recogniser = "pocketsphinx",
    vad: Vad = "auto",
    jobs: Jobs = None,
    track: Track = 0,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """winnow transcribe film.mp4                     writes film.srt
    winnow transcribe film.mp4 --after split -o film.vtt
    winnow transcribe lectures/ -o texts/ --format txt
    winnow transcribe talk.wav --after enhance --compare -o -
    winnow transcribe film.mp4 --recogniser whisper:models/small

    Write what is said, with times. INPUTS are files and folders; '-' is standard input. Nothing leaves this machine. What
    exists is left alone.
    """
    from winnow.cli.process import cores
    from winnow.cli.stop import stoppable
    from winnow.engine.files import plan
    from winnow.engine.sinks import sweep_all
    from winnow.errors import BadOption
    from winnow.transcript.settings import Settings
    from winnow.transcript.work import Transcribing

    if jobs is not None and jobs < 1:
        raise BadOption(f"--jobs is 1 or more, not {jobs}")
    settings = Settings(recogniser, after, model, compare, vad, format)  # type: ignore[arg-type]
    work = Transcribing(settings)
    try:
        with stoppable() as stop:
            suffix = f".{format}" if format else (".txt" if compare else None)
            planned = plan(inputs, output, task="transcribe", track=track, force=force, suffix=suffix)
            _check_keyboard(planned)
            work.check()
            stop.hasty = partial(sweep_all, planned)
            with _report(planned, json, quiet, stop.check) as report:
                _run(planned, work, jobs or cores(), report)
            return int(report.finish())
    except KeyboardInterrupt as stopped:
        print(STOPPED, file=sys.stderr)
        return 128 + getattr(stopped, "signum", 2)


def _check_keyboard(jobs: list[Job]) -> None:
    from winnow.engine.jobs import PIPE
    from winnow.errors import BadOption

    if any(job.source == PIPE for job in jobs) and sys.stdin.isatty():
        raise BadOption("'-' reads a recording from standard input, but that is the keyboard; pipe one in")


def _run(jobs: list[Job], work: Transcribing, workers: int, report: Any) -> None:
    from contextlib import closing

    from winnow.engine.workers import results_of

    with closing(results_of(jobs, work, workers, report.progress)) as results:
        for result in results:
            report.add(result)


def _report(jobs: list[Job], json: bool, quiet: bool, check: Callable[[], object]) -> Any:
    """A report that counts words where the one of `winnow enhance` tells levels."""
    from winnow.cli.report import Report
    from winnow.transcript.work import Heard

    class TextReport(Report):
        doing = "listening"

        def document(self, result: Any) -> dict[str, Any]:
            left_out = {"removed_db", "level_dbfs"}
            whole = {name: value for name, value in super().document(result).items() if name not in left_out}
            if not isinstance(result, Heard) or result.skipped:
                return whole
            return whole | {"words": result.words, "recogniser": result.recogniser, "vad": result.vad}

        def told(self, result: Any) -> str:
            return f"{result.words} words · {result.recogniser}"

    return TextReport(jobs, json=json, quiet=quiet, check=check)
