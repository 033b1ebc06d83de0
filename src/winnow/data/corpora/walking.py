"""What the corpus modules share: folders and lists read in a fixed order, and errors that say what was expected and found."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from winnow.errors import BadInput, InputNotFound

AUDIO = frozenset(
    {".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac", ".aiff", ".aif", ".wv", ".w64", ".caf", ".amr"}
)
VIDEO = frozenset({".mp4", ".mkv", ".mov", ".webm", ".avi", ".mpg", ".mpeg", ".m4v", ".ts", ".3gp"})
SHOWN = 5  # names in an error


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, by name; hidden files, those of macOS (`._x`) among them, are left out.

    Raises InputNotFound where there is no such folder or it cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            return sorted((each for each in found if not each.name.startswith(".")), key=lambda each: each.name)
    except NotADirectoryError:
        raise InputNotFound(f"{folder}: this is a file, not a folder. Give the folder of the corpus.") from None
    except OSError as error:
        raise InputNotFound(
            f"{folder}: this folder cannot be read ({error.strerror}). Check its name and permissions."
        ) from None


def files(folder: Path, suffixes: Iterable[str], deep: bool = False) -> Iterator[Path]:
    """Files of these suffixes (lower case, with the dot), by name; deep: those of the folders below as well."""
    wanted = frozenset(suffixes)
    for each in entries(folder):
        if each.is_dir():
            if deep:
                yield from files(Path(each.path), wanted, deep)
        elif os.path.splitext(each.name)[1].lower() in wanted:
            yield Path(each.path)


def folders(folder: Path) -> list[Path]:
    """The folders in a folder, by name."""
    return [Path(each.path) for each in entries(folder) if each.is_dir()]


def descend(folder: Path, *names: str) -> Path:
    """The folder itself, or the one of these names below it: a corpus may be given with or without its outermost folder."""
    below = {each.name: each for each in folders(folder)}
    return next((below[name] for name in names if name in below), folder)


def holder(folder: Path, marker: str, layout: str) -> Path:
    """The folder that holds `marker` (a file or folder by its path): the one given, or one in it. Raises BadInput."""
    for each in (folder, *folders(folder)):
        if (each / marker).exists():
            return each
    raise wrong(folder, f"{marker} in {layout}")


def sounds(folder: Path) -> Iterator[Path]:
    """Every recording in a folder and below, by its suffix."""
    return files(folder, AUDIO | VIDEO, deep=True)


def wrong(folder: Path, expected: str) -> BadInput:
    """The error for a tree that is not the corpus's: what was expected, and what is there."""
    names = [each.name + ("/" if each.is_dir() else "") for each in entries(folder)]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    found = ", ".join(names[:SHOWN]) + more if names else "nothing"
    return BadInput(f"{folder}: expected {expected}; found {found}.")


def lines(path: Path, encoding: str = "utf-8") -> Iterator[str]:
    """Lines of a text file, without their ends; empty ones are left out. Raises InputNotFound, BadInput."""
    try:
        with path.open(encoding=encoding) as file:
            for line in file:
                if line.strip():
                    yield line.rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadInput(f"{path}: this file is not {encoding.upper()} text. Get it anew.") from None
    except OSError as error:
        raise InputNotFound(f"{path}: cannot be read ({error.strerror}).") from None


def table(path: Path, needed: Iterable[str], delimiter: str = ",") -> Iterator[dict[str, str]]:
    """Rows of a table with a header. Raises InputNotFound, BadInput (a column is missing, a row is short)."""
    quoting: Any = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    rows = csv.DictReader(lines(path, "utf-8-sig"), delimiter=delimiter, quoting=quoting)
    missing = [name for name in needed if name not in (rows.fieldnames or ())]
    if missing:
        raise BadInput(f"{path}: expected a column {missing[0]!r}; found {', '.join(rows.fieldnames or ['nothing'])}.")
    for number, row in enumerate(rows, 2):
        if any(row[name] is None for name in needed):
            raise BadInput(f"{path}: row {number} has fewer columns than the first.")
        yield row


def prompts(path: Path, separator: str | None = None) -> dict[str, str]:
    """Lines of `ID text` as {ID: text}; {} where there is no such file."""
    if not path.is_file():
        return {}
    pairs = (line.split(separator, 1) for line in lines(path))
    return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}


def only(path: Path) -> str | None:
    """The text of a small file in one line; None where there is no such file or nothing in it."""
    return " ".join(" ".join(lines(path)).split()) or None if path.is_file() else None


def identifier(path: Path, top: Path) -> str:
    """An id of a file by its place below `top`: unique, without blanks, the suffix included."""
    relative = path.relative_to(top).as_posix()
    return "".join(quote(letter) if letter.isspace() or letter == "%" else letter for letter in relative)


def non_commercial(licence: str) -> bool:
    """Whether a licence says by its name that it forbids commercial use."""
    return bool(re.search(r"BY-NC|non-?commercial", licence, re.IGNORECASE))
