"""Small files that appear when they are complete: written aside, under a hidden name, and renamed."""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from winnow.errors import OutputError, WinnowError

WHAT = {
    errno.ENOSPC: "the disk is full. Free some space, or choose another folder",
    errno.EDQUOT: "the disk quota is used up. Free some space, or choose another folder",
    errno.EFBIG: "the file grew larger than this system allows. Choose another disk or a smaller format",
    errno.EACCES: "no permission to write there. Choose another folder",
    errno.EPERM: "no permission to write there. Choose another folder",
    errno.EROFS: "that disk is read-only. Choose another folder",
    errno.EPIPE: "the reader of the pipe has closed it",
    errno.ENAMETOOLONG: "the name is too long. Choose a shorter one",
}
"""What the commonest errors of the system mean, and what to do."""


@contextmanager
def aside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Where to write what shall appear as `path` when the block ends well. Raises OutputError."""
    final = os.path.realpath(path)
    part = Path(part_of(final, os.getpid()))
    try:
        yield part
        part.replace(final)
    except OSError as error:
        if isinstance(error, WinnowError):
            raise
        what = WHAT.get(error.errno or 0, f"cannot be written ({reason(error)}). Choose another folder or name")
        raise OutputError(f"{os.fspath(path)}: {what}.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """A text file that appears when it is complete. Raises OutputError."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """A file that appears when it is complete. Raises OutputError."""
    with aside(path) as part:
        part.write_bytes(content)


def part_of(path: str | os.PathLike[str], process: int) -> str:
    """Where a process writes `path` until it is complete: in the same folder, hidden, and no two files in one place.

    Names are cut, since a system allows 255 bytes; the checksum keeps apart those that begin alike, as the parts of a
    split do.
    """
    folder, base = os.path.split(os.path.realpath(path))
    return os.path.join(folder, f".{base[:40]}.{zlib.crc32(os.fsencode(base)):08x}.{process}.part")


def reason(error: Exception) -> str:
    """The first line of what the system says."""
    text = str(getattr(error, "strerror", None) or error)
    return text.strip().splitlines()[0].rstrip(".") if text.strip() else type(error).__name__
