"""New sound into a recording whose picture, subtitles, chapters and other tracks stay as they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from winnow.audio import Samples
from winnow.errors import BadOption, NoAudio, OutputIsInput
from winnow.media import copying, formats
from winnow.media.encode import AudioEncoder, Plan, make_plan
from winnow.media.held import Held
from winnow.media.info import AudioTrack, is_cover, pick_audio, track_title
from winnow.media.reader import Reader
from winnow.media.sink import Sink
from winnow.media.source import Path, Source, is_stream
from winnow.media.writer import as_winnow_error, kept_tags, open_output

if TYPE_CHECKING:
    from av.container import OutputContainer


@dataclass(frozen=True)
class NewTrack:
    """One audio track to add. title: shown by players, None keeps that of the track it replaces.

    language: three letters, None takes that of the source track. codec: "aac", "flac", "pcm" ..., None takes that of
    the source track where the container and an encoder allow it. bits: for lossless codecs. bit_rate: bits per second,
    None takes that of the source track, and never less than the codec needs for good sound.
    """

    title: str | None = None
    language: str | None = None
    codec: str | None = None
    bits: int | None = None
    bit_rate: int | None = None


class Remuxer:
    """Copies `source` to `dest` with new audio; blocks have the rate and channels of the source's audio track `track`.

    keep_original=False: the new tracks stand in place of that track and take its title, language and disposition.
    keep_original=True: they follow it, and it stays the default. All other streams are copied packet by packet while
    the new audio is written, in constant memory. `rate` and `channels` are those of the blocks, `notes` says in a line
    each what could not be taken along. `dest` appears when the `with` block ends without an exception.
    Raises the errors of `open_reader` and `Writer`, OutputIsInput, and BadOption where the picture does not fit.
    """

    def __init__(
        self, source: Path, dest: Path, tracks: Sequence[NewTrack], *, track: int = 0, keep_original: bool = False
    ) -> None:
        _check(source, dest, tracks)
        with Reader(source, track) as reader:
            self.rate, self.channels, self._layout = reader.rate, reader.channels, reader.layout
            self.track, self._origin = reader.track, reader.origin
        self.notes: list[str] = []
        self._format = formats.choose_format(dest, None)
        self._done = False
        self._sink: Sink | None = None
        self._source = Source(source)
        try:
            plans = [self._plan(new) for new in tracks]
            self._sink = Sink(dest)
            self._container = open_output(self._sink, self._format, plans[0].rate)
            self._build(tracks, plans, pick_audio(self._source, track), keep_original)
        except BaseException as error:
            raise self._failed(error) from error

    def _plan(self, new: NewTrack) -> Plan:
        encoder = choose_track_encoder(self._format, new, self.track)
        bit_rate = new.bit_rate
        if bit_rate is None and _same_codec(encoder, self.track.codec):
            usual = formats.default_bit_rate(encoder, self.rate, self.channels)
            bit_rate = usual and max(usual, self.track.bit_rate or 0)
        bits = new.bits or self.track.bits
        if encoder.startswith("pcm") or formats.default_bit_rate(encoder, self.rate, self.channels):
            bits = new.bits
        elif bits == 32 or (bits or 16) not in (16, 24):
            bits = 24
        return make_plan(encoder, self.rate, self.channels, layout=self._layout, bits=bits, bit_rate=bit_rate)

    def _build(self, tracks: Sequence[NewTrack], plans: Sequence[Plan], chosen: Any, keep: bool) -> None:
        start = self._origin - copying.clock_start(self._source)
        pairs: list[tuple[Any, Any]] = []
        self._encoders: list[AudioEncoder] = []
        for stream in self._source.container.streams:
            if stream.index != chosen.index or keep:
                pairs.extend(self._copy(stream))
            if stream.index == chosen.index:
                for new, plan in zip(tracks, plans, strict=True):
                    encoder = AudioEncoder(self._container, plan, self.rate, self.channels, start)
                    self._encoders.append(encoder)
                    self._label(encoder.stream, new, chosen, first=len(self._encoders) == 1 and not keep)
        if keep and pairs:
            _keep_default(pairs, chosen)
        self._container.metadata.update(kept_tags(self._source.container.metadata))
        self._copy_chapters()
        self._copier = copying.PacketCopier(self._source, self._container, pairs)

    def _copy(self, stream: Any) -> list[tuple[Any, Any]]:
        if copying.is_chapter_track(self._source, stream):
            return []
        tag = copying.kept_tag(self._format, self._source, stream)
        if not copying.can_copy(self._format, stream, tag):
            what = copying.describe_stream(stream)
            if stream.type == "video" and not is_cover(stream):
                raise BadOption(f"the picture, {what}, does not fit into {self._format.muxer}. Name the output .mkv.")
            self.notes.append(f"{what} does not fit into {self._format.muxer} and was left out")
            return []
        return [(stream, copying.copy_stream(self._container, stream, tag))]

    def _label(self, stream: Any, new: NewTrack, chosen: Any, first: bool) -> None:
        title = new.title or (track_title(chosen.metadata) if first else None)
        language = new.language or chosen.metadata.get("language")
        if title:
            # MP4 players show the handler's name, all others the title.
            stream.metadata.update({"title": title, "handler_name": title})
        if language:
            stream.metadata["language"] = language
        stream.disposition = int(chosen.disposition) if first else 0

    def _copy_chapters(self) -> None:
        shift = copying.clock_start(self._source)
        chapters = self._source.container.chapters()
        for chapter in chapters:
            offset = round(shift / (chapter["time_base"] or 1))
            chapter["start"], chapter["end"] = chapter["start"] - offset, chapter["end"] - offset
        if chapters:
            self._container.set_chapters(chapters)

    @property
    def clipped(self) -> int:
        """Samples beyond full scale that an integer codec had to limit."""
        return sum(encoder.clipped for encoder in self._encoders)

    def write(self, index: int, block: Samples) -> None:
        """Append a block `(channels, time)` to new track number `index`."""
        try:
            self._mux(self._encoders[index].encode(block))
            self._copier.advance(min(encoder.seconds for encoder in self._encoders))
        except BaseException as error:
            raise self._failed(error) from error

    def _mux(self, packets: Any) -> None:
        for packet in packets:
            # The picture up to here first: the muxer then finds both in order and need not hold either.
            self._copier.advance(float(packet.pts * packet.time_base))
            with Held():
                self._container.mux(packet)

    def close(self) -> None:
        """Write the rest and give the file its name."""
        if self._done:
            return
        try:
            for encoder in self._encoders:
                self._mux(encoder.flush())
            self._copier.advance(None)
            if self._copier.cut_off:
                self.notes.append("the source is cut off, its packets were copied up to there")
            self._finish(self._container)
        except BaseException as error:
            raise self._failed(error) from error

    def _finish(self, container: OutputContainer) -> None:
        with Held():
            container.start_encoding()
            container.close()
        self._source.close()
        if self._sink is not None:
            self._sink.commit()
        self._done = True

    def discard(self) -> None:
        """Give up: remove what was written."""
        self._done = True
        if self._sink is not None:
            self._sink.discard()
        self._source.close()

    def _failed(self, error: BaseException) -> BaseException:
        self.discard()
        return as_winnow_error(self._sink.name if self._sink else self._source.name, error)

    def __enter__(self) -> Remuxer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def choose_track_encoder(form: formats.Format, new: NewTrack, source: AudioTrack) -> str:
    """The encoder of a new track: the wished codec, else the source's own, else the container's usual one."""
    if new.codec is not None:
        return formats.choose_encoder(form, new.codec, new.bits)
    own = formats.ENCODERS.get(source.codec, source.codec)
    # MP2's encoder keeps its last 481 samples to itself, which only a container that counts frames makes up for.
    if (own != "mp2" or form.muxer == "mpegts") and formats.can_encode(form.muxer, own):
        return own
    for codec in (*form.codecs, "libopus", "flac", "aac", "pcm_s16le"):
        if codec != "pcm" and formats.can_encode(form.muxer, codec):
            return codec
    return formats.choose_encoder(form, None, new.bits)


def _same_codec(encoder: str, codec: str) -> bool:
    return formats.ENCODERS.get(codec, codec) == encoder


def _keep_default(pairs: list[tuple[Any, Any]], chosen: Any) -> None:
    """Some audio track is the default one: the first, when the source names none."""
    from av.stream import Disposition

    copies = [(before, after) for before, after in pairs if before.type == "audio"]
    if copies and not any(before.disposition & Disposition.default for before, _ in copies):
        copies[0][1].disposition = int(copies[0][0].disposition | Disposition.default)
    for before, after in copies:
        if before.index == chosen.index and track_title(after.metadata) is None:
            after.metadata.update({"title": "Original", "handler_name": "Original"})


def _check(source: Path, dest: Path, tracks: Sequence[NewTrack]) -> None:
    if is_stream(source) or is_stream(dest):
        raise BadOption("a video is read and written as a file, not through a pipe. Give two file names.")
    if not tracks:
        raise NoAudio("no new track was given. Give one NewTrack at least.")
    if os.path.exists(source) and os.path.exists(dest) and os.path.samefile(source, dest):
        raise OutputIsInput(f"{os.fspath(dest)}: this is the input itself. Give the output another name.")
