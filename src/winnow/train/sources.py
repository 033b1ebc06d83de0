"""Where the recordings of a bank come from: a folder, a list (.jsonl), or a pack; all give mono samples one by one.

A pack needs neither PyAV nor files of sound, so that training also runs where only NumPy, torch and soundfile are.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from winnow.errors import BadInput, InputNotFound, WinnowError

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".mp4", ".mkv", ".aac", ".aiff", ".webm", ".mpg", ".mov"}

FITTING = {"speech": ("speech",), "noise": ("noise", "music"), "rooms": ("room",)}
"""Kinds of items that serve as speech, noise and rooms; from lists and packs others are left out."""


class Source(Protocol):
    """Recordings to train on."""

    def facts(self) -> Iterator[str]:
        """Lines that change when the recordings do: a decoded copy is kept under their hash."""

    def sounds(self, rate: int, lowest_rate: int) -> Iterator[np.ndarray[Any, Any]]:
        """Each recording `(time,)` float32 at `rate` hertz; those below `lowest_rate` hertz, or unreadable, are left out."""


def open_source(path: Path, use: str | None) -> Source:
    """A folder, list or pack; use: a key of FITTING, None for everything. Raises InputNotFound, BadInput."""
    from winnow.data.shards import is_pack, read_index

    if path.suffix == ".jsonl" and not path.is_dir():
        return _List(path, use, _listed(path, use))
    if is_pack(path):
        index = read_index(path)
        if index.kind == "set":
            raise BadInput(f"{path}: a pack of finished examples. Training on recordings needs a pack of a list.")
        return _Pack(path, use, tuple(shard.sha256 for shard in index.shards))
    return _Folder(tuple(find_recordings(path)))


def find_recordings(folder: Path) -> list[Path]:
    """All recordings under a folder, sorted, hidden files left out; or the one recording. Raises InputNotFound or BadInput."""
    if folder.is_file():
        return [folder]
    if not folder.exists():
        raise InputNotFound(f"{folder}: no such folder or recording.")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    if not found:
        raise BadInput(f"{folder}: no recordings in this folder.")
    return found


@dataclass(frozen=True)
class _Folder:
    paths: tuple[Path, ...]

    def facts(self) -> Iterator[str]:
        return (f"{path} {os.path.getsize(path)}" for path in self.paths)

    def sounds(self, rate: int, lowest_rate: int) -> Iterator[np.ndarray[Any, Any]]:
        for path in self.paths:
            yield from _decoded(path, rate, lowest_rate)


def _decoded(path: Path | str, rate: int, lowest_rate: int) -> Iterator[np.ndarray[Any, Any]]:
    from winnow.media import read

    try:
        audio = read(path)
    except WinnowError:
        return
    if audio.rate >= lowest_rate:
        yield audio.mono().resampled(rate).samples[0]


def _listed(path: Path, use: str | None) -> tuple[str, ...]:
    from winnow.data.items import read_items

    paths, others = [], Counter[str]()
    for item in read_items(path):
        if use is None or item.kind in FITTING[use]:
            paths.append(item.path)
        else:
            others[item.kind] += 1
    if not paths:
        raise _none_fits(path, use, others)
    return tuple(paths)


def _none_fits(path: Path, use: str | None, others: Counter[str]) -> BadInput:
    held = ", ".join(f"{count} {kind}" for kind, count in others.most_common()) or "nothing"
    return BadInput(f"{path}: no recordings that serve as {use or 'sound'}; it holds {held}.")


@dataclass(frozen=True)
class _List:
    path: Path
    use: str | None
    files: tuple[str, ...]

    def facts(self) -> Iterator[str]:
        for file in self.files:
            yield f"{file} {os.path.getsize(file) if os.path.exists(file) else 'missing'}"

    def sounds(self, rate: int, lowest_rate: int) -> Iterator[np.ndarray[Any, Any]]:
        for file in self.files:
            yield from _decoded(file, rate, lowest_rate)


@dataclass(frozen=True)
class _Pack:
    path: Path
    use: str | None
    hashes: tuple[str, ...]

    def facts(self) -> Iterator[str]:
        return (f"{self.use} {each}" for each in self.hashes)

    def sounds(self, rate: int, lowest_rate: int) -> Iterator[np.ndarray[Any, Any]]:
        from winnow.data.shards import ALONE, read_pack

        others, fitting = Counter[str](), 0
        for record in read_pack(self.path):
            if self.use is not None and record.row.get("kind") not in FITTING[self.use]:
                others[str(record.row.get("kind"))] += 1
                continue
            fitting += 1
            facts = record.sounds[ALONE]
            if min(facts["rate"], facts.get("file_rate", facts["rate"])) >= lowest_rate:
                yield record.samples(rate=rate).mean(axis=0)
        if not fitting:
            raise _none_fits(self.path, self.use, others)
