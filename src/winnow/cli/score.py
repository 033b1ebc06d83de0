"""`winnow score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from winnow.cli.process import Jobs
from winnow.cli.scoring import Html, Json, Measures, Recogniser

Inputs = Annotated[list[str], typer.Argument(metavar="FILES", hidden=True)]


def score(
    files: Inputs,
    *,
    reference: Annotated[
        str | None, typer.Option("--reference", metavar="FILE|FOLDER", help="The clean speech, to compare with.")
    ] = None,
    mixture: Annotated[
        str | None, typer.Option("--mixture", metavar="FILE|FOLDER", help="The recording before: better or worse?")
    ] = None,
    words: Annotated[
        str | None, typer.Option("--words", metavar="FILE", help="What was said, as text: word errors.")
    ] = None,
    recogniser: Recogniser = None,
    compensate: Annotated[bool, typer.Option("--compensate", help="Take out delay and gain before comparing.")] = False,
    measures: Measures = None,
    json: Json = None,
    html: Html = None,
    jobs: Jobs = None,
) -> int:
    """winnow score talk.mp4                       how good is it?
    winnow score clean.wav --mixture talk.wav   better or worse than before?
    winnow score out/ --reference clean/ --json report.json --html report.html

    Score recordings, with clean speech to compare with or without. FILES are files and folders; in folders
    `x.enhanced.wav` belongs to `x.wav`. The page of --html explains each measure.
    """
    from winnow.cli.ending import kept_in
    from winnow.cli.process import workers
    from winnow.cli.scoretables import print_results
    from winnow.cli.scoring import chosen, exit_code, gather, write_json, write_page
    from winnow.evaluation.pairing import pair
    from winnow.evaluation.work import Scoring
    from winnow.metrics.report.results import Results, as_json

    sides = {"reference": reference, "mixture": mixture, "words": words or (recogniser and reference)}
    given = [side for side, value in sides.items() if value]
    path = _prepare(json, html, words, recogniser if reference is None else None)
    scoring = Scoring(None, chosen(measures, given), recogniser, compensate)
    scoring.check()
    processes = workers(jobs)
    pairs = pair(files, reference, mixture, words)
    task = {"measures": measures, "recogniser": recogniser, "compensate": compensate}
    results = Results("score", _title(files, reference), task)
    with kept_in(path):
        gather(results, pairs, scoring, processes, path)
        if json == "-":
            write_json(as_json(results), json)
        else:
            print_results(results)
        if html is not None and results.good:
            write_page(results, pairs.items, None, html)
    return exit_code(results)


def _prepare(json: str | None, html: str | None, words: str | None, recogniser: str | None) -> Path | None:
    """Check what can be checked before the work; where results are kept."""
    from winnow.cli.scoring import check_writable
    from winnow.errors import BadOption, InputNotFound

    check_writable(json, html)
    if recogniser is not None and words is None:
        raise BadOption("--recogniser needs --words FILE, what was said, or --reference, clean speech to recognise")
    if words is not None and not Path(words).is_file():
        raise InputNotFound(f"{words}: no such file. Give a text file with what was said.")
    return None if json in (None, "-") else Path(str(json))


def _title(files: list[str], reference: str | None) -> str:
    name = Path(files[0]).resolve().name if len(files) == 1 else f"{len(files)} recordings"
    return f"{name} against {Path(reference).resolve().name}" if reference else name
