"""What a file holds, told from its headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from winnow.errors import BadOption, NoAudio
from winnow.media.frames import layout_name
from winnow.media.source import ADVICE, Path, Source, what_it_is

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

_LOSSLESS = frozenset({"wavpack", "tta", "ape", "tak", "mlp", "truehd", "shorten"})


@dataclass(frozen=True)
class AudioTrack:
    """One audio track. `index` counts audio tracks from 0.

    rate: hertz. start: seconds after the start of the file. samples: per channel, None when the header does not tell.
    bits: of a lossless sample, 32 for float32, None for a lossy codec. bit_rate: bits per second, None when unknown.
    """

    index: int
    codec: str
    rate: int
    channels: int
    layout: str
    language: str | None
    title: str | None
    start: float
    samples: int | None
    bits: int | None
    bit_rate: int | None


@dataclass(frozen=True)
class VideoTrack:
    """One video track. rate: frames per second on average, None when unknown. cover: a still picture, as in an MP3."""

    index: int
    codec: str
    width: int
    height: int
    rate: float | None
    cover: bool


@dataclass(frozen=True)
class MediaInfo:
    """What a file holds. seconds: its length, None when the header does not tell (a pipe)."""

    path: str
    container: str
    seconds: float | None
    audio: tuple[AudioTrack, ...]
    video: tuple[VideoTrack, ...]
    subtitles: int
    chapters: int
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def has_picture(self) -> bool:
        """Whether there is a moving picture; the cover of an album is none."""
        return any(not track.cover for track in self.video)


def probe(path: Path) -> MediaInfo:
    """What the file holds. Raises InputNotFound, BadInput or NoAudio (no recording); a silent film is no error."""
    with Source(path) as source:
        info = describe(source)
        if not info.audio and not info.has_picture:
            raise no_audio(source)
        return info


def describe(source: Source) -> MediaInfo:
    """`MediaInfo` of an opened source."""
    container = source.container
    streams = container.streams
    return MediaInfo(
        path=source.name,
        container=container.format.name,
        seconds=container.duration / 1e6 if container.duration and container.duration > 0 else None,
        audio=tuple(audio_track(container, k) for k in range(len(streams.audio))),
        video=tuple(_video_track(k, stream) for k, stream in enumerate(streams.video)),
        subtitles=len(streams.subtitles),
        chapters=len(container.chapters()),
        tags=file_tags(container),
    )


def audio_track(container: InputContainer, index: int) -> AudioTrack:
    """Describe audio track number `index`."""
    stream = container.streams.audio[index]
    context: Any = stream.codec_context
    known = context is not None
    return AudioTrack(
        index=index,
        codec=context.codec.canonical_name if known else "unknown",
        rate=context.sample_rate if known else 0,
        channels=context.layout.nb_channels if known else 0,
        layout=layout_name(context.layout) if known else "",
        language=stream.metadata.get("language"),
        title=track_title(stream.metadata),
        start=_start(container, stream),
        samples=_samples(container, stream) if known else None,
        bits=_bits(context) if known else None,
        bit_rate=(context.bit_rate or None) if known else None,
    )


def track_title(tags: Mapping[str, str]) -> str | None:
    """A track's name: MP4 has it as `name`, or as the name of its handler, which is mostly a word of the program's."""
    handler = tags.get("handler_name", "").strip()
    usual = not handler or "handler" in handler.lower() or not handler.isprintable()
    return tags.get("title") or tags.get("name") or (None if usual else handler)


def file_tags(container: InputContainer) -> dict[str, str]:
    """The tags of a recording: title, artist ... Ogg keeps them with the track."""
    streams = container.streams.audio
    inner = dict(streams[0].metadata) if streams and container.format.name == "ogg" else {}
    return {**inner, **container.metadata}


def pick_audio(source: Source, track: int) -> AudioStream:
    """Audio stream number `track`. Raises NoAudio when there is none at all, BadOption when there are fewer."""
    streams = source.container.streams.audio
    if not streams:
        raise no_audio(source)
    if not 0 <= track < len(streams):
        raise BadOption(
            f"{source.name}: no audio track {track}, the file has "
            f"{'only track 0' if len(streams) == 1 else f'tracks 0 to {len(streams) - 1}'}. "
            "`winnow info FILE` lists them."
        )
    if streams[track].codec_context is None:
        raise NoAudio(f"{source.name}: the codec of audio track {track} is not supported. Convert the recording first.")
    return streams[track]


def no_audio(source: Source) -> NoAudio:
    """The error for a file without an audio track."""
    reason = what_it_is(source.head)
    if reason is None:
        moving = any(not is_cover(stream) for stream in source.container.streams.video)
        reason = "this video has no sound" if moving else "it holds no audio track"
    return NoAudio(f"{source.name}: no audio in this file ({reason}). {ADVICE}")


def _start(container: InputContainer, stream: AudioStream) -> float:
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base) - (container.start_time or 0) / 1e6


def _samples(container: InputContainer, stream: AudioStream) -> int | None:
    if not stream.duration or stream.time_base is None:
        return None
    count = round(stream.duration * stream.time_base * stream.codec_context.sample_rate)
    if stream.codec_context.name in ("opus", "libopus") and container.format.name == "ogg":
        count -= _opus_pre_skip(stream.codec_context.extradata)
    return count if count > 0 else None


def _opus_pre_skip(head: bytes | None) -> int:
    # RFC 7845, 5.1: the pre-skip, in samples at 48 kHz, is in bytes 10 and 11; Ogg's duration counts it.
    return int.from_bytes(head[10:12], "little") if head and len(head) >= 12 else 0


def _bits(context: Any) -> int | None:
    name, extra = context.codec.canonical_name, context.extradata or b""
    if name.startswith("pcm_"):
        digits = "".join(letter for letter in name[4:7] if letter.isdigit())
        return int(digits) if digits else 16  # A-law and mu-law expand to 14 and 13 bits
    if name == "flac" and len(extra) >= 14:  # STREAMINFO: 5 bits across bytes 12 and 13
        return ((extra[12] & 1) << 4 | extra[13] >> 4) + 1
    if name == "alac" and len(extra) >= 18:
        return extra[17]
    if name in _LOSSLESS and context.format is not None:  # of a file cut off in its first block there is none
        return 16 if context.format.name.startswith("s16") else 24
    return None


def _video_track(index: int, stream: VideoStream) -> VideoTrack:
    context: Any = stream.codec_context
    return VideoTrack(
        index=index,
        codec=context.codec.canonical_name if context is not None else "unknown",
        width=context.width if context is not None else 0,
        height=context.height if context is not None else 0,
        rate=float(stream.average_rate) if stream.average_rate else None,
        cover=is_cover(stream),
    )


def is_cover(stream: VideoStream) -> bool:
    """Whether a video stream is the picture on an album's cover and not a film."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)
