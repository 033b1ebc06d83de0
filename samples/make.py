"""Make the sample recording: a synthetic voice in a synthetic noisy room, as audio and as a short video.

Run `python samples/make.py` in a checkout, with `flite` installed (Debian and Ubuntu: `apt-get install flite`).
It rewrites talk.mp4 and talk.clean.flac beside itself. Nothing was recorded: the voices come from flite, all else is
computed here from one seed.
"""

from __future__ import annotations

import subprocess
import tempfile
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soxr
from scipy import signal

HERE = Path(__file__).parent
RATE = 48000
SECONDS = 13
SNR = 5.0  # dB, over the whole recording
EARLY = 0.05  # seconds of room sound that count as part of the clean voice
DECAY = 0.35  # seconds until the room sound has fallen by 60 dB
FRAMES = 25  # pictures a second
WIDTH, HEIGHT = 640, 360
NAVY, SAND, CORAL = (18, 27, 48), (226, 214, 186), (240, 98, 86)

TEXT = (
    "Hello, and welcome. This was recorded in a busy office, beside an open window. "
    "You can hear the traffic, a fan, somebody typing, and people in the next room."
)
NEIGHBOURS = {
    "slt": "Did you see the message? They moved the meeting again, and nobody told the people downstairs.",
    "awb": "The second train was late, so we walked along the river, and found a place that was still serving lunch.",
    "kal16": "Put the blue folder on the left, the green one goes to the archive, and the rest can wait for Monday.",
}


def say(text: str, voice: str) -> np.ndarray:
    """Synthesised speech, `(time,)` at RATE, unit power."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voice.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
        with wave.open(str(path)) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
    return unit(soxr.resample(samples, rate, RATE))


def unit(samples: np.ndarray) -> np.ndarray:
    """The same, scaled to a mean power of one."""
    return samples / np.sqrt(np.mean(samples**2))


def present(voice: np.ndarray) -> np.ndarray:
    """The voice as a microphone near the mouth has it: flite's are duller than people between 0.5 and 3 kHz."""
    deep = signal.butter(2, 80, "highpass", fs=RATE, output="sos")
    middle = signal.butter(1, [600, 3000], "bandpass", fs=RATE, output="sos")
    voice = signal.sosfiltfilt(deep, voice)
    return unit(voice + 2.0 * signal.sosfiltfilt(middle, voice))


def fitted(samples: np.ndarray, start: float = 0.0) -> np.ndarray:
    """Placed at `start` seconds in a recording of SECONDS; what hangs over the end is cut."""
    out = np.zeros(SECONDS * RATE)
    at = round(start * RATE)
    samples = samples[: len(out) - at]
    out[at : at + len(samples)] = samples
    return out


def room(rng: np.random.Generator, direct: float) -> np.ndarray:
    """An impulse response: the direct sound, then noise that decays, its treble faster than its bass."""
    time = np.arange(round(DECAY * RATE)) / RATE
    noise = rng.standard_normal(len(time))
    bass = signal.sosfilt(signal.butter(1, 2500, fs=RATE, output="sos"), noise)
    tail = bass * 10 ** (-3 * time / DECAY) + 0.3 * noise * 10 ** (-3 * time / (0.4 * DECAY))
    tail[: round(0.003 * RATE)] = 0
    response = unit(tail) / np.sqrt(len(tail)) / direct
    response[0] = 1.0
    return response


def rumble(rng: np.random.Generator) -> np.ndarray:
    """Traffic: low noise that swells as cars pass, with a little tyre hiss."""
    noise = rng.standard_normal(SECONDS * RATE)
    engine = unit(signal.sosfilt(signal.butter(2, [35, 260], "bandpass", fs=RATE, output="sos"), noise))
    tyres = unit(signal.sosfilt(signal.butter(1, [500, 2500], "bandpass", fs=RATE, output="sos"), noise))
    time = np.arange(len(noise)) / RATE
    passing = 0.35 + sum(np.exp(-(((time - at) / 1.1) ** 2)) for at in (1.5, 5.2, 8.4, 11.6))
    return unit((engine + 0.5 * tyres) * passing)


def fan(rng: np.random.Generator) -> np.ndarray:
    """A fan: a hum of 118 Hz with its harmonics over a steady rush of air."""
    time = np.arange(SECONDS * RATE) / RATE
    wobble = 0.6 * np.sin(2 * np.pi * 0.4 * time)
    hum = sum(np.sin(k * (2 * np.pi * 118 * time + wobble)) / k for k in range(1, 9))
    air = signal.sosfilt(signal.butter(1, 1800, fs=RATE, output="sos"), rng.standard_normal(len(time)))
    return unit(0.5 * unit(hum) + unit(air))


