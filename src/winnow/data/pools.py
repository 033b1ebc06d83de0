"""What examples are drawn from: lists of recordings by role, held as compact arrays, about 30 bytes a row.

Of a row only its place in the list, its length and its group are kept; the row itself is read again when it is drawn.
"""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.data.items import Item, parse_item
from winnow.data.presets import MixConfig
from winnow.errors import BadInput, BadOption, InputNotFound

Numbers = npt.NDArray[np.int64]
ROLES = ("speech", "noise", "music", "rooms")
KIND = {"speech": "speech", "noise": "noise", "music": "music", "rooms": "room"}
"""The kind of item that each role takes."""
SHORTEST = 0.2  # seconds; shorter recordings say nothing


@dataclass(frozen=True)
class Source:
    """A list that a pool was built from."""

    path: str
    sha256: str
    rows: int


@dataclass(frozen=True, eq=False)
class Pool:
    """Recordings of one role.

    source, place: `(rows,)` number of the list and byte at which the row begins in it; seconds: `(rows,)` float32;
    group: `(rows,)` int32 number of the speaker, or of the room, -1 where the list does not tell.
    """

    sources: tuple[Source, ...]
    source: npt.NDArray[np.uint8]
    place: Numbers
    seconds: npt.NDArray[np.float32]
    group: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.place.size)

    @property
    def hours(self) -> float:
        """Length of all recordings, hours."""
        return float(self.seconds.sum(dtype=np.float64)) / 3600

    def item(self, row: int) -> Item:
        """The row, its path relative to the current folder. Raises BadInput where the list has changed."""
        path = self.sources[self.source[row]].path
        with open(path, "rb") as file:
            file.seek(int(self.place[row]))
            line = file.readline().decode("utf-8", "replace")
        return placed(parse_item(line, f"{path}, byte {self.place[row]}"), path)

    @cached_property
    def _until(self) -> npt.NDArray[np.float64]:
        return np.cumsum(self.seconds, dtype=np.float64)

    def by_length(self, rng: np.random.Generator) -> int:
        """A row, each second of sound as likely as any other."""
        return min(int(np.searchsorted(self._until, rng.random() * self._until[-1], side="right")), len(self) - 1)

    @cached_property
    def _sorted(self) -> Numbers:
        """Rows by group."""
        return np.argsort(self.group, kind="stable")

    @cached_property
    def _bounds(self) -> Numbers:
        """Where each group begins in `_sorted`, and the end."""
        groups = int(self.group.max(initial=-1)) + 1
        return np.searchsorted(self.group[self._sorted], np.arange(groups + 1))

    @property
    def groups(self) -> int:
        """How many speakers, or rooms."""
        return self._bounds.size - 1

    def members(self, group: int) -> Numbers:
        """The rows of a group."""
        return self._sorted[self._bounds[group] : self._bounds[group + 1]]

    @cached_property
    def sizes(self) -> Numbers:
        """Recordings of each group, `(groups,)`."""
        return np.diff(self._bounds)

    @cached_property
    def longest(self) -> npt.NDArray[np.float32]:
        """The longest recording of each group, seconds, `(groups,)`."""
        named = self._bounds[0]
        return np.asarray(
            np.maximum.reduceat(self.seconds[self._sorted[named:]], self._bounds[:-1] - named), np.float32
        )


def placed(item: Item, list_path: str) -> Item:
    """The item with the path of its file from the current folder."""
    path = os.path.join(os.path.dirname(list_path), item.path)
    return item if path == item.path else Item(**{**item.__dict__, "path": path})


@dataclass
class _Rows:
    """A pool in the making."""

    source: array[int] = field(default_factory=lambda: array("B"))
    place: array[int] = field(default_factory=lambda: array("q"))
    seconds: array[float] = field(default_factory=lambda: array("f"))
    group: array[int] = field(default_factory=lambda: array("i"))
    names: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, number: int, place: int, values: dict[str, Any], role: str) -> None:
        """Take a row if the role can use it."""
        if values["kind"] != KIND[role] or (values["seconds"] < SHORTEST and role != "rooms"):
            return
        self.source.append(number)
        self.place.append(place)
        self.seconds.append(values["seconds"])
        self.group.append(self._group(values, role))

    def _group(self, values: dict[str, Any], role: str) -> int:
        name = values.get({"speech": "speaker", "rooms": "room"}.get(role, ""))
        if name is None and role != "rooms":
            return -1
        return self.names.setdefault((str(values.get("corpus")), str(name or values["id"])), len(self.names))

    def pool(self, sources: Sequence[Source]) -> Pool:
        return Pool(
            tuple(sources),
            np.frombuffer(self.source, np.uint8),
            np.frombuffer(self.place, np.int64),
            np.frombuffer(self.seconds, np.float32),
            np.frombuffer(self.group, np.int32),
        )


