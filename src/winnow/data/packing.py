"""What goes into a pack: recordings of a list or examples of a set, one after the other, each compressed on its own."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from winnow.audio import Samples
from winnow.data.codec import CODECS, encode
from winnow.data.items import Item, read_items
from winnow.data.shards import ALONE
from winnow.errors import BadInput, BadOption, InputNotFound, WinnowError

EXAMPLES = "examples.jsonl"
LONGEST = 300.0
"""Seconds of a part: longer recordings are stored in parts, so that neither memory nor a shard has to hold a whole one."""


@dataclass(frozen=True)
class PackSettings:
    """How recordings are packed.

    codec: "opus" or "flac"; bit_rate: of Opus, bits per second and channel; rate: hertz, None: each recording's own; mono: mean of
    the channels; size: bytes that no shard exceeds. Raises BadOption.
    """

    codec: str = "opus"
    bit_rate: int = 24000
    rate: int | None = None
    mono: bool = False
    size: int = 16_000_000

    def __post_init__(self) -> None:
        if self.codec not in CODECS:
            raise BadOption(f"--codec {self.codec}: use {' or '.join(CODECS)}.")
        if not 6000 <= self.bit_rate <= 256_000:
            raise BadOption(f"--bit-rate {self.bit_rate}: Opus takes 6000 to 256000 bits per second for each channel.")
        if self.rate is not None and not 4000 <= self.rate <= 192_000:
            raise BadOption(f"--rate {self.rate}: use 4000 to 192000 hertz.")
        if self.size < 100_000:
            raise BadOption(f"--size {self.size}: shards hold at least 100 kB.")


@dataclass(frozen=True)
class Source:
    """One recording or one example: its number in the list, name for people, row, seconds, and files by stem."""

    number: int
    name: str
    row: dict[str, Any]
    seconds: float
    files: dict[str, str]
    room: bool = False


@dataclass(frozen=True)
class Entry:
    """What becomes one record: the row, and by stem the facts and the compressed files."""

    number: int
    part: int
    row: dict[str, Any]
    seconds: float
    sounds: dict[str, dict[str, Any]] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Unreadable:
    """A recording that cannot be packed, and why."""

    number: int
    name: str
    reason: str


@dataclass(frozen=True)
class Survey:
    """What a list or set holds before anything is decoded; fingerprint: SHA-256 of all rows; about: `set.json` of a set."""

    kind: str
    count: int
    seconds: float
    fingerprint: str
    licences: dict[str, str]
    about: dict[str, Any]


def survey(path: Path) -> Survey:
    """Look through a list or set once. Raises InputNotFound, BadInput."""
    seen, count, seconds = hashlib.sha256(), 0, 0.0
    licences: dict[str, str] = {}
    for source in sources(path):
        seen.update(json.dumps([source.row, sorted(source.files)], sort_keys=True, ensure_ascii=False).encode())
        count, seconds = count + 1, seconds + source.seconds
        if "corpus" in source.row:
            licences[source.row["corpus"]] = source.row.get("licence", "not stated")
    if not count:
        raise BadInput(f"{path}: nothing to pack, the list is empty.")
    about = _about(path / "set.json") if path.is_dir() else {}
    return Survey("set" if path.is_dir() else "items", count, seconds, seen.hexdigest(), licences, about)


def _about(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise BadInput(f"{path}: cannot be read as JSON; the set is damaged.") from None
    return values if isinstance(values, dict) else {}


def sources(path: Path) -> Iterator[Source]:
    """What a list (a file) or a set (a folder) names, in its order. Raises InputNotFound, BadInput."""
    if str(path) == "-":
        raise BadInput("a pack reads its list twice: give a file, not standard input.")
    yield from _examples(path) if path.is_dir() else _items(path)


def _items(path: Path) -> Iterator[Source]:
    for number, item in enumerate(read_items(path)):
        files = {ALONE: item.path} | ({"clean": item.clean} if item.clean else {})
        yield Source(number, item.id, _row(item), item.seconds, files, item.kind == "room")


def _row(item: Item) -> dict[str, Any]:
    """The item's row without what holds for its file alone."""
    values: dict[str, Any] = json.loads(item.to_json())
    for name in ("path", "clean", "sha256", "seconds"):
        values.pop(name, None)
    return values


def _examples(folder: Path) -> Iterator[Source]:
    """Examples of a set: the files of its folders that bear their number, `mixture/000017.wav`, `speech/000017.wav` ..."""
    try:
        stems = sorted(each.name for each in folder.iterdir() if each.is_dir() and re.fullmatch(r"[\w-]+", each.name))
        with (folder / EXAMPLES).open(encoding="utf-8") as file:
            for place, line in enumerate(file):
                yield _example(folder, stems, place, line)
    except OSError as error:
        raise InputNotFound(
            f"{folder}: no set there ({error.strerror}: {EXAMPLES}). Give a list (.jsonl), or a set that `winnow data mix` wrote."
        ) from None


def _example(folder: Path, stems: list[str], place: int, line: str) -> Source:
    try:
        row = json.loads(line)
        number, seconds = int(row["number"]), row["samples"] / row["rate"]
    except (ValueError, KeyError, TypeError, ZeroDivisionError):
        raise BadInput(
            f"{folder / EXAMPLES}:{place + 1}: not an example (number, rate and samples are needed)."
        ) from None
    files: dict[str, str] = {}
    for stem in stems:
        for suffix in (".wav", ".flac"):
            file = folder / stem / f"{number:06d}{suffix}"
            if file.is_file():
                files[stem] = str(file)
    return Source(place, f"example {number}", row, seconds, files)


