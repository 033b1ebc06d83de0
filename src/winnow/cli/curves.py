"""`winnow train show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from winnow.train.curves import Run


def show(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", hidden=True)],
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="A page (.html) or a picture (.png).")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="The table as JSON.")] = False,
) -> None:
    """winnow train show runs/denoise
    winnow train show runs/first runs/second -o compared.html

    Show the curves of training runs: losses, scores, learning rate, throughput; of several runs in the same picture. The page
    is one file that needs nothing else.
    """
    from winnow.errors import BadInput
    from winnow.train import curves

    if output is not None:
        curves.check_output(Path(output))
    found = [curves.open_run(Path(run)) for run in runs]
    empty = next((run for run, read in zip(runs, found, strict=True) if not read.records), None)
    if empty is not None:
        raise BadInput(f"{empty}: nothing has been logged yet. Look again when the run is a minute old.")
    if json:
        _print_json(found)
    else:
        for each in found:
            _print(each)
    if output is not None:
        _write(found, Path(output))


def _print(run: Run) -> None:
    from winnow.cli.scoretables import new_table, print_table
    from winnow.cli.words import one_line
    from winnow.train import curves

    last = run.records[-1]
    print(f"{one_line(run.name)}   step {last['step']:.0f}   {last.get('minutes', 0):.1f} min")
    table = new_table(["value", "best", "at step", "last", "curve"], ["value", "curve"])
    for each in curves.summaries(run):
        best = [curves.number(each.best), f"{each.best_step:.0f}"] if curves.better(each.name) else ["", ""]
        table.add_row(each.name, *best, curves.number(each.last), each.curve)
    print_table(table)


def _print_json(runs: list[Run]) -> None:
    import json
    from dataclasses import asdict

    from winnow.train import curves

    print(json.dumps({run.name: [asdict(each) for each in curves.summaries(run)] for run in runs}, indent=1))


def _write(runs: list[Run], path: Path) -> None:
    from winnow.aside import write_bytes, write_text
    from winnow.cli.words import one_line
    from winnow.errors import MissingExtra
    from winnow.train import curves

    if path.suffix.lower() == ".html":
        write_text(path, curves.page(runs))
    else:
        try:
            write_bytes(path, curves.picture(runs))
        except ImportError:
            raise MissingExtra('a picture needs matplotlib: pip install "winnow-audio[demo]"') from None
    print(one_line(str(path)))
