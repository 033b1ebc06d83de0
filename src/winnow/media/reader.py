"""Streaming decoder: any recording as float32 blocks on an unbroken timeline, in constant memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.audio import Audio, Samples
from winnow.errors import NoAudio
from winnow.media.frames import Converter, layout_name
from winnow.media.info import AudioTrack, audio_track, file_tags, pick_audio
from winnow.media.source import Path, Source
from winnow.media.timeline import Timeline

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

_MAX_ERRORS_IN_A_ROW = 200
_MAX_BLOCK = 1 << 22  # values in a block, 16 MB


class Reader:
    """One audio track as float32 blocks `(channels, time)` of about a second. Iterate once, inside `with`.

    rate, channels, layout: of the blocks, which never change, whatever the file does. samples: expected per channel, or
    None. track: the AudioTrack. tags: of the file. start: seconds of the first sample after the start of the file.
    origin: the same on the file's own clock, as an exact fraction. While reading: `read` counts samples given out,
    `repaired` counts NaN and Inf samples that were replaced by 0, `damaged` counts packets that could not be decoded
    (silence stands in their place), and `warning` tells in one line that the file is damaged or ends early, else None.
    """

    def __init__(self, path: Path, track: int = 0) -> None:
        self._source = Source(path)
        try:
            self._stream = pick_audio(self._source, track)
            self.track: AudioTrack = audio_track(self._source.container, track)
            self.tags: dict[str, str] = file_tags(self._source.container)
            self.damaged = self.repaired = self.read = 0
            self._cut_off = False
            self._prepare()
        except BaseException:
            self._source.close()
            raise

    def _prepare(self) -> None:
        _ignore_others(self._source.container.streams, self._stream)
        self._stream.codec_context.thread_count = (
            1  # audio decoders gain nothing, and processes already share the cores
        )
        self._frames = self._decode()
        first = next(self._frames, None)
        if first is None:
            raise (
                self._source.explain()
                if self.damaged
                else NoAudio(f"{self._source.name}: this file holds no samples. Give a recording that is not empty.")
            )
        second = next(self._frames, first)
        if second is not first:
            self._frames = itertools.chain([second], self._frames)
        # Frames and not the header tell rate and layout: HE-AAC plays at twice the rate of its header. The second one,
        # since FFmpeg labels the first frame of an MP3 by what it last saw while it looked for the format.
        self._first, self._convert = first, Converter(second)
        self.rate, self.channels, self.layout = self._convert.rate, self._convert.channels, layout_name(second.layout)
        # A second at most; a header may claim any rate and 500 channels.
        self._size = max(1, min(self.rate, _MAX_BLOCK // self.channels))
        base = first.time_base or Fraction(1, self.rate)
        self.origin = _first_time(first, second, base)
        self.start = float(self.origin) - (self._source.container.start_time or 0) / 1e6
        self.samples = self._expected()
        self._timeline = Timeline(self.rate, first.pts or 0, base, _end(self._source, self._stream))

    def _expected(self) -> int | None:
        if self.track.samples is not None:
            return round(self.track.samples * self.rate / self.track.rate) if self.track.rate else None
        duration = self._source.container.duration
        seconds = duration / 1e6 - self.start if duration else 0
        return round(seconds * self.rate) if seconds > 0 else None

    @property
    def warning(self) -> str | None:
        """One line about damage found so far, or None."""
        if self._cut_off:  # the packet at the cut counts as damaged, but nothing stands in its place
            return f"{self._source.name}: the file is cut off, its first {self.read / self.rate:.1f} s could be read"
        if self.damaged:
            what = "1 damaged packet, silence stands in its" if self.damaged == 1 else None
            return f"{self._source.name}: {what or f'{self.damaged} damaged packets, silence stands in their'} place"
        return None

    def _packets(self) -> Iterator[Any]:
        """Packets of the track; a read error that does not repeat itself is skipped."""
        import av

        errors = 0
        while errors < _MAX_ERRORS_IN_A_ROW:
            packets = iter(self._source.container.demux(self._stream))
            try:
                while (packet := self._next_of(packets)) is not None:
                    errors = 0
                    yield packet
                return
            except (av.InvalidDataError, av.PatchWelcomeError):
                errors += 1
                self.damaged += 1
            except (av.FFmpegError, OSError):
                self._cut_off = True
                return

    def _next_of(self, packets: Iterator[Any]) -> Any:
        with self._source.waiting:
            return next(packets, None)

    def _decode(self) -> Iterator[Any]:
        import av

        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.EOFError:
                continue  # a second flush after a read error
            except (av.FFmpegError, ValueError):
                self.damaged += 1
                if hasattr(self, "_timeline"):
                    self._timeline.strict = True
                continue
            yield from (frame for frame in frames if frame.samples and frame.format is not None)

    def _pieces(self) -> Iterator[Samples]:
        frame = self._first
        while frame is not None:
            skip, gap = self._timeline.place(frame)
            yield from self._silence(gap)
            for piece in self._convert.convert(frame):
                yield from self._timeline.take(piece[:, skip:])
                skip = 0
            frame = next(self._frames, None)
        for piece in self._convert.flush():
            yield from self._timeline.take(piece)
        yield from self._timeline.rest()

    def _silence(self, count: int) -> Iterator[Samples]:
        for begin in range(0, count, self._size):
            yield from self._timeline.take(np.zeros((self.channels, min(self._size, count - begin)), np.float32))

    def __iter__(self) -> Iterator[Samples]:
        for block in _regroup(self._pieces(), self.channels, self._size):
            self.repaired += _repair(block)
            self.read += block.shape[1]
            yield block
        self._cut_off = self._cut_off or self._ends_early()

    def _ends_early(self) -> bool:
        if self._source.cut_short():
            return True
        exact = {"wav", "w64", "flac", "aiff", "caf", "au", "mov", "matroska"}
        known = exact & set(self._source.container.format.name.split(",")) or self._source.counts_its_frames()
        told = self.samples if known else None
        return told is not None and told - self.read > self.rate // 10 and self._source.seekable

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def open_reader(path: Path, track: int = 0) -> Reader:
    """A Reader of audio track number `track` of a file, or of standard input for "-".

    Raises InputNotFound, BadInput, NoAudio (nothing to decode, no samples) or BadOption (no such track).
    """
    return Reader(path, track)


def read(path: Path, track: int = 0) -> Audio:
    """A whole audio track in memory, errors as `open_reader`. NaN and Inf samples read as 0."""
    with open_reader(path, track) as reader:
        blocks = list(reader)
    if not blocks:
        raise NoAudio(f"{path}: this file holds no samples. Give a recording that is not empty.")
    return Audio(np.concatenate(blocks, axis=1), reader.rate)


def _ignore_others(streams: Iterable[Any], chosen: AudioStream) -> None:
    # The demuxer then does not even read the picture of an MP4 from the disk.
    import av.stream

    discard: Any = getattr(av.stream, "Discard", None)  # PyAV 15 and older have none
    for stream in streams if discard is not None else ():
        if stream.index != chosen.index:
            stream.discard = discard.all


def _first_time(first: Any, second: Any, base: Fraction) -> Fraction:
    """Time of the first sample. Matroska rounds the codec's delay and the timestamp, up to 1 ms late together."""
    time: Fraction = (first.pts or 0) * base
    if first.samples == second.samples or second.pts is None:
        return time
    backwards = second.pts * base - Fraction(first.samples, first.sample_rate)
    return min(time, backwards) if abs(backwards - time) < 2 * base else time


