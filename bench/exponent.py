"""By how much the gains of an enhancer come out too small: scores over exponents, on recordings that it was trained with.

python bench/exponent.py --data FOLDER [--model denoise-16k]      prints; nothing held out is touched
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from kit import report
from kit.folders import add_folders, bundle_folder
from kit.measures import all_measures
from kit.sound import RATE, Wave, fit, loop, read, rms
from winnow.engine.run import Separation, Settings

Clips = list[tuple[Wave, Wave]]
EXPONENTS = (1.0, 0.9, 0.8, 0.7, 0.6)


def main() -> None:
    """Score each exponent on the pairs and on mixtures of training speech and noise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--model", default="denoise-16k")
    args = parser.parse_args()
    sets = {"pairs": pairs(args.data), "mixtures": mixtures(args.data)}
    rows = []
    for exponent in EXPONENTS:
        cells = [score(args.model, exponent, clips) for clips in sets.values()]
        rows.append([f"{exponent:g}", *(cell for part in cells for cell in part)])
    header = ["exponent", *(f"{name}: {what}" for name in sets for what in ("PESQ-WB", "SI-SDR dB", "STOI"))]
    print(report.table(header, rows))


def pairs(data: Path) -> Clips:
    """Clean and noisy of `train/paired`."""
    folder = data / "train" / "paired" / "voicebank-demand-train"
    return [(read(folder / "clean" / p.name), read(p)) for p in sorted((folder / "noisy").iterdir())]


def mixtures(data: Path, count: int = 60) -> Clips:
    """Clean and noisy from `train/speech` and `train/noise`, 4 s at -5 to 15 dB, seeded."""
    rng = np.random.default_rng(7)
    speech = sorted((data / "train" / "speech" / "librispeech").rglob("*.*"))
    noise = sorted(p for kind in ("esc10", "clearervoice-samples") for p in (data / "train/noise" / kind).rglob("*.*"))
    made = []
    for number in range(count):
        clean = fit(read(speech[rng.integers(len(speech))]), 4 * RATE)
        sound = read(noise[rng.integers(len(noise))])
        part = loop(sound, int(rng.integers(len(sound))), len(clean))
        made.append((clean, clean + part * rms(clean) / max(rms(part), 1e-6) * 10 ** (-(number % 5 * 5 - 5) / 20)))
    return made


def score(model: str, exponent: float, clips: Clips) -> list[str]:
    """Mean PESQ, SI-SDR and STOI."""
    rows = []
    for clean, noisy in clips:
        separation = Separation(RATE, 1, Settings(model=str(bundle_folder(model))))
        runner = separation._runner
        runner.settings = replace(runner.settings, exponent=exponent)
        parts = [separation.feed(noisy[None]), separation.flush()]
        estimate = np.concatenate([part["speech"][0] for part in parts])
        values = all_measures(clean, estimate, None)
        rows.append([values[name] for name in ("pesq", "si_sdr", "stoi")])
    mean = np.nanmean(np.array(rows), axis=0)
    return [f"{mean[0]:.2f}", f"{mean[1]:.1f}", f"{mean[2]:.3f}"]


if __name__ == "__main__":
    main()
