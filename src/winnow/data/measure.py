"""What the list says of a recording's file: rate, channels, the exact number of samples, a checksum; and whether it is whole."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from winnow.errors import BadAudio, WinnowError

if TYPE_CHECKING:
    from winnow.media import Reader

EXACT = frozenset({"wav", "w64", "flac", "aiff", "caf", "au", "ogg", "wv", "mov"})
"""Containers whose header (in Ogg the last page) tells the number of samples; of others the recording is decoded."""

SLACK = 0.1  # seconds that may be missing at the end before a file counts as cut off, as in winnow.media
TAIL = 1.0  # seconds before the end from which on packets are read, to see that they are there
BLOCK = 1 << 20


@dataclass(frozen=True)
class Measured:
    """rate: hertz; samples: per channel; sha256: of the file, hexadecimal, None if it was not asked for."""

    rate: int
    channels: int
    samples: int
    sha256: str | None = None


def measure(path: str, checksum: bool = True) -> Measured:
    """Open a recording and measure its first audio track.

    Raises InputNotFound, NoAudio, BadAudio (cut off).
    """
    from winnow.media import open_reader

    with open_reader(path) as reader:
        samples = _told(reader, path) or _counted(reader)
        return Measured(reader.rate, reader.channels, samples, sha256(path) if checksum else None)


def attempt(path: str, checksum: bool = True) -> Measured | str:
    """`measure`, or in one line why that is impossible."""
    try:
        return measure(path, checksum)
    except WinnowError as error:
        return str(error).removeprefix(f"{path}: ")
    except Exception as error:  # whatever a damaged file makes a decoder do: it shall not end a scan of a million
        return f"cannot be read ({type(error).__name__}: {error})"


def sha256(path: str) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _told(reader: Reader, path: str) -> int | None:
    """The number of samples by the header, once the end of the file is seen to be there; None where headers only guess."""
    from winnow.media.source import Source

    with Source(path) as source:
        names = set(source.container.format.name.split(","))
        late = abs(reader.track.start) * reader.rate > 0.5  # the header counts from another place than the reader
        if reader.samples is None or late or not (names & EXACT or source.counts_its_frames()):
            return None
        cut = source.cut_short() or ("ogg" in names and _page_cut(path))
    seconds = reader.samples / reader.rate
    # Some files cannot be sought in (FFmpeg finds no frame of a FLAC there), so that a failure is worth a second look.
    if cut or not (_reaches(path, seconds, seek=True) or _reaches(path, seconds, seek=False)):
        raise _cut_off()
    return reader.samples


def _counted(reader: Reader) -> int:
    """The number of samples by decoding all of them."""
    samples = sum(int(block.shape[1]) for block in reader)
    if reader.warning is not None and "cut off" in reader.warning:
        raise _cut_off()
    return samples


def _cut_off() -> BadAudio:
    return BadAudio("the file is cut off. Get a complete copy.")


def _reaches(path: str, seconds: float, seek: bool) -> bool:
    """Whether there are packets up to the end that the header tells; seek: read only the last ones."""
    import av

    from winnow.media.source import Source

    with Source(path) as source:
        stream = source.container.streams.audio[0]
        base, start, last = float(stream.time_base or 0), stream.start_time or 0, 0.0
        try:
            if seek and seconds > TAIL:
                source.container.seek(start + int((seconds - TAIL) / base), stream=stream)
            for packet in source.container.demux(stream):
                if packet.pts is not None:
                    last = max(last, (packet.pts + (packet.duration or 0) - start) * base)
        except (av.FFmpegError, OSError):
            return False
    return last > seconds - SLACK


def _page_cut(path: str) -> bool:
    """Whether the last page of an Ogg file is incomplete (RFC 3533: 27 bytes, a table of segment lengths, the segments)."""
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - (1 << 17)))
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])
