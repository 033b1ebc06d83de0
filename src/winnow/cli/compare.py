"""`winnow compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from winnow.cli.process import Jobs
from winnow.cli.scoring import Html, Json, Measures

if TYPE_CHECKING:
    from winnow.evaluation.pairing import Pairs
    from winnow.metrics.report.comparison import Comparison
    from winnow.metrics.report.results import Results

Systems = Annotated[list[str], typer.Argument(metavar="SYSTEMS", hidden=True)]
FILES = (".json", ".csv")


def compare(
    systems: Systems,
    *,
    on: Annotated[
        str | None, typer.Option("--on", metavar="FOLDER", help="A set with clean/ and noisy/, or one of `evaluate`.")
    ] = None,
    measures: Measures = None,
    json: Json = None,
    html: Html = None,
    jobs: Jobs = None,
) -> int:
    """winnow compare denoise-16k denoise-48k --on evaluation/
    winnow compare denoise-16k ./my-model gtcrn.csv --on valid/ --html compare.html

    Compare networks, and results of others, recording by recording with the first one. SYSTEMS are networks,
    JSON of `winnow evaluate`, or CSV: a line for each recording, its name first, then columns such as pesq_wb.
    """
    from winnow.cli.ending import kept_in
    from winnow.cli.process import workers
    from winnow.cli.scoretables import print_comparison
    from winnow.cli.scoring import SIDES, check_writable, chosen, exit_code, write_json
    from winnow.metrics.report import comparison

    check_writable(json, html)
    own = _own(on)
    names = chosen(measures, SIDES)
    processes = workers(jobs)
    with kept_in(own, "`winnow evaluate -o FOLDER`"):
        results = _all(systems, on, names, processes)
        found = comparison.compare(results)
        if json is not None:
            write_json(comparison.as_json(found), json)
        if json != "-":
            print_comparison(found)
        if html is not None:
            _write_page(found, html)
    return max(exit_code(each) for each in results.values())


def _all(systems: list[str], on: str | None, measures: tuple[str, ...] | None, processes: int) -> dict[str, Results]:
    """Results of each system by its title; networks that were not run yet are run now."""
    from winnow.errors import BadOption
    from winnow.metrics.report.results import load

    if len(systems) < 2:
        raise BadOption("give two systems at least: networks, or results as .json or .csv")
    twice = next((name for name in systems if systems.count(name) > 1), None)
    if twice is not None:
        raise BadOption(f"{twice} is named twice; give two different systems")
    earlier = {name: load(path) for name in systems if (path := _file(name, on))}
    measures = measures or next((_measures(each) for each in earlier.values() if each.task.get("measures")), None)
    ready = {name: results for name, results in earlier.items() if not _outdated(name, results)}
    missing = [name for name in systems if name not in ready]
    pairs = _set(on, missing) if missing else None
    results: dict[str, Results] = {}
    for name in systems:
        done = ready[name] if pairs is None or name in ready else _run(name, pairs, on, measures, processes)
        results[_title(name, systems)] = done
    return results


def _file(system: str, on: str | None) -> Path | None:
    """The results that a system names: a file, or those that `winnow evaluate` left in the folder."""
    from winnow.errors import InputNotFound

    if system.lower().endswith(FILES):
        path = Path(system)
        inside = Path(on) / system if on else path
        if not path.is_file() and not inside.is_file():
            raise InputNotFound(f"{system}: no such file. Check the name.")
        return path if path.is_file() else inside
    kept = Path(on, f"{Path(system).name}.json") if on else None
    return kept if kept is not None and kept.is_file() else None


def _measures(results: Results) -> tuple[str, ...] | None:
    return tuple(results.task["measures"])


def _outdated(system: str, results: Results) -> bool:
    """Whether these are results of other weights than the network has now, or unfinished."""
    from winnow.errors import UnknownModel
    from winnow.models import catalog

    if system.lower().endswith(FILES):
        return False
    try:
        return results.task.get("sha256") != catalog.find(system).manifest.sha256
    except UnknownModel:
        return False  # the network is elsewhere, its results are here


def _set(on: str | None, missing: list[str]) -> Pairs:
    """The set that the networks still have to be run on. Raises UnknownModel first: that costs no work."""
    from winnow.errors import BadOption
    from winnow.evaluation.sets import open_set
    from winnow.models import catalog

    for name in missing:
        catalog.find(name)
    if on is None:
        raise BadOption(
            f"{missing[0]} must be run: add --on FOLDER, a set with clean/ and noisy/, or one of `evaluate`"
        )
    return open_set(Path(on))


def _run(name: str, pairs: Pairs, on: str | None, measures: tuple[str, ...] | None, processes: int) -> Results:
    """Run a network over the set; in a folder of `evaluate` the results stay beside those of the others."""
    from winnow.cli.scoring import gather
    from winnow.evaluation.sets import task_of, title_of
    from winnow.evaluation.work import Scoring
    from winnow.metrics.report.results import Results

    results = Results("evaluation", title_of(name), task_of(name, measures))
    own = _own(on)
    path = own / f"{results.title}.json" if own else None
    gather(results, pairs, Scoring(name, measures), processes, path)
    return results


def _own(on: str | None) -> Path | None:
    """The folder, if `winnow evaluate` made it: results may stay there."""
    from winnow.evaluation.mixtures import LIST

    return Path(on) if on is not None and (Path(on) / LIST).exists() else None


def _title(system: str, systems: list[str]) -> str:
    """What a system is called: its name, with the folder above where two are alike."""
    parts = Path(system).with_suffix("").parts if system.lower().endswith(FILES) else Path(system).parts
    alike = [other for other in systems if Path(other).stem == Path(system).stem]
    return "/".join(parts[-2:] if len(alike) > 1 else parts[-1:])


def _write_page(found: Comparison, path: str) -> None:
    from winnow.aside import write_text
    from winnow.cli.scoring import chart
    from winnow.metrics.report.comparisonpage import page, points
    from winnow.metrics.report.tables import main_measures

    names = main_measures([line.name for line in found.lines], 4)
    charts = [uri for name in names if (uri := chart(name, points(found, name)))]
    write_text(Path(path), page(found, charts))
