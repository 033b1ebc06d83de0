"""Lists for training, validation and test that share no speaker, no original recording and no room."""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from winnow.data.groups import ESSENTIAL, Groups, Key, Sides, hashed, keys_of
from winnow.data.items import Item, parse_item, read_items
from winnow.errors import BadInput, BadOption, InputNotFound, OutputError, WinnowError

SIDES = ("train", "valid", "test")
BY = {
    "auto": ESSENTIAL,
    "speaker": ("speaker",),
    "source": ("source",),
    "room": ("room",),
    "label": (*ESSENTIAL, "label"),
    "id": (*ESSENTIAL, "id"),
}
"""What rows are held together by. "id" holds nothing more together, but takes rows of unknown speakers apart."""

ADVICE = dict.fromkeys(BY, "") | {
    "auto": "--by speaker, source or room parts by that alone, --by id parts rows of unknown speakers; ",
    "speaker": "--by id parts rows of unknown speakers; ",
}


@dataclass(frozen=True)
class Plan:
    """shares: {side: part of the hours} of valid and test; seed: of the choice.

    keep: rows that have a split stay there, with all that belong to them. shared: allow kept splits that share speakers.
    """

    by: str = "auto"
    shares: dict[str, float] = field(default_factory=lambda: {"valid": 0.05, "test": 0.05})
    seed: int = 0
    keep: bool = False
    shared: bool = False

    def __post_init__(self) -> None:
        if self.by not in BY:
            raise BadOption(f"--by is one of {', '.join(BY)}, not {self.by!r}")
        if sum(self.shares.values()) >= 1:
            raise BadOption("--valid and --test leave nothing to train on. Together they are under 100%.")


def _per_side() -> dict[str, int]:
    return dict.fromkeys(SIDES, 0)


