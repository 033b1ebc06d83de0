"""A run that can be stopped: what is done is kept in its JSON, and the same command goes on from there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from winnow.errors import BadInput, BadOption
from winnow.evaluation.pairing import Item
from winnow.evaluation.work import Scoring, item_stamp, run
from winnow.metrics.report.results import Record, Results, load, save

SAVE_EVERY = 10.0  # seconds


def collect(
    results: Results,
    items: Sequence[Item],
    scoring: Scoring,
    *,
    workers: int,
    path: Path | None,
    on_record: Callable[[Record], None],
) -> None:
    """Score the items into `results.records`, in their order; those that `path` has of an equal task are taken from there.

    path: the JSON, written now and then and at the end, an interrupt included; None: nothing is kept. on_record: called for
    each record, kept ones included. Raises BadOption where `path` is a file of something else, OutputError.
    """
    done = {record.name: record for record in earlier(results, items, path)}
    for record in done.values():
        on_record(record)
    rest = [item for item in items if item.name not in done]
    order = {item.name: number for number, item in enumerate(items)}
    saved = time.monotonic()
    try:
        with closing(run(rest, scoring, workers)) as records:
            for record in records:
                done[record.name] = record
                on_record(record)
                if path is not None and time.monotonic() - saved > SAVE_EVERY:
                    results.records = list(done.values())
                    save(results, path)
                    saved = time.monotonic()
    finally:
        results.records = sorted(done.values(), key=lambda record: order[record.name])
        if path is not None:
            save(results, path)


def earlier(results: Results, items: Sequence[Item], path: Path | None) -> list[Record]:
    """The records of an earlier run with the same task and unchanged files; failures are tried again."""
    if path is None or not path.exists():
        return []
    try:
        before = load(path)
    except BadInput:
        raise BadOption(f"{path} exists and is no report of winnow. Choose another name for --json.") from None
    if before.task != results.task:
        return []
    wanted = {item.name: item_stamp(item) for item in items if item.problem is None}
    return [record for record in before.records if record.error is None and wanted.get(record.name) == record.stamp]
