"""From a corpus's folder to its list: every file opened, measured and checked, in stable order, by several processes."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from winnow.data.corpora.base import Corpus, Found
from winnow.data.items import Item
from winnow.data.journal import Bad, Journal
from winnow.data.measure import Measured, attempt
from winnow.errors import BadInput, BadOption, WinnowError

CHUNK = 16  # recordings handed to a process at a time
LEAST_BAD = 10  # so many may be bad whatever the per cent
Row = Item | Bad


@dataclass(frozen=True)
class Limit:
    """How many recordings may be unreadable: a number, or a share of all, but LEAST_BAD at least."""

    count: int | None = None
    share: float = 0.01

    @classmethod
    def parse(cls, text: str) -> Limit:
        """From `20` or `1%`. Raises BadOption."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", text.strip())
        if match is None or (not match[2] and "." in match[1]) or (match[2] and float(match[1]) > 100):
            raise BadOption(f"--max-bad is a number such as 20, or a share such as 1%, not {text!r}")
        return cls(None, float(match[1]) / 100) if match[2] else cls(int(match[1]))

    def of(self, total: int) -> int:
        """The number, of so many."""
        return max(LEAST_BAD, int(total * self.share)) if self.count is None else self.count


@dataclass(frozen=True)
class Options:
    """checksum: with SHA-256. jobs: processes. relative: paths as seen from the list's folder, else absolute."""

    checksum: bool = True
    jobs: int = 1
    limit: Limit = Limit()
    relative: bool = False


@dataclass
class Summary:
    """What a scan found. seconds: of all good recordings. kept: rows taken over from a scan that was stopped."""

    total: int = 0
    good: int = 0
    seconds: float = 0.0
    kept: int = 0
    bad: int = 0


Tell = Callable[[Summary], None]


def scan(corpus: Corpus, folder: Path, output: Path, options: Options, tell: Tell = lambda _: None) -> Summary:
    """Write the list of a corpus. What a scan that was stopped has measured is taken over, where the files are unchanged.

    tell: called as it goes on. Bad recordings are left out and listed in `NAME.bad.txt` beside the list.
    Raises BadInput (wrong layout, more bad recordings than the limit), InputNotFound, OutputError.
    """
    summary = Summary(total=sum(1 for _ in corpus.walk(folder)))
    if not summary.total:
        raise BadInput(f"{folder}: no recording in it. Expected {corpus.layout}.")
    most = options.limit.of(summary.total)
    base = output.parent if options.relative else None
    with Journal(output) as journal:
        found, rest = corpus.walk(folder), deque[Found]()
        for row in journal.resume(found, lambda each, row: _same(each, row, corpus, options, base), rest):
            _count(summary, row, journal, most)
            summary.kept += 1
        tell(summary)
        for row in rows(_chained(rest, found), corpus, options, base, summary.total):
            journal.add(row)
            _count(summary, row, journal, most)
            tell(summary)
        if not summary.good:
            raise BadInput(
                f"{folder}: not one of {summary.total} recordings can be read; {journal.write_bad()} says why."
            )
        journal.finish()
    return summary


def rows(found: Iterable[Found], corpus: Corpus, options: Options, base: Path | None, total: int) -> Iterator[Row]:
    """A row for each of `found`, in their order."""
    for each, measured in _measured(found, options, total):
        if isinstance(measured, str):
            yield Bad(each.id, str(each.path), measured)
        else:
            yield item_of(each, corpus, measured, base)


def item_of(found: Found, corpus: Corpus, measured: Measured, base: Path | None = None) -> Item:
    """The row of a recording; paths as seen from `base`, absolute if None."""
    licensed = corpus.non_commercial if found.non_commercial is None else found.non_commercial
    return Item(
        id=found.id,
        path=_path(found.path, base),
        kind=found.kind,
        corpus=found.corpus or corpus.name,
        rate=measured.rate,
        channels=measured.channels,
        samples=measured.samples,
        speaker=found.speaker,
        label=found.label,
        room=found.room,
        source=found.source,
        clean=_path(found.clean, base) if found.clean else None,
        text=found.text,
        licence=found.licence or corpus.licence,
        non_commercial=licensed,
        sha256=measured.sha256,
        split=found.split,
        extra=found.extra,
    )


def _path(path: Path, base: Path | None) -> str:
    return os.path.abspath(path) if base is None else os.path.relpath(path, base)


def _same(found: Found, row: Row, corpus: Corpus, options: Options, base: Path | None) -> bool:
    """Whether a row of an earlier scan is what this one would make of an unchanged file."""
    if isinstance(row, Bad):
        return (found.id, str(found.path)) == (row.id, row.path)
    measured = Measured(row.rate, row.channels, row.samples, row.sha256)
    return (row.sha256 is not None) == options.checksum and item_of(found, corpus, measured, base) == row


def _chained(first: deque[Found], then: Iterator[Found]) -> Iterator[Found]:
    yield from first
    yield from then


def _count(summary: Summary, row: Row, journal: Journal, most: int) -> None:
    if isinstance(row, Item):
        summary.good += 1
        summary.seconds += row.seconds
        return
    summary.bad += 1
    if summary.bad > most:
        names = journal.write_bad()
        raise BadInput(
            f"{summary.bad} of the first {summary.good + summary.bad} recordings cannot be read, --max-bad allows {most}; "
            f"{names} says which and why."
        )


def _measured(found: Iterable[Found], options: Options, total: int) -> Iterator[tuple[Found, Measured | str]]:
    if options.jobs <= 1 or total <= CHUNK:
        for each in found:
            yield each, attempt(str(each.path), options.checksum)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(options.jobs, mp_context=context, initializer=_leave_signals_to_the_parent)
    try:
        yield from _in_order(pool, iter(found), options)
    except BrokenProcessPool:
        raise WinnowError(
            "a process was killed while it read recordings (memory?). The same command goes on; --jobs 1 spares memory."
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, found: Iterator[Found], options: Options
) -> Iterator[tuple[Found, Measured | str]]:
    """Chunks are under way for every process twice, no more: the walk runs only a little ahead."""
    under_way: deque[tuple[list[Found], Future[list[Measured | str]]]] = deque()
    while True:
        while len(under_way) < 2 * options.jobs and (chunk := list(islice(found, CHUNK))):
            under_way.append((chunk, pool.submit(attempts, [str(each.path) for each in chunk], options.checksum)))
        if not under_way:
            return
        chunk, future = under_way.popleft()
        yield from zip(chunk, future.result(), strict=True)


def attempts(paths: list[str], checksum: bool) -> list[Measured | str]:
    """`attempt` for several."""
    return [attempt(path, checksum) for path in paths]


def _leave_signals_to_the_parent() -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
