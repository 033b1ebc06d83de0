"""A sweep to look at: rows of its trials, the best settings and how to train with them, and a page with pictures."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from winnow.metrics.report.html import Cell, document, heading, listing, paragraph, table, text
from winnow.metrics.report.sound import data_uri
from winnow.train.curves import COLOURS, FAINT, INK, number, png, tidy
from winnow.train.sweep.plan import Plan
from winnow.train.sweep.space import Choice, Range
from winnow.train.sweep.work import ERROR, RUN

STATES = {"COMPLETE": "done", "PRUNED": "given up", "FAIL": "failed", "RUNNING": "running", "WAITING": "to come"}
STOPPED = "stopped"
"""Of a trial that was stopped from outside: another one goes on with it."""


@dataclass(frozen=True)
class Row:
    """One trial; value: what was searched for, of a trial that was given up the last that was seen; seconds: it took."""

    number: int
    run: str
    state: str
    value: float | None
    seconds: float | None
    parameters: dict[str, Any]
    remark: str


def rows(plan: Plan, study: Any) -> list[Row]:
    """All trials, the best first, then those given up, then the others."""
    found = [_row(trial) for trial in study.get_trials(deepcopy=False)]
    sign = -1 if plan.maximise else 1
    order = ("done", "given up", "running", "to come", STOPPED, "failed")
    return sorted(found, key=lambda row: (order.index(row.state), sign * (row.value or 0.0), row.number))


def _row(trial: Any) -> Row:
    seen = trial.intermediate_values
    value = trial.value if trial.value is not None else seen[max(seen)] if seen else None
    took = trial.duration.total_seconds() if trial.duration is not None else None
    parameters = trial.params or trial.system_attrs.get("fixed_params", {})
    remark = trial.user_attrs.get(ERROR, "")
    state = STOPPED if remark == STOPPED else STATES[trial.state.name]
    return Row(trial.number, trial.user_attrs.get(RUN, ""), state, value, took, parameters, remark)


def best(found: Sequence[Row]) -> Row | None:
    """The best trial that was run to its end."""
    return next((row for row in found if row.state == "done"), None)


def advice(folder: Path, plan: Plan, row: Row) -> str:
    """The command line that trains with the settings of a trial."""
    return shlex.join(["winnow", *plan.command(f"runs/{folder.name}-best", row.parameters)])


def page(folder: Path, plan: Plan, found: Sequence[Row]) -> str:
    """One self-contained HTML file. Pictures are left out, and that is said, without matplotlib."""
    counts = {state: sum(row.state == state for row in found) for state in (*STATES.values(), STOPPED)}
    said = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    goal = f"{'the highest' if plan.maximise else 'the lowest'} {plan.key}"
    body = [
        f"<h1>{escape(folder.name)}</h1>",
        paragraph(f"A search for the settings of {plan.recipe} with {goal}. Trials: {said or 'none yet'}.", "lead"),
        *_best(folder, plan, found),
        *_pictures(plan, found),
        heading("Trials") + _table(plan, found),
        heading("Searched") + listing([_searched(each) for each in plan.space.parameters]),
    ]
    return document(f"winnow sweep: {folder.name}", body)


def _best(folder: Path, plan: Plan, found: Sequence[Row]) -> list[str]:
    row = best(found)
    if row is None or row.value is None:
        return []
    settings = ", ".join(f"{key} = {_short(value)}" for key, value in row.parameters.items())
    said = paragraph(f"Best: {plan.key} {number(row.value)} in trial {row.number}, with {settings}.")
    return [heading("Best settings"), said, f"<pre>{escape(advice(folder, plan, row))}</pre>"]


def _short(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)


def _searched(each: Range | Choice) -> str:
    if isinstance(each, Choice):
        return f"{each.key}: one of {', '.join(map(str, each.values))}"
    kind = f"{'whole numbers' if each.whole else 'numbers'}{', logarithmic' if each.log else ''}"
    return f"{each.key}: {_short(each.low)} to {_short(each.high)} ({kind})"


def _table(plan: Plan, found: Sequence[Row]) -> str:
    keys = [each.key for each in plan.space.parameters]
    heads = [
        ("trial", ""),
        ("state", "text"),
        (plan.key, ""),
        ("minutes", ""),
        *((key, "") for key in keys),
        ("", "text"),
    ]
    lines = []
    for row in found:
        value = Cell(number(row.value), row.value) if row.value is not None else Cell("")
        took = Cell(f"{row.seconds / 60:.1f}", row.seconds) if row.seconds is not None else Cell("")
        cells = [_cell(row.parameters.get(key)) for key in keys]
        lines.append([Cell(str(row.number), row.number), text(row.state), value, took, *cells, text(row.remark, "why")])
    return table(heads, lines, sortable=True)


def _cell(value: Any) -> Cell:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Cell(_short(value), float(value))
    return text("" if value is None else value, "")


def _pictures(plan: Plan, found: Sequence[Row]) -> list[str]:
    known = [row for row in found if row.value is not None and np.isfinite(row.value) and row.parameters]
    if len(known) < 2:
        return [paragraph("Pictures come with the second trial.", "faint")]
    try:
        drawn = [history(plan, known), importance(plan, known), parallel(plan, known)]
    except ImportError:
        return [paragraph('Pictures are left out, they need matplotlib: pip install "winnow-audio[demo]"', "faint")]
    images = "".join(f'<img src="{data_uri("image/png", each)}" alt="{name}">' for name, each in zip(
        ("history", "importance", "parallel coordinates"), drawn, strict=True))  # fmt: skip
    how = (
        "Importance: by how much the mean result moves over the values of a setting, as a share of the spread of all results; it "
        "looks at one setting at a time, and with few trials chance has a large part in it."
    )
    return [heading("Pictures"), f'<div class="charts">{images}</div>', paragraph(how, "faint")]


def history(plan: Plan, known: Sequence[Row]) -> bytes:
    """A PNG: the value of each trial in their order, and the best until then."""
    figure, panel = _figure(5.2, 3.0)
    for state, colour in (("done", COLOURS[0]), ("given up", COLOURS[5])):
        some = [row for row in known if row.state == state]
        panel.plot(
            [row.number for row in some], [row.value for row in some], "o", color=colour, markersize=4, label=state
        )
    done = sorted((row.number, row.value or 0.0) for row in known if row.state == "done")
    run = np.maximum.accumulate if plan.maximise else np.minimum.accumulate
    if done:
        panel.step(
            [n for n, _ in done], run([v for _, v in done]), where="post", color=COLOURS[1], label="best until then"
        )
    panel.set_xlabel("trial", fontsize=8, color=FAINT)
    panel.set_title(plan.key, fontsize=9, color=INK, loc="left")
    panel.legend(fontsize=8, frameon=False)
    tidy(panel)
    return png(figure)


def importance(plan: Plan, known: Sequence[Row]) -> bytes:
    """A PNG: a bar for each setting, see `shares`."""
    found = shares(plan, known)
    figure, panel = _figure(5.2, 3.0)
    names = sorted(found, key=lambda key: found[key])
    panel.barh(
        [name.rpartition(".")[2] for name in names], [found[name] for name in names], color=COLOURS[0], height=0.6
    )
    panel.set_xlim(0, 1)
    panel.set_title("importance", fontsize=9, color=INK, loc="left")
    tidy(panel)
    return png(figure)


def shares(plan: Plan, known: Sequence[Row]) -> dict[str, float]:
    """How much of the variance of the results each setting explains alone, 0 to 1 (the correlation ratio, eta squared).

    The values of a range fall into as many groups of equal size as there are, up to four.
    """
    results = np.array([row.value for row in known], float)
    whole = float(((results - results.mean()) ** 2).sum())
    found = {}
    for each in plan.space.parameters:
        groups = _groups(each, [row.parameters[each.key] for row in known])
        parts = [results[groups == group] for group in np.unique(groups)]
        between = sum(part.size * (part.mean() - results.mean()) ** 2 for part in parts)
        found[each.key] = float(between) / whole if whole > 0 else 0.0
    return found


def _groups(each: Range | Choice, values: Sequence[Any]) -> np.ndarray[Any, Any]:
    """The number of the group that each value is in."""
    if isinstance(each, Choice):
        return np.array([list(each.values).index(value) for value in values])
    count = min(4, max(2, len(values) // 3))
    edges = np.quantile(np.array(values, float), np.linspace(0, 1, count + 1)[1:-1])
    return np.searchsorted(edges, np.array(values, float), side="left")


def parallel(plan: Plan, known: Sequence[Row]) -> bytes:
    """A PNG: an axis for each setting and one for the result, a line for each trial, the best ones darkest."""
    figure, panel = _figure(10.6, 3.4)
    axes = [*plan.space.parameters, None]
    results = np.array([row.value for row in known], float)
    low, span = results.min(), (np.ptp(results) or 1.0)
    for row, result in sorted(zip(known, results, strict=True), key=lambda pair: pair[1], reverse=not plan.maximise):
        heights = [_height(each, row.parameters[each.key]) for each in plan.space.parameters]
        share = (result - low) / span if plan.maximise else 1 - (result - low) / span
        panel.plot([*heights, (result - low) / span], color=COLOURS[0], alpha=0.12 + 0.85 * share**2, linewidth=1.2)
    for place, each in enumerate(axes):
        panel.axvline(place, color=FAINT, linewidth=0.8)
        for height, label in _marks(each) if each is not None else ((0, number(low)), (1, number(low + span))):
            panel.annotate(label, (place, height), fontsize=7, color=INK, xytext=(3, 2), textcoords="offset points")
    panel.set_xticks(range(len(axes)), [each.key.rpartition(".")[2] if each else plan.key for each in axes])
    panel.set_yticks([])
    panel.margins(x=0.06, y=0.08)
    panel.tick_params(labelsize=8, colors=INK)
    panel.spines[["top", "right", "left", "bottom"]].set_visible(False)
    return png(figure)


def _height(each: Range | Choice, value: Any) -> float:
    """Where a value stands on its axis, 0 to 1."""
    if isinstance(each, Choice):
        return list(each.values).index(value) / max(1, len(each.values) - 1)
    if each.log:
        return float(np.log(value / each.low) / np.log(each.high / each.low))
    return float((value - each.low) / (each.high - each.low))


def _marks(each: Range | Choice) -> list[tuple[float, str]]:
    if isinstance(each, Choice):
        return [(_height(each, value), str(value)) for value in each.values]
    return [(0.0, _short(each.low)), (1.0, _short(each.high))]


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=90, layout="constrained")
    return figure, figure.add_subplot()
