"""Scores as tables on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from winnow.cli.words import clock, one_line, times

if TYPE_CHECKING:
    from rich.table import Table

    from winnow.metrics.report.comparison import Comparison, Line
    from winnow.metrics.report.results import Results
    from winnow.metrics.report.tables import Row

FILES_UP_TO = 50  # recordings; beyond that JSON and page are better
COLOURS = {"better": "green", "worse": "red"}


def print_results(results: Results, *, files: bool = True) -> None:
    """One recording: its values. Several: means with their intervals, and with `files` the first measures of each one."""
    from winnow.metrics.report.page import remarks_of, speed_of
    from winnow.metrics.report.tables import rows

    good, found = results.good, rows(results)
    if not good:
        return
    title = good[0].name if len(results.records) == 1 else f"{results.title}: {len(good)} recordings"
    speed = speed_of(results)
    facts = [clock(sum(record.seconds for record in good)), f"network {times(speed)} real time" if speed else ""]
    say("   ".join([one_line(title), *(fact for fact in facts if fact)]))
    print_table(_single(found) if len(good) == 1 else _means(found))
    if 1 < len(good) <= FILES_UP_TO and files:
        print_table(_files(results))
    for line in (line for record in good if len(good) == 1 for line in record.words):
        say(line)
    for remark in [*remarks_of(results), *results.alone]:
        say(f"note: {one_line(remark)}")


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def print_table(table: Table) -> None:
    """On a terminal as wide as that, in a log wide enough not to fold."""
    from rich.console import Console

    from winnow.cli.report import LOG_WIDTH

    wide = None if sys.stdout.isatty() else LOG_WIDTH
    Console(highlight=False, markup=False, emoji=False, width=wide).print(table)


def new_table(heads: Sequence[str], left: Sequence[str] = ()) -> Table:
    """An empty table; the columns in `left` are aligned left."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        table.add_column(head, justify="left" if head in left else "right", overflow="fold")
    return table


def _verdict(word: str) -> Any:
    from rich.text import Text

    return Text(word, style=COLOURS.get(word, ""))


def _single(found: Sequence[Row]) -> Table:
    from winnow.metrics.report.tables import number, unit

    compared = any(row.before for row in found)
    table = new_table(
        ["measure", "value", "unit", *(["mixture", "change", ""] if compared else [])], ["measure", "unit", ""]
    )
    for row in found:
        value, before = (each.mean if each else None for each in (row.after, row.before))
        cells: list[Any] = [row.name, number(row.name, value), unit(row.name)]
        if compared:
            change = number(row.name, row.by, sign=True) if row.by is not None else ""
            cells += [number(row.name, before) if row.before else "", change, _verdict(row.verdict)]
        table.add_row(*cells)
    return table


def _means(found: Sequence[Row]) -> Table:
    from winnow.metrics.report.tables import number, unit

    compared = any(row.before for row in found)
    heads = ["measure", "unit", "mean", "95 % interval", "median", "spread"]
    table = new_table([*heads, *(["mixture", "change", ""] if compared else [])], ["measure", "unit", ""])
    for row in found:
        after = row.after
        assert after is not None
        name = row.name
        reach = f"{number(name, after.low)} … {number(name, after.high)}"
        cells: list[Any] = [name, unit(name), number(name, after.mean), reach, number(name, after.median)]
        cells.append(number(name, after.spread))
        if compared:
            before = number(name, row.before.mean) if row.before else ""
            change = number(name, row.by, sign=True) if row.by is not None else ""
            cells += [before, change, _verdict(row.verdict)]
        table.add_row(*cells)
    return table


def _files(results: Results) -> Table:
    from winnow.metrics.report.tables import main_measures, number

    names = main_measures(results.names())
    table = new_table(["recording", "length", *names], ["recording"])
    for record in results.good:
        cells = [number(name, record.values.get(name)) for name in names]
        table.add_row(one_line(record.name), clock(record.seconds), *cells)
    return table


def print_comparison(comparison: Comparison) -> None:
    """Means side by side, then the differences from the first system."""
    count = len(comparison.recordings)
    say(f"{' | '.join(map(one_line, comparison.systems))}: {count} recordings")
    print_table(_side_by_side(comparison))
    first = comparison.systems[0]
    for system in comparison.systems[1:]:
        say(f"{one_line(system)} minus {one_line(first)}")
        print_table(_differences(comparison.lines, system))
    for remark in comparison.left_out:
        say(f"note: {one_line(remark)}")


def _side_by_side(comparison: Comparison) -> Table:
    from winnow.metrics.report.comparison import MIXTURE
    from winnow.metrics.report.tables import number, unit

    systems = [MIXTURE, *comparison.systems]
    table = new_table(["measure", "unit", *map(one_line, systems)], ["measure", "unit"])
    for line in comparison.lines:
        means = [number(line.name, line.means[each].mean) if each in line.means else "-" for each in systems]
        table.add_row(line.name, unit(line.name), *means)
    return table


def _differences(lines: Sequence[Line], system: str) -> Table:
    from winnow.metrics.report.tables import number

    table = new_table(["measure", "difference", "95 % interval", "higher on", "lower on", "p", ""], ["measure", ""])
    for line in lines:
        change = line.differences.get(system)
        if change is None:
            continue
        p = change.p
        reach = f"{number(line.name, change.low, sign=True)} … {number(line.name, change.high, sign=True)}"
        table.add_row(
            line.name,
            number(line.name, change.mean, sign=True),
            reach,
            str(change.larger),
            str(change.smaller),
            probability(p),
            _verdict(line.verdict(system)),
        )
    return table


def probability(p: float) -> str:
    """A p-value as it is printed."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
