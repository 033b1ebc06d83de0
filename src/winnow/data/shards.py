"""Packs as they are read: a folder with `pack.json` and uncompressed tar files of short Ogg Opus or FLAC files.

A shard follows the WebDataset convention: members of one record stand together, and their names differ after the first dot:
`00000017.json`, `00000017.opus`; an example of a set has one sound for each stem, `00000017.mixture.flac`, `00000017.speech.flac`.
Reading needs NumPy, and PyAV or soundfile; soxr too where another rate is wanted than the sounds have.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from winnow.audio import Samples
from winnow.data.codec import decode
from winnow.errors import BadInput, InputNotFound

INDEX = "pack.json"
FORMAT = 1
ALONE = "audio"
"""Name of the sound of a recording that has no stems."""


@dataclass(frozen=True)
class Shard:
    """One tar file. sha256: hexadecimal; next: number and part of the record that comes after it."""

    name: str
    bytes: int
    sha256: str
    records: int
    seconds: float
    next: tuple[int, int]


@dataclass
class Index:
    """What `pack.json` says.

    kind: "items" or "set"; codec, bit_rate (bits per second and channel), rate (hertz, None: as the recordings), mono, size
    (bytes of a shard at most): as asked for; source: sha256 of the list packed; complete: False while packing goes on; recordings,
    seconds, hours: packed so far; skipped: id and reason of what could not be read; licences: by corpus; about: a set's `set.json`.
    """

    kind: str
    codec: str
    bit_rate: int
    rate: int | None
    mono: bool
    size: int
    source: str
    complete: bool = False
    recordings: int = 0
    seconds: float = 0.0
    skipped: list[dict[str, str]] = field(default_factory=list)
    shards: list[Shard] = field(default_factory=list)
    licences: dict[str, str] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def to_json(self) -> str:
        """The text of `pack.json`."""
        values = asdict(self) | {"hours": round(self.seconds / 3600, 4), "bytes": sum(s.bytes for s in self.shards)}
        return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Record:
    """One recording, one part of a long one, or one example of a set.

    number: in the list; part: 0 unless it is a later part; row: as it was listed; sounds: by stem, what `pack.json` cannot know:
    codec, rate, samples, channels, gain; data: by stem, the compressed files; where: for errors.
    """

    number: int
    part: int
    row: dict[str, Any]
    sounds: dict[str, dict[str, Any]]
    data: dict[str, bytes]
    where: str

    def samples(self, stem: str = ALONE, rate: int | None = None) -> Samples:
        """A sound, `(channels, time)` float32, at its own level and at `rate` hertz (None: that of the sound), to the sample.

        Raises BadInput where it cannot be decoded or is shorter than the row says.
        """
        facts = self.sounds[stem]
        name = f"{self.where}/{member(self.number, self.part, stem, facts['codec'])}"
        made, its_rate = decode(self.data[stem], name)
        wanted = int(facts["samples"]) if rate is None else round(facts["samples"] * rate / facts["rate"])
        made = _at_rate(made, its_rate, rate or int(facts["rate"]))
        # Opus at 48 kHz for sound at 44.1 kHz: rounding twice may be off by one.
        if abs(made.shape[1] - wanted) > 2 or len(made) != facts["channels"]:
            raise BadInput(
                f"{name}: {made.shape[1]} samples where {wanted} belong. Copy the pack again, or make it anew."
            )
        made = made[:, :wanted] if made.shape[1] >= wanted else np.pad(made, ((0, 0), (0, wanted - made.shape[1])))
        return np.asarray(made / np.float32(facts["gain"]), np.float32)


def _at_rate(samples: Samples, rate: int, wanted: int) -> Samples:
    if rate == wanted:
        return samples
    from winnow.dsp.resample import resample

    return resample(samples, rate, wanted)


def member(number: int, part: int, stem: str, suffix: str) -> str:
    """The name of a member of a shard; suffix: "opus", "flac", or "json" (of which there is one)."""
    key = f"{number:08d}-{part}" if part else f"{number:08d}"
    return f"{key}.{suffix}" if stem == ALONE else f"{key}.{stem}.{suffix}"


def is_pack(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder holds a pack."""
    return (Path(folder) / INDEX).is_file()


def read_index(folder: str | os.PathLike[str]) -> Index:
    """The index of a pack. Raises InputNotFound, BadInput."""
    path = Path(folder) / INDEX
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputNotFound(
            f"{folder}: no pack there ({INDEX}: {error.strerror}). `winnow data pack` makes one."
        ) from None
    except ValueError:
        values = None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise BadInput(
            f"{path}: not the index of a pack that this winnow knows (format {FORMAT}). Update winnow, or pack anew."
        )
    try:
        shards = [Shard(**{**each, "next": tuple(each["next"])}) for each in values["shards"]]
        known = {f.name for f in fields(Index)}
        return Index(**{k: v for k, v in values.items() if k in known} | {"shards": shards})
    except (KeyError, TypeError):
        raise BadInput(f"{path}: the index is damaged. Copy the pack again, or make it anew.") from None


def read_pack(folder: str | os.PathLike[str]) -> Iterator[Record]:
    """All records of a pack in their order, one shard in memory at a time; each shard's hash is checked before it is used.

    Raises InputNotFound, BadInput: an unfinished pack, a shard that is missing, cut off or altered.
    """
    index = read_index(folder)
    if not index.complete:
        raise BadInput(f"{folder}: this pack is not finished. Run the same `winnow data pack` again, it goes on.")
    for shard in index.shards:
        yield from _records(Path(folder) / shard.name, shard)


def _records(path: Path, shard: Shard) -> Iterator[Record]:
    try:
        whole = hash_of(path) == shard.sha256
    except OSError as error:
        raise InputNotFound(f"{path}: this shard cannot be read ({error.strerror}). Copy the pack again.") from None
    if not whole:
        raise BadInput(f"{path}: this shard is cut off or altered (its hash differs). Copy the pack again.")
    try:
        with tarfile.open(path, "r:") as tar:
            yield from _grouped(tar, str(path))
    except (tarfile.TarError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path}: not a shard of this winnow. Make the pack anew.") from None


def _grouped(tar: tarfile.TarFile, where: str) -> Iterator[Record]:
    """Records from members: the row comes first and tells which sounds follow."""
    members = iter(tar)
    for head in members:
        number, _, part = head.name.partition(".")[0].partition("-")
        values = json.loads(_content(tar, head))
        data = {stem: _content(tar, next(members)) for stem in values["sounds"]}
        yield Record(int(number), int(part or 0), values["row"], values["sounds"], data, where)


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info)
    if file is None:
        raise ValueError(info.name)
    return file.read()


def hash_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    seen = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            seen.update(block)
    return seen.hexdigest()
