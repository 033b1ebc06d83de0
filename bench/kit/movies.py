"""Long recordings for the speed benchmarks, made quickly by repeating a short one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from scipy.signal import lfilter

from kit.sound import RATE, Wave, loop, read, resample, write_wav

LOOP = 64  # seconds: a whole number of AAC frames at 48 kHz and of pictures


def talk(data: Path | None) -> Wave:
    """64 s at 16 kHz, `(time,)`: noisy pairs one after the other where there is data, else modulated coloured noise."""
    folder = data / "valid" / "paired" if data else None
    files = sorted(folder.glob("*/noisy/*")) if folder else []
    samples = np.concatenate([read(file) for file in files]) if files else synthetic()
    return loop(samples, 0, LOOP * RATE)


def synthetic() -> Wave:
    """Bursts at the rate of syllables over a steady floor."""
    rng = np.random.default_rng(0)
    noise = lfilter([1], [1, -0.9], rng.standard_normal(LOOP * RATE))
    time = np.arange(LOOP * RATE) / RATE
    envelope = np.maximum(np.sin(2 * np.pi * 4 * time), 0) * (np.sin(2 * np.pi * 0.3 * time) > 0)
    return (0.03 * noise * (envelope + 0.05)).astype(np.float32)


def long_wav(path: Path, samples: Wave, minutes: float) -> None:
    """16 kHz, 16 bit, one channel: `samples` repeated."""
    total = round(minutes * 60 * RATE)
    write_wav(path, (samples[: total - start] for start in range(0, total, len(samples))), RATE)


def long_mp4(path: Path, samples: Wave, minutes: float) -> None:
    """48 kHz stereo AAC with an MPEG-4 picture (320x240, 5 a second): 64 s encoded once, their packets repeated."""
    stereo = resample(samples, RATE, 48000)
    with av.open(str(path), "w") as out:
        audio = out.add_stream("aac", rate=48000, layout="stereo", bit_rate=128000)
        video = out.add_stream("mpeg4", rate=5, width=320, height=240, pix_fmt="yuv420p", bit_rate=200000)
        audio.time_base, video.time_base = Fraction(1, 48000), Fraction(1, 5)
        sound = [packet for frame in sounds(stereo) for packet in audio.encode(frame)]
        pictures = [packet for frame in frames() for packet in video.encode(frame)]
        packets = sorted(sound[: LOOP * 48000 // 1024] + pictures, key=lambda p: p.dts * p.time_base)
        for turn in range(math.ceil(minutes * 60 / LOOP)):
            for packet in packets:
                if packet.dts * packet.time_base + turn * LOOP < minutes * 60:
                    out.mux(moved(packet, turn * LOOP))


def moved(packet: av.Packet, seconds: int) -> av.Packet:
    """A copy of a packet at a later time."""
    copy = av.Packet(bytes(packet))
    offset = int(seconds / packet.time_base)
    copy.stream, copy.time_base = packet.stream, packet.time_base
    copy.pts, copy.dts, copy.duration = packet.pts + offset, packet.dts + offset, packet.duration
    copy.is_keyframe = packet.is_keyframe
    return copy


def sounds(samples: Wave) -> Iterator[av.AudioFrame]:
    """AAC-sized stereo frames; one more than fills the loop, to push out what the encoder keeps back."""
    for index, start in enumerate(range(0, len(samples) + 2048, 1024)):
        block = loop(samples, start, 1024)
        frame = av.AudioFrame.from_ndarray(np.stack([block, 0.8 * block]), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, index * 1024, Fraction(1, 48000)
        yield frame


def frames() -> Iterator[av.VideoFrame]:
    """A bar that wanders over a grey ramp."""
    ramp = np.tile(np.linspace(40, 200, 320, dtype=np.uint8), (240, 1))
    for index in range(LOOP * 5):
        picture = ramp.copy()
        picture[:, index % 300 : index % 300 + 20] = 255
        frame = av.VideoFrame.from_ndarray(np.repeat(picture[..., None], 3, axis=2), format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, 5)
        yield frame
