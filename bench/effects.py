"""What every effect looks like: spectrograms of one synthetic voice, for docs/augmentation.md.

python bench/effects.py       writes docs/pictures/effects.png
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from winnow.data.augment import apply

RATE = 16000
PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "effects.png"
SHOWN = [
    {"name": "as it is"},
    {"name": "equalise", "gains": [-15, 10, -10, 5, -15, 15]},
    {"name": "level", "gain": -20.0},
    {"name": "speed", "factor": 1.3},
    {"name": "resample", "lower": 8000},
    {"name": "band_limit", "low": 400.0, "high": 5000.0, "order": 12},
    {"name": "clip", "keep": 0.2},
    {"name": "quantise", "bits": 6},
    {"name": "packet_loss", "enter": 0.08, "leave": 0.4, "seed": 2},
    {"name": "codec", "codec": "mp3", "bit_rate": 16000},
    {"name": "codec", "codec": "amr-nb", "bit_rate": 4750},
    {"name": "wind", "snr": -5.0, "seed": 1, "cutoff": 200.0},
    {"name": "hum", "snr": 0.0, "seed": 1, "harmonics": 20},
    {"name": "dc", "offset": 0.05},
]


def voice(seconds: float = 1.5) -> np.ndarray:
    """Syllables with a gliding pitch and moving formants, and between them hisses, `(time,)`."""
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 150 + 40 * np.sin(2 * np.pi * 0.8 * time)
    turns = np.cumsum(pitch) / RATE
    total = np.zeros(time.size)
    for k in range(1, 45):
        peaks = (600 + 200 * np.sin(5 * time), 1500 + 500 * np.cos(4 * time), np.full(time.size, 2800.0))
        gain = sum(1 / (1 + ((k * pitch - peak) / 150) ** 2) for peak in peaks) + 0.02
        total += (k * pitch < 7000) * gain * np.cos(2 * np.pi * k * turns + k * k)
    hiss = 0.15 * np.diff(np.random.default_rng(0).standard_normal(time.size + 1))
    syllable = 0.5 - 0.5 * np.cos(2 * np.pi * 3 * time)
    return (0.08 * (total * syllable + hiss * (1 - syllable) ** 4)).astype(np.float32)


def draw() -> None:
    """The grid of spectrograms."""
    figure, axes = plt.subplots(2, 7, figsize=(13, 3.6), sharex=True, sharey=True, layout="constrained")
    for place, effect in zip(axes.flat, SHOWN, strict=True):
        samples = voice() if effect["name"] == "as it is" else apply(voice(), RATE, effect)
        place.specgram(samples + 1e-7, NFFT=512, Fs=RATE, noverlap=384, vmin=-130, vmax=-50, cmap="magma")
        place.set_title(str(effect.get("codec", effect["name"])), fontsize=9)
        place.tick_params(labelsize=7)
        place.set(xlim=(0, 1.5), yticks=[0, 4000, 8000])
        place.set_yticklabels(["0", "4", "8 kHz"])
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=75)
    Image.open(PICTURE).convert("RGB").quantize(64).save(PICTURE, optimize=True)


if __name__ == "__main__":
    draw()
