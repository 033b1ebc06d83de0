"""The page about several systems on the same recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from winnow.metrics.report import html
from winnow.metrics.report.comparison import MIXTURE, Comparison, Line
from winnow.metrics.report.html import Cell, badge, heading, listing, paragraph, text
from winnow.metrics.report.results import about
from winnow.metrics.report.tables import FEW, direction, label, main_measure, main_measures, number, unit

Heads = Sequence[tuple[str, str]]
Points = dict[str, list[tuple[float, float]]]


def page(comparison: Comparison, charts: Sequence[str] = ()) -> str:
    """One self-contained HTML file. charts: pictures as data URIs."""
    title = " | ".join(comparison.systems)
    first = comparison.systems[0]
    how = (
        f"All systems ran on the same {len(comparison.recordings)} recordings, so they are compared recording by recording. "
        "The range is where the true mean lies with 95 % confidence (bootstrap). p is the probability of such a difference "
        "by chance alone (Wilcoxon's signed-rank test; sign test below 6 differences). With many measures some fall below "
        "5 % by chance."
    )
    images = "".join(f'<img src="{chart}" alt="score against noise">' for chart in charts)
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(paragraph(sentence(comparison, system), "lead") for system in comparison.systems[1:]),
        paragraph(how, "faint"),
        heading("Side by side"),
        _means(comparison),
        *(heading(f"{system} minus {first}") + _differences(comparison, system) for system in comparison.systems[1:]),
        f'{heading("Score against the noise in the mixture")}<div class="charts">{images}</div>' if images else "",
        _files(comparison),
        heading("Remarks") + listing(comparison.left_out) if comparison.left_out else "",
    ]
    return html.document(title, parts)


def sentence(comparison: Comparison, system: str) -> str:
    """The first measure of one system against the first system, in words."""
    line = _first(comparison)
    change = line.differences.get(system) if line else None
    if line is None or change is None:
        return f"{system} has no measure in common with {comparison.systems[0]}."
    words = {"better": "is better than", "worse": "is worse than"}.get(
        line.verdict(system), "is not clearly different from"
    )
    by = f"{number(line.name, change.mean, sign=True)} {unit(line.name)}".strip()
    higher = f"higher on {change.larger} and lower on {change.smaller} of {change.count} recordings"
    return f"{system} {words} {comparison.systems[0]} by {label(line.name)}: {by} on average, {higher}."


def _first(comparison: Comparison) -> Line | None:
    name = main_measure([line.name for line in comparison.lines])
    return next((line for line in comparison.lines if line.name == name), None)


def points(comparison: Comparison, name: str) -> Points:
    """(ratio of the mixture, value) of each recording by system, the mixture itself first."""
    ratios = [
        next((float(r) for r in (a.facts.get("snr"), a.before.get("snr")) if isinstance(r, (int, float))), None)
        for a in comparison.records[comparison.systems[0]].values()
    ]
    out: Points = {}
    for system in (MIXTURE, *comparison.systems):
        column = comparison.column(system, name) or [None] * len(ratios)
        out[system] = [(x, y) for x, y in zip(ratios, column, strict=True) if x is not None and y is not None]
    return out


def _means(comparison: Comparison) -> str:
    systems = [MIXTURE, *comparison.systems]
    heads = [("measure", "text"), *((system, "") for system in systems), ("what it says", "text")]
    return _first_and_rest(comparison, heads, lambda line: _mean(line, systems))


def _first_and_rest(comparison: Comparison, heads: Heads, row: Callable[[Line], Sequence[Cell] | None]) -> str:
    """A table of the measures that a person looks at first, and one of the others to unfold."""
    rows = {line.name: cells for line in comparison.lines if (cells := row(line))}
    first = main_measures(list(rows), FEW)
    rest = [cells for name, cells in rows.items() if name not in first]
    more = html.folded(f"{len(rest)} more measures", html.table(heads, rest)) if rest else ""
    return html.table(heads, [rows[name] for name in first]) + more


def _mean(line: Line, systems: Sequence[str]) -> list[Cell]:
    better = {"higher": " Higher is better.", "lower": " Lower is better."}.get(direction(line.name) or "", "")
    name = f"<b>{escape(label(line.name))}</b> <small>{escape(unit(line.name))}</small>"
    cells = [Cell(name, kind="text")]
    for system in systems:
        mean = line.means.get(system)
        reach = f"<br><small>{number(line.name, mean.low)} … {number(line.name, mean.high)}</small>" if mean else ""
        cells.append(Cell(number(line.name, mean.mean if mean else None) + reach))
    return [*cells, text(f"{about(line.name)['explanation']}{better}", "why")]


def _differences(comparison: Comparison, system: str) -> str:
    heads = [("measure", "text"), ("difference", ""), ("95 % interval", ""), ("higher on", ""), ("lower on", "")]
    return _first_and_rest(comparison, [*heads, ("p", ""), ("", "text")], lambda line: _difference(line, system))


def _difference(line: Line, system: str) -> list[Cell] | None:
    change, name = line.differences.get(system), line.name
    if change is None:
        return None
    p = change.p
    reach = f"{number(name, change.low, sign=True)} … {number(name, change.high, sign=True)}"
    cells = [
        Cell(number(name, change.mean, sign=True)),
        Cell(reach),
        Cell(str(change.larger)),
        Cell(str(change.smaller)),
    ]
    shown = "&lt; 0.001" if p < 0.001 else f"{p:.3f}"
    return [text(label(name)), *cells, Cell(shown), Cell(badge(line.verdict(system)), kind="text")]


def _files(comparison: Comparison) -> str:
    line = _first(comparison)
    if line is None:
        return ""
    systems = [system for system in (MIXTURE, *comparison.systems) if system in line.means]
    columns = [comparison.column(system, line.name) for system in systems]
    rows = [
        [text(name, "name"), *(Cell(number(line.name, column[k]), column[k]) for column in columns)]
        for k, name in enumerate(comparison.recordings)
    ]
    head = heading(f"{label(line.name)} of every recording") + paragraph(
        "Click the head of a column to sort by it.", "faint"
    )
    return head + html.table([("recording", "text"), *((system, "") for system in systems)], rows, sortable=True)
