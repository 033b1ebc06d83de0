"""`winnow extract` and `winnow remove`: one voice, or all but one."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli.helptext import narrowed
from winnow.cli.process import Channels, Force, Inputs, Jobs, Json, Limit, Output, Quiet, Track, process

if TYPE_CHECKING:
    from collections.abc import Callable

    from winnow.engine.chosen import ChosenSettings
    from winnow.engine.jobs import Job, Task

Voice = Annotated[
    list[str] | None, typer.Option("--voice", metavar="REF", help="A few seconds of it; several are averaged.")
]
Persons = Annotated[
    list[str] | None, typer.Option("--person", metavar="NAME=REF", help="One of several people; any number.")
]
Model = Annotated[
    str,
    typer.Option("--model", metavar="NAME|PATH", help="A network of talkers, or one that is told the voice."),
]
Mask = Annotated[
    str | None, typer.Option("--mask", metavar="org|inv_div|inv_sub", help="VoiceFilter as it was published.")
]
Factor = Annotated[float | None, typer.Option("--factor", metavar="F", help="Of inv_div and inv_sub. [default: 0.7]")]
Encoder = Annotated[str, typer.Option("--encoder", metavar="PATH", help="Bundle that made the voices of --model.")]
Sure = Annotated[
    float | None,
    typer.Option("--sure", metavar="0..1", help="Only where it is that surely there; 0: everywhere."),
]
Timeline = Annotated[bool, typer.Option("--timeline", help="Write when it is there: JSON, picture.")]
Plot = Annotated[bool, typer.Option("--plot", help="Write spectrograms: recording, voice, the rest.")]
Strength = Annotated[
    float, typer.Option("--strength", metavar="0..1", help="How much to take away; 0 changes nothing.")
]


@dataclass(frozen=True)
class Wish:
    """The options that both commands share and that `process` does not know."""

    voice: list[str] | None
    person: list[str] | None
    model: str
    mask: str | None
    factor: float | None
    encoder: str
    sure: float | None
    strength: float
    max_attenuation: float | None
    channels: str
    timeline: bool
    plot: bool


def _chosen(
    inputs: Inputs,
    *,
    voice: Voice = None,
    person: Persons = None,
    output: Output = None,
    rest: Annotated[bool, typer.Option("--rest", help="Write what is left too, to one more file.")] = False,
    sure: Sure = None,
    timeline: Timeline = False,
    plot: Plot = False,
    model: Model = "talkers-16k",
    mask: Mask = None,
    factor: Factor = None,
    encoder: Encoder = "",
    strength: Strength = 1.0,
    max_attenuation: Limit = None,
    channels: Channels = "linked",
    track: Track = 0,
    jobs: Jobs = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    remove: bool,
) -> int:
    """What both commands do. remove: all but the voices is wanted."""
    wish = Wish(voice, person, model, mask, factor, encoder, sure, strength, max_attenuation, channels, timeline, plot)
    run = _prepared(wish, inputs, output, quiet, remove=remove, rest=rest)
    return run(inputs, output, track=track, force=force, workers=jobs, json=json, quiet=quiet)


extract = narrowed(
    _chosen,
    """winnow extract talk.mp4 --voice alice.wav             writes talk.voice.wav
    winnow extract talk.mp4 --voice talk.mp4@0:12-0:20 -o alice.wav
    winnow extract talk.mp4 --voice @alice --sure 0.7 --timeline
    winnow extract panel.wav --person alice=a.wav --person bob=b.wav

    One voice out of a recording, given a few seconds of it: REF is a file, a stretch FILE@FROM-TO, or @NAME of
    `winnow voices`. INPUTS are files and folders.
    """,
    remove=False,
)
remove = narrowed(
    _chosen,
    """winnow remove talk.mp4 --voice alice.wav      writes talk.removed.mp4
    winnow remove talk.mp4 --voice talk.mp4@0:12-0:20 -o without.mp4
    winnow remove show.wav --person host=h.wav --person guest=@alice
    winnow remove talks/ --voice @alice -o without/ --max-attenuation 20

    All but one voice, given a few seconds of it: REF is a file, a stretch FILE@FROM-TO, or @NAME of `winnow voices`.
    Length, channels, picture, other tracks, tags and chapters stay as they are. INPUTS are files and folders.
    """,
    remove=True,
    rest=False,
)


def _prepared(
    wish: Wish, inputs: list[str], output: str | None, quiet: bool, *, remove: bool, rest: bool
) -> Callable[..., int]:
    """All that can be wrong is found before any recording is touched; what is left to do takes the remaining options."""
    from functools import partial

    from winnow.engine.jobs import PIPE
    from winnow.engine.people import grouped
    from winnow.engine.plan import check_inputs, identities, protected
    from winnow.engine.reference import parse
    from winnow.errors import BadOption

    groups = grouped(wish.voice or [], wish.person or [])
    check_inputs(inputs)
    texts = [text for each in groups.values() for text in each]
    if [*inputs, *texts].count(PIPE) > 1:
        raise BadOption("'-' stands for standard input, which can be read once; give the reference as a file.")
    papers = _papers(wish, inputs, output, quiet)
    settings = _settings(wish, groups, remove, quiet)
    names = tuple(groups)
    task, called = _task(names, remove, rest)
    heard = identities(path for text in texts if (path := parse(text).path))
    papered = partial(_with_papers, names=names, remove=remove, kinds=papers, word=called[0])

    def prepare(job: Job) -> Job:
        return protected(papered(job), heard)

    return partial(
        process, settings=settings, task=task, stems=lambda _: called, prepare=prepare, reporter=_reporter(remove)
    )


def _task(names: tuple[str, ...], remove: bool, rest: bool) -> tuple[Task, tuple[str, ...]]:
    """One output may be a film; several lie side by side. And the words in their names."""
    from winnow.engine import naming
    from winnow.engine.people import words

    if remove:
        return "remove", naming.WORDS["remove"]
    return ("separate" if rest or len(names) > 1 else "extract"), words(names, rest)


def _settings(wish: Wish, groups: dict[str, list[str]], remove: bool, quiet: bool) -> ChosenSettings:
    """Raises BadInput with the reason, of a reference too."""
    from winnow.cli.words import one_line
    from winnow.engine.chosen import ChosenSettings, Person, encoder_for, find_bundle
    from winnow.engine.people import persons

    nobody = tuple(Person(name, ()) for name in groups)
    settings = ChosenSettings(
        model=wish.model,
        strength=wish.strength,
        max_attenuation=wish.max_attenuation,
        channels=wish.channels,  # type: ignore[arg-type]
        mask=wish.mask,
        factor=wish.factor,
        encoder=wish.encoder,
        sure=wish.sure,
        remove=remove,
        persons=nobody,
    )
    known, warnings = persons(groups, encoder_for(find_bundle(wish.model), wish.encoder))
    if not quiet:
        for warning in warnings:
            print(f"winnow: {one_line(warning)}", file=sys.stderr)
    settings = replace(settings, persons=known)
    settings.check()
    return settings


def _papers(wish: Wish, inputs: list[str], output: str | None, quiet: bool) -> tuple[str, ...]:
    """The kinds of papers that are wanted. Raises BadOption, and MissingExtra for spectrograms that cannot be drawn."""
    from importlib.util import find_spec

    from winnow.engine.jobs import PIPE
    from winnow.errors import BadOption, MissingExtra

    if (wish.timeline or wish.plot) and (output == PIPE or (output is None and PIPE in inputs)):
        raise BadOption("standard output holds the sound alone; name a file with -o to have --timeline or --plot.")
    drawable = find_spec("matplotlib") is not None and find_spec("PIL") is not None
    if wish.plot and not drawable:
        raise MissingExtra('--plot needs matplotlib: pip install "winnow-audio[demo]"')
    if wish.timeline and not drawable and not quiet:
        print('winnow: the picture is left out, it needs matplotlib: pip install "winnow-audio[demo]"', file=sys.stderr)
    kinds = {"timeline": wish.timeline, "curve": wish.timeline and drawable, "spectrograms": wish.plot}
    return tuple(kind for kind, wanted in kinds.items() if wanted)


def _with_papers(job: Job, names: tuple[str, ...], remove: bool, kinds: tuple[str, ...], word: str) -> Job:
    """The job with what only these commands know of it."""
    from winnow.engine.chosen import REST
    from winnow.engine.naming import paper_name
    from winnow.engine.papers import KINDS

    if not job.outputs:
        return job
    papers = tuple((kind, paper_name(job.outputs[0], word, KINDS[kind])) for kind in kinds)
    return replace(job, stems=(*names, REST)[: len(job.outputs)], kept=REST if remove else names[0], papers=papers)


def _reporter(remove: bool) -> Any:
    """A report that says whether the voices were found."""
    from winnow.cli.report import Report
    from winnow.cli.words import decibels
    from winnow.engine.jobs import Result

    class VoiceReport(Report):
        doing = "listening"

        def document(self, result: Result) -> dict[str, Any]:
            return super().document(result) | ({"voices": _documents(result)} if result.presence else {})

        def told(self, result: Result) -> str:
            if result.removed is None and result.level is None:
                return "nothing but silence"
            level = f"removed part {decibels(result.removed)} dB" if remove else _kept(result.level)
            if any(result.levels.values()):
                level = "levels " + ", ".join(decibels(value) for value in result.levels.values()) + " dBFS"
            return " · ".join([_found(result), level])

    return VoiceReport


def _documents(result: Any) -> dict[str, Any]:
    return {
        name: {"found": voice.found, "share": round(voice.share, 4), "most": round(voice.most, 3)}
        for name, voice in result.presence.items()
    }


def _kept(level: float | None) -> str:
    from winnow.cli.words import decibels

    return "nothing kept" if level is None else f"kept at {decibels(level)} dBFS"


def _found(result: Any) -> str:
    """`the voice is there 43 % of the time`, `alice was not found (presence 0.08 at most)`."""
    from winnow.cli.words import one_line
    from winnow.engine.chosen import CUE

    said = []
    for name, voice in result.presence.items():
        who = "the voice" if name == CUE else one_line(name)
        there = f"is there {100 * voice.share:.0f} % of the time"
        said.append(f"{who} {there if voice.found else f'was not found (presence {voice.most:.2f} at most)'}")
    return ", ".join(said)
