"""What a corpus module says: facts for people, where it may be downloaded, and how its tree is walked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Found:
    """A recording that a corpus's tree names, before the file is opened; the fields are those of `Item`.

    corpus: where a tree holds several corpora, the one that this is of. licence, non_commercial: where they are not
    those of the corpus.
    """

    id: str
    path: Path
    kind: str
    speaker: str | None = None
    label: str | None = None
    room: str | None = None
    source: str | None = None
    clean: Path | None = None
    text: str | None = None
    split: str | None = None
    licence: str | None = None
    non_commercial: bool | None = None
    corpus: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Download:
    """One file to fetch. checksum: "md5:..." or "sha256:...", None if its publisher gives none; size: bytes, 0: not known."""

    part: str
    url: str
    size: int = 0
    checksum: str | None = None


@dataclass(frozen=True)
class Corpus:
    """One corpus.

    name: as on the command line; kinds: of its items; hours, gigabytes: about, of the whole; rate: hertz, 0 if it varies;
    home: its page; good_for: one line; layout: the tree that is expected, one line; citation: what to cite; downloads: files that
    may lawfully be fetched by anyone; how: how to get it when there are none (form, request, agreement);
    walk: the corpus's folder to what it holds, in a fixed order, reading only lists and names;
    raises BadInput that says what was expected and what was found.
    """

    name: str
    title: str
    kinds: tuple[str, ...]
    hours: float
    gigabytes: float
    rate: int
    licence: str
    non_commercial: bool
    home: str
    good_for: str
    layout: str
    citation: str
    walk: Callable[[Path], Iterator[Found]]
    downloads: tuple[Download, ...] = ()
    how: str = ""
