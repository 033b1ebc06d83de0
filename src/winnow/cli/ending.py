"""How a command ends that is stopped: with a line that says what is kept, and the exit code of the signal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from winnow.cli.stop import Stop

NOTHING_HALF = "nothing half-written is left, finished files are kept; run the same command to go on"


@contextmanager
def told_when_stopped(words: str, *, line: str = "") -> Iterator[Stop]:
    """As `stoppable`; a stop ends the command with these words. line: ends one that changes on a terminal, if there is one."""
    from winnow.cli.stop import stoppable

    try:
        with stoppable() as stop:
            yield stop
    except KeyboardInterrupt as stopped:
        print(f"{line}winnow: stopped; {words}", file=sys.stderr)
        raise typer.Exit(128 + getattr(stopped, "signum", 2)) from None


def kept_in(path: Path | None, otherwise: str = "--json FILE") -> Any:
    """A stop ends with what was kept there; otherwise: what would have kept it."""
    if path is None:
        return told_when_stopped(f"nothing is kept, {otherwise} keeps what is done")
    return told_when_stopped(f"what is done is in {path}, the same command goes on from there")
