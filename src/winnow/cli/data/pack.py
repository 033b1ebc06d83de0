"""`winnow data pack` and `winnow data unpack`."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from winnow.cli.process import Quiet

if TYPE_CHECKING:
    from winnow.data.shards import Index

Tell = Callable[[float, float], None]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def pack(
    source: Annotated[str, typer.Argument(metavar="LIST|SET", hidden=True)],
    output: Annotated[str, typer.Option("-o", "--output", metavar="FOLDER", help="Where the shards go.")],
    *,
    codec: Annotated[
        str, typer.Option("--codec", metavar="opus|flac", help="Small, or bit-exact at 16 bits.")
    ] = "opus",
    bit_rate: Annotated[
        int, typer.Option("--bit-rate", metavar="N", help="Of Opus: bits per second and channel.")
    ] = 24000,
    rate: Annotated[int | None, typer.Option("--rate", metavar="HZ", help="[default: each recording's own]")] = None,
    mono: Annotated[bool, typer.Option("--mono", help="Mix the channels down to one.")] = False,
    size: Annotated[str, typer.Option("--size", metavar="16MB", help="No shard is larger.")] = "16MB",
    max_bad: Annotated[str, typer.Option("--max-bad", metavar="SHARE", help="Fail when more cannot be read.")] = "5%",
    jobs: Annotated[int | None, typer.Option("--jobs", metavar="N", help="Threads. [default: one a core]")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """winnow data pack speech.jsonl -o shards/ --rate 16000
    winnow data pack set/ -o shards/ --codec flac --size 64MB

    Put many recordings into few files, for a slow line or a small disk. LIST is
    a list of recordings, SET a folder of examples. `winnow train` reads a folder
    of shards as it reads recordings. The same command goes on where it stopped.
    """
    from winnow.cli.process import workers
    from winnow.data.pack import pack as pack_
    from winnow.data.packing import PackSettings

    settings = PackSettings(codec, bit_rate, rate, mono, _bytes(size))
    with working("packing", quiet, "finished shards are kept, the same command goes on") as tell:
        share = _share(max_bad)
        index = pack_(Path(source), Path(output), settings, jobs=workers(jobs), most_bad=share, tell=tell)
    if json:
        print(json_.dumps({"folder": output, **json_.loads(index.to_json())}, ensure_ascii=False))
    elif not quiet:
        _say(output, index)


def _say(output: str, index: Index) -> None:
    from winnow.cli.words import megabytes, one_line

    for bad in index.skipped:
        print(f"winnow: left out: {one_line(bad['reason'])}", file=sys.stderr)
    size, hours = sum(shard.bytes for shard in index.shards), index.seconds / 3600
    what = "examples" if index.kind == "set" else "recordings"
    kilobits = size * 8 / 1000 / index.seconds if index.seconds else 0
    facts = (f"{index.recordings} {what}", f"{hours:.2f} h", f"{len(index.shards)} shards", megabytes(size))
    print(f"{output}   {', '.join(facts)}, {kilobits:.1f} kbit/s")


def unpack(
    source: Annotated[str, typer.Argument(metavar="FOLDER", hidden=True)],
    output: Annotated[str, typer.Option("-o", "--output", metavar="DIR", help="Where the recordings go.")],
    *,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """winnow data unpack shards/ -o recordings/

    Make files of a pack again: FLAC and items.jsonl, their list; or the set that was packed. Each shard's hash is
    checked. Files that exist stay, so the same command goes on where it was stopped.
    """
    from winnow.data.unpack import unpack as unpack_

    with working("unpacking", quiet, "what is written stays, the same command goes on") as tell:
        count = unpack_(Path(source), Path(output), tell)
    if json:
        print(json_.dumps({"folder": output, "recordings": count}))
    elif not quiet:
        print(f"{output}   {count} recordings")


def _bytes(text: str) -> int:
    """`16MB`, `64MiB`, `900k` or a number of bytes."""
    import re

    from winnow.errors import BadOption

    found = re.fullmatch(r"\s*([0-9.]+)\s*([kmg]?)(i?)b?\s*", text, re.IGNORECASE)
    try:
        number = float(found[1]) if found else 0.0
    except ValueError:
        found = None
    if found is None:
        raise BadOption(f"--size {text}: write it as 16MB, 64MiB or 500kB.")
    step = 1024 if found[3] else 1000
    return int(number * step ** " kmg".index(found[2].lower() or " "))


def _share(text: str) -> float:
    """`5%` or `0.05`, as a share of 1."""
    from winnow.errors import BadOption

    try:
        share = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise BadOption(f"--max-bad {text}: write a share, as 5% or 0.05.")
    return share


@contextmanager
def working(title: str, quiet: bool, kept: str) -> Iterator[Tell]:
    """Progress, and a line that says what is kept when the work is stopped; yields what takes seconds done and in all."""
    from winnow.cli.ending import told_when_stopped
    from winnow.cli.progress import progress
    from winnow.cli.words import clock

    with told_when_stopped(kept), progress(title, quiet, clock) as tell:
        yield tell
