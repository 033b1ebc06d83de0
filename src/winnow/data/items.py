"""Items: one JSONL row per recording. Lists of them are streamed, never held: a million rows cost no more than ten."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from winnow.aside import aside
from winnow.errors import BadInput, InputNotFound

KINDS = ("speech", "noise", "music", "room", "mixture")
"""What a recording is used as: a clean voice, noise, music, an impulse response, or a noisy recording with its clean twin."""


@dataclass(frozen=True)
class Item:
    """One recording.

    id: unique in its corpus, parts joined by "/" or "-", no spaces; path: of the file, absolute, or relative to the folder of
    the list; rate: hertz; samples: per channel; speaker, label (JSON key "class"), room: who, what, where; source: the original
    recording that this is a part of, if parts of it are listed apart; clean: path of the clean twin of a mixture; text: what is
    said; sha256: of the file, hexadecimal; split: "train", "valid" or "test"; extra: what only its corpus has (fold, T60, sex).
    """

    id: str
    path: str
    kind: str
    corpus: str
    rate: int
    channels: int
    samples: int
    speaker: str | None = None
    label: str | None = None
    room: str | None = None
    source: str | None = None
    clean: str | None = None
    text: str | None = None
    licence: str = "not stated"
    non_commercial: bool = False
    sha256: str | None = None
    split: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Length, seconds."""
        return self.samples / self.rate

    def to_json(self) -> str:
        """One row, without the line's end: unset fields are left out, `seconds` is added for those who read it."""
        values = {k: v for k, v in asdict(self).items() if v not in (None, {}, False)}
        values["seconds"] = round(self.seconds, 4)
        if "label" in values:
            values["class"] = values.pop("label")
        return json.dumps(values, ensure_ascii=False)


_NAMES = {f.name for f in fields(Item)}
_NEEDED = ("id", "path", "kind", "corpus", "rate", "channels", "samples")


def parse_item(line: str, where: str) -> Item:
    """An item from a row; `where` names the row in errors. Raises BadInput for anything missing, unknown or of a wrong type."""
    try:
        values = json.loads(line)
    except ValueError:
        raise BadInput(f"{where}: this row is no JSON. A list of recordings has one JSON object per line.") from None
    if not isinstance(values, dict):
        raise BadInput(f"{where}: a row is a JSON object, such as those that `winnow data scan` writes.")
    values.pop("seconds", None)
    if "class" in values:
        values["label"] = values.pop("class")
    missing = [name for name in _NEEDED if name not in values]
    unknown = sorted(set(values) - _NAMES)
    if missing or unknown:
        raise BadInput(f"{where}: {f'{missing[0]} is missing' if missing else f'unknown key {unknown[0]!r}'}.")
    if values["kind"] not in KINDS:
        raise BadInput(f"{where}: unknown kind {values['kind']!r}; there are {', '.join(KINDS)}.")
    numbers = (values["rate"], values["channels"], values["samples"])
    if not all(isinstance(n, int) and n > 0 for n in numbers):
        raise BadInput(f"{where}: rate, channels and samples are whole numbers above 0.")
    return Item(**values)


def read_items(path: str | os.PathLike[str]) -> Iterator[Item]:
    """The items of a list, one by one; "-" is standard input. Relative paths become relative to the current folder.

    Raises InputNotFound, BadInput (with the number of the row).
    """
    name = os.fspath(path)
    folder = "" if name == "-" else os.path.dirname(name)
    try:
        with sys.stdin if name == "-" else open(name, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _placed(parse_item(line, f"{name}:{number}"), folder)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise InputNotFound(f"{name}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise BadInput(f"{name}: this is no list of recordings (not UTF-8 text).") from None


def _placed(item: Item, folder: str) -> Item:
    if not folder or (os.path.isabs(item.path) and (item.clean is None or os.path.isabs(item.clean))):
        return item
    values = {f.name: getattr(item, f.name) for f in fields(Item)}
    values["path"] = os.path.join(folder, item.path)
    values["clean"] = item.clean and os.path.join(folder, item.clean)
    return Item(**values)


def write_items(items: Iterable[Item], path: str | os.PathLike[str]) -> int:
    """Write a list, aside first; "-" is standard output. Returns how many. Raises OutputError."""
    if os.fspath(path) == "-":
        return _write_rows(items, sys.stdout)
    with aside(path) as part, part.open("w", encoding="utf-8") as file:
        return _write_rows(items, file)


def _write_rows(items: Iterable[Item], file: Any) -> int:
    count = 0
    for item in items:
        file.write(item.to_json() + "\n")
        count += 1
    return count
