"""One sound as Ogg Opus or FLAC in memory. Written with PyAV; read with PyAV, or with soundfile on a machine that has no PyAV."""

from __future__ import annotations

import io
import tempfile
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.audio import Samples
from winnow.errors import BadInput, BadOption, MissingExtra

if TYPE_CHECKING:
    from winnow.media.encode import Plan

CODECS = {"opus": ("libopus", "ogg"), "flac": ("flac", "flac")}
"""FFmpeg's encoder and container of each codec; the codec's name is the suffix as well."""

_BIT_EXACT = 1 << 23  # AV_CODEC_FLAG_BITEXACT: no versions in the header

# No versions and no random serial number: the same samples give the same bytes. FLAC would add 8 KiB for tags to come.
_OPTIONS = {"opus": {"fflags": "+bitexact"}, "flac": {"fflags": "+bitexact", "metadata_header_padding": "0"}}


def encode(samples: Samples, rate: int, codec: str, bit_rate: int = 24000) -> bytes:
    """A file with `(channels, time)` float32 within full scale; bit_rate: bits per second for each channel, Opus only.

    FLAC holds 16 bits. Opus knows 8, 12, 16, 24 and 48 kHz: other rates are raised to the next of these, and `decode` tells
    which. The same samples give the same bytes. Raises BadOption.
    """
    import av

    from winnow.media.encode import AudioEncoder

    plan, file = _plan(codec, rate, len(samples), bit_rate), io.BytesIO()
    with av.open(file, "w", format=CODECS[codec][1], options=_OPTIONS[codec]) as container:
        encoder = AudioEncoder(container, plan, rate, len(samples))
        encoder.stream.codec_context.flags |= _BIT_EXACT
        for packet in chain(encoder.encode(samples), encoder.flush()):
            container.mux(packet)
    return file.getvalue()


@lru_cache(maxsize=64)  # a plan is tried out on an encoder, which takes longer than a short recording does
def _plan(codec: str, rate: int, channels: int, bit_rate: int) -> Plan:
    from winnow.media.encode import make_plan

    if codec not in CODECS:
        raise BadOption(f'no codec named "{codec}" for packs. Use {" or ".join(CODECS)}.')
    lossy = codec == "opus"
    wished = bit_rate * channels if lossy else None
    return make_plan(CODECS[codec][0], rate, channels, layout=None, bits=None if lossy else 16, bit_rate=wished)


def decode(data: bytes, name: str) -> tuple[Samples, int]:
    """The samples `(channels, time)` float32 of a file that `encode` made, and their rate; `name` is for errors.

    PyAV gives Opus at 48 kHz, soundfile at the rate that went in; either way the codec's delay and padding are gone.
    Raises BadInput, MissingExtra.
    """
    try:
        import av
    except ImportError:
        return _decode_soundfile(data, name)
    try:
        with av.open(io.BytesIO(data), "r") as container:
            frames = [_planes(frame) for frame in container.decode(audio=0)]
            rate = container.streams.audio[0].rate
    except (av.FFmpegError, IndexError, ValueError):
        raise _damaged(name) from None
    if not frames:
        raise _damaged(name)
    return np.concatenate(frames, axis=1), int(rate)


def _planes(frame: Any) -> Samples:
    """A decoded frame as `(channels, time)` float32."""
    values: np.ndarray[Any, Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    whole = {"s16": 2.0**15, "s32": 2.0**31}.get(frame.format.name.removesuffix("p"), 1.0)
    return np.asarray(values / whole, np.float32)


def _decode_soundfile(data: bytes, name: str) -> tuple[Samples, int]:
    try:
        import soundfile
    except ImportError:
        raise MissingExtra(
            "packs are read with PyAV or soundfile, and neither is there: pip install soundfile"
        ) from None
    # A real file: from an object in memory soundfile reads by calling Python back from C, where a Ctrl-C would be swallowed and
    # leave a sound cut short.
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(data)
        file.seek(0)
        try:
            values, rate = soundfile.read(file.fileno(), dtype="float32", always_2d=True, closefd=False)
        except soundfile.SoundFileError:
            raise _damaged(name) from None
    return np.ascontiguousarray(values.T), int(rate)


def _damaged(name: str) -> BadInput:
    return BadInput(f"{name}: a sound in this shard cannot be decoded. Copy the pack again, or make it anew.")