def typing(rng: np.random.Generator) -> np.ndarray:
    """A keyboard: bursts of short clicks, each a decaying noise between 1 and 9 kHz."""
    clicks = np.zeros(SECONDS * RATE)
    at = 0.4
    while at < SECONDS - 0.2:
        clicks[round(at * RATE)] = rng.uniform(0.4, 1.0)
        at += rng.uniform(0.09, 0.2) + (rng.random() < 0.12) * rng.uniform(0.6, 1.4)
    time = np.arange(round(0.03 * RATE)) / RATE
    click = rng.standard_normal(len(time)) * np.exp(-time / 0.005)
    click = signal.sosfilt(signal.butter(2, [1000, 9000], "bandpass", fs=RATE, output="sos"), click)
    return unit(signal.fftconvolve(clicks, click)[: len(clicks)])


def babble(rng: np.random.Generator) -> np.ndarray:
    """Three people talking next door: voices through a room without direct sound, and without treble."""
    total = np.zeros(SECONDS * RATE)
    for voice, text in NEIGHBOURS.items():
        spoken = np.tile(say(text, voice), 4)[rng.integers(RATE) :]
        total += signal.fftconvolve(fitted(spoken), room(rng, direct=0.3))[: len(total)]
    return unit(signal.sosfilt(signal.butter(2, [200, 3000], "bandpass", fs=RATE, output="sos"), total))


def scene() -> tuple[np.ndarray, np.ndarray]:
    """The clean voice and the noisy recording, `(time,)` each, full scale 1.0."""
    rng = np.random.default_rng(2)
    dry = fitted(present(say(TEXT, "rms")), start=0.7)
    response = room(rng, direct=3.0)
    voice = signal.fftconvolve(dry, response)[: len(dry)]
    clean = signal.fftconvolve(dry, response[: round(EARLY * RATE)])[: len(dry)]
    noise = unit(1.0 * rumble(rng) + 0.7 * fan(rng) + 0.45 * typing(rng) + 0.5 * babble(rng))
    noise *= np.sqrt(np.mean(voice**2)) * 10 ** (-SNR / 20)
    scale = 0.7 / np.abs(voice + noise).max()
    return scale * clean, scale * (voice + noise)


def picture(noisy: np.ndarray, index: int) -> np.ndarray:
    """One picture of the video, `(height, width, 3)`: the waveform, played up to a moving line."""
    image = np.empty((HEIGHT, WIDTH, 3), dtype=np.uint8)
    image[:] = NAVY
    peaks = np.abs(noisy[: WIDTH * (len(noisy) // WIDTH)]).reshape(WIDTH, -1).max(axis=1)
    height = np.maximum(2, peaks * HEIGHT * 0.45)
    inside = np.abs(np.arange(HEIGHT)[:, None] - HEIGHT / 2) < height
    now = index * WIDTH // (SECONDS * FRAMES)
    image[inside & (np.arange(WIDTH) < now)] = CORAL
    image[inside & (np.arange(WIDTH) >= now)] = SAND
    image[:, max(0, now - 1) : now + 1] = (255, 255, 255)
    return image


def write_video(path: Path, noisy: np.ndarray) -> None:
    """The noisy recording as AAC with an H.264 picture."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as file:
        video = file.add_stream("libx264", rate=FRAMES, width=WIDTH, height=HEIGHT, pix_fmt="yuv420p")
        video.options = {"crf": "30", "preset": "slow"}
        audio = file.add_stream("aac", rate=RATE, layout="mono", bit_rate=96000)
        file.metadata.update(title="A talk in a noisy office", artist="winnow")
        for index in range(SECONDS * FRAMES):
            frame = av.VideoFrame.from_ndarray(picture(noisy, index), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FRAMES)
            file.mux(video.encode(frame))
            at = index * RATE // FRAMES
            file.mux(audio.encode(sound(noisy[at : at + RATE // FRAMES], at, "fltp", np.float32)))
        file.mux(video.encode(None))
        file.mux(audio.encode(None))


def write_flac(path: Path, clean: np.ndarray) -> None:
    """The clean voice as 16-bit FLAC."""
    with av.open(str(path), "w") as file:
        audio = file.add_stream("flac", rate=RATE, layout="mono", format="s16")
        audio.options = {"compression_level": "12"}
        file.metadata.update(title="The same talk without the office", artist="winnow")
        for at in range(0, len(clean), 4096):
            samples = np.round(32767 * clean[at : at + 4096])
            file.mux(audio.encode(sound(samples, at, "s16", np.int16)))
        file.mux(audio.encode(None))


def sound(samples: np.ndarray, at: int, format: str, dtype: type) -> av.AudioFrame:
    """A frame for the encoder; without its time an AAC stream would lie one frame late."""
    frame = av.AudioFrame.from_ndarray(samples.astype(dtype)[None], format=format, layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
    return frame


def main() -> None:
    """Write both files and say how large they are."""
    clean, noisy = scene()
    write_video(HERE / "talk.mp4", noisy)
    write_flac(HERE / "talk.clean.flac", clean)
    for path in (HERE / "talk.mp4", HERE / "talk.clean.flac"):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
