"""Clean the sample video and show what changed: `make demo`, or `python samples/demo.py [FOLDER]`.

Writes the cleaned video, the sound before and after, and a picture of both spectrograms.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from winnow.audio import Audio
from winnow.media import read

SAMPLES = Path(__file__).parent
TOP = 10  # kHz, the highest frequency in the picture
WINDOW = 1024  # samples


def closeness(audio: Audio, clean: Audio) -> float:
    """Scale-invariant ratio of the clean voice to everything else, dB (SI-SDR, Le Roux et al. 2019)."""
    time = min(audio.samples.shape[1], clean.samples.shape[1])
    x, s = audio.mono().samples[0, :time].astype(np.float64), clean.mono().samples[0, :time].astype(np.float64)
    target = (x @ s) / (s @ s) * s
    return float(10 * np.log10((target @ target) / np.sum((x - target) ** 2)))


def spectrogram(axes: plt.Axes, audio: Audio, title: str) -> matplotlib.collections.QuadMesh:
    """Draw one spectrogram: kilohertz over seconds, level in dB relative to full scale."""
    window = np.hanning(WINDOW)
    frames = np.lib.stride_tricks.sliding_window_view(audio.mono().samples[0], WINDOW)[:: WINDOW // 2]
    kept = int(TOP * 1000 * WINDOW / audio.rate) + 1
    spectrum = np.abs(np.fft.rfft(frames * window)[:, :kept].T) / window.sum()
    seconds = (np.arange(len(frames)) + 1) * WINDOW / 2 / audio.rate
    kilohertz = np.arange(len(spectrum)) * audio.rate / WINDOW / 1000
    level = 20 * np.log10(spectrum + 1e-6)
    mesh = axes.pcolormesh(seconds, kilohertz, level, vmin=-100, vmax=-35, cmap="magma", rasterized=True)
    axes.set(title=title, ylabel="kHz")
    return mesh


def draw(path: Path, before: Audio, after: Audio) -> None:
    """The picture of both spectrograms, one above the other."""
    figure, axes = plt.subplots(2, 1, figsize=(10, 6.5), sharex=True, layout="constrained")
    spectrogram(axes[0], before, "before")
    mesh = spectrogram(axes[1], after, "after winnow enhance")
    axes[1].set_xlabel("seconds")
    figure.colorbar(mesh, ax=axes, label="dB relative to full scale")
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    """Run the demonstration."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output")
    folder.mkdir(parents=True, exist_ok=True)
    source, video = SAMPLES / "talk.mp4", folder / "talk.enhanced.mp4"
    print(f"$ winnow enhance {source} -o {video}", flush=True)
    command = [sys.executable, "-m", "winnow", "enhance", str(source), "-o", str(video), "--force"]
    if code := subprocess.run(command, check=False).returncode:
        sys.exit(code)
    before, after, clean = read(source), read(video), read(SAMPLES / "talk.clean.flac")
    before.save(folder / "before.wav")
    after.save(folder / "after.wav")
    draw(folder / "before-after.png", before, after)
    print("\nvoice against everything else (SI-SDR; the clean voice of this sample is known):", end=" ")
    print(f"{closeness(before, clean):.1f} dB before, {closeness(after, clean):.1f} dB after")
    print(f"Listen to {folder / 'before.wav'} and {folder / 'after.wav'},")
    print(f"look at {folder / 'before-after.png'}, play {video}.")


if __name__ == "__main__":
    main()