@dataclass
class Outcome:
    """Of a split, by side: paths of the lists, rows, seconds, groups. shared: what is on two sides and was not to be parted.

    unknown: corpora whose rows of unknown speakers are on two sides. notes: kinds that could not be parted, and why.
    """

    paths: dict[str, Path]
    rows: dict[str, int] = field(default_factory=_per_side)
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(SIDES, 0.0))
    groups: dict[str, int] = field(default_factory=_per_side)
    shared: dict[Key, tuple[str, str]] = field(default_factory=dict)
    unknown: list[Key] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def parse_share(text: str) -> float:
    """`5%` or `0.05` as 0.05. Raises BadOption."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*(%?)", text.strip())
    share = float(match[1]) / (100 if match[2] else 1) if match else 1.0
    if share >= 1:
        raise BadOption(f"a share is given as 5% or 0.05, not {text!r}")
    return share


def split(source: Path, folder: Path, plan: Plan) -> Outcome:
    """Read a list twice and write NAME.train.jsonl, NAME.valid.jsonl and NAME.test.jsonl into `folder`.

    Raises InputNotFound, BadInput (an empty list, fewer groups than sides, a kept split that shares), OutputError.
    """
    groups, given = _grouped(source, plan)
    side_of, notes = assign(groups, given, plan, source)
    outcome = _write(source, folder, plan, groups, side_of)
    outcome.notes += notes
    return outcome


def _grouped(source: Path, plan: Plan) -> tuple[Groups, dict[Key, str]]:
    """The groups of a list, and the side that a key was given before, with `keep`."""
    groups, given = Groups(), dict[Key, str]()
    for item in rows(source):
        keys = keys_of(item, BY[plan.by])
        groups.add(keys, item.seconds, item.kind)
        if plan.keep and item.split in SIDES:
            for key in keys:
                before = given.setdefault(key, item.split)
                if before != item.split and not plan.shared:
                    raise BadInput(
                        f"{source}: {key} is in {before} and in {item.split} of the split that this list has. "
                        "--shared takes it as it is; without --keep it is split anew."
                    )
    return groups, given


def rows(source: Path) -> Iterator[Item]:
    """The rows of a list, with their paths as they stand there. Raises InputNotFound, BadInput."""
    try:
        with source.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield parse_item(line, f"{source}:{number}")
    except UnicodeDecodeError:
        raise BadInput(f"{source}: this is no list of recordings (not UTF-8 text).") from None
    except OSError as error:
        if isinstance(error, WinnowError):
            raise
        raise InputNotFound(f"{source}: cannot be read ({error.strerror}).") from None


def assign(groups: Groups, given: dict[Key, str], plan: Plan, source: Path) -> tuple[dict[int, str], list[str]]:
    """{group: side}, kind by kind, and what kinds could not be parted. The order of the rows does not matter, only the seed.

    Raises BadInput for a list that is empty, or where every kind has fewer groups than there are sides.
    """
    lengths, kinds = groups.lengths(), groups.kinds()
    if not lengths:
        raise _empty(source)
    sides = _kept(groups, given)
    ranks = groups.ranks(plan.seed)
    problems = []
    for kind in sorted(set(kinds.values())):
        order = sorted((group for group in lengths if kinds[group] == kind), key=ranks.__getitem__)
        problem = _part(sides, {group: lengths[group] for group in order}, plan)
        problems += [f"{kind}: {problem}"] if problem else []
    if len(problems) == len(set(kinds.values())):
        raise BadInput(f"{source}: {problems[0]} {ADVICE[plan.by]}--valid 0 or --test 0 leaves one out.")
    return sides, [f"{problem} They are all in train." for problem in problems]


def _part(sides: dict[int, str], lengths: dict[int, int], plan: Plan) -> str | None:
    """Give the groups of one kind, in a drawn order, their sides; those that have one keep it.

    Where they are too few, all go to train, and what is wrong is returned.
    """
    have = {side: sum(length for group, length in lengths.items() if sides.get(group) == side) for side in SIDES}
    free = {group: length for group, length in lengths.items() if group not in sides}
    empty = [side for side in ("test", "valid") if plan.shares.get(side, 0) > 0 and not have[side]]
    needed = len(empty) + (not have["train"])
    if free and len(free) < needed:
        sides.update(dict.fromkeys(free, "train"))
        found = "all of it hangs together" if len(free) == 1 else f"it makes only {len(free)} groups"
        return f"{found} by {plan.by}, and {needed} sides are to be filled."
    for side in ("test", "valid") if free else ():
        later = ("valid" in empty and side == "test") + (not have["train"])
        target = plan.shares.get(side, 0) * sum(lengths.values())
        sides.update(dict.fromkeys(_fill(free, target, have[side], len(free) - later), side))
        free = {group: length for group, length in free.items() if group not in sides}
    sides.update(dict.fromkeys(free, "train"))
    return None


def _kept(groups: Groups, given: dict[Key, str]) -> dict[int, str]:
    """{group: side}: of a group that was on several sides the rest goes to train."""
    sides: dict[int, str] = {}
    for key, side in given.items():
        group = groups.group(key)
        sides[group] = side if sides.get(group, side) == side else "train"
    return sides


def _fill(free: dict[int, int], target: float, have: float, most: int) -> list[int]:
    """Groups that come as near to the target as they can be added: first all that fit, then one more if that is nearer."""
    chosen: list[int] = []
    if target <= 0:
        return chosen
    for group, length in free.items():
        if have + length <= target and len(chosen) < most:
            chosen.append(group)
            have += length
    taken = set(chosen)
    rest = [
        (abs(have + length - target), n, group) for n, (group, length) in enumerate(free.items()) if group not in taken
    ]
    if rest and len(chosen) < most and (min(rest)[0] < target - have or not have):
        chosen.append(min(rest)[2])
    return chosen


def _write(source: Path, folder: Path, plan: Plan, groups: Groups, side_of: dict[int, str]) -> Outcome:
    """The second pass: each row to its side; what sides share is found out anew from the rows that were written."""
    stem = source.name.removesuffix(".jsonl")
    outcome = Outcome({side: folder / f"{stem}.{side}.jsonl" for side in SIDES})
    for side in side_of.values():
        outcome.groups[side] += 1
    seen = Sides()
    with _aside(outcome.paths, folder) as (files, parts):
        for item in rows(source):
            side = side_of[groups.group(keys_of(item, BY[plan.by])[0])]
            if plan.keep and item.split in SIDES:
                side = item.split
            seen.see(item, side)
            files[side].write(_moved(item, side, source.parent, folder).to_json() + "\n")
            outcome.rows[side] += 1
            outcome.seconds[side] += item.seconds
        for file in files.values():
            file.close()
        _enforce(seen, plan, outcome)
        _rename(parts, outcome)
    return outcome


@contextmanager
def _aside(paths: dict[str, Path], folder: Path) -> Iterator[tuple[dict[str, IO[str]], dict[str, Path]]]:
    """Files beside the final names, which are gone at the end."""
    parts = {side: path.with_name(f".{path.name}.part") for side, path in paths.items()}
    try:
        with ExitStack() as stack:
            yield {side: stack.enter_context(part.open("w", encoding="utf-8")) for side, part in parts.items()}, parts
    except OSError as error:
        if isinstance(error, WinnowError):
            raise
        raise OutputError(f"{folder}: cannot be written to ({error.strerror}).") from None
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _moved(item: Item, side: str, before: Path, after: Path) -> Item:
    """The row with its side, relative paths seen from the folder of the new list."""
    if os.path.abspath(before) == os.path.abspath(after) or os.path.isabs(item.path):
        return replace(item, split=side)
    path, clean = (p and os.path.relpath(before / p, after) for p in (item.path, item.clean))
    return replace(item, split=side, path=str(path), clean=clean)


def _enforce(seen: Sides, plan: Plan, outcome: Outcome) -> None:
    """Raises WinnowError where sides share what they must not: the lists then do not get their names."""
    for key, sides in seen.shared.items():
        if key.what == "unknown":
            outcome.unknown.append(key)
        elif key.what in BY[plan.by] and not (plan.keep and plan.shared):
            raise WinnowError(
                f"{key} would be in {sides[0]} and in {sides[1]}; this is a bug in winnow, nothing was written"
            )
        else:
            outcome.shared[key] = sides


def _rename(parts: dict[str, Path], outcome: Outcome) -> None:
    empty = [path for side, path in outcome.paths.items() if not outcome.rows[side] and path.exists()]
    if empty:
        raise BadInput(f"{empty[0]} is there from another split, and this one leaves that side empty. Remove it first.")
    outcome.paths = {side: path for side, path in outcome.paths.items() if outcome.rows[side]}
    for side, path in outcome.paths.items():
        parts[side].replace(path)


def _empty(path: Path) -> BadInput:
    return BadInput(f"{path}: this list is empty. `winnow data scan` makes one.")


def compare(lists: Iterable[Path]) -> Sides:
    """What lists share, each list a side by its path; also files of one checksum, whatever the rows say that they are.

    Raises InputNotFound, BadInput, also for a list without rows. Takes 8 bytes a row for checksums.
    """
    seen = Sides()
    earlier: list[tuple[str, array[int]]] = []
    for path in lists:
        count, sums = 0, array("Q")
        for count, item in enumerate(read_items(path), 1):  # noqa: B007 - the last one counts
            seen.see(item, str(path))
            if item.sha256 is not None:
                sums.append(hashed(item.sha256))
        if not count:
            raise _empty(path)
        for other, theirs in earlier:
            _see_files(seen, (other, theirs), (str(path), sums))
        earlier.append((str(path), sums))
    return seen


def _see_files(seen: Sides, one: tuple[str, array[int]], two: tuple[str, array[int]]) -> None:
    import numpy as np

    common = np.intersect1d(np.asarray(one[1], np.uint64), np.asarray(two[1], np.uint64)).size
    if common:
        name = "file" if common == 1 else f"{common} files"
        seen.shared[Key("file", f"{one[0]}, {two[0]}", name)] = (one[0], two[0])
