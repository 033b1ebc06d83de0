"""The lists of AVSpeech and AudioSet: which seconds of which video, and the names of the clips that are cut from them."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from winnow.errors import BadInput, BadOption, InputNotFound

AVSPEECH = "avspeech"
AUDIOSET = "audioset"
KINDS = {AVSPEECH: "speech", AUDIOSET: "noise"}
CLASSES = "class_labels_indices.csv"
"""AudioSet's list of classes: `index,mid,display_name`. Where it lies beside the segments, their labels are names."""

_ID = re.compile(r"[A-Za-z0-9_-]{3,32}")
_NAME = re.compile(r"(\d+)[:_]([A-Za-z0-9_-]{3,32})")
_SHAPES = (
    "AVSpeech's `youtube_id,start,end,x,y` without a header, "
    'or AudioSet\'s `YTID, start, end, "labels"` after three lines of #'
)


@dataclass(frozen=True)
class Segment:
    """One row. number: of the row as published, from 0; start, end: seconds in the video; x, y: centre of the speaker's face,
    0 to 1 of the picture, from its left and top; labels: of AudioSet, by name where the list of classes is there.
    """

    corpus: str
    number: int
    youtube: str
    start: float
    end: float
    x: float | None = None
    y: float | None = None
    labels: tuple[str, ...] = ()

    def name(self, portable: bool) -> str:
        """`7:YTID` as system 3 names its files, or `7_YTID`, which Windows allows too; without suffix."""
        return f"{self.number}{'_' if portable else ':'}{self.youtube}"

    def facts(self) -> dict[str, Any]:
        """What an item keeps of it in `extra`."""
        known = {"row": self.number, "start": self.start, "end": self.end, "x": self.x, "y": self.y}
        speech = "/m/09x0r" in self.labels or "Speech" in self.labels
        more = {"labels": list(self.labels), "speech": speech} if self.labels else {}
        return {key: value for key, value in known.items() if value is not None} | more


def parse_name(stem: str) -> tuple[int, str] | None:
    """Number and YouTube id of a clip's name in either form, None if it is neither."""
    found = _NAME.fullmatch(stem)
    return (int(found[1]), found[2]) if found else None


def parse_rows(rows: str | None) -> tuple[int, int | None]:
    """`0:1000`, `500:`, `:50` or `7` to the first row and the one after the last. Raises BadOption."""
    if rows is None:
        return 0, None
    found = re.fullmatch(r"(\d*):(\d*)|(\d+)", rows.strip())
    if found is None:
        raise BadOption(f"--rows is FIRST:END, such as 0:1000 (END is not taken), not {rows!r}.")
    if found[3]:
        return int(found[3]), int(found[3]) + 1
    first, end = int(found[1] or 0), int(found[2]) if found[2] else None
    if end is not None and end <= first:
        raise BadOption(f"--rows {rows}: there is no row between {first} and {end}.")
    return first, end


def read_segments(path: str | os.PathLike[str], rows: str | None = None) -> list[Segment]:
    """The chosen rows of a list; which of the two it is, its first row tells. Raises InputNotFound, BadInput, BadOption."""
    first, end = parse_rows(rows)
    name = os.fspath(path)
    try:
        chosen, count = _chosen(_segments(name), first, end)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise InputNotFound(f"{name}: cannot be read ({error.strerror}). Give AVSpeech's or AudioSet's CSV.") from None
    except (UnicodeDecodeError, csv.Error):
        raise BadInput(f"{name}: this is no list of clips (not text). Expected {_SHAPES}.") from None
    if not chosen and not first:
        raise BadInput(f"{name}: there is no row in it. Expected {_SHAPES}.")
    if len(chosen) < (end if end is not None else first + 1) - first:
        raise BadOption(f"--rows {rows}: {name} has rows 0 to {count - 1}; 0:{count} takes them all.")
    return chosen


def _chosen(segments: Iterator[Segment], first: int, end: int | None) -> tuple[list[Segment], int]:
    skipped = sum(1 for _ in islice(segments, first))
    chosen = list(islice(segments, None if end is None else end - first))
    return chosen, skipped + len(chosen)


def _segments(name: str) -> Iterator[Segment]:
    names = class_names(Path(name).parent / CLASSES)
    with open(name, encoding="utf-8-sig", newline="") as file:
        corpus, number = None, 0
        for row in csv.reader(_without_comments(file), skipinitialspace=True):
            if not any(cell.strip() for cell in row):
                continue
            where = f"{name}: row {number}"
            corpus = corpus or _which(row, name)
            yield _segment(corpus, number, row, where, names)
            number += 1


def _without_comments(file: Iterator[str]) -> Iterator[str]:
    return (line for line in file if not line.startswith("#"))


def _which(row: list[str], name: str) -> str:
    if len(row) == 5 and all(map(_is_number, row[1:])):
        return AVSPEECH
    if len(row) == 4 and all(map(_is_number, row[1:3])):
        return AUDIOSET
    raise BadInput(f"{name}: this is no list of clips, its first row has {len(row)} fields. Expected {_SHAPES}.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _segment(corpus: str, number: int, row: list[str], where: str, names: dict[str, str]) -> Segment:
    youtube = row[0].strip()
    if not _ID.fullmatch(youtube):
        raise BadInput(f"{where}: {youtube!r:.40} is no YouTube id. Get a fresh copy of the list.")
    if len(row) != (5 if corpus == AVSPEECH else 4) or not all(map(_is_number, row[1:3])):
        raise BadInput(f"{where}: expected {_SHAPES}; found {','.join(row)!r:.60}.")
    start, end = float(row[1]), float(row[2])
    if not 0 <= start < end < float("inf"):
        raise BadInput(
            f"{where}: a clip from {start:g} s to {end:g} s cannot be; the start is before the end and not below 0."
        )
    if corpus == AVSPEECH:
        if not all(map(_is_number, row[3:])):
            raise BadInput(f"{where}: the centre of the face, {','.join(row[3:])!r:.40}, is no pair of numbers.")
        return Segment(corpus, number, youtube, start, end, float(row[3]), float(row[4]))
    labels = tuple(names.get(label, label) for each in row[3].split(",") if (label := each.strip()))
    return Segment(corpus, number, youtube, start, end, labels=labels)


def class_names(path: Path) -> dict[str, str]:
    """AudioSet's machine ids to names, {} without the list."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {row["mid"]: row["display_name"] for row in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError, csv.Error):
        return {}
