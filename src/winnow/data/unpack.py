"""Packs as files again: a list of recordings with its folder, or a set as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from winnow.data.items import Item, parse_item, write_items
from winnow.data.packing import EXAMPLES
from winnow.data.shards import ALONE, Index, Record, read_index, read_pack
from winnow.errors import OutputError

ITEMS = "items.jsonl"

Tell = Callable[[float, float], None]


def unpack(folder: Path, target: Path, tell: Tell = lambda done, whole: None) -> int:
    """Write every recording of a pack below `target`, with `items.jsonl`, or the set that was packed; how many.

    Recordings become FLAC of 16 bits at the rate of the pack, examples of sets WAV, where the set had them. Files that exist
    already stay, so that a stopped run goes on. tell: is called with seconds done and in all. Raises BadInput, OutputError.
    """
    index = read_index(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        if index.kind == "set":
            return _unpack_set(folder, target, index, tell)
        return write_items(_unpacked(folder, target, index, tell), target / ITEMS)
    except OSError as error:
        if isinstance(error, (ValueError, OutputError)):  # BadInput is a ValueError
            raise
        raise OutputError(
            f"{target}: cannot be written ({error.strerror}). Free some space, or give another folder."
        ) from None


def _unpacked(folder: Path, target: Path, index: Index, tell: Tell) -> Iterator[Item]:
    taken: set[str] = set()
    done = 0.0
    for number, parts in groupby(read_pack(folder), key=lambda record: record.number):
        rows: list[Record] = []
        name, writers = "", _Writers(target)
        for record in parts:
            name = name or _free(record, taken)
            rows.append(Record(record.number, record.part, record.row, record.sounds, {}, record.where))
            writers.add(
                record, {stem: name + ("" if stem == ALONE else f".{stem}") + ".flac" for stem in record.sounds}
            )
        writers.close()
        yield _item(rows, name, f"{folder}: record {number}")
        done += sum(row.sounds[ALONE]["samples"] / row.sounds[ALONE]["rate"] for row in rows)
        tell(done, index.seconds)


def _item(rows: list[Record], name: str, where: str) -> Item:
    sound = rows[0].sounds[ALONE]
    facts = {"rate": sound["rate"], "channels": sound["channels"]}
    values: dict[str, Any] = rows[0].row | facts | {"path": f"{name}.flac"}
    values["samples"] = sum(row.sounds[ALONE]["samples"] for row in rows)
    if "clean" in rows[0].sounds:
        values["clean"] = f"{name}.clean.flac"
    return parse_item(json.dumps(values), where)


def _free(record: Record, taken: set[str]) -> str:
    """A path below the target, without suffix, that no other recording has, whatever letters the system tells apart."""
    words = [str(record.row.get("corpus", "")), *str(record.row.get("id", record.number)).split("/")]
    safe = [re.sub(r"[^\w.-]+", "_", word).strip(".")[:80] for word in words]
    name = "/".join(word for word in safe if word)
    if name.lower() in taken or not name:
        name = f"{name}-{record.number}"
    taken.add(name.lower())
    return name


class _Writers:
    """Files that grow part by part, of those that do not exist yet; they appear when `close` is called."""

    def __init__(self, target: Path, bits: int = 16) -> None:
        self._target, self._bits = target, bits
        self._open: dict[str, Any] = {}

    def add(self, record: Record, names: dict[str, str]) -> None:
        """Append the sounds of a record to the files that `names` gives for its stems."""
        from winnow.media import Writer

        try:
            for stem, name in names.items():
                path = self._target / name
                facts = record.sounds[stem]
                if stem not in self._open:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    new = None if path.exists() else Writer(path, facts["rate"], facts["channels"], bits=self._bits)
                    self._open[stem] = new
                if self._open[stem] is not None:
                    self._open[stem].write(record.samples(stem))
        except BaseException:
            for writer in filter(None, self._open.values()):
                writer.discard()
            raise

    def close(self) -> None:
        """Finish all files."""
        for writer in filter(None, self._open.values()):
            writer.close()


def _unpack_set(folder: Path, target: Path, index: Index, tell: Tell) -> int:
    rows: list[str] = []
    done = 0.0
    for _, parts in groupby(read_pack(folder), key=lambda record: record.number):
        writers = _Writers(target)
        for record in parts:
            if record.part == 0:
                rows.append(json.dumps(record.row, ensure_ascii=False) + "\n")
            writers.add(record, {stem: f"{stem}/{int(record.row['number']):06d}.wav" for stem in record.sounds})
            done += max(each["samples"] / each["rate"] for each in record.sounds.values())
        writers.close()
        tell(done, index.seconds)
    (target / EXAMPLES).write_text("".join(rows), encoding="utf-8")
    if index.about:
        (target / "set.json").write_text(json.dumps(index.about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(rows)
