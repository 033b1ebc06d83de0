"""What a person, a log or a program sees of the jobs while they run and when they end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from winnow.cli.words import clock, decibels, named, one_line, times
from winnow.engine.jobs import PIPE, STDIN, Job, Result

if TYPE_CHECKING:
    from winnow.cli.bars import Bars

TABLE_UP_TO = 50  # files; beyond that the table would only repeat what scrolled by
LOG_WIDTH = 200


class Report:
    """Collects results; prints as they come, then a table, then the failures.

    Progress bars and colour appear on a terminal only. Where standard output is the recording,
    all goes to standard error. check: called with every report; raises where the work is to end.
    """

    doing = "cleaning"

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        json: bool = False,
        quiet: bool = False,
        doing: str = "",
        check: Callable[[], object] | None = None,
    ) -> None:
        self.jobs = jobs
        self._check = check or _nothing
        self.doing = doing or self.doing
        self.json = json
        self.silent = quiet or json
        self.results: list[Result] = []
        piped = any(PIPE in job.outputs for job in jobs)
        self.stream = sys.stderr if piped else sys.stdout
        self.console = _console(self.stream)
        self.bars: Bars | None = None

    def __enter__(self) -> Report:
        console = self.console if self.console.is_terminal else _console(sys.stderr)
        if not self.silent and console.is_terminal:
            from winnow.cli.bars import Bars, header

            if len(self.jobs) == 1 and (line := header(self.jobs[0])):
                console.print(line)
            self.bars = Bars(console, self.jobs, self.doing)
            self.bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop_bars()

    def _stop_bars(self) -> None:
        if self.bars is not None:
            self.bars.stop()
            self.bars = None

    def progress(self, job: Job, seconds: float, whole: float | None) -> None:
        """Show how far a job is."""
        self._check()
        if self.bars is not None:
            self.bars.move(job, seconds, whole)

    def add(self, result: Result) -> None:
        """Take in a result, and print its line."""
        self._check()
        self.results.append(result)
        if self.bars is not None:
            self.bars.finish(result)
        if len(self.jobs) == 1:
            self._stop_bars()  # the closing line stands below the full bar
        if self.json:
            print(json.dumps(self.document(result)), file=self.stream, flush=True)
        elif not self.silent and (result.error is None or len(self.jobs) > 1):
            self.console.print(
                Text(_line(result, len(self.jobs) > 1, self.told(result) if result.error is None else ""))
            )

    def document(self, result: Result) -> dict[str, Any]:
        """A result as `--json` prints it."""
        return as_dict(result)

    def told(self, result: Result) -> str:
        """What is said of a good result."""
        return _heard(result)

    def finish(self) -> int:
        """Print what comes at the end and return the exit code: 2 bad input, 1 failure, 0 neither."""
        if len(self.jobs) > 1 and not self.silent:
            self._table()
        for result in self.results:
            if result.error is not None:
                print(f"winnow: {named(result.input, STDIN)}: {one_line(result.error)}", file=sys.stderr)
        return max((result.exit_code for result in self.results), default=0)

    def _table(self) -> None:
        if len(self.jobs) <= TABLE_UP_TO:
            self.console.print(_table(self.results))
        self.console.print(Text(_summary(self.results)))


def _nothing() -> None:
    """Nobody stops it."""


def _console(stream: Any) -> Console:
    wide = None if stream.isatty() else LOG_WIDTH
    return Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True, width=wide)


def as_dict(result: Result) -> dict[str, Any]:
    """The result as `--json` prints it: null for what cannot be told; a list where there are several outputs."""
    output: Any = list(result.output) if len(result.output) > 1 else next(iter(result.output), None)
    return {
        "input": result.input,
        "output": output,
        "seconds": round(result.seconds, 6) or None,
        "elapsed": round(result.elapsed, 3),
        "times_real_time": _rounded(result.times_real_time),
        "model": result.model,
        "error": result.error,
        "skipped": result.skipped,
        "removed_db": _rounded(result.removed),
        "level_dbfs": _rounded(result.level),
        **({"levels_dbfs": {k: _rounded(v) for k, v in result.levels.items()}} if result.levels else {}),
        **({"talkers": {k: _rounded(v) for k, v in result.talkers.items()}} if result.talkers else {}),
        "note": result.note or None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _line(result: Result, many: bool, told: str) -> str:
    """One line for one file."""
    if result.error is not None:
        return f"{named(result.input, STDIN)}   failed"
    name = ", ".join(named(path, "standard output") for path in result.output)
    if result.skipped:
        return f"{name}   {result.note}"
    facts = [told, f"{result.elapsed:.1f} s"]
    if many:
        facts = [clock(result.seconds), f"{times(result.times_real_time)} real time", *facts]
    return f"{name}   " + " · ".join(facts + ([one_line(result.note)] if result.note else []))


def _heard(result: Result) -> str:
    if result.talkers:
        return "levels " + ", ".join(f"{name} {decibels(level)}" for name, level in result.levels.items()) + " dBFS"
    if any(level is not None for level in result.levels.values()):
        return "levels " + ", ".join(decibels(level) for level in result.levels.values()) + " dBFS"
    if result.removed is None and result.level is None:
        return "nothing but silence"
    return f"removed {decibels(result.removed)} dB · speech kept at {decibels(result.level)} dBFS"


def _table(results: Sequence[Result]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("file", overflow="fold")
    for title in ("length", "seconds", "x real time"):
        table.add_column(title, justify="right")
    table.add_column("note", overflow="fold")
    for result in sorted(results, key=lambda result: result.error is not None):
        table.add_row(*(Text(cell) for cell in _row(result)))
    return table


def _row(result: Result) -> tuple[str, ...]:
    name = named(result.input, STDIN)
    if result.error is not None:
        return name, "", "", "", "failed, see below"
    if result.skipped:
        return name, "", "", "", "already there"
    speed = result.times_real_time
    return name, clock(result.seconds), f"{result.elapsed:.1f}", times(speed).rstrip("x"), one_line(result.note)


def _summary(results: Sequence[Result]) -> str:
    failed = sum(result.error is not None for result in results)
    skipped = sum(result.skipped for result in results)
    parts = [f"{len(results) - failed - skipped} done", f"{skipped} already there", f"{failed} failed"]
    return ", ".join(part for part in parts if not part.startswith("0 ")) or "nothing to do"
