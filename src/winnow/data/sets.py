"""Sets of examples on disk: the list first, then the audio; a set that was stopped goes on, and can be checked against its list.

set/set.json            what made it: settings, lists with their hashes, seed, versions
set/examples.jsonl      one record a row, row n for example n
set/mixture/000000.wav  and so on, a folder for each stem
set/unreadable.jsonl    recordings that could not be used, if there are any
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from winnow.aside import aside
from winnow.data.draw import draw
from winnow.data.engines import Engine
from winnow.data.example import Example, parse_example
from winnow.data.pools import ROLES, Pools
from winnow.data.presets import MixConfig
from winnow.data.writing import FORMATS, LIST, Chunk, Outcome, Writing, chunks, read_chunk
from winnow.errors import BadInput, BadOption, InputNotFound, OutputError
from winnow.settings import keys, restored

ABOUT = "set.json"
UNREADABLE = "unreadable.jsonl"
MOST_DRAWS = 20  # of one example before the lists are thought to be at fault
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Recipe:
    """What a set is: settings, how many, and how they are written. What does not change a sample is not in here."""

    config: MixConfig
    count: int
    seed: int = 0
    format: str = "wav"

    def __post_init__(self) -> None:
        if not 1 <= self.count <= 10**9:
            raise BadOption(f"--count is 1 or more, not {self.count}.")
        if not 0 <= self.seed < 2**63:
            raise BadOption(f"--seed is 0 or more, not {self.seed}.")

    @property
    def hours(self) -> float:
        """Length of the mixtures, hours."""
        return self.count * self.config.samples / self.config.rate / 3600


@dataclass(frozen=True)
class Report:
    """How it went. unreadable: path to reason; redrawn: how many examples are not the first that was drawn."""

    count: int
    unreadable: dict[str, str]
    redrawn: int


def prepare(folder: Path, recipe: Recipe, pools: Pools, on_progress: Progress = lambda _: None) -> bool:
    """Draw the list of a set and write it; False where it is there already, made with the same settings and lists.

    Raises BadOption for a set made with others, OutputError; and as `Pools.check`.
    """
    about = _about(recipe, pools)
    if (folder / ABOUT).exists():
        _same(folder, about)
        return False
    pools.check(recipe.config)
    _make(folder)
    _replace(folder / LIST, _rows(recipe, pools, on_progress))
    _replace(folder / ABOUT, [json.dumps(about, indent=1, ensure_ascii=False)])
    return True


def _rows(recipe: Recipe, pools: Pools, on_progress: Progress) -> Iterator[str]:
    for number in range(recipe.count):
        yield draw(number, recipe.config, pools, recipe.seed).to_json()
        on_progress(number + 1)


def write(
    folder: Path,
    recipe: Recipe,
    pools: Pools,
    engine: Engine,
    *,
    most_bad: int = 20,
    on_progress: Progress = lambda _: None,
) -> Report:
    """Write the audio of a prepared set that is not there yet.

    An example with a recording that cannot be used is drawn again, the list first; the outcome depends on the recordings only,
    not on the engine. Raises BadInput when more than `most_bad` recordings cannot be used, OutputError.
    """
    writing = Writing(str(folder), recipe.format)
    _sweep(folder)
    bad: dict[str, str] = {}
    todo: Iterable[Chunk] = chunks(folder)
    done = 0
    while True:
        numbers = set[int]()
        try:
            with closing(engine(writing, todo)) as outcomes:
                for outcome in outcomes:
                    if outcome.path is None:
                        done += 1
                        on_progress(done)
                    else:
                        numbers.add(outcome.number)
                        _note(bad, outcome, most_bad, folder)
        except BaseException:
            _sweep(folder)  # a signal may come between a file's creation and the statement that would remove it
            raise
        if not numbers:
            break
        _redraw(folder, numbers, recipe, pools)
        todo = list(chunks(folder, numbers))
    if bad:
        _write_bad(folder, bad)
    return Report(done, bad, sum(not line.endswith('"attempt": 0}') for line in _lines(folder)))


def _note(bad: dict[str, str], outcome: Outcome, most: int, folder: Path) -> None:
    assert outcome.path is not None and outcome.reason is not None
    if outcome.once:
        return
    bad.setdefault(outcome.path, outcome.reason)
    if len(bad) > most:
        _write_bad(folder, bad)
        raise BadInput(
            f"{len(bad)} recordings cannot be used, and --max-bad allows {most}; {folder / UNREADABLE} lists them. "
            f"The first: {next(iter(bad))}: {next(iter(bad.values()))}"
        )


def _write_bad(folder: Path, bad: dict[str, str]) -> None:
    lines = (json.dumps({"path": path, "reason": reason}, ensure_ascii=False) for path, reason in sorted(bad.items()))
    _replace(folder / UNREADABLE, lines)


def _redraw(folder: Path, numbers: set[int], recipe: Recipe, pools: Pools) -> None:
    """Put other examples in the place of those that cannot be made; the list is whole before and after."""
    _replace(folder / LIST, _redrawn(folder, numbers, recipe, pools))


def _redrawn(folder: Path, numbers: set[int], recipe: Recipe, pools: Pools) -> Iterator[str]:
    for number, line in enumerate(_lines(folder)):
        if number not in numbers:
            yield line
            continue
        attempt = parse_example(line, LIST).attempt + 1
        if attempt >= MOST_DRAWS:
            raise BadInput(
                f"{folder}: {MOST_DRAWS} draws of example {number} named recordings that cannot be used. "
                "Check the lists with `winnow data scan`."
            )
        yield draw(number, recipe.config, pools, recipe.seed, attempt).to_json()


def _about(recipe: Recipe, pools: Pools) -> dict[str, Any]:
    from importlib.metadata import version
    from platform import machine

    from winnow import __version__

    lists = {role: getattr(pools, role) for role in ROLES}
    return {
        "winnow": "set",
        "version": __version__,
        "format": recipe.format,
        "count": recipe.count,
        "seed": recipe.seed,
        "config": json.loads(json.dumps(asdict(recipe.config))),
        "lists": {role: [asdict(each) for each in pool.sources] for role, pool in lists.items() if pool is not None},
        "made_with": {name: version(name) for name in ("numpy", "av", "soxr")} | {"machine": machine()},
    }


def _same(folder: Path, about: dict[str, Any]) -> None:
    """Raise BadOption unless the set there is of the same settings and lists, wherever the lists now lie."""
    there = read_about(folder)
    other = [f"{key} {there[key]}" for key in ("format", "count", "seed") if there[key] != about[key]]
    other += [f"{key} {_at(there['config'], key)}" for key in _different(there["config"], about["config"])]
    hashes = [{role: [each["sha256"] for each in lists] for role, lists in x["lists"].items()} for x in (there, about)]
    other += ["other lists"] if hashes[0] != hashes[1] else []
    if other:
        raise BadOption(
            f"{folder}: there is a set made with {', '.join(other)}. Give the same settings, or another -o."
        )


def _different(one: dict[str, Any], two: dict[str, Any]) -> list[str]:
    names = keys(restored(MixConfig, two))
    return [name for name in names if _at(one, name) != _at(two, name)]


def _at(values: dict[str, Any], key: str) -> Any:
    for name in key.split("."):
        values = values.get(name, {})
    return values


def read_about(folder: Path) -> dict[str, Any]:
    """What made a set. Raises InputNotFound, BadInput."""
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if about["winnow"] != "set" or about["format"] not in FORMATS:
            raise ValueError
    except OSError as error:
        raise InputNotFound(
            f"{folder}: no set of `winnow data mix` ({ABOUT}: {(error.strerror or 'unreadable').lower()}). Give its folder."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{folder / ABOUT}: this is not what `winnow data mix` writes.") from None
    return about


def read_set(folder: Path) -> Iterator[Example]:
    """The records of a set, in order. Raises InputNotFound, BadInput."""
    for number, line in enumerate(_lines(folder)):
        yield parse_example(line, f"{folder / LIST}:{number + 1}")


def read_example(folder: Path, number: int) -> Example:
    """The record of one example. Raises BadOption for a number that is not there; InputNotFound, BadInput."""
    read_about(folder)
    for chunk in chunks(folder, {number}):
        return read_chunk(folder, chunk)[0]
    count = sum(1 for _ in _lines(folder))
    raise BadOption(f"{folder} has the examples 0 to {count - 1}, and no {number}.")


def _lines(folder: Path) -> Iterator[str]:
    try:
        with (folder / LIST).open(encoding="utf-8") as file:
            for line in file:
                yield line.rstrip("\n")
    except OSError as error:
        raise InputNotFound(f"{folder / LIST}: cannot be read ({error.strerror}).") from None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError(f"{folder}: this folder cannot be made ({reason}). Choose another -o.") from None


def _sweep(folder: Path) -> None:
    """Remove what a run that was killed left behind."""
    for part in folder.glob("*/.*.part"):
        with suppress(OSError):
            part.unlink()


def _replace(path: Path, lines: Iterable[str]) -> None:
    """Write lines aside, then under the name. Raises OutputError."""
    with aside(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
