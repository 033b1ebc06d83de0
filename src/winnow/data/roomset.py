"""A folder of rooms and its list, made number by number: what is there and whole is kept, the rest is made."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.audio import Audio
from winnow.data.items import Item, parse_item, write_items
from winnow.data.rooms import Alteration, Responses, Simulation, Source, facts
from winnow.errors import BadInput, OutputError, WinnowError

LIST = "rooms.jsonl"
FORMATS = {"wav": (".wav", 16), "flac": (".flac", 16), "float": (".wav", 32)}
"""Suffix and bits of each format."""


@dataclass(frozen=True)
class Made:
    """What became of one number: its item, or why there is none."""

    number: int
    item: Item | None
    error: str = ""
    exit_code: int = 0


@dataclass(frozen=True)
class RoomSet:
    """A set of rooms in `folder`; sent to worker processes, so it is plain data. kind: a name in `FORMATS`."""

    folder: str
    maker: Simulation | Alteration
    kind: str = "wav"

    def path(self, number: int) -> Path:
        """The file of a number."""
        return Path(self.folder) / f"room{number:06d}{FORMATS[self.kind][0]}"

    def do(self, number: int, tell: Any) -> Made:
        """Make one room and write it; an error of the room becomes part of the result."""
        try:
            return Made(number, self._item(number))
        except WinnowError as error:
            return Made(number, None, " ".join(str(error).split()), error.exit_code)

    def lost(self, number: int, error: WinnowError) -> Made:
        """The result of a number whose process died."""
        return Made(number, None, str(error), error.exit_code)

    def sweep(self, number: int, process: int) -> None:
        """Remove what a process that was killed left half-written."""
        with suppress(OSError):
            self._part(number).unlink()

    def _part(self, number: int) -> Path:
        whole = self.path(number)
        return whole.with_name(f".{whole.stem}.part{whole.suffix}")

    def _item(self, number: int) -> Item:
        record = self.maker.draw(number)
        source = None
        if isinstance(self.maker, Alteration):
            responses, source, rate = self.maker.make(record)
        else:
            responses, rate = self.maker.make(record), record["rate"]
        path, part = self.path(number), self._part(number)
        try:
            Audio(responses, rate).save(part, bits=FORMATS[self.kind][1])
            os.replace(part, path)
        except OSError as error:
            raise error if isinstance(error, WinnowError) else OutputError(f"{path}: {error.strerror}.") from None
        finally:
            part.unlink(missing_ok=True)
        return self._listed(number, record, responses, rate, source)

    def _listed(
        self, number: int, record: dict[str, Any], responses: Responses, rate: int, source: Source | None
    ) -> Item:
        """The item of a file; an altered room is the room that it was made of, so that no split parts them."""
        path = self.path(number)
        more = {"altered_from": os.path.basename(source.path)} if source else {}
        return Item(
            id=path.stem,
            path=path.name,
            kind="room",
            corpus="altered" if source else "simulated",
            rate=rate,
            channels=responses.shape[0],
            samples=responses.shape[1],
            room=source.room if source else f"simulated-{record['seed']}-{number}",
            licence=source.licence if source else "simulated, free",
            non_commercial=bool(source and source.non_commercial),
            sha256=checksum(path),
            extra={**facts(responses, rate), **more, "draw": record},
        )

    def kept(self, count: int) -> dict[int, Item]:
        """What an earlier run left that is whole and drawn alike, by number."""
        found: dict[int, Item] = {}
        for item in self._rows():
            number = item.extra.get("draw", {}).get("number")
            if isinstance(number, int) and 0 <= number < count and self._same(number, item):
                found[number] = item
        return found

    def _same(self, number: int, item: Item) -> bool:
        path = self.path(number)
        drawn = json.loads(json.dumps(self.maker.draw(number)))
        if isinstance(self.maker, Alteration):
            names = [os.path.basename(self.maker.sources[place].path) for place in drawn["sources"]]
            if item.extra.get("altered_from") not in names:
                return False
        return item.path == path.name and item.extra["draw"] == drawn and checksum(path) == item.sha256

    def _rows(self) -> Iterator[Item]:
        """Rows of the list and of the journal of a run that was stopped; a last row cut short is passed over."""
        for path in (Path(self.folder) / LIST, self.journal):
            with suppress(OSError, UnicodeDecodeError):
                for line in path.read_text(encoding="utf-8").splitlines():
                    with suppress(BadInput):
                        yield parse_item(line, str(path))

    @property
    def journal(self) -> Path:
        """Rows as they come, until the list is complete."""
        return Path(self.folder) / f".{LIST}.rows"

    def prepare(self) -> None:
        """Make the folder. Raises OutputError."""
        try:
            Path(self.folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be made ({error.strerror}).") from None

    def note(self, item: Item) -> None:
        """Add a row to the journal. Raises OutputError."""
        try:
            with self.journal.open("a", encoding="utf-8") as file:
                file.write(item.to_json() + "\n")
        except OSError as error:
            raise OutputError(f"{self.journal}: cannot be written ({error.strerror}).") from None

    def close(self, items: dict[int, Item]) -> Path:
        """Write the list in the order of the numbers, and remove the journal. Raises OutputError."""
        path = Path(self.folder) / LIST
        write_items((items[number] for number in sorted(items)), path)
        self.journal.unlink(missing_ok=True)
        return path


def checksum(path: Path) -> str | None:
    """SHA-256 of a file, hexadecimal; None where there is none to read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
