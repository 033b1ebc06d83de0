"""Recordings made by PyAV for the tests: clicks and tones, pictures of a few frames, in any container."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def clicks(seconds: float, rate: int, channels: int = 1, seed: int = 0) -> Array:
    """Short bursts at irregular times, `(channels, time)`; their correlation has one sharp peak."""
    rng = np.random.default_rng(seed)
    out = np.zeros((channels, round(seconds * rate)), np.float32)
    burst = np.hanning(max(8, rate // 2000)).astype(np.float32)
    for start in np.cumsum(rng.uniform(0.05, 0.35, 400)) - 0.02:
        begin = int(start * rate)
        if begin + len(burst) >= out.shape[1]:
            break
        out[:, begin : begin + len(burst)] += 0.8 * burst * rng.choice([-1, 1])
    return out


def tones(count: int, rate: int, channels: int) -> Array:
    """One tone per channel, each of its own frequency, so that swapped channels show; the fourth suits a subwoofer."""
    time = np.arange(count) / rate
    return np.stack([0.3 * np.sin(2 * np.pi * tone(k) * time) for k in range(channels)]).astype(np.float32)


def tone(channel: int) -> float:
    """Frequency of the channel's tone in hertz."""
    return 60.0 if channel == 3 else 200.0 + 110 * channel


def offset(found: Array, wanted: Array) -> int:
    """Samples by which `found` lies later than `wanted` (first channels), by cross-correlation."""
    size = 1 << int(np.ceil(np.log2(found.shape[-1] + wanted.shape[-1])))
    spectrum = np.fft.rfft(found[0], size) * np.conj(np.fft.rfft(wanted[0], size))
    peak = int(np.argmax(np.fft.irfft(spectrum, size)))
    return peak if peak < size // 2 else peak - size


def audio_frames(samples: Array, rate: int, start: int = 0, size: int = 1000) -> Iterable[av.AudioFrame]:
    """Planar float frames with timestamps from `start`, in samples."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
    for begin in range(0, samples.shape[1], size):
        part = np.ascontiguousarray(samples[:, begin : begin + size])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, start + begin, Fraction(1, rate)
        yield frame


def picture_times(seconds: float, variable: bool) -> list[int]:
    """Times of the frames in milliseconds: 25 per second, or at irregular distances."""
    if not variable:
        return list(range(0, int(seconds * 1000), 40))
    steps = np.random.default_rng(3).integers(15, 120, 500)
    return [int(t) for t in np.cumsum(steps) - steps[0] if t < seconds * 1000]


def picture_frames(times: Iterable[int]) -> Iterable[av.VideoFrame]:
    """Small frames, each with its own pattern."""
    for number, time in enumerate(times):
        image = np.zeros((48, 64, 3), np.uint8)
        image[:, : 1 + number % 64] = (number * 7 % 256, 80, 160)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = time, Fraction(1, 1000)
        yield frame


def make_video(
    path: Path,
    tracks: Sequence[Array],
    rate: int = 48000,
    *,
    codec: str = "aac",
    video: str = "mpeg4",
    late: float = 0.0,
    variable: bool = False,
    seconds: float = 4.0,
    titles: Sequence[str] = (),
    chapters: bool = False,
    rotation: int = 0,
    tags: dict[str, str] | None = None,
    muxer: str | None = None,
) -> None:
    """A film of moving bars with `tracks` as sound, the sound starting `late` seconds after the picture."""
    options = {"movie_timescale": "48000"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", format=muxer, container_options=options) as out:
        picture: Any = out.add_stream(video, rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        # MPEG-2 knows a few rates only, all others take the milliseconds of `picture_times`.
        picture.codec_context.time_base = Fraction(1, 25) if video.startswith("mpeg2") else Fraction(1, 1000)
        if rotation:
            picture.set_display_rotation(rotation)
        sounds: list[Any] = [out.add_stream(codec, rate=rate, bit_rate=128_000) for _ in tracks]
        for number, (sound, samples) in enumerate(zip(sounds, tracks, strict=True)):
            sound.layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
            sound.metadata["language"] = ("eng", "deu", "fra")[number]
            if titles:
                sound.metadata["title"] = titles[number]
        out.metadata.update(tags or {})
        if chapters:
            out.set_chapters(
                [
                    {
                        "id": k + 1,
                        "start": k * 1000,
                        "end": (k + 1) * 1000,
                        "time_base": Fraction(1, 1000),
                        "metadata": {"title": f"Part {k}"},
                    }
                    for k in range(3)
                ]
            )
        packets = []
        for frame in picture_frames(picture_times(seconds, variable)):
            packets += picture.encode(frame)
        packets += picture.encode(None)
        for sound, samples in zip(sounds, tracks, strict=True):
            for part in audio_frames(samples, rate, round(late * rate)):
                packets += sound.encode(part)
            packets += sound.encode(None)
        for packet in sorted(packets, key=lambda each: float((each.dts or 0) * each.time_base)):
            out.mux(packet)


def packet_hashes(path: Path, kind: str = "video", index: int = 0) -> list[str]:
    """A hash of every packet's bytes."""
    with av.open(str(path)) as container:
        stream = [each for each in container.streams if each.type == kind][index]
        return [hashlib.sha256(bytes(packet)).hexdigest() for packet in container.demux(stream) if packet.size]


def packet_times(path: Path, kind: str = "video", index: int = 0) -> list[float]:
    """Presentation time of every packet, seconds, sorted."""
    with av.open(str(path)) as container:
        stream = [each for each in container.streams if each.type == kind][index]
        return sorted(
            float((p.dts or 0 if p.pts is None else p.pts) * p.time_base) for p in container.demux(stream) if p.size
        )


def sound_offset(path: Path, wanted: Array, late: float = 0.0, track: int = 0) -> float:
    """Milliseconds by which the sound of a film lies later than it should, relative to its first picture.

    Independent of winnow: every decoded sample is placed by its frame's timestamp.
    """
    with av.open(str(path)) as container:
        stream = container.streams.audio[track]
        rate = stream.codec_context.sample_rate
        first = min(packet_times(path)) if container.streams.video else 0.0
        placed = np.zeros((1, wanted.shape[1] + 4 * rate), np.float32)
        for frame in container.decode(stream):
            begin = round((frame.time - first) * rate)
            samples = _mono(frame)
            skip = max(0, -begin)
            part = samples[skip : skip + max(0, placed.shape[1] - max(begin, 0))]
            placed[0, begin + skip : begin + skip + len(part)] = part
    return 1000 * (offset(placed, wanted) / rate - late)


def _mono(frame: Any) -> Array:
    resampler = av.AudioResampler(format="fltp", layout=frame.layout.name)
    frame.pts = None
    return np.concatenate([each.to_ndarray()[0] for each in resampler.resample(frame)])
