"""`winnow evaluate`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli.process import Jobs
from winnow.cli.scoring import Html, Json, Measures, Recogniser

if TYPE_CHECKING:
    from winnow.evaluation.mixtures import Recipe
    from winnow.evaluation.pairing import Pairs
    from winnow.evaluation.work import Scoring

FOLDER = "evaluation"  # of made mixtures, when -o names none
DRAW = {"snr": "-5:15:5", "count": 100, "seconds": 10.0, "seed": 0}


def _folder(name: str, what: str) -> Any:
    return typer.Option(name, metavar="DIR", help=what)


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", hidden=True)],
    *,
    clean: Annotated[str | None, _folder("--clean", "Clean speech of a paired set ...")] = None,
    noisy: Annotated[str | None, _folder("--noisy", "... and its noisy recordings, of equal names.")] = None,
    speech: Annotated[str | None, _folder("--speech", "Clean speech to make mixtures of.")] = None,
    noise: Annotated[str | None, _folder("--noise", "Noise to make mixtures of.")] = None,
    rooms: Annotated[str | None, _folder("--rooms", "Impulse responses; half the mixtures get one.")] = None,
    snr: Annotated[str, typer.Option("--snr", metavar="LIST", help="dB, as 0,5,10 or from:to:step.")] = "-5:15:5",
    count: Annotated[int, typer.Option("--count", metavar="N", help="How many mixtures.")] = 100,
    seconds: Annotated[float, typer.Option("--seconds", metavar="S", help="Longest mixture.")] = 10.0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the draw.")] = 0,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FOLDER", help="List of mixtures, JSON and page go there.")
    ] = None,
    measures: Measures = None,
    recogniser: Recogniser = None,
    json: Json = None,
    html: Html = None,
    jobs: Jobs = None,
) -> int:
    """winnow evaluate denoise-16k --clean clean/ --noisy noisy/ -o results/
    winnow evaluate denoise-16k --speech s/ --noise n/ --snr -5:15:5 --count 200

    Run a network over a set and score it: mean, median, spread, confidence, time, and the worst ten to hear.
    Made mixtures are drawn first and listed in FOLDER [default: evaluation]; the list makes the same ones again.
    """
    from winnow.cli.process import workers
    from winnow.cli.scoring import SIDES, check_writable, chosen
    from winnow.evaluation.work import Scoring

    check_writable(json, html)
    recipe = _recipe(clean, noisy, speech, noise, rooms, snr=snr, seed=seed, count=count, seconds=seconds)
    folder = Path(output or FOLDER) if output or recipe else None
    pairs = partial(_pairs, clean, noisy, recipe, folder)
    given = (*SIDES, "words") if recogniser else SIDES
    scoring = Scoring(model, chosen(measures, given), recogniser)
    scoring.check()
    processes = workers(jobs)
    return _evaluate(scoring, pairs, folder, json, html, processes)


def _evaluate(
    scoring: Scoring,
    find: Callable[[], Pairs],
    folder: Path | None,
    json: str | None,
    html: str | None,
    processes: int,
) -> int:
    from winnow.cli.ending import kept_in
    from winnow.cli.scoretables import print_results
    from winnow.cli.scoring import exit_code, gather, write_json, write_page
    from winnow.evaluation.sets import task_of, title_of
    from winnow.metrics.report.results import Results, as_json

    model = str(scoring.model)
    task = task_of(model, scoring.measures, scoring.recogniser)
    results = Results("evaluation", title_of(model), task)
    path = _kept_in(folder, results.title, json)
    page = html or (str(folder / f"{results.title}.html") if folder else None)
    with kept_in(path):
        pairs = find()
        gather(results, pairs, scoring, processes, path)
        if json is not None and (path is None or Path(json) != path):
            write_json(as_json(results), json)
        if json != "-":
            print_results(results, files=folder is None)
        if page is not None and results.good:
            write_page(results, pairs.items, model, page)
    if path is not None and json != "-":
        print("   ".join([str(path), page or ""]).rstrip())
    return exit_code(results)


def _recipe(
    clean: str | None, noisy: str | None, speech: str | None, noise: str | None, rooms: str | None, **draw: Any
) -> Recipe | None:
    """What to make the mixtures of; None for a paired set. Raises BadOption where the options name neither, or both."""
    from winnow.errors import BadOption
    from winnow.evaluation.mixtures import Recipe, parse_snrs

    paired, made = (clean, noisy), (speech, noise, rooms)
    if all(paired) and not any(made):
        if draw != DRAW:
            raise BadOption(
                "--snr, --count, --seconds and --seed are for mixtures that are made: --speech DIR --noise DIR"
            )
        return None
    if speech is None or noise is None or any(paired):
        raise BadOption("give a paired set, --clean DIR --noisy DIR, or what to make one of, --speech DIR --noise DIR")
    return Recipe(speech, noise, rooms, parse_snrs(draw.pop("snr")), **draw)


def _kept_in(folder: Path | None, title: str, json: str | None) -> Path | None:
    """The JSON that a stopped run goes on from."""
    from winnow.evaluation.sets import make_folder

    if folder is not None:
        make_folder(folder)
        return folder / f"{title}.json"
    return Path(json) if json not in (None, "-") else None


def _pairs(clean: str | None, noisy: str | None, recipe: Recipe | None, folder: Path | None) -> Pairs:
    from winnow.evaluation.pairing import pair_folders
    from winnow.evaluation.sets import items_of, made_set

    if recipe is not None and folder is not None:
        return items_of(made_set(recipe, folder))
    return pair_folders(str(clean), str(noisy))
