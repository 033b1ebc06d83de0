"""`winnow benchmark`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from winnow.cli.process import Quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from winnow.evaluation.benchmark import Case, Row
    from winnow.metrics.recognisers import Recogniser

Files = Annotated[list[str], typer.Argument(metavar="FILES", hidden=True)]


def benchmark(
    files: Files,
    *,
    output: Annotated[str, typer.Option("-o", "--output", metavar="DIR", help="Where table and page go.")],
    transcripts: Annotated[
        str | None, typer.Option("--transcripts", metavar="DIR", help="simple.txt for simple.mp4: word errors.")
    ] = None,
    references: Annotated[
        str | None, typer.Option("--references", metavar="DIR", help="simple.wav, the clean speech: SI-SDR.")
    ] = None,
    methods: Annotated[
        str | None, typer.Option("--methods", metavar="A,B", help="none, network ... [default: all]")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method", metavar="NAME|PATH", help="One more: a method, a network's name or folder; may be repeated."
        ),
    ] = None,
    recogniser: Annotated[
        str, typer.Option("--recogniser", metavar="NAME", help="pocketsphinx, or whisper:FOLDER.")
    ] = "pocketsphinx",
    quiet: Quiet = False,
) -> int:
    """winnow benchmark simple.mp4 music.mp4 --transcripts texts/ -o report/
    winnow benchmark crowd.wav --references clean/ --methods none,network -o report/
    winnow benchmark crowd.wav --method none --method ./my-bundle -o report/

    Compare methods on recordings: one table as HTML page, JSON and CSV, with pictures and sound of every track. FILES
    are recordings of minutes; each is held in memory.

    Without --references: DNSMOS and energies. Word errors need --transcripts; with --references alone, what the recogniser
    hears in the clean speech counts as what was said.
    """
    from winnow.cli.ending import told_when_stopped
    from winnow.evaluation.benchmark import cases
    from winnow.evaluation.methods import METHODS, check_methods
    from winnow.evaluation.sets import make_folder
    from winnow.metrics.recognisers import find

    asked = [*(methods.split(",") if methods is not None else ()), *(method or ())]
    names = check_methods(asked or METHODS)
    chosen = cases(files, transcripts, references)
    listener = find(recogniser) if transcripts or references else None
    folder = Path(output)
    make_folder(folder)
    with told_when_stopped("nothing is written before all is measured") as stop:
        rows = _run(chosen, names, listener, folder, quiet, stop.check)
    if not quiet:
        _print(rows)
        print(f"{folder / 'benchmark.html'}   {folder / 'table.json'}   {folder / 'table.csv'}")
    return 0


def _run(
    chosen: list[Case],
    methods: list[str],
    recogniser: Recogniser | None,
    folder: Path,
    quiet: bool,
    check: Callable[[], object],
) -> list[Row]:
    """All runs with a bar, then the three files. check: raises where the work is to end."""
    from winnow.aside import write_text
    from winnow.cli.progress import counted
    from winnow.cli.scoring import INSTALL, drawable, write_json
    from winnow.evaluation.benchmark import runs
    from winnow.evaluation.benchmarkpage import as_csv, as_json, card, page

    drawn = drawable()
    remarks = [] if drawn else [f"Pictures are left out, they need matplotlib: {INSTALL}"]
    rows, cards = [], []
    with counted("benchmark", len(chosen) * len(methods), quiet) as count:
        for run in runs(chosen, methods, recogniser):
            check()
            rows.append(run.row)
            cards.append(card(run, drawn=drawn))
            count()
    check()
    facts = {"recogniser": recogniser.name if recogniser else None, "methods": methods}
    write_json(as_json(rows, facts), str(folder / "table.json"))
    write_text(folder / "table.csv", as_csv(rows))
    write_text(folder / "benchmark.html", page(rows, [each for each in cards if each], remarks))
    return rows


def _print(rows: list[Row]) -> None:
    from winnow.cli.scoretables import new_table, print_table, say
    from winnow.cli.words import one_line
    from winnow.evaluation.benchmarkpage import cell, columns, head, notes_of

    names = columns(rows)
    made = new_table(["recording", "method", *map(head, names)], ["recording", "method"])
    for row in rows:
        made.add_row(one_line(row.recording), row.method, *(cell(row, name) for name in names))
    print_table(made)
    for row in rows:
        if row.error is not None:
            say(f"note: {one_line(row.recording)}: {row.method} refused: {one_line(row.error)}")
    for note in notes_of(rows):
        say(f"note: {one_line(note)}")