def build_pool(paths: Sequence[str], role: str) -> Pool:
    """The rows of some lists that a role can use; others, and recordings under 0.2 s, are passed over.

    Raises InputNotFound, BadInput (a row that is none; no row that can be used).
    """
    rows, sources = _Rows(), []
    if len(paths) > 255:
        raise BadOption(f"{len(paths)} lists for one role; join some, 255 are the most.")
    for number, path in enumerate(paths):
        digest, count, used = hashlib.sha256(), 0, len(rows.place)
        for place, line in _lines(path):
            digest.update(line)
            count += 1
            rows.add(number, place, _facts(line, f"{path}, byte {place}"), role)
        if len(rows.place) == used:
            raise BadInput(f"{path}: none of its {count} rows is of kind {KIND[role]!r}, as --{role} needs.")
        sources.append(Source(os.path.abspath(path), digest.hexdigest(), count))
    return rows.pool(sources)


def _lines(path: str) -> Iterator[tuple[int, bytes]]:
    place = 0
    try:
        with open(path, "rb") as file:
            for line in file:
                if line.strip():
                    yield place, line
                place += len(line)
    except OSError as error:
        raise InputNotFound(
            f"{path}: cannot be read ({error.strerror}). Give a list that `winnow data scan` wrote."
        ) from None


def _facts(line: bytes, where: str) -> dict[str, Any]:
    """A row, checked only as far as it is needed here: a million of them shall not take minutes."""
    try:
        values: dict[str, Any] = json.loads(line)
        values["seconds"] = values["samples"] / values["rate"]
        values["kind"], values["id"]
    except (ValueError, KeyError, TypeError, ZeroDivisionError):
        parse_item(line.decode("utf-8", "replace"), where)
        raise BadInput(f"{where}: this row is no recording.") from None
    return values


@dataclass(frozen=True, eq=False)
class Pools:
    """All that a set is drawn from; None where no list was given."""

    speech: Pool
    noise: Pool | None = None
    music: Pool | None = None
    rooms: Pool | None = None
    _eligible: dict[tuple[bool, float], Numbers] = field(default_factory=dict, repr=False)

    def speakers(self, config: MixConfig) -> Numbers:
        """The speakers that can be drawn: with a reference, those of whom there is a second recording, or one that is long
        enough for an example and a reference that do not overlap.
        """
        need = config.both
        key = (config.with_reference, need)
        if key not in self._eligible:
            pool = self.speech
            fit = (pool.sizes > 1) | (pool.longest >= need) if config.with_reference and pool.groups else pool.sizes > 0
            self._eligible[key] = np.flatnonzero(fit)
        return self._eligible[key]

    def check(self, config: MixConfig) -> None:
        """Find out before the work whether examples can be drawn. Raises BadOption, BadInput."""
        for role, option in (("noise", "noise"), ("music", "music"), ("rooms", "room")):
            needed = {"noise": config.noise, "music": config.music, "rooms": config.room}[role] > 0
            if needed and getattr(self, role) is None:
                raise BadOption(
                    f"the preset {config.name} needs {role}: give --{role} LIST, or leave it out with --set {option}=0."
                )
        if config.needs_speakers:
            self._check_speakers(config)

    def _check_speakers(self, config: MixConfig) -> None:
        names = ", ".join(source.path for source in self.speech.sources)
        able, least = self.speakers(config).size, 1 + (config.talkers[1] > 1)
        if not self.speech.groups:
            raise BadInput(f"{names}: no row names its speaker, and the preset {config.name} needs to know who speaks.")
        if able < min(least, config.talkers[1]) and config.with_reference:
            raise BadInput(
                f"{names}: of {self.speech.groups} speakers {able} have two recordings (or one above "
                f"{config.both:g} s), and a reference clip needs another one than the example."
            )
        if self.speech.groups < config.talkers[1]:
            raise BadInput(
                f"{names}: {self.speech.groups} speakers, and {config.talkers[1]} talk at a time. Give more, or --set talkers=1,1."
            )


def build_pools(
    speech: Sequence[str], noise: Sequence[str] = (), music: Sequence[str] = (), rooms: Sequence[str] = ()
) -> Pools:
    """Pools from lists of recordings by role. Raises BadOption without speech, and as `build_pool`."""
    if not speech:
        raise BadOption("no list of speech. Give --speech LIST, as `winnow data scan` writes it.")
    pools = [
        build_pool(paths, role) if paths else None
        for role, paths in zip(ROLES, (speech, noise, music, rooms), strict=True)
    ]
    assert pools[0] is not None
    return Pools(speech=pools[0], noise=pools[1], music=pools[2], rooms=pools[3])
