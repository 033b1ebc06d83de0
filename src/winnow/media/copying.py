"""Streams copied packet by packet: picture, subtitles, other sound, attachments; nothing is decoded."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from winnow.media.formats import MOV_MUXERS, Format, choose_encoder
from winnow.media.held import Held
from winnow.media.source import Source

if TYPE_CHECKING:
    from av.container import OutputContainer

# Broadcast clocks start anywhere; what counts is the difference between the tracks. All others start at 0 on purpose.
_FREE_CLOCKS = frozenset({"mpegts", "mpeg", "mpegtsraw", "dvd", "vob"})


def clock_start(source: Source) -> Fraction:
    """Seconds to subtract from every timestamp of the source."""
    if source.container.format.name not in _FREE_CLOCKS:
        return Fraction(0)
    return Fraction(source.container.start_time or 0, 1_000_000)


def copy_stream(container: OutputContainer, stream: Any, tag: str | None) -> Any:
    """A stream of `container` for packets of `stream`, with its tags, language and dispositions."""
    copy: Any = container.add_stream_from_template(stream, opaque=True)
    if tag is not None:
        copy.codec_context.codec_tag = tag
    copy.metadata.update({key: value for key, value in stream.metadata.items() if key not in ("encoder", "DURATION")})
    if "name" in stream.metadata and "title" not in stream.metadata:
        copy.metadata["title"] = stream.metadata[
            "name"
        ]  # what FFmpeg reads from an MP4 as name it writes from the title
    copy.disposition = stream.disposition
    return copy


def can_copy(form: Format, stream: Any, tag: str | None) -> bool:
    """Whether a container holds such a stream: tried on a file in memory, since FFmpeg offers no other way to ask."""
    import av

    try:
        with av.open(io.BytesIO(), "w", format=form.muxer) as trial:
            if stream.type != "audio":  # an MP3 has room for a cover only beside sound
                trial.add_stream(choose_encoder(form, None, None), rate=48000, bit_rate=128_000)
            copy_stream(trial, stream, tag)
            trial.start_encoding()
    except (av.FFmpegError, ValueError, TypeError, AttributeError):
        return False
    return True


def kept_tag(form: Format, source: Source, stream: Any) -> str | None:
    """The codec's four letters when they are to be kept: Apple's players take HEVC as `hvc1` and not as `hev1`."""
    names = source.container.format.name.split(",")
    family = form.muxer in names or ("mov" in names and form.muxer in MOV_MUXERS)
    if not family or stream.codec_context is None or stream.type != "video":
        return None
    tag = stream.codec_context.codec_tag
    usable = len(tag) == 4 and tag.isprintable() and tag.strip()
    return tag if usable and can_copy(form, stream, tag) else None


def is_chapter_track(source: Source, stream: Any) -> bool:
    """Whether the stream holds the titles of an MP4's chapters, which the muxer writes anew from the chapters."""
    return stream.type == "data" and getattr(stream, "name", None) == "bin_data" and bool(source.container.chapters())


def describe_stream(stream: Any) -> str:
    """A stream in a message: "subtitle track 3 (dvd_subtitle)"."""
    context = stream.codec_context
    codec = context.name if context is not None else getattr(stream, "name", None) or "unknown"
    return f"{stream.type} track {stream.index} ({codec})"


class PacketCopier:
    """Copies packets of some streams in the order of the file, as far as asked, so that no film waits in memory."""

    def __init__(self, source: Source, container: OutputContainer, pairs: Sequence[tuple[Any, Any]]) -> None:
        self.cut_off = False
        self._source, self._container = source, container
        self._to = {before.index: after for before, after in pairs}
        self._streams = [before for before, _ in pairs]
        self._shift = clock_start(source)
        self._offsets: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._packets = self._read()
        self._next: tuple[float, Any] | None = None

    def advance(self, seconds: float | None) -> None:
        """Copy every packet that is decoded before this time, all of them for None."""
        while True:
            if self._next is None:
                self._next = next(self._packets, None)
            if self._next is None or (seconds is not None and self._next[0] > seconds):
                return
            packet, self._next = self._next[1], None
            with Held():
                self._container.mux(packet)

    def _read(self) -> Iterator[tuple[float, Any]]:
        import av

        time = float("-inf")
        if not self._streams:
            return
        try:
            for packet in self._source.container.demux(self._streams):
                if packet.size or packet.dts is not None:  # the demuxer ends each stream with an empty packet
                    self._prepare(packet)
                    time = self._time(packet, time)
                    yield time, packet
        except (av.FFmpegError, OSError):
            self.cut_off = True

    def _prepare(self, packet: Any) -> None:
        index = packet.stream.index
        offset = self._offsets.get(index)
        if offset is None:
            offset = self._offsets[index] = round(self._shift / packet.time_base) if packet.time_base else 0
        if packet.pts is not None:
            packet.pts -= offset
        if packet.dts is not None:
            packet.dts -= offset
            self._keep_order(packet, index)
        packet.stream = self._to[index]

    def _keep_order(self, packet: Any, index: int) -> None:
        # Joined and damaged recordings step back; muxers refuse to.
        last = self._last.get(index)
        if last is not None and packet.dts < last:
            packet.dts = last + 1
            packet.pts = packet.dts if packet.pts is None else max(packet.pts, packet.dts)
        self._last[index] = packet.dts

    def _time(self, packet: Any, before: float) -> float:
        stamp = packet.dts if packet.dts is not None else packet.pts
        return before if stamp is None else float(stamp * packet.time_base)
