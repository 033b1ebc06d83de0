"""`winnow data mix` and `winnow data verify`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli.process import Quiet

if TYPE_CHECKING:
    from winnow.cli.stop import Stop
    from winnow.data.sets import Recipe, Report


def _lists(name: str, what: str) -> Any:
    return typer.Option(name, metavar="LIST", help=what)


def mix(
    *,
    speech: Annotated[list[str], _lists("--speech", "List of clean speech; all lists may be repeated.")],
    noise: Annotated[list[str] | None, _lists("--noise", "List of noise.")] = None,
    music: Annotated[list[str] | None, _lists("--music", "List of music.")] = None,
    rooms: Annotated[list[str] | None, _lists("--rooms", "List of room responses.")] = None,
    preset: Annotated[str, typer.Option("--preset", metavar="NAME", help="What examples are; see below.")] = "denoise",
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the preset, such as snr=0,10.")
    ] = None,
    hours: Annotated[float | None, typer.Option("--hours", metavar="H", help="How much, or ...")] = None,
    count: Annotated[int | None, typer.Option("--count", metavar="N", help="... how many.")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the random numbers.")] = 0,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FOLDER", help="Where the set goes.")],
    format: Annotated[str, typer.Option("--format", metavar="wav|flac|float", help="16 bits; float: 32.")] = "wav",
    list_only: Annotated[bool, typer.Option("--list-only", help="Write the list, no audio.")] = False,
    max_bad: Annotated[int, typer.Option("--max-bad", metavar="N", help="Unusable recordings allowed.")] = 20,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", help="Processes. [default: one for each core]")
    ] = None,
    engine: Annotated[str, typer.Option("--engine", metavar="local|spark", help="Where it runs.")] = "local",
    master: Annotated[str, typer.Option("--master", metavar="URL", help="Of Spark.")] = "local[*]",
    quiet: Quiet = False,
) -> int:
    """winnow data mix --speech s.jsonl --noise n.jsonl --rooms r.jsonl --hours 9 -o x/
    winnow data mix --speech s.jsonl --preset voicefilter --count 99 -o v/

    Write examples to train on, with a list from which each can be made again. Lists are those of
    `winnow data scan`. The same command goes on with a set that was stopped.

    Presets: denoise, dereverb, unet, split, talkers, looking, voice, rest, voicefilter.
    """
    from winnow.cli.ending import kept_in
    from winnow.cli.process import workers
    from winnow.data.engines import open_engine
    from winnow.data.pools import build_pools
    from winnow.data.presets import find_preset
    from winnow.data.sets import Recipe, prepare, write
    from winnow.data.writing import LIST, Writing
    from winnow.errors import BadOption

    config = find_preset(preset, values or [])
    recipe = Recipe(config, _count(hours, count, config.samples / config.rate), seed, format)
    Writing(output, format)
    if max_bad < 0:
        raise BadOption(f"--max-bad is 0 or more, not {max_bad}.")
    processes, folder = workers(jobs), Path(output)
    with kept_in(folder) as stop:
        pools = build_pools(speech, noise or [], music or [], rooms or [])
        with _counted("drawing", recipe.count, quiet) as move:
            drawn = prepare(folder, recipe, pools, move)
        _tell(quiet, f"{output}   {preset}: {recipe.count} examples, {_hours(recipe.hours)}")
        if list_only:
            _tell(quiet, f"{folder / LIST}   {'drawn' if drawn else 'was there already'}; no audio yet")
            return 0
        with open_engine(engine, jobs=processes, master=master) as run, _counted("mixing", recipe.count, quiet) as move:
            report = write(folder, recipe, pools, run, most_bad=max_bad, on_progress=_unless_stopped(move, stop))
    _tell(quiet, _ending(folder, recipe, report))
    return 0


def verify(
    folder: Annotated[str, typer.Argument(metavar="SET", hidden=True)],
    *,
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", help="Only so many, evenly spread. [default: all]")
    ] = None,
    quiet: Quiet = False,
) -> int:
    """winnow data verify set/ --sample 100

    Make the examples of SET again from its list, and compare the audio with them bit for bit.
    """
    from winnow.cli.words import one_line
    from winnow.data.check import check_set
    from winnow.data.sets import read_about
    from winnow.errors import BadOption

    if sample is not None and sample < 1:
        raise BadOption(f"--sample is 1 or more, not {sample}.")
    count = int(read_about(Path(folder))["count"])
    total, wrong = count if sample is None else min(sample, count), 0
    with _counted("comparing", total, quiet) as move:
        for done, (number, problem) in enumerate(check_set(Path(folder), sample), 1):
            move(done)
            if problem is not None:
                wrong += 1
                print(f"winnow: example {number}: {one_line(problem)}", file=sys.stderr)
    _tell(quiet, f"{folder}   {total - wrong} of {total} examples are what their records say")
    return 1 if wrong else 0


def _count(hours: float | None, count: int | None, seconds: float) -> int:
    from winnow.errors import BadOption

    if (hours is None) == (count is None):
        raise BadOption("give --hours H or --count N, one of them.")
    if hours is not None and not 0 < hours <= 1e6:
        raise BadOption(f"--hours is more than 0, not {hours:g}.")
    return max(1, round(hours * 3600 / seconds)) if hours is not None else int(count or 0)


def _hours(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{hours * 60:.1f} minutes"


def _tell(quiet: bool, text: str) -> None:
    from winnow.cli.words import one_line

    if not quiet:
        print(one_line(text), flush=True)


def _ending(folder: Path, recipe: Recipe, report: Report) -> str:
    from winnow.data.sets import UNREADABLE

    facts = [f"{report.count} examples, {_hours(recipe.hours)}"]
    if report.redrawn:
        facts.append(f"{report.redrawn} drawn again")
    if report.unreadable:
        facts.append(f"{len(report.unreadable)} recordings cannot be used, see {folder / UNREADABLE}")
    return f"{folder}   {' · '.join(facts)}"


@contextmanager
def _counted(title: str, total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Yields what is told how many are done."""
    from winnow.cli.progress import progress

    with progress(title, quiet) as move:
        yield lambda done: move(done, total)


def _unless_stopped(move: Callable[[int], None], stop: Stop) -> Callable[[int], None]:
    """`move`, which also ends a run that was asked to stop where an exception is lost."""

    def checked(done: int) -> None:
        move(done)
        stop.check()

    return checked