def _end(source: Source, stream: AudioStream) -> int | None:
    """Timestamp at which the track ends, if the container knows better than the decoder: only MP4 does."""
    if "mov" not in source.container.format.name.split(",") or not stream.duration:
        return None
    return (stream.start_time or 0) + stream.duration


def _regroup(pieces: Iterable[Samples], channels: int, size: int) -> Iterator[Samples]:
    """Blocks of exactly `size` samples (the last one shorter), each a fresh array."""
    block, filled = np.empty((channels, size), np.float32), 0
    for piece in pieces:
        begin = 0
        while begin < piece.shape[1]:
            count = min(size - filled, piece.shape[1] - begin)
            block[:, filled : filled + count] = piece[:, begin : begin + count]
            filled, begin = filled + count, begin + count
            if filled == size:
                yield block
                block, filled = np.empty((channels, size), np.float32), 0
    if filled:
        yield block[:, :filled].copy()


def _repair(block: Samples) -> int:
    """Put 0 in place of NaN and Inf; how many there were."""
    # Two quick passes first: a NaN wins every minimum, an Inf one of the two.
    if np.isfinite(block.min()) and np.isfinite(block.max()):
        return 0
    bad = ~np.isfinite(block)
    block[bad] = 0
    return int(np.count_nonzero(bad))
