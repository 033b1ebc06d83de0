"""Streaming encoder: blocks of float32 into a file that appears when it is complete."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from winnow.audio import Audio, Samples
from winnow.errors import BadOption
from winnow.media.encode import AudioEncoder, make_plan
from winnow.media.formats import MOV_MUXERS, Format, choose_encoder, choose_format
from winnow.media.held import Held
from winnow.media.sink import Sink, output_error
from winnow.media.source import Path

if TYPE_CHECKING:
    from av.container import OutputContainer

# What describes the file itself and not the recording; the muxer writes its own.
_OWN_TAGS = frozenset({"encoder", "encoded_by", "major_brand", "minor_version", "compatible_brands", "duration"})


class Writer:
    """Writes one audio track; the format follows the suffix of `path`, or `format`; "-" is standard output (WAV).

    rate: hertz, channels: of the blocks. layout: FFmpeg's name ("stereo", "5.1"), default by the channel count. codec:
    "pcm", "flac", "aac", "mp3", "opus" ... bits: 8, 16, 24, or 32 for floating point; default 16. bit_rate: bits per
    second. tags: title, artist ... Where a codec does not take the rate, the next one that it takes is used (`rate`
    tells which); the length is kept.
    Leave the `with` block without an exception and the file is there; otherwise nothing is.
    Raises BadOption for what the format cannot hold, OutputError for what the disk cannot.
    """

    def __init__(
        self,
        path: Path,
        rate: int,
        channels: int,
        *,
        layout: str | None = None,
        format: str | None = None,
        codec: str | None = None,
        bits: int | None = None,
        bit_rate: int | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        chosen = choose_format(path, format)
        plan = make_plan(
            choose_encoder(chosen, codec, bits), rate, channels, layout=layout, bits=bits, bit_rate=bit_rate
        )
        self.rate = plan.rate
        self._done = False
        self._sink = Sink(path)
        try:
            self._container = open_output(self._sink, chosen, plan.rate)
            self._container.metadata.update(kept_tags(tags or {}))
            self._encoder = AudioEncoder(self._container, plan, rate, channels)
        except BaseException as error:
            raise self._failed(error) from error

    @property
    def clipped(self) -> int:
        """Samples beyond full scale that were limited to it."""
        return self._encoder.clipped

    def write(self, block: Samples) -> None:
        """Append a block `(channels, time)` float32; `(time,)` will do for one channel."""
        try:
            with Held():
                for packet in self._encoder.encode(block):
                    self._container.mux(packet)
        except BaseException as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Write the rest and give the file its name."""
        if self._done:
            return
        try:
            with Held():
                for packet in self._encoder.flush():
                    self._container.mux(packet)
                self._container.start_encoding()  # writes the header where not one sample came
                self._container.close()
            self._sink.commit()
            self._done = True
        except BaseException as error:
            raise self._failed(error) from error

    def discard(self) -> None:
        """Give up: remove what was written."""
        self._done = True
        self._sink.discard()

    def _failed(self, error: BaseException) -> BaseException:
        """Clean up, and the error to raise."""
        self.discard()
        return as_winnow_error(self._sink.name, error)

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


def write(path: Path, audio: Audio, **options: Any) -> None:
    """Write a whole recording; options as in `Writer`."""
    with Writer(path, audio.rate, audio.channels, **options) as writer:
        writer.write(audio.samples)


def open_output(sink: Sink, form: Format, rate: int) -> OutputContainer:
    """A PyAV container that writes to `sink`. rate: the audio's, hertz."""
    import av

    # Packets come in order already; waiting 10 s (the default) for the next subtitle would hold that much picture.
    options = {"max_interleave_delta": "1000000"}
    if form.muxer == "wav":
        options["rf64"] = "auto"  # a plain WAV ends at 4 GB
    if form.muxer == "aiff":
        options["write_id3v2"] = "1"  # else no tags
    if form.muxer in MOV_MUXERS:
        # Lengths are told in this unit; its default of 1 ms would cut or add some samples.
        options["movie_timescale"] = str(rate)
    if form.brand:
        options["brand"] = form.brand
    return av.open(sink.handle, "w", format=form.muxer, container_options=options, buffer_size=1 << 16)


def kept_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that describe the recording."""
    return {key: value for key, value in tags.items() if key.lower() not in _OWN_TAGS}


def as_winnow_error(name: str, error: BaseException) -> BaseException:
    """System and FFmpeg errors as OutputError or BadOption, everything else (Ctrl-C too) as it is."""
    import av

    if isinstance(error, (av.FFmpegError, OSError)) and not isinstance(error, BadOption):
        return output_error(name, error)
    return error
