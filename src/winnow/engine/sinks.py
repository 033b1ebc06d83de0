"""Where the stems of one recording go: one file, two files, or tracks beside the picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from winnow.aside import part_of
from winnow.engine import naming
from winnow.engine.jobs import PIPE, Job
from winnow.errors import BadInput, OutputError
from winnow.media import NewTrack, Remuxer, Writer

if TYPE_CHECKING:
    from winnow.audio import Samples
    from winnow.media import MediaInfo, Reader

Stems = dict[str, "Samples"]


@dataclass(frozen=True)
class Sink:
    """Takes the stems of block after block. notes: what could not be taken along, known when the outputs are closed."""

    write: Callable[[Stems], None]
    notes: list[str]


BITS = (8, 16, 24, 32)
SPLIT_BITS = 24
FLOAT_BITS = 32  # samples that may exceed full scale


def open_sink(job: Job, info: MediaInfo | None, reader: Reader, missing: Sequence[str], stack: ExitStack) -> Sink:
    """Open the outputs that are missing; they are closed by the stack, and removed by it after an error.

    info: None for standard input. Raises BadInput where the task cannot be done on this recording.
    """
    if job.task == "into-video" and (info is None or not info.has_picture):
        raise BadInput(f"{job.source}: no picture, so there is no video to put the parts into; leave out --into-video")
    for path in missing:
        make_folder(path)
    if not missing:
        return Sink(lambda stems: None, [])
    if job.task in naming.APART:
        return _split_sink(job, reader, missing, stack)
    if job.task == "into-video":
        return _remux_sink(job, {"speech": NewTrack("Speech"), "background": NewTrack("Background")}, stack)
    path = job.outputs[0]
    if info is not None and _is_remuxed(info, path):
        return _remux_sink(job, {job.kept: NewTrack(info.audio[job.track].title)}, stack)
    writer = stack.enter_context(_writer(path, reader, _bits(path, reader.track.bits, 8)))
    return Sink(lambda stems: writer.write(stems[job.kept]), [])


def make_folder(path: str) -> None:
    """The folder that a file shall lie in, made where it is missing. Raises OutputError, also where the file is a folder."""
    folder = os.path.dirname(path) if path != PIPE else ""
    if os.path.isdir(path):
        raise OutputError(f"{path} is a folder; move it away or choose another -o")
    if folder:
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise OutputError(f"the folder {folder} cannot be made ({error.strerror}); choose another -o") from error


def sweep(job: Job, process: int) -> None:
    """Remove half-written outputs of a process that was stopped, should any be left."""
    for path in (*job.outputs, *(path for _, path in job.papers)):
        if path != PIPE:
            with suppress(OSError):
                os.remove(part_of(path, process))


def _is_remuxed(info: MediaInfo, path: str) -> bool:
    """Whether there is more to keep than one track of sound and its tags, and the output is meant to hold it.

    A sound format asked for in place of a film (`talk.mp4 -o talk.mp3`) means the sound alone.
    """
    suffix = naming.suffix_of(path)
    more = info.video or info.subtitles or info.chapters or len(info.audio) > 1
    return bool(more) and (suffix in naming.VIDEO or (suffix == naming.suffix_of(info.path) and not info.has_picture))


def _writer(path: str, reader: Reader, bits: int | None) -> Writer:
    return Writer(path, reader.rate, reader.channels, layout=reader.layout, tags=reader.tags, bits=bits)


def _bits(path: str, bits: int | None, at_least: int) -> int | None:
    """Bits of a sample, as many as the input has; None (the format's own) where the output is lossy."""
    if naming.suffix_of(path) not in naming.LOSSLESS and path != PIPE:
        return None
    standard = next((size for size in BITS if size >= max(bits or 16, at_least)), FLOAT_BITS)
    return min(standard, 24) if naming.suffix_of(path) == ".flac" else standard


def _split_sink(job: Job, reader: Reader, missing: Sequence[str], stack: ExitStack) -> Sink:
    bits = _bits(job.outputs[0], reader.track.bits, SPLIT_BITS)
    writers = {
        stem: stack.enter_context(_writer(path, reader, bits))
        for stem, path in zip(job.stems, job.outputs, strict=True)
        if path in missing
    }
    limited = bits != FLOAT_BITS

    def write(stems: Stems) -> None:
        parts = _within_full_scale(stems) if limited else stems
        for stem, writer in writers.items():
            writer.write(parts[stem])

    return Sink(write, [])


def _within_full_scale(stems: Stems) -> Stems:
    """All parts in [-1, 1] with their sum unchanged: integer samples would clip, and the sum would be lost.

    What one part cannot hold goes to the next, and round once more. The sum is lost where the original is beyond what all hold.
    """
    parts = dict(stems)
    left = np.zeros_like(next(iter(parts.values())))
    for name in (*parts, *parts):
        wanted = parts[name] + left
        parts[name] = np.clip(wanted, -1, 1)
        left = wanted - parts[name]
    return parts


def _remux_sink(job: Job, tracks: dict[str, NewTrack], stack: ExitStack) -> Sink:
    """The recording with a new track for each stem: in place of its own when it is one, after it when they are two."""
    several = len(tracks) > 1
    remuxer = stack.enter_context(
        Remuxer(job.source, job.outputs[0], list(tracks.values()), track=job.track, keep_original=several)
    )

    def write(stems: Stems) -> None:
        for index, stem in enumerate(tracks):
            remuxer.write(index, stems[stem])

    return Sink(write, remuxer.notes)
