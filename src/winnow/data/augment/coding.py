"""Through an encoder and back (PyAV, in memory), with what the pair delays taken out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from winnow.data.augment.base import Floats, Parameters, check
from winnow.errors import BadInput

TAIL = 0.25  # seconds of silence after the end: what the longest delay pushes out
PROBE = 0.8  # seconds of the sound by which a delay is measured


@dataclass(frozen=True)
class _Codec:
    """encoders: names in FFmpeg, the first that the build has is taken; bit_rates: sensible lowest and highest, 0 if fixed.

    rates: that it takes, empty for any; channels: that its encoder takes.
    """

    encoders: tuple[str, ...]
    bit_rates: tuple[int, int]
    rates: tuple[int, ...] = ()
    channels: int = 1
    choices: tuple[int, ...] = ()


_MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_CODECS = {
    "opus": _Codec(("libopus",), (6000, 64000), (8000, 12000, 16000, 24000, 48000)),
    "aac": _Codec(("aac",), (16000, 96000), _MPEG_RATES),
    "mp3": _Codec(("libmp3lame",), (8000, 96000), _MPEG_RATES),
    # FFmpeg's own Vorbis encoder takes two channels; it has no low bit rates.
    "vorbis": _Codec(("libvorbis", "vorbis"), (32000, 128000), channels=2),
    "gsm": _Codec(("libgsm",), (13000, 13000), (8000,)),
    "amr-nb": _Codec(
        ("libopencore_amrnb",), (4750, 12200), (8000,), choices=(4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200)
    ),
}


@lru_cache(maxsize=1)
def codecs() -> tuple[str, ...]:
    """Names of the codecs that this machine's PyAV can encode and decode, of opus, aac, mp3, vorbis, gsm and amr-nb."""
    return tuple(name for name in _CODECS if _encoder(name) is not None)


@lru_cache(maxsize=16)
def _encoder(name: str) -> str | None:
    import av
    from av.codec.codec import UnknownCodecError

    for encoder in _CODECS[name].encoders:
        try:
            canonical = av.Codec(encoder, "w").canonical_name
            av.Codec(canonical, "r")
        except UnknownCodecError:
            continue
        return encoder
    return None


def codec(samples: Floats, rate: int, *, codec: str, bit_rate: int = 0) -> Floats:
    """Encode and decode; the output lies on the input to within one sample.

    codec: one of `codecs()`; bit_rate: bits per second, 0 for the encoder's own choice. What the codec has no rate for is
    converted (soxr): gsm and amr-nb leave nothing above 4 kHz. Beyond full scale it is cut as the codec does. Raises BadInput
    for a codec that does not exist or is not in this build, and for a bit rate that the encoder refuses.
    """
    _check(codec, bit_rate)
    if not samples.size:
        return samples.copy()
    from winnow.dsp.resample import fit
    from winnow.dsp.resample import resample as convert

    inside = _nearest(_CODECS[codec].rates, rate)
    padded = np.pad(samples, (0, round(TAIL * rate)))[None]
    made = _round_trip(convert(padded, rate, inside)[0], inside, codec, bit_rate)
    late = _delay(codec, inside, bit_rate)
    made = np.pad(made[max(late, 0) :], (max(-late, 0), 0))
    return np.ascontiguousarray(fit(convert(made[None], inside, rate), samples.size)[0])


def draw_codec(rng: np.random.Generator, rate: int) -> Parameters:
    """Any codec of this build, those of telephones up to 16 kHz only; the bit rate drawn on a logarithmic scale."""
    name = str(rng.choice([each for each in codecs() if rate <= 16000 or _CODECS[each].rates != (8000,)]))
    kind = _CODECS[name]
    if kind.choices:
        return {"codec": name, "bit_rate": int(rng.choice(kind.choices))}
    low, high = kind.bit_rates
    return {"codec": name, "bit_rate": round(float(np.exp(rng.uniform(np.log(low), np.log(high)))) / 1000) * 1000}


def _check(name: str, bit_rate: int) -> None:
    check(isinstance(bit_rate, int) and bit_rate >= 0, "bit_rate", "a whole number of bits per second, or 0", bit_rate)
    if name not in _CODECS:
        raise BadInput(f"no codec named {name!r}. This machine has {', '.join(codecs())}.")
    if _encoder(name) is None:
        raise BadInput(f"the PyAV of this machine has no encoder for {name}; it has {', '.join(codecs())}.")


def _nearest(rates: tuple[int, ...], rate: int) -> int:
    """The lowest rate of a codec that loses nothing, else its highest."""
    return min((each for each in rates if each >= rate), default=max(rates, default=rate))


