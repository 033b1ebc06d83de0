"""What `winnow score`, `evaluate` and `compare` share: progress, results kept while they come, tables, pages."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli.progress import counted

if TYPE_CHECKING:
    from winnow.evaluation.pairing import Item, Pairs
    from winnow.evaluation.work import Scoring
    from winnow.metrics.report.page import Card
    from winnow.metrics.report.results import Record, Results

PIPE = "-"
SIDES = ("reference", "mixture")  # what every recording of a set has
INSTALL = 'pip install "winnow-audio[score]"'

Json = Annotated[
    str | None, typer.Option("--json", metavar="FILE|-", help="Write JSON; a run that was stopped goes on from it.")
]
Html = Annotated[
    str | None, typer.Option("--html", metavar="FILE", help="Write one page with sound, pictures and all values.")
]
Measures = Annotated[
    str | None, typer.Option("--measures", metavar="A,B,C", help="Only these. [default: all that apply]")
]
Recogniser = Annotated[
    str | None, typer.Option("--recogniser", metavar="NAME", help="Word errors: pocketsphinx, or whisper:FOLDER.")
]


def chosen(measures: str | None, given: Iterable[str]) -> tuple[str, ...] | None:
    """Names of measures, checked once and not for each recording; None for all.

    given: what there is beside the estimate: "reference", "mixture", "words". Raises BadOption for a measure that does not
    exist or needs more, MissingExtra.
    """
    from winnow.metrics.choose import select

    if measures is None:
        return None
    names = tuple(name.strip() for name in measures.split(","))
    return tuple(select(names, set(given), []))


def check_writable(*paths: str | None) -> None:
    """Complain about a folder that is missing before hours of work, not after. Raises OutputError."""
    from winnow.errors import OutputError

    for path in paths:
        if path is not None and path != PIPE and not Path(path).resolve().parent.is_dir():
            raise OutputError(f"{path}: there is no such folder. Make {Path(path).parent} first.")


def gather(results: Results, pairs: Pairs, scoring: Scoring, processes: int, path: Path | None) -> None:
    """Score all items with a bar on the terminal; what is done is kept in `path`."""
    from winnow.evaluation.store import collect

    results.alone = pairs.alone
    with counted(results.title, len(pairs.items)) as count:
        collect(results, pairs.items, scoring, workers=processes, path=path, on_record=lambda _: count())


def write_json(document: Any, path: str) -> None:
    """JSON to a file, or to standard output for "-"."""
    from winnow.aside import write_text

    text = json_.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    if path == PIPE:
        print(text)
    else:
        write_text(Path(path), text + "\n")


def write_page(results: Results, items: Sequence[Item], model: str | None, path: str) -> None:
    """The page about a run, with its worst recordings to hear and see."""
    from winnow.aside import write_text
    from winnow.metrics.report.page import SHOWN, page
    from winnow.metrics.report.tables import worst

    by_name = {item.name: item for item in items}
    shown = [by_name[name] for name in worst(results, SHOWN)]
    notes = [] if drawable() else [f"Pictures are left out, they need matplotlib: {INSTALL}"]
    with counted("page", len(shown)) as count:
        cards = [card(item, model, count) for item in shown]
    write_text(Path(path), page(results, cards, charts(results), notes))


def drawable() -> bool:
    """Whether pictures can be drawn."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def card(item: Item, model: str | None, done: Any) -> Card:
    """Sound and picture of one recording; what fails is said in the card and does not stop the page."""
    from winnow.errors import WinnowError
    from winnow.evaluation.work import EXCERPT, excerpts
    from winnow.metrics.report.page import Card
    from winnow.metrics.report.sound import audio_uri, data_uri

    try:
        sounds = excerpts(item, model)
        audio = {role: audio_uri(sound) for role, sound in sounds.items()}
        picture = data_uri("image/png", _spectrograms(sounds)) if drawable() else None
    except WinnowError as error:
        return Card(item.name, note=f"No sound and no picture: {error}")
    finally:
        done()
    cut = any(sound.seconds >= EXCERPT for sound in sounds.values())
    return Card(item.name, audio, picture, f"The first {EXCERPT:.0f} s; the scores are of the whole." if cut else "")


def _spectrograms(sounds: Any) -> bytes:
    from winnow.metrics.report.pictures import spectrograms

    return spectrograms(sounds)


def charts(results: Results) -> list[str]:
    """Pictures of the first measures against the ratio of the mixture, where that is known and differs."""
    from winnow.metrics.report.tables import main_measures

    names = [name for name in main_measures(results.names(), 8) if any(results.column(name, before=True))]
    return [
        uri
        for name in names[:4]
        if (uri := chart(name, {"before": _points(results.good, name, True), "after": _points(results.good, name)}))
    ]


def chart(name: str, lines: dict[str, list[tuple[float, float]]]) -> str | None:
    """A measure against the ratio as a data URI; None where there is nothing to draw."""
    from winnow.metrics.report.sound import data_uri

    lines = {title: points for title, points in lines.items() if points}
    ratios = {x for points in lines.values() for x, _ in points}
    if len(ratios) < 2 or not drawable():
        return None
    from winnow.metrics.report.pictures import scores_by_snr

    return data_uri("image/png", scores_by_snr(name, lines))


def _points(records: Sequence[Record], name: str, before: bool = False) -> list[tuple[float, float]]:
    """(ratio, value) of each record; the ratio is that of the list, else the measured one of the mixture."""
    points = []
    for record in records:
        ratio = record.facts.get("snr", record.before.get("snr"))
        value = (record.before if before else record.values).get(name)
        if isinstance(ratio, (int, float)) and value is not None:
            points.append((float(ratio), value))
    return points


def exit_code(results: Results) -> int:
    """Say what failed, and the gravest exit code."""
    from winnow.cli.words import one_line

    for record in results.records:
        if record.error is not None:
            message = record.error.removeprefix(f"{record.files.get('estimate', record.name)}: ")
            print(f"winnow: {one_line(record.name)}: {one_line(message)}", file=sys.stderr)
    return max((record.exit_code for record in results.records), default=0)
