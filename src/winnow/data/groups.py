"""What makes two recordings belong together: the same speaker, original recording or room, directly or through others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from winnow.data.items import Item

ESSENTIAL = ("speaker", "source", "room")
"""What two sides of a split must not share."""

OWN = {"speech": "speaker", "mixture": "speaker", "noise": "source", "music": "source", "room": "room"}
"""What tells the recordings of a kind apart."""

VOICES = {"voicebank-demand": "vctk", "librimix": "librispeech", "libri2mix": "librispeech", "libri3mix": "librispeech"}
"""Corpora whose speakers are another's, by the beginning of their names."""

LAST = "~"  # after every kind
EVERYWHERE = ("freesound-", "youtube-")
"""Sources of one name in whatever corpus."""


@dataclass(frozen=True, slots=True)
class Key:
    """One reason for rows to be on one side. what: "speaker", "source", "room", "class", "recording", "file" or "unknown"."""

    what: str
    corpus: str
    name: str

    def __str__(self) -> str:
        """In words, for a person."""
        if self.what == "file":
            return f"the same {self.name}"
        if self.what == "unknown":
            return f"{self.corpus}: {self.name} of unknown {'rooms' if self.name == 'responses' else 'speakers'}"
        return f"{self.what} {self.name}" + (f" of {self.corpus}" if self.corpus else "")


def keys_of(item: Item, by: Iterable[str]) -> list[Key]:
    """All keys of a row. by: among "speaker", "source", "room", "label", "id".

    A row that has none of them has that of its kind. Speech of unknown speakers, and responses of unknown rooms, might all be
    of one: those of a corpus share a key. Noise of unknown origin is its own.
    """
    keys = [key for name in by for key in _named(item, name)]
    return keys or list(_named(item, OWN[item.kind])) or [unknown(item)]


def unknown(item: Item) -> Key:
    """The key of rows that do not say who or where they are of."""
    return Key("unknown", item.corpus, {"speech": "speech", "room": "responses"}.get(item.kind, "recordings"))


def _named(item: Item, name: str) -> Iterator[Key]:
    if name == "speaker":
        corpus = next((voices for begin, voices in VOICES.items() if item.corpus.startswith(begin)), item.corpus)
        speakers = dict.fromkeys([item.speaker, *item.extra.get("talkers", ())])
        yield from (Key("speaker", corpus, speaker) for speaker in speakers if speaker is not None)
    elif name == "source":
        source = item.source or (item.id if item.kind in ("noise", "music") else None)
        if source is not None:
            yield Key("source", "" if source.startswith(EVERYWHERE) else item.corpus, source)
    elif name == "room" and item.room is not None:
        yield Key("room", item.corpus, item.room)
    elif name == "label" and item.label is not None:
        yield Key("class", "", item.label)
    elif name == "id":
        yield Key("recording", item.corpus, item.id)


@dataclass
class Groups:
    """Rows joined by shared keys (union-find); memory grows with the keys, not with the rows.

    Lengths are whole microseconds, so that sums do not depend on the order of the rows.
    """

    _number: dict[Key, int] = field(default_factory=dict)
    _parent: list[int] = field(default_factory=list)
    _length: list[int] = field(default_factory=list)
    _kind: list[str] = field(default_factory=list)

    def add(self, keys: list[Key], seconds: float, kind: str) -> None:
        """A row with its keys."""
        numbers = [self._of(key) for key in keys]
        root = self._root(numbers[0])
        for number in numbers[1:]:
            other = self._root(number)
            if other != root:
                self._parent[other] = root
                self._length[root] += self._length[other]
                self._kind[root] = min(self._kind[root], self._kind[other])
        self._length[root] += round(seconds * 1e6)
        self._kind[root] = min(self._kind[root], kind)

    def group(self, key: Key) -> int:
        """The number of the group that a key is in."""
        return self._root(self._number[key])

    def lengths(self) -> dict[int, int]:
        """{group: microseconds}."""
        return {number: self._length[number] for number, parent in enumerate(self._parent) if parent == number}

    def kinds(self) -> dict[int, str]:
        """{group: kind of its rows}; the first by name where they are of several."""
        return {number: self._kind[number] for number, parent in enumerate(self._parent) if parent == number}

    def ranks(self, seed: int) -> dict[int, int]:
        """{group: a random number} that depends on its keys and the seed alone, not on the order of the rows."""
        ranks: dict[int, int] = {}
        for key in self._number:
            group, rank = self.group(key), hashed(f"{seed}\0{key.what}\0{key.corpus}\0{key.name}")
            ranks[group] = min(rank, ranks.get(group, rank))
        return ranks

    def _of(self, key: Key) -> int:
        number = self._number.setdefault(key, len(self._parent))
        if number == len(self._parent):
            self._parent.append(number)
            self._length.append(0)
            self._kind.append(LAST)
        return number

    def _root(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number


def hashed(text: str) -> int:
    """64 bits of it, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


class Sides:
    """Which side each key has been seen on; what is seen on two is shared."""

    def __init__(self) -> None:
        self._side: dict[Key, str] = {}
        self.shared: dict[Key, tuple[str, str]] = {}

    def see(self, item: Item, side: str) -> None:
        """A row on a side."""
        keys = [key for name in ESSENTIAL for key in _named(item, name)] or [unknown(item)]
        for key in keys:
            first = self._side.setdefault(key, side)
            if first != side:
                self.shared.setdefault(key, (first, side))
