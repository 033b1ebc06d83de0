"""`winnow data split` and `winnow data check`."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli.words import one_line

if TYPE_CHECKING:
    from winnow.data.groups import Sides
    from winnow.data.split import Outcome

SHOWN = 5
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def split(
    list_: Annotated[str, typer.Argument(metavar="LIST", hidden=True)],
    *,
    by: Annotated[str, typer.Option("--by", metavar="WHAT", help="auto, speaker, source, room, label or id.")] = "auto",
    valid: Annotated[str, typer.Option("--valid", metavar="P%", help="Share of the hours.")] = "5%",
    test: Annotated[str, typer.Option("--test", metavar="P%", help="Share of the hours.")] = "5%",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the choice.")] = 0,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="DIR", help="[default: the folder of LIST]")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Rows that have a split stay there.")] = False,
    shared: Annotated[bool, typer.Option("--shared", help="With --keep: even if speakers are on two sides.")] = False,
    json: Json = False,
) -> None:
    """winnow data split libri.jsonl --valid 5% --test 5% --seed 1
    winnow data split mine.jsonl --by room --test 0 -o lists/

    Write LIST.train.jsonl, LIST.valid.jsonl and LIST.test.jsonl. No speaker, no original recording of a noise and no
    room is on two sides; `--by speaker` (source, room) parts by that alone, label also by class, and id takes rows
    of unknown speakers apart, which else stay together.
    """
    from winnow.cli.stop import stoppable
    from winnow.data import split as splitting
    from winnow.evaluation.sets import make_folder

    shares = {"valid": splitting.parse_share(valid), "test": splitting.parse_share(test)}
    plan = splitting.Plan(by, shares, seed, keep, shared)
    source = Path(list_)
    folder = Path(output) if output else source.parent
    make_folder(folder)
    with stoppable():
        outcome = splitting.split(source, folder, plan)
    if json:
        print(json_.dumps(_facts(outcome), ensure_ascii=False))
    else:
        _tell(outcome, by)


def _facts(outcome: Outcome) -> dict[str, Any]:
    sides = {
        side: {
            "list": str(path),
            "recordings": outcome.rows[side],
            "seconds": round(outcome.seconds[side], 3),
            "groups": outcome.groups[side],
        }
        for side, path in outcome.paths.items()
    }
    return {"sides": sides, "shared": [str(key) for key in (*outcome.shared, *outcome.unknown)], "notes": outcome.notes}


def _tell(outcome: Outcome, by: str) -> None:
    total = sum(outcome.seconds.values()) or 1.0
    rows = [
        (
            one_line(str(path)),
            f"{outcome.rows[side]} recordings",
            f"{outcome.seconds[side] / 3600:.2f} h",
            f"{100 * outcome.seconds[side] / total:.1f} %",
            f"{outcome.groups[side]} groups",
        )
        for side, path in outcome.paths.items()
    ]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("   ".join([row[0].ljust(widths[0]), *cells]))
    for what in ("speaker", "source", "room"):
        count = sum(key.what == what for key in outcome.shared)
        if count:
            print(f"shared between sides: {count} {what}{'s' * (count > 1)}, which `--by {by}` does not part")
    for note in outcome.notes:
        print(note)
    for key in outcome.unknown:
        print(f"on several sides: {key}; they may be the same ones")


def check(
    lists: Annotated[list[str], typer.Argument(metavar="LISTS", hidden=True)],
    *,
    json: Json = False,
) -> int:
    """winnow data check libri.train.jsonl libri.valid.jsonl

    Tell whether lists share a speaker, an original recording, a room or a file: exit code 1 if they do.
    """
    from winnow.data.split import compare
    from winnow.errors import BadOption

    if len(lists) < 2:
        raise BadOption("give two lists or more to compare")
    seen = compare(map(Path, lists))
    if json:
        print(json_.dumps({str(key): list(sides) for key, sides in seen.shared.items()}, ensure_ascii=False))
    else:
        _tell_shared(seen)
    return int(any(key.what != "unknown" for key in seen.shared))


def _tell_shared(seen: Sides) -> None:
    for what in ("speaker", "source", "room", "file"):
        keys = [key for key in seen.shared if key.what == what]
        for key in keys[:SHOWN]:
            first, second = seen.shared[key]
            print(f"{one_line(key)}: in {one_line(first)} and in {one_line(second)}")
        if len(keys) > SHOWN:
            print(f"... and {len(keys) - SHOWN} more {what}s")
    for key in seen.shared:
        if key.what == "unknown":
            print(f"cannot be told: {one_line(key)} are in both")
    if not seen.shared:
        print("no speaker, no original recording, no room and no file in common")