def entries(
    path: Path, settings: PackSettings, jobs: int, first: tuple[int, int]
) -> Generator[Entry | Unreadable, None, None]:
    """Everything from record number and part `first` on, compressed by `jobs` threads, in order.

    Threads suffice: decoding, resampling and encoding are done outside of Python.
    """
    waiting: deque[Future[list[Entry | Unreadable]] | Iterator[Entry | Unreadable]] = deque()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for source in sources(path):
                if source.number < first[0]:
                    continue
                work = compressed(source, settings, first[1] if source.number == first[0] else 0)
                # A long one is not held as a whole: it is compressed when its turn has come.
                waiting.append(pool.submit(list, work) if source.seconds <= LONGEST else work)
                if len(waiting) > 2 * jobs:
                    yield from _done(waiting.popleft())
            while waiting:
                yield from _done(waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _done(work: Future[list[Entry | Unreadable]] | Iterator[Entry | Unreadable]) -> Iterator[Entry | Unreadable]:
    yield from work.result() if isinstance(work, Future) else work


def compressed(source: Source, settings: PackSettings, first_part: int = 0) -> Iterator[Entry | Unreadable]:
    """The entries of one recording or example; Unreadable ends it."""
    codec = "flac" if source.room else settings.codec  # a lossy codec smears an impulse response
    try:
        if not source.files:
            raise BadInput("no sound files of this example were found")
        streams = {stem: pieces(file, settings, codec, len(source.files)) for stem, file in source.files.items()}
        for part, group in enumerate(zip_longest(*streams.values())):
            if part >= first_part:
                yield _entry(source, part, dict(zip(streams, group, strict=True)), codec, settings)
    except WinnowError as error:
        yield Unreadable(source.number, source.name, str(error))


@dataclass(frozen=True)
class Piece:
    """A stretch of a recording, `(channels, time)` float32, and where it begins, samples; whole: the file's own facts."""

    samples: Samples
    rate: int
    start: int
    file_rate: int


def pieces(path: str, settings: PackSettings, codec: str, stems: int) -> Iterator[Piece]:
    """A recording at the packed rate in pieces. Raises WinnowError for one that cannot be read to its end."""
    from winnow.dsp.resample import StreamResampler
    from winnow.media import open_reader

    with open_reader(path) as reader:
        rate, channels = settings.rate or reader.rate, 1 if settings.mono else reader.channels
        convert = StreamResampler(reader.rate, rate, channels)
        size = _piece_size(settings, codec, rate, channels, stems)
        held: list[Samples] = []
        start = 0
        for block in reader:
            held.append(convert.feed(block.mean(axis=0, keepdims=True) if settings.mono else block))
            while sum(each.shape[1] for each in held) > size:
                whole = np.concatenate(held, axis=1)
                yield Piece(whole[:, :size], rate, start, reader.rate)
                held, start = [whole[:, size:]], start + size
        if reader.warning:
            raise BadInput(reader.warning)
        rest = np.concatenate([*held, convert.flush()], axis=1)
        yield Piece(rest, rate, start, reader.rate)


def _piece_size(settings: PackSettings, codec: str, rate: int, channels: int, stems: int) -> int:
    """Samples of a piece such that all stems of one surely fit into a shard."""
    bits = (
        2.5 * settings.bit_rate if codec == "opus" else 17.0 * rate
    )  # Opus varies its rate; FLAC of noise has some overhead
    return round(rate * min(LONGEST, 0.9 * 8 * settings.size / (bits * channels * stems)))


def _entry(source: Source, part: int, group: dict[str, Piece | None], codec: str, settings: PackSettings) -> Entry:
    sounds, data, seconds = {}, {}, 0.0
    for stem, piece in group.items():
        if piece is not None:
            sounds[stem], data[stem] = _sound(piece, codec, settings.bit_rate)
            seconds = max(seconds, piece.samples.shape[1] / piece.rate)
    return Entry(source.number, part, source.row, seconds, sounds, data)


def _sound(piece: Piece, codec: str, bit_rate: int) -> tuple[dict[str, Any], bytes]:
    gain = gain_for(piece.samples)
    channels, samples = piece.samples.shape
    facts: dict[str, Any] = {"codec": codec, "rate": piece.rate, "samples": samples, "channels": channels, "gain": gain}
    if piece.file_rate != piece.rate:
        facts["file_rate"] = piece.file_rate
    if piece.start:
        facts["start"] = piece.start
    return facts, encode(piece.samples * np.float32(gain), piece.rate, codec, bit_rate)


def gain_for(samples: Samples) -> float:
    """A power of two that brings a quiet or overloaded sound to a peak of 0.45 to 0.9; 1 for what is loud enough.

    Codecs spend little on what is quiet, and FLAC has 16 bits only; powers of two are undone without rounding.
    """
    peak = float(np.abs(samples).max(initial=0))
    if peak == 0 or 0.45 <= peak <= 1:
        return 1.0
    return float(2.0 ** min(15, math.floor(math.log2(0.9 / peak))))
