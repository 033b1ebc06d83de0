"""`winnow transcribe`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli.process import Force, Inputs, Jobs, Json, Output, Quiet, Track, carry_out, check_keyboard

if TYPE_CHECKING:
    from winnow.engine.jobs import Job

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
    from functools import partial

    from winnow.engine.files import plan
    from winnow.transcript.settings import Settings
    from winnow.transcript.work import Transcribing

    settings = Settings(recogniser, after, model, compare, vad, format)  # type: ignore[arg-type]
    work = Transcribing(settings)

    def planned() -> list[Job]:
        suffix = f".{format}" if format else (".txt" if compare else None)
        made = plan(inputs, output, task="transcribe", track=track, force=force, suffix=suffix)
        check_keyboard(made)
        work.check()
        return made

    return carry_out(planned, work, jobs, partial(_report, json=json, quiet=quiet))


def _report(jobs: list[Job], **options: Any) -> Any:
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

    return TextReport(jobs, **options)
