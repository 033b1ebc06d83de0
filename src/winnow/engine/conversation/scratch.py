"""The stems of a recording on disk, between the two passes over it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import numpy as np
import numpy.typing as npt

from winnow.engine.conversation.voices import Stems
from winnow.errors import OutputError
from winnow.media.sink import translated

LARGEST = float(np.finfo(np.float16).max)


class Scratch:
    """Stems `(streams, channels, time)` in a file without a name, which the system removes whatever happens to the process.

    In half precision: what is lost is 66 dB below each sample, so that quiet recordings lose no more than loud ones.
    folder: where there is room, None: the system's folder for temporary files. Raises OutputError where the disk is full.
    """

    def __init__(self, streams: int, channels: int, folder: str | os.PathLike[str] | None = None) -> None:
        self._shape = streams, channels
        self._folder = os.fspath(folder) if folder else tempfile.gettempdir()
        self._name = f"a temporary file in {self._folder}"
        with self._errors():
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed by __exit__)
        self.samples = 0

    def expect(self, samples: int) -> None:
        """Raises OutputError where there is no room for so many samples, so that nobody waits for a disk to be full."""
        streams, channels = self._shape
        needed, free = 2 * streams * channels * samples, shutil.disk_usage(self._folder).free
        if needed > free:
            raise OutputError(
                f"{self._folder}: {needed / 1e6:,.0f} MB are needed for a temporary file, and {free / 1e6:,.0f} MB are free. "
                "Free some space, or choose another folder."
            )

    def append(self, stems: Stems) -> None:
        """Write what comes next."""
        kept = np.clip(stems.transpose(2, 0, 1), -LARGEST, LARGEST).astype(np.float16)
        with self._errors():
            self._file.write(kept.tobytes())
        self.samples += len(kept)

    def read(self, begin: int, end: int) -> Stems:
        """The samples from `begin` to before `end`; as many as there are."""
        streams, channels = self._shape
        each = streams * channels
        with self._errors():
            self._file.seek(2 * each * begin)
            data = self._file.read(2 * each * (end - begin))
        found: npt.NDArray[np.float16] = np.frombuffer(data, np.float16)
        return np.ascontiguousarray(found.reshape(-1, streams, channels).transpose(1, 2, 0), np.float32)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with translated(self._name):
            yield

    def __enter__(self) -> Scratch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
