"""What becomes of the band above 8 kHz: winnow's bundles and RNNoise on 48 kHz mixtures.

    python bench/fullband.py --data FOLDER --peers FOLDER      rewrites its section of docs/benchmarks.md

The mixtures are those of `valid/speech48` with `valid/noise48`, seeded: recording i with noise i, at 0, 5, 10 and 15 dB in turn.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from kit import report
from kit.folders import add_folders
from kit.measures import interval, si_sdr
from kit.peers import rnnoise_fullband, rnnoise_library
from kit.sound import Wave, fit, loop, read, rms

RATE = 48000
RATIOS = (0, 5, 10, 15)
SECONDS = 4
Enhance = Callable[[Wave], Wave]


def main() -> None:
    """Score all systems on all mixtures, print, rewrite the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    args = parser.parse_args()
    systems: dict[str, Enhance] = {"noisy": lambda noisy: noisy}
    systems |= {name: ours(name) for name in ("denoise-16k", "denoise-48k")}
    if args.peers:
        systems["RNNoise"] = rnnoise_fullband(rnnoise_library(args.peers))
    scores: dict[str, list[tuple[float, float, float]]] = {name: [] for name in systems}
    for clean, noisy in mixtures(args.data):
        for name, enhance in systems.items():
            scores[name].append(measure(clean, fit(enhance(noisy), len(clean))))
    text = page(scores)
    print(text)
    report.rewrite("fullband", text)


def mixtures(data: Path, count: int = 32) -> Iterator[tuple[Wave, Wave]]:
    """Pairs of clean and noisy, `(time,)` at 48 kHz, speech at -25 dBFS."""
    speech, noise = (sorted(p for p in (data / "valid" / kind).rglob("*.*")) for kind in ("speech48", "noise48"))
    rng = np.random.default_rng(48)
    for number, path in enumerate(speech[:count]):
        clean = fit(read(path, RATE), SECONDS * RATE)
        clean *= 10 ** (-25 / 20) / max(rms(clean), 1e-6)
        sound = read(noise[number % len(noise)], RATE)
        part = loop(sound, int(rng.integers(len(sound))), len(clean))
        part = part * rms(clean) / max(rms(part), 1e-6) * 10 ** (-RATIOS[number % len(RATIOS)] / 20)
        yield clean, clean + part


def measure(clean: Wave, estimate: Wave) -> tuple[float, float, float]:
    """SI-SDR of the whole band and of what lies above 8 kHz, dB, and the log-spectral distance above 8 kHz, dB."""
    return si_sdr(clean, estimate), si_sdr(above(clean), above(estimate)), distance(clean, estimate)


def above(samples: Wave, edge: float = 8000) -> Wave:
    """What lies above `edge` hertz."""
    spectrum = np.fft.rfft(samples)
    spectrum[: round(edge / RATE * len(samples))] = 0
    return np.asarray(np.fft.irfft(spectrum, len(samples)), np.float32)


def distance(clean: Wave, estimate: Wave) -> float:
    """Root mean square over frames and 500 Hz bands above 8 kHz of the level difference, levels cut 60 dB below the loudest."""
    levels = [band_levels(samples) for samples in (clean, estimate)]
    floor = levels[0].max() - 60
    return float(np.sqrt(np.mean((np.maximum(levels[0], floor) - np.maximum(levels[1], floor)) ** 2)))


def band_levels(samples: Wave) -> np.ndarray:
    """Levels in dB of 24 bands of 500 Hz from 8 to 20 kHz, frames of 32 ms."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1536)[::768] * np.hanning(1536).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames)))[:, 256:640].reshape(len(frames), 24, 16).mean(-1)
    return 10 * np.log10(power + 1e-9)


def ours(model: str) -> Enhance:
    """A shipped bundle through the public function."""
    import winnow

    return lambda noisy: winnow.enhance((noisy, RATE), model=model).samples[0]


def page(scores: dict[str, list[tuple[float, float, float]]]) -> str:
    """The section."""
    header = ("system", "SI-SDR dB", "SI-SDR above 8 kHz, dB", "distance above 8 kHz, dB")
    rows = [[name, *(cell([s[i] for s in values]) for i in range(3))] for name, values in scores.items()]
    count = len(next(iter(scores.values())))
    about = (
        f"{count} mixtures of 4 s at 0 to 15 dB (RAVDESS speech, ESC-10 and moodist noise, held out). The 48 kHz bundle is the "
        "16 kHz network with band gains above 7.5 kHz; the 16 kHz bundle loses that band. Distance: level differences in 500 Hz "
        "bands from 8 to 20 kHz, less is better."
    )
    facts = report.facts("python bench/fullband.py --data DATA --peers PEERS", ("numpy", "onnxruntime"))
    return f"## The band above 8 kHz\n\n{facts}\n\n{about}\n\n{report.table(header, rows)}"


def cell(values: list[float]) -> str:
    """Mean and its 95 % interval."""
    mean, low, high = interval(values)
    return f"{mean:.1f} [{low:.1f}, {high:.1f}]"


if __name__ == "__main__":
    main()
