"""Which container and codec a file name means, and what those can hold."""

from __future__ import annotations

import os
from dataclasses import dataclass

from winnow.errors import BadOption
from winnow.media.source import Path


@dataclass(frozen=True)
class Format:
    """muxer: FFmpeg's name. codecs: by preference, the first that exists is taken; "pcm" means by bit depth.

    brand: the four letters at the head of an MP4 by which players tell sound from film, None for the muxer's own.
    """

    muxer: str
    codecs: tuple[str, ...]
    big_endian: bool = False
    brand: str | None = None


_WAV = Format("wav", ("pcm",))
_AIFF = Format("aiff", ("pcm",), big_endian=True)
_OGG = Format("ogg", ("libvorbis", "libopus", "flac"))
_MP4 = Format("mp4", ("aac",))

# By suffix; the muxer's own name works as `format` too. MPEG program streams (.mpg, .vob) and .wmv are read, not written:
# FFmpeg writes the former with a clock that it refuses when such a file is copied again.
FORMATS: dict[str, Format] = {
    "wav": _WAV,
    "wave": _WAV,
    "aiff": _AIFF,
    "aif": _AIFF,
    "aifc": _AIFF,
    "au": Format("au", ("pcm",), big_endian=True),
    "caf": Format("caf", ("pcm",)),
    "flac": Format("flac", ("flac",)),
    "mp3": Format("mp3", ("libmp3lame",)),
    "mp2": Format("mp2", ("mp2",)),
    "opus": Format("opus", ("libopus",)),
    "ogg": _OGG,
    "oga": _OGG,
    # Not FFmpeg's "ipod", which PyAV lets hold no cover.
    "m4a": Format("mp4", ("aac",), brand="M4A "),
    "m4b": Format("mp4", ("aac",), brand="M4B "),
    "aac": Format("adts", ("aac",)),
    "ac3": Format("ac3", ("ac3",)),
    "eac3": Format("eac3", ("eac3",)),
    "wma": Format("asf", ("wmav2",)),
    "wv": Format("wv", ("wavpack",)),
    "tta": Format("tta", ("tta",)),
    "mka": Format("matroska", ("flac",)),
    "mkv": Format("matroska", ("aac",)),
    "weba": Format("webm", ("libopus",)),
    "webm": Format("webm", ("libopus",)),
    "mp4": _MP4,
    "m4v": _MP4,
    "mov": Format("mov", ("aac",)),
    "qt": Format("mov", ("aac",)),
    "3gp": Format("3gp", ("aac",)),
    "3g2": Format("3g2", ("aac",)),
    "avi": Format("avi", ("libmp3lame",)),
    "ts": Format("mpegts", ("aac",)),
    "mts": Format("mpegts", ("aac",)),
    "m2ts": Format("mpegts", ("aac",)),
    "ogv": Format("ogv", ("libopus",)),
    "flv": Format("flv", ("aac",)),
    "f4v": Format("f4v", ("aac",)),
    "nut": Format("nut", ("flac",)),
}

_BY_MUXER = {entry.muxer: entry for entry in reversed(FORMATS.values())}

# Names that people use for what FFmpeg calls otherwise.
ENCODERS = {"mp3": "libmp3lame", "opus": "libopus", "vorbis": "libvorbis", "amr_nb": "libopencore_amrnb"}

MOV_MUXERS = frozenset({"mov", "mp4", "ipod", "3gp", "3g2", "f4v", "ismv", "psp"})

MAX_CHANNELS = {
    "libmp3lame": 2,
    "mp2": 2,
    "wmav2": 2,
    "wmav1": 2,
    "ac3": 6,
    "eac3": 6,
    "flac": 8,
    "libopencore_amrnb": 1,
}

# Bits per second: one channel, two channels. More channels take half of the second each.
_BIT_RATES = {
    "aac": (96_000, 160_000),
    "libmp3lame": (128_000, 192_000),
    "mp2": (160_000, 256_000),
    "libopus": (64_000, 128_000),
    "libvorbis": (80_000, 128_000),
    "ac3": (128_000, 192_000),
    "eac3": (128_000, 192_000),
    "wmav2": (96_000, 128_000),
    "wmav1": (96_000, 128_000),
    "libopencore_amrnb": (12_200, 12_200),
}


def choose_format(path: Path, name: str | None) -> Format:
    """The format by its name ("wav", "m4a" ...), else by the suffix of `path`; WAV for a pipe. Raises BadOption."""
    suffix = os.path.splitext(os.fspath(path))[1].lstrip(".").lower()
    wanted = name.lstrip(".").lower() if name else suffix or ("wav" if os.fspath(path) == "-" else "")
    found = FORMATS.get(wanted) or _BY_MUXER.get(wanted)
    if found is None:
        what = f'no output format named "{wanted}"' if wanted else f"{path}: no suffix, so no output format"
        raise BadOption(f"{what}. Use .wav, .flac, .mp3, .m4a, .opus or .ogg.")
    return found


def choose_encoder(form: Format, codec: str | None, bits: int | None) -> str:
    """FFmpeg's name of the encoder. Raises BadOption for a codec or a bit depth that does not exist."""
    names = (ENCODERS.get(codec, codec),) if codec else form.codecs
    for name in names:
        if name == "pcm":
            return _pcm(form, bits)
        if _exists(name):
            return name
    raise BadOption(f'no encoder named "{codec or names[0]}". Use pcm, flac, aac, mp3 or opus.')


def _pcm(form: Format, bits: int | None) -> str:
    names = {None: "s16", 8: "u8", 16: "s16", 24: "s24", 32: "f32"}
    if bits not in names:
        raise BadOption(f"{bits} bits per sample: choose 8, 16, 24 or 32 (32 is floating point).")
    if bits == 8:
        return "pcm_s8" if form.big_endian else "pcm_u8"
    return f"pcm_{names[bits]}{'be' if form.big_endian else 'le'}"


def _exists(encoder: str) -> bool:
    import av

    try:
        return bool(av.Codec(encoder, "w").is_encoder)
    except (av.FFmpegError, ValueError):
        return False


def can_encode(muxer: str, encoder: str) -> bool:
    """Whether FFmpeg has the encoder and the container takes its codec."""
    import io

    import av

    if not _exists(encoder):
        return False
    try:
        with av.open(io.BytesIO(), "w", format=muxer) as trial:
            trial.add_stream(encoder)
    except (av.FFmpegError, ValueError):
        return False
    return True


def nearest_rate(encoder: str, rate: int) -> int:
    """`rate` if the encoder takes it, else the next higher rate that it takes, else its highest."""
    import av

    rates = av.Codec(encoder, "w").audio_rates
    if not rates or rate in rates:
        return rate
    return min((each for each in rates if each > rate), default=max(rates))


def default_bit_rate(encoder: str, rate: int, channels: int) -> int | None:
    """Bits per second that suit speech and music, None for a codec that has no bit rate."""
    if encoder not in _BIT_RATES:
        return None
    mono, stereo = _BIT_RATES[encoder]
    total = mono if channels == 1 else stereo * channels // 2
    # MPEG-2 and 2.5 (24 kHz and below) end at 160 kbit/s.
    return min(total, 160_000) if encoder in ("libmp3lame", "mp2") and rate <= 24_000 else total
