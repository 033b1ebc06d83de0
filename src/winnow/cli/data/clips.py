"""`winnow data clips`."""

from __future__ import annotations

import json as json_
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from winnow.data.clips import Clip, Order
    from winnow.data.corpora.segments import Segment

MOST_JOBS = 16
NAMES = ("published", "portable")


def clips(
    csv: Annotated[str, typer.Argument(metavar="CSV", hidden=True)],
    *,
    output: Annotated[str, typer.Option("-o", "--output", metavar="DIR", help="Folder of the clips.")] = "clips",
    rows: Annotated[str | None, typer.Option("--rows", metavar="A:B", help="Rows A to B-1. [default: all]")] = None,
    length: Annotated[float | None, typer.Option("--length", metavar="S", help="Only the first S seconds.")] = None,
    video: Annotated[bool, typer.Option("--video/--audio", help="MP4 with picture, or WAV.")] = False,
    rate: Annotated[int, typer.Option("--rate", metavar="HZ", help="Of the sound, one channel.")] = 16000,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", help="Clips at a time.")] = 2,
    source: Annotated[
        str | None, typer.Option("--source", metavar="DIR", help="Take local videos named by id, not the web.")
    ] = None,
    names: Annotated[
        str | None, typer.Option("--names", metavar="FORM", help="published (7:ID) or portable (7_ID).")
    ] = None,
    address: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Of a video, with {id}. [default: YouTube]")
    ] = None,
    pause: Annotated[float, typer.Option("--pause", metavar="S", help="Each job's rest between videos.")] = 1.0,
    again: Annotated[bool, typer.Option("--again", help="Try those that had vanished once more.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> int:
    """winnow data clips avspeech_test.csv -o clips/ --rows 0:1000 --length 3
    winnow data clips eval_segments.csv -o noise/ --source my_videos/

    Cut the clips of AVSpeech and AudioSet. What is there is kept: the same
    command goes on. DIR/report.jsonl says what has vanished, DIR/items.jsonl
    lists the clips. Default names: published, on Windows portable.
    """
    from winnow.data.corpora.segments import read_segments

    order = _order(output, video, rate, length, names, address, source, pause, again)
    if not 1 <= jobs <= MOST_JOBS:
        raise _option(f"--jobs is 1 to {MOST_JOBS}, not {jobs}: servers shut out who asks too often")
    segments = read_segments(csv, rows)
    if source is None:
        from winnow.data.fetching import need_library

        need_library()
    made = _run(csv, segments, order, jobs, quiet or json)
    if json:
        print(json_.dumps(counts(made)))
    elif not quiet:
        _print(made, order)
    return 1 if any(clip.status == "failed" for clip in made) else 0


def _option(message: str) -> Exception:
    from winnow.errors import BadOption

    return BadOption(message)


def _order(
    output: str,
    video: bool,
    rate: int,
    length: float | None,
    names: str | None,
    address: str | None,
    source: str | None,
    pause: float,
    again: bool,
) -> Order:
    """The options as an order. Raises BadOption."""
    from winnow.data.clips import YOUTUBE, Order
    from winnow.media.formats import nearest_rate

    if not 8000 <= rate <= 192_000:
        raise _option(f"--rate is 8000 to 192000 Hz, not {rate}")
    if video and nearest_rate("aac", rate) != rate:
        raise _option(f"--rate {rate} does not fit into an MP4; {nearest_rate('aac', rate)} does")
    if length is not None and not 0.1 <= length <= 3600:
        raise _option(f"--length is 0.1 to 3600 seconds, not {length:g}")
    if pause < 0:
        raise _option(f"--pause is 0 or more seconds, not {pause:g}")
    if names not in (None, *NAMES):
        raise _option(f"--names is {' or '.join(NAMES)}, not {names}")
    if names == "published" and sys.platform == "win32":
        raise _option("--names published has a colon in it, which Windows does not allow; use portable")
    if address is not None and ("{id}" not in address or "://" not in address):
        raise _option(
            f"--base-url is an address with {{id}} in it, such as https://my.server/{{id}}.mp4, not {address}"
        )
    if address is not None and source is not None:
        raise _option("give --source DIR or --base-url URL, not both")
    portable = names == "portable" if names else sys.platform == "win32"
    folder, local = Path(output), Path(source) if source else None
    return Order(folder, video, rate, length, portable, address or YOUTUBE, local, pause, again)


def _run(csv: str, segments: Sequence[Segment], order: Order, jobs: int, quiet: bool) -> list[Clip]:
    """Fetch; being stopped ends with one line and the exit code of the signal."""
    from winnow.cli.ending import kept_in
    from winnow.cli.progress import progress
    from winnow.data.clips import fetch

    told: Counter[str] = Counter()
    with kept_in(order.folder), progress(Path(csv).name, quiet) as move:

        def heard(clip: Clip) -> None:
            told[clip.status] += 1
            note = ", ".join(f"{count} {status}" for status, count in told.items())
            move(told.total(), len(segments), note=f"({note})")

        return fetch(segments, order, jobs, heard)


def counts(made: Sequence[Clip]) -> dict[str, object]:
    """How many of each status, and for which reasons."""
    reasons: dict[str, dict[str, int]] = {}
    for clip in made:
        if clip.reason:
            of = reasons.setdefault(clip.status, {})
            of[clip.reason] = of.get(clip.reason, 0) + 1
    seconds = sum(clip.samples / clip.rate for clip in made if clip.rate)
    return {**Counter(clip.status for clip in made), "reasons": reasons, "hours": round(seconds / 3600, 4)}


def _print(made: Sequence[Clip], order: Order) -> None:
    from winnow.data.clips import FAILED, ITEMS, MISSING, REPORT, STATUSES, UNUSABLE, VANISHED

    notes = {
        VANISHED: "not tried again without --again",
        UNUSABLE: "not tried again without --again",
        MISSING: f"no file of that id in {order.source}",
        FAILED: "the same command tries them again",
    }
    told = counts(made)
    reasons = told["reasons"]
    for status in STATUSES:
        if status in told:
            why = reasons.get(status, {}) if isinstance(reasons, dict) else {}
            listed = ", ".join(f"{reason} {count}" for reason, count in why.items() if status != MISSING)
            print(
                f"{status:<9} {told[status]:>7}   {'; '.join(part for part in (listed, notes.get(status)) if part)}".rstrip()
            )
    print(f"{order.folder / ITEMS}   {told['hours']} hours   {order.folder / REPORT}")
