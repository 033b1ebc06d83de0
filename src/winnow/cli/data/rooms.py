"""`winnow data rooms`."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli.process import Jobs

if TYPE_CHECKING:
    from winnow.data.items import Item
    from winnow.data.rooms import Alteration, Simulation, Source
    from winnow.data.roomset import Made, RoomSet


def rooms(
    *,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FOLDER", help="Rooms and rooms.jsonl go there.")],
    count: Annotated[int, typer.Option("--count", metavar="N", help="How many rooms.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the draw.")] = 0,
    rate: Annotated[
        int | None, typer.Option("--rate", metavar="HZ", help="[default: 16000; with --from that of the file]")
    ] = None,
    t60: Annotated[str | None, typer.Option("--t60", metavar="A..B", help="Decay times, seconds.")] = None,
    drr: Annotated[
        str | None, typer.Option("--drr", metavar="A..B", help="With --from: direct to reverberant, dB.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="LIST|DIR", help="Alter these measured responses.")
    ] = None,
    microphones: Annotated[int, typer.Option("--microphones", metavar="N", help="In a line, one channel each.")] = 1,
    spacing: Annotated[float, typer.Option("--spacing", metavar="M", help="Metres between microphones.")] = 0.05,
    kind: Annotated[str, typer.Option("--format", metavar="NAME", help="wav, flac (16 bits) or float.")] = "wav",
    jobs: Jobs = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
) -> int:
    """winnow data rooms --count 2000 --seed 5 -o rooms/
    winnow data rooms --from rirs.jsonl --t60 0.2..1.2 --drr -6..18 -o altered/

    Room responses to mix with: simulated in boxes of 3 to 12 m, or measured ones altered.
    rooms.jsonl tells T60, DRR, distance and size. A run that was stopped goes on.
    """
    from winnow.cli.ending import kept_in
    from winnow.cli.process import workers
    from winnow.data.roomset import FORMATS, RoomSet
    from winnow.errors import BadOption

    if count < 1:
        raise BadOption(f"--count is 1 or more, not {count}")
    if seed < 0:
        raise BadOption(f"--seed is 0 or more, not {seed}")
    if kind not in FORMATS:
        raise BadOption(f"--format is {', '.join(FORMATS)}, not {kind}")
    if rate is not None and not 4000 <= rate <= 192000:
        raise BadOption(f"--rate is 4000 to 192000 Hz, not {rate}")
    if source is not None:
        if microphones != 1:
            raise BadOption("--microphones is for simulated rooms; an altered response has one channel")
        maker: Any = _alteration(source, seed, rate, t60, drr)
    else:
        if drr is not None:
            raise BadOption("--drr is for --from; of a simulated room it follows from the places drawn")
        maker = _simulation(seed, rate or 16000, t60, microphones, spacing)
    processes = workers(jobs)
    made = RoomSet(output, maker, kind)
    made.prepare()
    with kept_in(made.journal):
        return _make(made, count, processes, quiet)


def _simulation(seed: int, rate: int, t60: str | None, microphones: int, spacing: float) -> Simulation:
    from winnow.data.rooms import Simulation, library
    from winnow.errors import BadOption

    if not 1 <= microphones <= 64:
        raise BadOption(f"--microphones is 1 to 64, not {microphones}")
    if spacing <= 0 or spacing * (microphones - 1) > 2:
        raise BadOption(f"--spacing is above 0, and the line at most 2 m long, not {spacing * (microphones - 1):g} m")
    library()
    maker = Simulation(seed, rate, parse_range("--t60", t60 or "0.15..1.2", 0.1, 3), microphones, spacing)
    maker.draw(0)
    return maker


def _alteration(source: str, seed: int, rate: int | None, t60: str | None, drr: str | None) -> Alteration:
    from winnow.data.rooms import Alteration

    times = parse_range("--t60", t60 or "0.2..1.2", 0.05, 10)
    return Alteration(seed, responses_of(source), times, parse_range("--drr", drr or "-6..18", -40, 60), rate)


def parse_range(name: str, text: str, least: float, most: float) -> tuple[float, float]:
    """`0.2..1.2`, or one number for both ends. Raises BadOption."""
    from winnow.errors import BadOption

    first, dots, second = text.partition("..")
    try:
        low, high = float(first), float(second if dots else first)
    except ValueError:
        raise BadOption(f"{name} is two numbers as {least:g}..{most:g}, not {text!r}") from None
    if not least <= low <= high <= most:
        raise BadOption(f"{name} rises and lies within {least:g}..{most:g}, not {text}")
    return low, high


def responses_of(source: str) -> tuple[Source, ...]:
    """The rooms in a list, or all recordings in a folder, each its own room. Raises InputNotFound, BadInput."""
    import os

    from winnow.data.items import read_items
    from winnow.data.rooms import Source
    from winnow.errors import BadInput
    from winnow.evaluation.pairing import recordings

    if os.path.isdir(source):
        found = tuple(Source(path, key) for key, path in recordings(source))
    else:
        found = tuple(
            Source(item.path, item.room or item.id, item.licence, item.non_commercial)
            for item in read_items(source)
            if item.kind == "room"
        )
    if not found:
        raise BadInput(f"{source}: no room responses in it. Name a list with rooms, or a folder of recordings.")
    return found


def _make(made: RoomSet, count: int, processes: int, quiet: bool) -> int:
    """Make what is missing, with a bar; returns the exit code."""
    from winnow.cli.progress import counted
    from winnow.cli.words import one_line
    from winnow.engine.trade import results_of

    items = made.kept(count)
    missing = [number for number in range(count) if number not in items]
    failed: list[Made] = []
    with (
        counted("rooms", count, quiet, len(items)) as advance,
        closing(results_of(missing, made, processes)) as results,
    ):
        for result in results:
            if result.item is None:
                failed.append(result)
                print(f"winnow: room {result.number}: {one_line(result.error)}", file=sys.stderr)
            else:
                items[result.number] = result.item
                made.note(result.item)
            advance()
    path = made.close(items)
    if not quiet:
        again = count - len(missing)
        print(f"{path}   {len(items)} rooms{f', {again} of them kept' if again else ''}{_ranges(items)}")
    return max((result.exit_code for result in failed), default=0)


def _ranges(items: dict[int, Item]) -> str:
    texts = []
    for name, unit in (("t60", "s"), ("drr", "dB")):
        values = [item.extra[name] for item in items.values() if name in item.extra]
        if values:
            texts.append(f"{name.upper()} {min(values):.2f} to {max(values):.2f} {unit}")
    return "   " + ", ".join(texts) if texts else ""
