"""Progress of work whose end is known: a bar on a terminal, a line now and then in a log, nothing with --quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Protocol

import typer

from winnow.cli.words import clock

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


class Move(Protocol):
    """Takes how much is done, how much there is in all (0: not known), a new title where one begins, and what else to say."""

    def __call__(self, done: float, total: float, title: str | None = None, note: str = "") -> None:
        """Move on."""


WIDTH = 28  # of a title
EVERY = 30.0  # seconds between two lines in a log


@contextmanager
def progress(title: str, quiet: bool = False, unit: Callable[[float], str] = "{:.0f}".format) -> Iterator[Move]:
    """Yields what moves it. unit: how an amount is put in words."""
    if quiet:
        yield lambda done, total, title=None, note="": None
    elif sys.stderr.isatty():
        with _bar(title, unit) as move:
            yield move
    else:
        yield _lines(title, unit)


@contextmanager
def _bar(title: str, unit: Callable[[float], str]) -> Iterator[Move]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, markup=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(20),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeRemainingColumn(),
        TextColumn("left", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title[:WIDTH], total=None, amount="")
        shown = title

        def move(done: float, total: float, title: str | None = None, note: str = "") -> None:
            nonlocal shown
            if title is not None and title != shown:
                shown = title
                bar.reset(task, description=title[:WIDTH])
            amount = f"{unit(done)} of {unit(total)}" if total else unit(done)
            bar.update(task, completed=done, total=total or None, amount=f"{amount} {note}".rstrip())

        yield move


def _lines(title: str, unit: Callable[[float], str]) -> Move:
    began = told = time.monotonic()
    first: float | None = None
    shown = title

    def move(done: float, total: float, title: str | None = None, note: str = "") -> None:
        nonlocal told, first, shown, began
        now = time.monotonic()
        if title is not None and title != shown:
            shown, first, began = title, None, now
        first = done if first is None else first
        if now - told < EVERY or done >= total > 0:
            return
        told = now
        speed = (done - first) / max(now - began, 1e-3)
        left = f", {clock((total - done) / speed)} left" if total and speed else ""
        amount = f"{unit(done)} of {unit(total)}" if total else unit(done)
        print(f"{shown}: {f'{amount} {note}'.rstrip()}{left}", file=sys.stderr, flush=True)

    return move


@contextmanager
def counted(title: str, total: int, quiet: bool = False, done: int = 0) -> Iterator[Callable[[], None]]:
    """Yields what moves it by one; done: of the total before it begins."""
    with progress(title, quiet) as move:
        move(done, total)

        def count() -> None:
            nonlocal done
            done += 1
            move(done, total)

        yield count