@lru_cache(maxsize=256)
def _delay(name: str, rate: int, bit_rate: int) -> int:
    """By how many samples the output comes late, from the cross-correlation of a vowel with what becomes of it."""
    probe = _vowel(rate)
    made = _round_trip(np.pad(probe, (0, round(TAIL * rate))), rate, name, bit_rate)
    length = 1 << (made.size + probe.size).bit_length()
    product = np.fft.rfft(made, length) * np.conj(np.fft.rfft(probe, length))
    late = int(np.argmax(np.fft.irfft(product, length)))
    return late if late < length // 2 else late - length


def _vowel(rate: int) -> Floats:
    """A voice of gliding pitch, `(time,)`: codecs of telephones model a voice and let noise pass at any place."""
    time = np.arange(round(PROBE * rate)) / rate
    turns = 110 * time + 60 * time**2
    pitch = 110 + 120 * time
    total = np.zeros(time.size)
    for number in range(1, 33):
        frequency = number * pitch
        formants = sum(1 / (1 + ((frequency - peak) / 120) ** 2) for peak in (650, 1100, 2500))
        audible = frequency < min(0.45 * rate, 4000)
        total += audible * (formants + 0.03) * np.cos(2 * np.pi * number * turns + number)
    return np.asarray(0.1 * total * np.sin(np.pi * time / PROBE) ** 0.5, np.float32)


def _round_trip(samples: Floats, rate: int, name: str, bit_rate: int) -> Floats:
    """Encode and decode at a rate that the codec takes; late by its delay."""
    import av

    encoder = _open_encoder(name, rate, bit_rate)
    decoder: Any = av.CodecContext.create(encoder.codec.canonical_name, "r")
    decoder.thread_count = 1
    decoder.sample_rate, decoder.layout = rate, encoder.layout.name
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    frames = []
    for frame in (*_frames(samples, encoder), None):
        for packet in encoder.encode(frame):
            packet.pts = packet.dts = None
            frames += decoder.decode(packet)
    frames += decoder.decode(None)
    return _joined(frames, rate)


def _open_encoder(name: str, rate: int, bit_rate: int) -> Any:
    import av

    kind = _CODECS[name]
    encoder: Any = av.CodecContext.create(str(_encoder(name)), "w")
    formats = [each.name for each in encoder.codec.audio_formats]
    encoder.format = next((each for each in ("fltp", "flt", "s16") if each in formats), formats[0])
    encoder.sample_rate, encoder.layout = rate, "stereo" if kind.channels == 2 else "mono"
    encoder.time_base, encoder.thread_count = Fraction(1, rate), 1
    encoder.options = {"strict": "experimental"}
    if bit_rate:
        encoder.bit_rate = bit_rate
    try:
        encoder.open()
    except (av.FFmpegError, ValueError):
        raise BadInput(f"{name} at {rate} Hz does not take {bit_rate} bits per second; try {_range(kind)}.") from None
    return encoder


def _range(kind: _Codec) -> str:
    return ", ".join(map(str, kind.choices)) if kind.choices else f"{kind.bit_rates[0]} to {kind.bit_rates[1]}"


def _frames(samples: Floats, encoder: Any) -> Iterator[Any]:
    """Whole frames of the encoder's size and format, the last one padded."""
    from av.audio.frame import AudioFrame

    size = encoder.frame_size or 1024
    channels = encoder.layout.nb_channels
    for start in range(0, samples.size, size):
        part = samples[start : start + size]
        frame = AudioFrame(encoder.format.name, encoder.layout.name, size)
        data = _pcm(np.pad(part, (0, size - part.size)), encoder.format.name)
        for plane in frame.planes:
            plane.update(data.tobytes() if frame.format.is_planar else np.repeat(data, channels).tobytes())
        frame.sample_rate, frame.pts, frame.time_base = encoder.sample_rate, start, Fraction(1, encoder.sample_rate)
        yield frame


def _pcm(samples: Floats, kind: str) -> np.ndarray[Any, Any]:
    if kind.startswith("s16"):
        return np.asarray(np.round(np.clip(samples, -1, 1) * 32767), np.int16)
    return samples


def _joined(frames: list[Any], rate: int) -> Floats:
    """The first channel of all frames, `(time,)` float32 at `rate`: some decoders work at a rate of their own."""
    from winnow.audio import as_samples
    from winnow.dsp.resample import resample as convert

    blocks = []
    for frame in frames:
        values = as_samples(frame.to_ndarray())
        blocks.append(values[0] if frame.format.is_planar else values[0, :: frame.layout.nb_channels])
    whole = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    own = frames[0].sample_rate if frames else rate
    return np.asarray(convert(whole[None], own, rate)[0], np.float32)
