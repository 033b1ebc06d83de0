"""What was measured, as plain data, and its JSON: whole or unfinished, so that a stopped run can go on."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from winnow.aside import write_text
from winnow.errors import BadInput, InputNotFound

SCHEMA = 1
Values = dict[str, float | None]
Kind = Literal["score", "evaluation"]


@dataclass(frozen=True)
class Record:
    """What was measured of one recording.

    files: its paths by role (estimate, reference, mixture). seconds: its length. values: of the estimate; before: the
    same measures of the mixture. elapsed: seconds of scoring; enhancing: seconds of the network, None where none ran.
    facts: what is known of it, such as `snr` and `noise` of a mixture that was made. words: how what was heard differs
    from what was said, in lines. stamp: size and time of the files, to tell whether they changed.
    """

    name: str
    files: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    values: Values = field(default_factory=dict)
    before: Values = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    elapsed: float = 0.0
    enhancing: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    stamp: list[Any] = field(default_factory=list)
    error: str | None = None
    exit_code: int = 0


@dataclass
class Results:
    """Records of one run. title: what was scored. task: all that decides the values, beside the files themselves."""

    kind: Kind
    title: str
    task: dict[str, Any]
    records: list[Record] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)

    @property
    def good(self) -> list[Record]:
        """The records without those that failed."""
        return [record for record in self.records if record.error is None]

    def names(self) -> list[str]:
        """The measures that any record has a value of, in the order of the registry, unknown ones last."""
        from winnow.metrics.measures import MEASURES

        present = {name: None for record in self.good for name, value in record.values.items() if value is not None}
        return [name for name in MEASURES if name in present] + [name for name in present if name not in MEASURES]

    def column(self, name: str, *, before: bool = False) -> list[float | None]:
        """One measure over the records that did not fail."""
        return [(record.before if before else record.values).get(name) for record in self.good]


def as_json(results: Results) -> dict[str, Any]:
    """The document that `--json` writes; no NaN and no infinity in it."""
    return {
        "winnow": version(),
        "schema": SCHEMA,
        "kind": results.kind,
        "title": results.title,
        "task": results.task,
        "measures": {name: about(name) for name in results.names()},
        "summary": summary(results),
        "unpaired": results.alone,
        "files": [finite(asdict(record)) for record in results.records],
    }


def version() -> str:
    """Of winnow."""
    from winnow import __version__

    return __version__


def about(name: str) -> dict[str, str | None]:
    """Unit, direction and explanation of a measure; empty for one that winnow does not know."""
    from winnow.metrics.measures import MEASURES

    measure = MEASURES.get(name)
    if measure is None:
        return {"unit": "", "better": None, "explanation": ""}
    return {"unit": measure.unit, "better": measure.better, "explanation": measure.explanation}


def summary(results: Results) -> dict[str, Any]:
    """Mean, median, spread and interval of each measure, and of the mixtures where they were scored."""
    from winnow.metrics.statistics import summarise

    out: dict[str, Any] = {}
    for name in results.names():
        after, before = summarise(results.column(name)), summarise(results.column(name, before=True))
        out[name] = {**(asdict(after) if after else {}), "before": asdict(before) if before else None}
    return out


def finite(value: Any) -> Any:
    """The same data with None for what is no number."""
    if isinstance(value, dict):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def save(results: Results, path: Path) -> None:
    """Write the JSON aside, then give it its name. Raises OutputError."""
    write_text(path, json.dumps(as_json(results), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def load(path: Path) -> Results:
    """Results from the JSON of winnow, or from a CSV: a line per recording, its name first, then measures by name.

    Raises InputNotFound, BadInput.
    """
    if not path.is_file():
        raise InputNotFound(f"{path}: no such file. Check the name.")
    if path.suffix.lower() == ".csv":
        return _from_csv(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        known = {each.name for each in fields(Record)}
        records = [Record(**{k: v for k, v in record.items() if k in known}) for record in document["files"]]
        return Results(document["kind"], document["title"], document["task"], records, document["unpaired"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: this is no report of winnow. Name a JSON that `winnow evaluate` wrote.") from error


def _from_csv(path: Path) -> Results:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head, *rows = (row for row in csv.reader(file) if row)
    except (OSError, ValueError, csv.Error) as error:
        raise BadInput(f"{path}: this is no table. Give CSV: a head line, then a line for each recording.") from error
    records = [_row(path, number, head, row) for number, row in enumerate(rows, 2)]
    return Results("evaluation", path.stem, {}, records)


def _row(path: Path, number: int, head: Sequence[str], row: Sequence[str]) -> Record:
    """A record; columns that hold no numbers become facts."""
    from winnow.metrics.measures import MEASURES

    if len(row) != len(head):
        raise BadInput(f"{path}, line {number}: {len(row)} fields under {len(head)} heads. Correct the file.")
    cells = dict(zip(head[1:], row[1:], strict=True))
    try:
        values = {name: float(cell) if cell.strip() else None for name, cell in cells.items() if name in MEASURES}
    except ValueError:
        raise BadInput(f"{path}, line {number}: a measure has no number. Leave unknown values empty.") from None
    facts = {name: cell for name, cell in cells.items() if name not in MEASURES}
    return Record(row[0], values=finite(values), facts=facts)


def stamp_of(paths: Iterable[str]) -> list[Any]:
    """Size and time of files; equal stamps mean equal files."""
    return [[path, *_size_and_time(path)] for path in paths]


def _size_and_time(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns
