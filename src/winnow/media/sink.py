"""Where output goes: aside first, under its own name only when it is complete."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

from winnow.aside import WHAT, part_of, reason
from winnow.errors import BadOption, OutputError, WinnowError
from winnow.media.source import Path, display_name, is_stream


class Sink:
    """An output file that appears under its name in `commit` and leaves nothing behind in `discard`.

    `.handle` is what PyAV opens. A device or a named pipe is written directly, since replacing it would destroy it.
    """

    def __init__(self, path: Path) -> None:
        self.name = display_name(path, "standard output")
        self._file: Any = None
        self._part: str | None = None
        self._final = "" if is_stream(path) else os.path.realpath(os.fspath(path))
        if is_stream(path):
            self.handle = _standard_output()
        else:
            with translated(self.name):
                self.handle = self._file = self._open()

    def _open(self) -> Any:
        folder = os.path.dirname(self._final)
        if not os.path.isdir(folder):
            raise OutputError(f"{self.name}: there is no such folder. Make {folder or '.'} first.")
        if os.path.isdir(self._final):
            raise OutputError(f"{self.name}: this is a folder. Give the name of a file.")
        if os.path.exists(self._final) and not os.path.isfile(self._final):
            return open(self._final, "wb")
        self._part = part_of(self._final, os.getpid())
        # Buffered, although FFmpeg buffers too: a raw file may write a part and say so, which FFmpeg does not heed.
        return open(self._part, "wb")

    def commit(self) -> None:
        """Close and give the file its name; errors of the last flush come out here."""
        if self._file is not None:
            self._file.close()
        if self._part is not None:
            os.replace(self._part, self._final)
            self._part = None

    def discard(self) -> None:
        """Close and remove what was written."""
        if self._file is not None:
            with suppress(OSError):  # on a full disk the flush fails once more
                self._file.close()
        if self._part is not None:
            with suppress(OSError):
                os.remove(self._part)
            self._part = None

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                with translated(self.name):
                    self.commit()
        finally:
            self.discard()


def _standard_output() -> Any:
    stream = getattr(sys.stdout, "buffer", sys.stdout)
    try:
        stream.flush()
        stream.fileno()
    except (AttributeError, OSError, io.UnsupportedOperation):
        return _Pipe(stream)  # an object in memory stands in for it
    return "pipe:1"  # FFmpeg writes it itself: no Python code that a signal could interrupt


class _Pipe:
    """A stream that can only be written, whatever else the object behind it can do."""

    def __init__(self, stream: Any) -> None:
        self.write = stream.write
        self.name = "standard output"


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn errors of the system and of FFmpeg into one OutputError that says what to do."""
    import av

    try:
        yield
    except WinnowError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise output_error(name, error) from error


def output_error(name: str, error: Exception) -> WinnowError:
    """The OutputError (or BadOption, when FFmpeg refuses the combination) for what went wrong."""
    number = getattr(error, "errno", None)
    if number in WHAT:
        return OutputError(f"{name}: {WHAT[number]}.")
    if isinstance(error, ValueError) or number == errno.EINVAL:
        return BadOption(f"{name}: this format cannot hold such audio ({reason(error)}). Choose .wav or .flac.")
    return OutputError(f"{name}: cannot be written ({reason(error)}). Choose another folder or format.")
