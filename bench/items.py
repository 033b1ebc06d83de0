"""Memory and speed of lists: written, read and split, at ten thousand and at a million rows; rewrites docs/data-lists.md.

python bench/items.py [--rows 10000,1000000]
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kit import report
from winnow.data.items import Item, read_items, write_items
from winnow.data.split import Plan, compare, split

PAGE = Path(__file__).parents[1] / "docs" / "data-lists.md"
SPEAKERS = 2484  # as in LibriSpeech
WORK: dict[str, Callable[[Path, int], object]] = {}


def work(name: str) -> Callable[[Callable[[Path, int], object]], Callable[[Path, int], object]]:
    """A row of the table."""

    def add(function: Callable[[Path, int], object]) -> Callable[[Path, int], object]:
        WORK[name] = function
        return function

    return add


def rows(count: int) -> Iterator[Item]:
    """Rows as a scan of LibriSpeech makes them, about 500 bytes each."""
    for number in range(count):
        speaker = str(number % SPEAKERS)
        name = f"{speaker}-{number // 100}-{number:07}"
        yield Item(
            id=name,
            path=f"LibriSpeech/train-other-500/{speaker}/{name}.flac",
            kind="speech",
            corpus="librispeech",
            rate=16000,
            channels=1,
            samples=197_000 + number % 1000,
            speaker=speaker,
            text="CHAPTER ONE MISSUS RACHEL LYNDE IS SURPRISED " * 3,
            licence="CC BY 4.0",
            sha256=f"{number:064x}",
            split="train",
            extra={"subset": "train-other-500", "sex": "F"},
        )


@work("nothing (Python and winnow's lists)")
def nothing(folder: Path, count: int) -> None:
    """The floor of the memory."""


@work("write")
def write(folder: Path, count: int) -> None:
    """Make the list that the others use."""
    write_items(rows(count), folder / "list.jsonl")


@work("read")
def read(folder: Path, count: int) -> None:
    """Every row as an Item."""
    assert sum(1 for _ in read_items(folder / "list.jsonl")) == count


@work("split by speaker")
def by_speaker(folder: Path, count: int) -> None:
    """Two passes, three lists."""
    split(folder / "list.jsonl", folder, Plan())


@work("check the three lists")
def check(folder: Path, count: int) -> None:
    """They share nothing."""
    assert not compare(sorted(folder.glob("list.*.jsonl"))).shared


@work("split by id (every row a group of its own)")
def by_id(folder: Path, count: int) -> None:
    """The most groups that there can be."""
    anonymous = (Item(f"{n}", "x.wav", "noise", "c", 16000, 1, 16000) for n in range(count))
    write_items(anonymous, folder / "alone.jsonl")
    split(folder / "alone.jsonl", folder, Plan("id"))


def measured(name: str, folder: Path, count: int) -> tuple[float, float]:
    """Seconds of processor time and megabytes at the highest, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_alone, args=(name, folder, count, there))
    process.start()
    there.close()
    seconds, memory = here.recv()
    process.join()
    return seconds, memory


def _alone(name: str, folder: Path, count: int, pipe: object) -> None:
    began = time.process_time()
    WORK[name](folder, count)
    used = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e3 if sys.platform != "darwin" else 1e6)
    pipe.send((used, peak))  # type: ignore[attr-defined]


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="10000,1000000")
    counts = [int(text) for text in parser.parse_args().rows.split(",")]
    table = []
    for name in WORK:
        table.append([name])
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            for row in table:
                seconds, memory = measured(row[0], Path(folder), count)
                speed = f"{count / seconds:,.0f}".replace(",", " ") if row[0] in list(WORK)[1:] else ""
                row += [f"{memory:.0f} MB", speed]
                print(f"{count} rows: {row[0]}: {memory:.0f} MB, {seconds:.1f} s", flush=True)
    header = ["", *(text for count in counts for text in (f"{count:,} rows".replace(",", " "), "rows/s"))]
    lines = [
        report.table(header, table),
        "",
        report.facts(f"python bench/items.py --rows {','.join(map(str, counts))}", ["numpy"]),
    ]
    lines.append(
        "Memory is the most that the process held; speed is rows for each second of processor time, on one core."
    )
    report.rewrite("items", "\n".join(lines), PAGE)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
