"""A list in the making: rows beside the final name, from which a scan that was stopped goes on."""

from __future__ import annotations

import errno
import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from winnow.data.corpora.base import Found
from winnow.data.items import Item, parse_item
from winnow.errors import BadInput, OutputError


@dataclass(frozen=True)
class Bad:
    """A recording that cannot be used, and why."""

    id: str
    path: str
    reason: str

    def to_json(self) -> str:
        """One row, without the line's end."""
        return json.dumps({"bad": self.reason, "id": self.id, "path": self.path}, ensure_ascii=False)


Row = Item | Bad


class Journal:
    """Rows of `LIST` in `.LIST.part`, good and bad ones in the order of the walk; `finish` gives the list its name.

    Left by an error or an interrupt, the part stays for the next time. Use as a context. Raises OutputError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f".{path.name}.part")
        self.bad_path = path.with_name(f"{path.name.removesuffix('.jsonl')}.bad.txt")
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Journal:
        try:
            self._file = self.part.open("r+b" if self.part.exists() else "w+b")
        except OSError as error:
            raise self._failed(error) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as problem:  # the last rows found no room
                raise self._failed(problem) from None

    def resume(self, found: Iterator[Found], same: Callable[[Found, Row], bool], rest: deque[Found]) -> Iterator[Row]:
        """The rows of an earlier scan as far as they are those of `found`, of files not touched since.

        What was taken from `found` and has no row is put into `rest`; the rows from there on are forgotten.
        """
        file = self._open
        written = os.fstat(file.fileno()).st_mtime_ns
        place = 0
        for each in found:
            line = file.readline()
            row = _parsed(line)
            if row is None or not same(each, row) or not _older(each.path, written):
                rest.append(each)
                break
            place += len(line)
            yield row
        file.seek(place)
        file.truncate()

    def add(self, row: Row) -> None:
        """Write a row."""
        try:
            self._open.write(row.to_json().encode() + b"\n")
        except OSError as error:
            raise self._failed(error) from None

    def finish(self) -> None:
        """Give the list its name, without the bad rows; these are listed beside it."""
        try:
            self._open.flush()
            bad = self.write_bad()
            if bad is not None:
                whole = self.part.with_suffix(".whole")
                with whole.open("wb") as file:
                    file.writelines(line for line in self._lines() if not line.startswith(b'{"bad"'))
                whole.replace(self.path)
                self._open.close()
                self.part.unlink()
            else:
                self._open.close()
                self.part.replace(self.path)
        except OSError as error:
            raise self._failed(error) from None

    def write_bad(self) -> Path | None:
        """Write `NAME.bad.txt`, a line `path: reason` for each bad recording; where there is none, there is no such file."""
        self._open.flush()
        bad = [row for line in self._lines() if line.startswith(b'{"bad"') and isinstance(row := _parsed(line), Bad)]
        if not bad:
            self.bad_path.unlink(missing_ok=True)
            return None
        self.bad_path.write_text(
            "".join(f"{row.path}: {row.reason}\n" for row in bad), encoding="utf-8", errors="replace"
        )
        return self.bad_path

    def _lines(self) -> Iterator[bytes]:
        with self.part.open("rb") as file:
            yield from file

    @property
    def _open(self) -> IO[bytes]:
        assert self._file is not None, "a journal is used as a context"
        return self._file

    def _failed(self, error: OSError) -> OutputError:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "The same command goes on once there is room." if full else "Choose another -o."
        return OutputError(f"{self.path}: cannot be written ({error.strerror}). {advice}")


def _parsed(line: bytes) -> Row | None:
    """A row of a journal; None for half a row."""
    try:
        if line.startswith(b'{"bad"'):
            values = json.loads(line)
            return Bad(values["id"], values["path"], values["bad"])
        return parse_item(line.decode(), "") if line.endswith(b"\n") else None
    except (BadInput, ValueError, KeyError):
        return None


def _older(path: Path, time: int) -> bool:
    """Whether a file was last changed before `time`, nanoseconds."""
    try:
        return path.stat().st_mtime_ns <= time
    except OSError:
        return False
