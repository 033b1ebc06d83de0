"""Which recordings belong together: by name, without suffix and without the words that winnow puts before it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from winnow.engine.naming import AUDIO, VIDEO, suffix_of
from winnow.errors import BadInput, InputNotFound
from winnow.evaluation.mixtures import Mixture

OWN_WORDS = re.compile(r"\.(enhanced|speech|background|clean|noisy|reference)$", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """One recording to score, or to clean and score.

    name: what it is called in reports. estimate: the recording; "" where a network makes it from `mixture`.
    reference: the clean recording. made: how to make mixture and reference, in place of files. words: a transcript's
    file. problem: why it cannot be scored.
    """

    name: str
    estimate: str = ""
    reference: str | None = None
    mixture: str | None = None
    made: Mixture | None = None
    words: str | None = None
    problem: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The files it depends on."""
        made = self.made.files if self.made else ()
        return tuple(path for path in (self.estimate, self.reference, self.mixture, self.words, *made) if path)


@dataclass(frozen=True)
class Pairs:
    """items: what is to be done. alone: files that have no partner, each with the reason, for the report."""

    items: list[Item]
    alone: list[str] = field(default_factory=list)


def recordings(path: str) -> list[tuple[str, str]]:
    """Recordings in a folder and below as (key, path), or the one file; outputs of winnow are recordings too.

    Raises InputNotFound, BadInput (an empty folder).
    """
    if not os.path.exists(path):
        raise InputNotFound(f"{path}: no such file or folder. Check the name.")
    if not os.path.isdir(path):
        return [(key_of(os.path.basename(path)), path)]
    found = [(key_of(os.path.relpath(file, path)), file) for file in _walk(path)]
    if not found:
        raise BadInput(f"{path}: no recording in this folder. Name the file itself if its suffix is unusual.")
    return found


def _walk(top: str) -> Iterator[str]:
    for here, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and suffix_of(name) in AUDIO | VIDEO:
                yield os.path.join(here, name)


def key_of(path: str) -> str:
    """`lectures/x.enhanced.wav` is `lectures/x`, and so is `lectures/x.flac`."""
    stem = os.path.splitext(path)[0].replace(os.sep, "/")
    return OWN_WORDS.sub("", stem) or stem


def pair(
    estimates: Sequence[str], reference: str | None = None, mixture: str | None = None, words: str | None = None
) -> Pairs:
    """Estimates (files, folders) with their references, mixtures and transcript. Raises as `recordings`.

    One reference (or mixture) file stands for all estimates; those in a folder are found by name: the path below
    the folder, else the name alone where it is unique. An estimate without a partner becomes an item with a problem.
    """
    sides = (_Side(reference, "reference"), _Side(mixture, "mixture"))
    items = []
    for name, key, path in _estimates(estimates):
        clean, noisy = (side.find(key) for side in sides)
        problems = [
            side.missing(key) for side, file in zip(sides, (clean, noisy), strict=True) if side.wanted and not file
        ]
        items.append(Item(name, path, clean, noisy, words=words, problem="; ".join(problems) or None))
    return Pairs(items, [line for side in sides for line in side.unused()])


def pair_folders(clean: str, noisy: str) -> Pairs:
    """The recordings of `noisy`, each with its clean one. Raises BadInput where not one has a partner."""
    pairs = pair([noisy], reference=clean)
    items = [Item(item.name, "", item.reference, item.estimate, problem=item.problem) for item in pairs.items]
    if all(item.problem for item in items):
        raise BadInput(f"no recording of {noisy} has one of the same name in {clean}. Give two folders of equal names.")
    return Pairs(items, pairs.alone)


def _estimates(paths: Sequence[str]) -> list[tuple[str, str, str]]:
    """All recordings as (name, key, path): the name is the key, where two would be alike the path."""
    found = {os.path.realpath(file): (key, file) for path in paths for key, file in recordings(path)}
    shared = Counter(key for key, _ in found.values())
    return [(key if shared[key] == 1 else os.path.normpath(file), key, file) for key, file in found.values()]


class _Side:
    """References or mixtures, looked up by key."""

    def __init__(self, path: str | None, role: str) -> None:
        self.path, self.role, self.wanted = path, role, path is not None
        self.single = path is not None and not os.path.isdir(path)
        self.by_key = _unique(recordings(path)) if path is not None else {}
        self.used: set[str] = set()
        names: dict[str, list[str]] = {}
        for key in self.by_key:
            names.setdefault(os.path.basename(key), []).append(key)
        self.by_name = {name: keys[0] for name, keys in names.items() if len(keys) == 1}

    def find(self, key: str) -> str | None:
        if self.single:
            return self.path
        match = key if key in self.by_key else self.by_name.get(os.path.basename(key))
        if match is None:
            return None
        self.used.add(match)
        return self.by_key[match]

    def missing(self, key: str) -> str:
        return f"no {self.role} named {os.path.basename(key)} in {self.path}"

    def unused(self) -> list[str]:
        if self.single:
            return []
        return [
            f"{path}: no recording of this name was given" for key, path in self.by_key.items() if key not in self.used
        ]


def _unique(found: Sequence[tuple[str, str]]) -> dict[str, str]:
    """{key: path}; of `x.wav` and `x.enhanced.wav` the plain name counts. Raises BadInput for `x.wav` and `x.flac`."""
    files: dict[str, str] = {}
    for key, path in sorted(found, key=lambda each: len(os.path.splitext(each[1])[0])):
        other = files.setdefault(key, path)
        if len(os.path.splitext(other)[0]) == len(os.path.splitext(path)[0]) and other != path:
            raise BadInput(f"{other} and {path} share a name, so it is not clear which one is meant. Move one away.")
    return files
