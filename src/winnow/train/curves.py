"""Logs of runs to look at: a table of the best and last values, curves as text, as pictures and as one page."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from winnow.errors import BadOption
from winnow.metrics.report.html import Cell, document, folded, heading, paragraph, table, text
from winnow.metrics.report.sound import data_uri
from winnow.metrics.report.tables import direction
from winnow.train.log import NAME, USUAL, Record, records

BLOCKS = "▁▂▃▄▅▆▇█"
LABELS = {"times_real_time": "throughput, times real time", "learning_rate": "learning rate"}
COLOURS = ("#0b6e8a", "#c4622d", "#5a8f3d", "#7d4f9e", "#a08218", "#8a939e", "#b03a5b", "#1d2530")
INK, FAINT = "#1d2530", "#6b7684"
VALID = "valid_"


@dataclass(frozen=True)
class Run:
    """A run to look at: its name, its records, and what config.json says of it."""

    name: str
    records: Sequence[Record]
    described: Mapping[str, Any]

    def points(self, name: str) -> list[tuple[float, float]]:
        """(step, value) of everything logged under a name."""
        return [(record["step"], record[name]) for record in self.records if name in record]


@dataclass(frozen=True)
class Summary:
    """One value over a run; best is the last one where neither direction is better."""

    name: str
    best: float
    best_step: float
    last: float
    curve: str


def open_run(folder: Path) -> Run:
    """The run in a folder. Raises BadInput, also where nothing has been logged yet."""
    found = records(folder / NAME)
    try:
        described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        described = {}
    return Run(folder.resolve().name, found, described if isinstance(described, dict) else {})


def names_of(runs: Sequence[Run]) -> list[str]:
    """Everything logged: scores first, then losses, then learning rate and throughput."""
    seen = dict.fromkeys(name for run in runs for record in run.records for name in record)
    own = [name for name in seen if name not in USUAL]
    scores = [name for name in own if name.startswith(VALID)]
    return [*scores, *(name for name in own if name not in scores), *(name for name in LABELS if name in seen)]


def better(name: str) -> str | None:
    """ "higher" or "lower" is better. Losses shall fall; a score rises unless its measure says otherwise."""
    if name in LABELS or name == "gradient":
        return None
    if not name.startswith(VALID) or name == f"{VALID}loss":
        return "lower"
    return direction(name.removeprefix(VALID)) or "higher"


def summaries(run: Run) -> list[Summary]:
    """Best and last of each value."""
    found = []
    for name in names_of([run]):
        points = run.points(name)
        pick = {"higher": max, "lower": min}.get(better(name) or "")
        step, best = pick(points, key=lambda point: point[1]) if pick else points[-1]
        found.append(Summary(name, best, step, points[-1][1], spark([value for _, value in points])))
    return found


def spark(values: Sequence[float], width: int = 24) -> str:
    """A curve as a line of text: each letter the mean of its part of the values."""
    count = min(width, len(values))
    parts = [values[k * len(values) // count : (k + 1) * len(values) // count] for k in range(count)]
    means = [sum(part) / len(part) for part in parts]
    finite = [mean for mean in means if abs(mean) < float("inf")]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    span = (high - low) or 1.0
    return "".join(BLOCKS[round((m - low) / span * 7)] if abs(m) < float("inf") else "·" for m in means)


def number(value: float) -> str:
    """A value with four digits that count."""
    return f"{value:.4g}"


def picture(runs: Sequence[Run]) -> bytes:
    """All curves of the runs in one PNG, a panel for each value and a colour for each run. Raises ImportError."""
    from matplotlib.figure import Figure

    groups = _groups(names_of(runs))
    lines = -(-len(groups) // 2)
    figure = Figure(figsize=(11, 0.4 + 2.5 * lines), dpi=90, layout="constrained")
    for place, names in enumerate(groups):
        panel = figure.add_subplot(lines, 2, place + 1)
        _panel(panel, runs, names)
        if place == 0 and len(runs) > 1:
            panel.legend(fontsize=8, frameon=False)
    return png(figure)


def _groups(names: Sequence[str]) -> list[list[str]]:
    """A loss and the same on held-out examples share a panel."""
    both = {name for name in names if f"{VALID}{name}" in names}
    return [
        [name.removeprefix(VALID), name] if name[len(VALID) :] in both else [name] for name in names if name not in both
    ]


def _panel(panel: Any, runs: Sequence[Run], names: Sequence[str]) -> None:
    for run, colour in zip(runs, [COLOURS[k % len(COLOURS)] for k in range(len(runs))], strict=True):
        for name, style in zip(
            names, ("-", "o--") if len(names) > 1 else ("o-" if names[0].startswith(VALID) else "-",), strict=True
        ):
            points = run.points(name)
            where, values = [x for x, _ in points], [y for _, y in points]
            panel.plot(
                where,
                values,
                style,
                color=colour,
                markersize=3,
                linewidth=1.2,
                label=run.name if name == names[0] else None,
            )
    title = LABELS.get(names[-1], names[-1].removeprefix(VALID) if len(names) > 1 else names[-1])
    panel.set_title(f"{title}{' (dashed: held out)' if len(names) > 1 else ''}", fontsize=9, color=INK, loc="left")
    panel.set_xlabel("step", fontsize=8, color=FAINT)
    tidy(panel)


def tidy(panel: Any) -> None:
    """The look that all pictures of a page have."""
    panel.tick_params(labelsize=7, colors=FAINT)
    panel.grid(alpha=0.25)
    panel.spines[["top", "right"]].set_visible(False)


def png(figure: Any) -> bytes:
    """A drawn figure as PNG."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def page(runs: Sequence[Run]) -> str:
    """One self-contained HTML file: curves, tables, and settings."""
    body = [f"<h1>{escape(' | '.join(run.name for run in runs))}</h1>", *(_lead(run) for run in runs)]
    try:
        image = data_uri("image/png", picture(runs))
        body.append(f'<img src="{image}" alt="curves" style="max-width:100%">')
    except ImportError:
        body.append(
            paragraph('The curves are left out, they need matplotlib: pip install "winnow-audio[demo]"', "faint")
        )
    for run in runs:
        body += [
            heading(run.name),
            _table(run),
            folded("settings", f"<pre>{escape(json.dumps(run.described, indent=1))}</pre>"),
        ]
    return document("winnow train show", body)


def _lead(run: Run) -> str:
    last = run.records[-1]
    said = f"{run.name}: recipe {run.described.get('recipe', 'not known')}, {last['step']:.0f} steps"
    return paragraph(
        f"{said} in {last.get('minutes', 0):.1f} minutes, {last.get('hours_heard', 0):.2f} hours of sound.", "lead"
    )


def _table(run: Run) -> str:
    heads = [("value", "text"), ("best", ""), ("at step", ""), ("last", ""), ("better", "text"), ("curve", "text")]
    rows = [
        [
            text(each.name, "name"),
            *(Cell(number(value), value) for value in (each.best, each.best_step, each.last)),
            text(better(each.name) or ""),
            text(each.curve),
        ]
        for each in summaries(run)
    ]
    return table(heads, rows, sortable=True)


def check_output(path: Path) -> None:
    """Raises BadOption unless it is a page or a picture."""
    if path.suffix.lower() not in (".html", ".png"):
        raise BadOption(f"{path}: give a name that ends in .html (a page) or .png (the curves).")
