"""Packing: many recordings into few files under a size each. What was finished stays when the work is stopped, and goes on."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path

from winnow.aside import write_text
from winnow.data.packing import Entry, PackSettings, Survey, Unreadable, entries, survey
from winnow.data.shards import ALONE, INDEX, Index, Shard, hash_of, is_pack, member, read_index
from winnow.errors import BadInput, BadOption, OutputError

_BLOCK, _RECORD = 512, 10240  # of tar files, bytes


def pack(
    source: Path,
    folder: Path,
    settings: PackSettings,
    *,
    jobs: int = 1,
    most_bad: float = 0.05,
    tell: Callable[[float, float], None] = lambda done, whole: None,
) -> Index:
    """Pack a list of recordings (a file) or a set (a folder) into `folder`; goes on where an earlier run was stopped.

    jobs: threads; most_bad: share of the recordings that may be unreadable: they are listed in the index and left out; tell: is
    called with seconds of sound done and in all. The same list and settings give the same bytes, whatever the jobs and the stops.
    Raises BadInput, BadOption (the folder holds another pack), OutputError.
    """
    found = survey(source)
    index = _begun(folder, _fresh(found, settings))
    if index.complete:
        return index
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with closing(entries(source, settings, jobs, _next(index))) as work:
            _write_all(work, folder, index, found, most_bad, tell)
    except OSError as error:
        if isinstance(error, (BadInput, OutputError)):
            raise
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror}). What is finished stays; the same command goes on."
        ) from None
    return index


def _fresh(found: Survey, settings: PackSettings) -> Index:
    return Index(found.kind, **asdict(settings), source=found.fingerprint, licences=found.licences, about=found.about)


def _begun(folder: Path, fresh: Index) -> Index:
    """The index of an earlier run of the same work, else `fresh`."""
    if not is_pack(folder):
        return fresh
    index = read_index(folder)
    same = ("kind", "codec", "bit_rate", "rate", "mono", "size", "source")
    other = [name for name in same if getattr(index, name) != getattr(fresh, name)]
    if other:
        what = "another list" if "source" in other else f"another {other[0].replace('_', ' ')}"
        raise BadOption(f"{folder} holds a pack made with {what}. Give another folder, or remove that one.")
    kept = [shard for shard in index.shards if (folder / shard.name).is_file()]
    if len(kept) < len(index.shards):
        raise BadInput(f"{folder}: shards of the pack are missing. Remove the folder and pack again.")
    return index


def _next(index: Index) -> tuple[int, int]:
    return index.shards[-1].next if index.shards else (0, 0)


def _write_all(
    work: Iterator[Entry | Unreadable],
    folder: Path,
    index: Index,
    found: Survey,
    most_bad: float,
    tell: Callable[[float, float], None],
) -> None:
    writer = _ShardWriter(folder, index)
    try:
        for entry in work:
            if isinstance(entry, Unreadable):
                _leave_out(entry, index, found, most_bad)
            else:
                if not writer.fits(entry):
                    writer.close((entry.number, entry.part))
                writer.add(entry)
            tell(index.seconds + writer.seconds, found.seconds)
        if not (index.shards or writer.records):
            raise BadInput("none of the recordings could be read.")
        writer.close((found.count, 0), complete=True)
    finally:
        writer.discard()


def _leave_out(entry: Unreadable, index: Index, found: Survey, most_bad: float) -> None:
    index.skipped.append({"id": entry.name, "reason": entry.reason})
    bad = len(index.skipped)
    if bad > most_bad * found.count:
        raise BadInput(
            f"{bad} of {found.count} recordings could not be read, --max-bad is {most_bad:.3g}; the last: {entry.reason}"
        )


class _ShardWriter:
    """Fills one shard after the other; each appears under its name, and in the index, when it is whole."""

    def __init__(self, folder: Path, index: Index) -> None:
        self._folder, self._index = folder, index
        self._begin()

    def _begin(self) -> None:
        self.records, self.seconds, self._bytes, self._first_parts = 0, 0.0, 0, 0
        self._name = f"{len(self._index.shards):05d}.tar"
        self._tar: tarfile.TarFile | None = None
        self._part = self._folder / f".{self._name}.part"

    def fits(self, entry: Entry) -> bool:
        """Whether the entry goes into this shard. Raises BadOption for one that goes into none."""
        size = sum(_BLOCK + -(-len(data) // _BLOCK) * _BLOCK for _, data in _members(entry))
        if _tar_size(size) > self._index.size:
            raise BadOption(
                f"one recording needs {_tar_size(size) / 1e6:.2f} MB, more than --size allows. Give a larger --size."
            )
        return _tar_size(self._bytes + size) <= self._index.size

    def add(self, entry: Entry) -> None:
        """Append an entry."""
        if self._tar is None:
            self._tar = tarfile.TarFile(self._part, "w", format=tarfile.USTAR_FORMAT)
        for name, data in _members(entry):
            info = tarfile.TarInfo(name)  # owner, group and time stay 0: the same bytes each time
            info.size, info.mode = len(data), 0o644
            self._tar.addfile(info, io.BytesIO(data))
            self._bytes += _BLOCK + -(-len(data) // _BLOCK) * _BLOCK
        self.records += 1
        self.seconds += entry.seconds
        self._first_parts += entry.part == 0

    def close(self, following: tuple[int, int], complete: bool = False) -> None:
        """Finish the shard, write the index, begin the next one."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None
            path = self._folder / self._name
            self._part.replace(path)
            shard = Shard(
                self._name, path.stat().st_size, hash_of(path), self.records, round(self.seconds, 4), following
            )
            self._index.shards.append(shard)
            self._index.recordings += self._first_parts
            self._index.seconds = round(self._index.seconds + shard.seconds, 4)
        self._index.complete = complete
        write_text(self._folder / INDEX, self._index.to_json())
        self._begin()

    def discard(self) -> None:
        """Leave nothing half-written."""
        if self._tar is not None:
            with suppress(OSError):
                self._tar.close()
        self._part.unlink(missing_ok=True)


def _tar_size(members: int) -> int:
    """Bytes of a tar file: two blocks of zeros end it, and it is filled up to a whole record."""
    return -(-(members + 2 * _BLOCK) // _RECORD) * _RECORD


def _members(entry: Entry) -> Iterator[tuple[str, bytes]]:
    row = json.dumps({"row": entry.row, "sounds": entry.sounds}, ensure_ascii=False, separators=(",", ":"))
    yield member(entry.number, entry.part, ALONE, "json"), row.encode()
    for stem, data in entry.data.items():
        yield member(entry.number, entry.part, stem, entry.sounds[stem]["codec"]), data
