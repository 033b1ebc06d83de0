"""Several systems on the same recordings: means side by side, and paired differences from the first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from winnow.errors import BadInput
from winnow.metrics.report.results import SCHEMA, Record, Results, about, version
from winnow.metrics.report.tables import verdict
from winnow.metrics.statistics import Difference, Summary, difference, summarise

MIXTURE = "mixture"


@dataclass(frozen=True)
class Line:
    """One measure. means: by system, and of the mixture where it is known; differences: from the first, by system."""

    name: str
    means: dict[str, Summary]
    differences: dict[str, Difference]

    def verdict(self, system: str) -> str:
        """What the difference from the first system means, as `tables.verdict`."""
        change = self.differences.get(system)
        return verdict(self.name, change.mean, change) if change else ""


@dataclass(frozen=True)
class Comparison:
    """systems: titles in order; records: by title, then by recording, those that all have; left_out: remarks."""

    systems: list[str]
    records: dict[str, dict[str, Record]]
    lines: list[Line]
    left_out: list[str]

    @property
    def recordings(self) -> list[str]:
        """Names of the recordings compared."""
        return list(self.records[self.systems[0]])

    def column(self, system: str, name: str) -> list[float | None]:
        """A measure of a system over the recordings; of the mixture for MIXTURE."""
        if system == MIXTURE:
            return mixture_column(self.records, name)
        return [record.values.get(name) for record in self.records[system].values()]


def compare(given: Mapping[str, Results]) -> Comparison:
    """Compare results by title, the first against all others. Raises BadInput where no recording is in all of them."""
    by_name = {title: {canonical(record.name): record for record in results.good} for title, results in given.items()}
    first = next(iter(by_name))
    common = [name for name in by_name[first] if all(name in records for records in by_name.values())]
    if not common:
        raise BadInput(f"{' and '.join(given)} have no recording in common. Names in the first column must agree.")
    left_out = [
        f"{title}: {len(records) - len(common)} of {len(records)} recordings are left out, other results lack them"
        for title, records in by_name.items()
        if len(records) > len(common)
    ]
    records = {title: {name: found[name] for name in common} for title, found in by_name.items()}
    names = dict.fromkeys(name for results in given.values() for name in results.names())
    lines = [_line(records, name) for name in names]
    return Comparison(list(given), records, [line for line in lines if len(line.means) > 1], left_out)


def canonical(name: str) -> str:
    """The name without folder marks and suffix: results of other tools often name the file."""
    stem, suffix = os.path.splitext(name.strip().replace("\\", "/").removeprefix("./"))
    return stem if suffix.lower() in (".wav", ".flac", ".mp3", ".ogg", ".opus") else stem + suffix


def mixture_column(records: Mapping[str, Mapping[str, Record]], name: str) -> list[float | None]:
    """A measure of the mixtures, from the first system that knows it."""
    for found in records.values():
        column = [record.before.get(name) for record in found.values()]
        if any(value is not None for value in column):
            return column
    return []


def _line(records: Mapping[str, Mapping[str, Record]], name: str) -> Line:
    columns = {title: [record.values.get(name) for record in found.values()] for title, found in records.items()}
    first, *others = columns
    whole = {MIXTURE: mixture_column(records, name), **columns}
    means = {title: summary for title, column in whole.items() if (summary := summarise(column))}
    changes = {title: change for title in others if (change := difference(columns[first], columns[title]))}
    return Line(name, means, changes)


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The document that `--json` writes."""

    return {
        "winnow": version(),
        "schema": SCHEMA,
        "kind": "comparison",
        "systems": comparison.systems,
        "recordings": comparison.recordings,
        "left_out": comparison.left_out,
        "measures": {line.name: {**about(line.name), **_line_json(line)} for line in comparison.lines},
    }


def _line_json(line: Line) -> dict[str, Any]:
    changes = {title: {**asdict(each), "verdict": line.verdict(title)} for title, each in line.differences.items()}
    return {"means": {title: asdict(each) for title, each in line.means.items()}, "minus_first": changes}
