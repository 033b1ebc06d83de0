"""Recordings for the tests, made on the spot."""

import os
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from winnow import media
from winnow.audio import Audio

HERE = Path(__file__).parent


def noise(seconds=1.0, rate=16000, channels=1, level=0.1, seed=0):
    """Reproducible noise `(channels, time)`."""
    generator = np.random.default_rng(seed)
    return (level * generator.standard_normal((channels, round(seconds * rate)))).astype(np.float32)


def sound(path, seconds=1.0, rate=16000, channels=1, **options):
    """Write noise to a file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    media.write(path, Audio(noise(seconds, rate, channels), rate), **options)
    return path


def floats(path, samples, rate=16000):
    """Write float32 WAV `(channels, time)` as it is: winnow's own writer would replace what is no number."""
    count, data = len(samples), np.ascontiguousarray(samples.T, "<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, count, rate, rate * 4 * count, 4 * count, 32)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
    return path


def video(path, seconds=1.0, rate=48000, tracks=1, picture=True, sound=None):
    """A little film: MPEG-4 or VP8 picture by suffix, noise as sound. tracks: how many of sound; sound: `(1, time)`, not noise."""
    import av

    codec, audio = ("libvpx", "libopus") if path.suffix == ".webm" else ("mpeg4", "aac")
    with av.open(str(path), "w") as container:
        frames = container.add_stream(codec, rate=25)
        frames.width, frames.height, frames.pix_fmt = 64, 48, "yuv420p"
        sounds = [container.add_stream(audio, rate=rate, layout="mono") for _ in range(tracks)]
        for number in range(round(seconds * 25) if picture else 0):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 3 % 255, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(frames.encode(frame))
        container.mux(frames.encode(None))
        for index, stream in enumerate(sounds):
            _tone(container, stream, noise(seconds, rate, seed=index) if sound is None else sound)
    return path


def _tone(container, stream, samples):
    import av

    rate = stream.codec_context.sample_rate
    for begin in range(0, samples.shape[1], 960):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, begin : begin + 960]), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def leftovers(folder):
    """Half-written files below a folder."""
    return [path for path in Path(folder).rglob("*") if path.name.endswith(".part")]


def start(*arguments, cwd, **options):
    """The command in a process of its own, with the stand-in for the network."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OMP_NUM_THREADS": "1",
        **options.pop("env", {}),
    }
    command = [sys.executable, str(HERE / "halves.py"), *map(str, arguments)]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, cwd=cwd, env=environment, **pipes)


def run(*arguments, cwd, data=None, **options):
    """Run the command to its end: exit code, standard output, standard error (bytes, text, text)."""
    process = start(*arguments, cwd=cwd, stdin=subprocess.DEVNULL if data is None else subprocess.PIPE, **options)
    out, err = process.communicate(data, timeout=60)
    return process.returncode, out, err.decode()
