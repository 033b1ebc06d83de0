"""A stretch of a recording: only what is needed of it is read where its container has an index."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, gcd
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.audio import Audio, Samples
from winnow.dsp.resample import resample
from winnow.errors import NoAudio
from winnow.media.encode import AudioEncoder, make_plan
from winnow.media.formats import choose_encoder, choose_format
from winnow.media.frames import to_float
from winnow.media.held import Held
from winnow.media.info import is_cover, pick_audio
from winnow.media.sink import Sink
from winnow.media.source import Path, Source
from winnow.media.timeline import Timeline
from winnow.media.writer import as_winnow_error, open_output

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet

_PREROLL = 2.0  # seconds decoded before the stretch: decoders need some frames until their output is exact
# Seconds to be skipped can be found without decoding them; of all others FFmpeg guesses the place from the bit rate.
_INDEXED = frozenset({"mov", "matroska", "wav", "w64", "flac", "ogg"})
_X264 = {"preset": "veryfast", "crf": "18"}


def sound(source: Source, start: float, seconds: float, rate: int) -> tuple[Audio, float]:
    """`seconds` of the first audio track from `start` seconds on, as one channel at `rate` hertz; and how much there was.

    The mean of the channels, exact to the sample of the source (to 1 ms where the container counts in those, as WebM does),
    `(1, round(seconds * rate))`. Where the recording has no sound there are zeros; the second value is the
    number of seconds from `start` to its last sample, as far as that was read: below `seconds`, the recording ends before.
    Raises NoAudio. A source is read once; open it again for another stretch.
    """
    stream = pick_audio(source, 0)
    begin = Fraction(start).limit_denominator(1_000_000) + Fraction(source.container.start_time or 0, 1_000_000)
    frames = _frames(source, stream, begin)
    first = next(frames, None)
    if first is None:
        return Audio(np.zeros((1, round(seconds * rate)), np.float32), rate), 0.0
    own: int = first.sample_rate
    margin = _margin(own, rate)
    count = ceil(seconds * own) + 2 * margin
    samples, end = _placed(first, frames, round(begin * own) - margin, count)
    made = resample(samples, own, rate)[:, margin * rate // own :]
    return Audio(made[:, : round(seconds * rate)], rate), (end - margin) / own


def _margin(own: int, rate: int) -> int:
    """Samples before and after, 50 ms at least, that are a whole number of samples at both rates: a filter's ringing."""
    step = own // gcd(own, rate)
    return step * ceil(0.05 * own / step)


def _frames(source: Source, stream: Any, begin: Fraction) -> Iterator[Any]:
    """Decoded frames of a stream from somewhat before `begin`, seconds on the file's clock; what is damaged is left out."""
    import av

    if begin > _PREROLL and _INDEXED & set(source.container.format.name.split(",")):
        source.container.seek(int((begin - Fraction(_PREROLL)) / stream.time_base), stream=stream)
    damaged = 0
    packets = source.container.demux(stream)
    while damaged < 200:
        try:
            for packet in packets:
                yield from packet.decode()
            return
        except av.EOFError:
            return
        except (av.InvalidDataError, av.PatchWelcomeError):
            damaged += 1
            packets = source.container.demux(stream)


def _placed(first: Any, frames: Iterator[Any], origin: int, count: int) -> tuple[Samples, int]:
    """`count` samples from sample `origin` of the file's clock, `(1, count)`; and where the sound ends, from `origin` on."""
    rate: int = first.sample_rate
    out = np.zeros((1, count), np.float32)
    base = first.time_base or Fraction(1, rate)
    at = round((first.pts or 0) * base * rate) - origin
    line = Timeline(rate, first.pts or 0, base, None)
    frame: Any = first
    while frame is not None and at < count:
        skip, gap = line.place(frame)
        mono = to_float(frame).mean(axis=0)[skip:]
        at += gap
        begin, end = max(at, 0), min(at + len(mono), count)
        if begin < end:
            out[0, begin:end] = mono[begin - at : end - at]
        at += len(mono)
        frame = next((each for each in frames if each.samples and each.sample_rate == rate), None)
    return out, at


def write_film(picture: Source, path: Path, start: float, seconds: float, audio: Audio) -> None:
    """An MP4 with the picture of `picture` from `start` seconds on, and `audio`, which begins with it.

    A stretch begins between the frames that stand for themselves, so the picture is encoded anew (H.264, visually lossless);
    its first frame is the one that is shown at `start`. Raises NoAudio if there is no moving picture, OutputError.
    """
    form = choose_format(path, "mp4")
    sink = Sink(path)
    try:
        container = open_output(sink, form, audio.rate)
        packets = [*_picture(picture, container, start, seconds), *_sound(container, form, audio)]
        with Held():
            for packet in sorted(packets, key=lambda each: float((each.dts or 0) * each.time_base)):
                container.mux(packet)
            container.close()
        sink.commit()
    except BaseException as error:
        sink.discard()
        raise as_winnow_error(sink.name, error) from error


def _sound(container: OutputContainer, form: Any, audio: Audio) -> list[Packet[Any]]:
    plan = make_plan(choose_encoder(form, None, None), audio.rate, 1, layout="mono", bits=None, bit_rate=None)
    encoder = AudioEncoder(container, plan, audio.rate, 1)
    return [*encoder.encode(audio.samples), *encoder.flush()]


def _picture(source: Source, container: OutputContainer, start: float, seconds: float) -> list[Packet[Any]]:
    import av

    stream = next((each for each in source.container.streams.video if not is_cover(each)), None)
    if stream is None:
        raise NoAudio(f"{source.name}: there is no moving picture in this recording. Leave out --video.")
    name = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    made: Any = container.add_stream(name, rate=stream.average_rate or 25, options=_X264 if name == "libx264" else {})
    made.width, made.height, made.pix_fmt = stream.width // 2 * 2, stream.height // 2 * 2, "yuv420p"
    made.codec_context.time_base = Fraction(1, 90_000)
    made.codec_context.thread_count = 1
    packets: list[Packet[Any]] = []
    for time, frame in _shown(source, stream, start, seconds):
        ready = frame.reformat(width=made.width, height=made.height, format="yuv420p")
        ready.pts, ready.time_base, ready.pict_type = round(time * 90_000), Fraction(1, 90_000), 0
        packets += made.encode(ready)
    return [*packets, *made.encode(None)]


def _shown(source: Source, stream: Any, start: float, seconds: float) -> Iterator[tuple[Fraction, Any]]:
    """Frames and their times in the stretch; the one that is on the screen as it begins has time 0."""
    begin = Fraction(start).limit_denominator(1_000_000) + Fraction(source.container.start_time or 0, 1_000_000)
    waiting = None
    for frame in _frames(source, stream, begin):
        if frame.pts is None:
            continue
        time = frame.pts * frame.time_base - begin
        if time >= Fraction(seconds):
            break
        if time <= 0:
            waiting = frame
            continue
        if waiting is not None:
            yield Fraction(0), waiting
            waiting = None
        yield time, frame
    if waiting is not None:
        yield Fraction(0), waiting
