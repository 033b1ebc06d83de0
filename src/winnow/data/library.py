"""A folder of videos that someone has already: which file is which video of a list."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.segments import Segment, parse_name
from winnow.errors import BadInput, InputNotFound
from winnow.media import probe

_TITLED = re.compile(r".*\[([A-Za-z0-9_-]{3,32})\]")
_TOLERANCE = 0.5  # seconds; cutting by key frames and codec padding make clips longer or shorter


class Library:
    """Local files by YouTube id: `ID.mp4`, `7:ID.wav`, `7_ID.wav`, `YID.wav`, `Title [ID].webm`, `ID_30.0.flac`.

    Raises InputNotFound for no folder, BadInput if not one of its files is among the wanted.
    """

    def __init__(self, folder: Path, wanted: set[str]) -> None:
        if not folder.is_dir():
            raise InputNotFound(f"{folder}: no such folder. Give the folder of the videos.")
        self._files: dict[str, list[Path]] = {}
        for path in _files(folder):
            youtube = _which(path, wanted)
            if youtube:
                self._files.setdefault(youtube, []).append(path)
        if not self._files and wanted:
            raise BadInput(
                f"{folder}: no file in it is named by one of the ids in the list, such as {min(wanted)}.mp4."
            )

    def find(self, segment: Segment) -> Path | None:
        """The file of a segment: the clip of just this row if there is one, else the video."""
        files = self._files.get(segment.youtube, [])
        mine = [path for path in files if parse_name(path.stem) == (segment.number, segment.youtube)]
        others = [path for path in files if parse_name(path.stem) is None]
        return next(iter(mine or others), None)

    @staticmethod
    def start(path: Path, segment: Segment) -> float | None:
        """Seconds in the file at which the segment begins; None for a file that cannot be read.

        A file named by its row is the segment itself, and so is one that ends too early for the video but is as long as the
        segment.
        """
        if parse_name(path.stem) is not None:
            return 0.0
        try:
            seconds = probe(path).seconds or 0.0
        except BadInput:
            return None
        alike = abs(seconds - (segment.end - segment.start)) <= _TOLERANCE
        return 0.0 if alike and seconds < segment.end - _TOLERANCE else segment.start


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(where, name) for name in sorted(names) if not name.startswith("."))


def _which(path: Path, wanted: set[str]) -> str | None:
    stem = path.stem
    numbered, titled = parse_name(stem), _TITLED.fullmatch(stem)
    names = [numbered[1] if numbered else "", stem, titled[1] if titled else ""]
    names += [stem[1:] if stem.startswith("Y") else "", stem[:11] if stem[11:12] in "_.-" else ""]
    return next((name for name in names if name in wanted), None)
