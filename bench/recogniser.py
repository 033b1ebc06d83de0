"""Does a recogniser make fewer errors after enhancement? Word errors of pocketsphinx on LibriSpeech with noise.

    OMP_NUM_THREADS=1 python bench/recogniser.py --data FOLDER      rewrites its section of docs/benchmarks.md

What the recogniser hears in the clean reading counts as what was said. A reading keeps its noise at all ratios.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.stats import t as student

import winnow
from kit import report
from kit.folders import add_folders
from kit.sound import RATE, Wave, loop, read, rms
from winnow.metrics.recognisers import Recogniser, find
from winnow.metrics.words import wer

MODEL = "denoise-16k"
RATIOS = (0, 5, 10)
STRENGTHS = (1.0, 0.5)
SECONDS = 8
COUNT = 8
LEVEL = 10 ** (-25 / 20)
CLEAN = "no noise added"
NOISY = "untouched"
Errors = dict[str, dict[str, float]]  # percent, by system and condition


def main() -> None:
    """Hear all readings in all versions, print, rewrite the section, which tells how many readings there were."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--count", type=int, default=COUNT, help="readings, about 40 s of one core each (%(default)s)")
    args = parser.parse_args()
    recogniser = find("pocketsphinx")
    heard = [errors(recogniser, *pair) for pair in material(args.data, args.count)]
    words, found = sum(count for count, _ in heard), [each for _, each in heard]
    text = page(found, words)
    print(text)
    report.rewrite("recogniser", text)


def material(data: Path, count: int) -> Iterator[tuple[Wave, Wave]]:
    """Clean readings at -25 dBFS, at most 8 s, and a noise for each as loud as the speech; `(time,)` at 16 kHz.

    Noises are drawn by class first (the folder they lie in), so that a large class does not rule.
    """
    rng = np.random.default_rng(16)
    classes = sorted({path.parent for path in (data / "valid" / "noise").rglob("*.*") if path.is_file()})
    for path in sorted((data / "valid" / "speech" / "librispeech").rglob("*.*"))[:count]:
        clean = read(path)[: SECONDS * RATE]
        clean *= LEVEL / rms(clean)
        files = sorted(classes[rng.integers(len(classes))].glob("*.*"))
        sound = read(files[rng.integers(len(files))])
        noise = loop(sound, int(rng.integers(len(sound))), len(clean))
        yield clean, noise * (LEVEL / max(rms(noise), 1e-6))


def errors(recogniser: Recogniser, clean: Wave, noise: Wave) -> tuple[int, Errors]:
    """Words heard in one clean reading, and the word errors of each version against them."""
    said = hear(recogniser, clean)
    inputs = {f"{ratio} dB": clean + noise * 10 ** (-ratio / 20) for ratio in RATIOS} | {CLEAN: clean}
    found: Errors = {NOISY: {}} | {system(strength): {} for strength in STRENGTHS}
    for condition, samples in inputs.items():
        # The clean reading itself is the reference: hearing it again would say nothing.
        found[NOISY][condition] = 0.0 if condition == CLEAN else wer(said, hear(recogniser, samples))
        for strength in STRENGTHS:
            cleaned = winnow.enhance((samples, RATE), model=MODEL, strength=strength).samples[0]
            found[system(strength)][condition] = wer(said, hear(recogniser, cleaned))
    return len(said.split()), found


def hear(recogniser: Recogniser, samples: Wave) -> str:
    """The text of one recording, turned down where its peaks would be cut."""
    return " ".join(recogniser.hear([samples / max(1.0, float(np.abs(samples).max()))]))


def system(strength: float) -> str:
    """A row's name."""
    return f"{MODEL}, strength {strength:g}"


def page(found: list[Errors], words: int) -> str:
    """The section: what was done, errors, paired differences, and what they say."""
    ratios = [f"{ratio} dB" for ratio in RATIOS]
    header = ("word errors, %", *ratios, "all three", CLEAN)
    columns = ([ratios[0]], [ratios[1]], [ratios[2]], ratios, [CLEAN])
    rows = [[name, *(cell([mean(each[name], c) for each in found]) for c in columns)] for name in found[0]]
    paired = [[name, *(cell(gained(found, name, c), "+") for c in columns)] for name in list(found[0])[1:]]
    parts = (
        "## Speech recognition",
        report.facts(
            f"python bench/recogniser.py --data DATA --count {len(found)}",
            ("pocketsphinx", "jiwer", "numpy", "onnxruntime"),
        ),
        about(len(found), words),
        report.table(header, rows),
        "Change by enhancement, percentage points, less is better, paired by reading:",
        report.table(("after minus before", *header[1:]), paired),
        " ".join(verdict(name, gained(found, name, ratios)) for name in list(found[0])[1:]),
    )
    return "\n\n".join(parts)


def about(count: int, words: int) -> str:
    """What was heard, and what the figures cannot say."""
    return (
        f"{count} readings of LibriSpeech, one speaker each, at most {SECONDS} s, each with one noise at three ratios "
        "(ESC-10, UrbanSound8K, Picovoice; held out). **The reference is the text that the same recogniser hears in the clean "
        f"file, not what was said** ({words} words): the figures tell how far noise and enhancement move its text, not how "
        "well it recognises. That the untouched clean file has no errors is therefore no result. Pocketsphinx is a small "
        "recogniser, and current ones may answer otherwise. In brackets the 95 % interval of the mean over readings (Student's t, "
        "since there are few)."
    )


def mean(values: dict[str, float], conditions: list[str]) -> float:
    """Over conditions, of one reading."""
    return float(np.mean([values[condition] for condition in conditions]))


def gained(found: list[Errors], name: str, conditions: list[str]) -> list[float]:
    """Percentage points of word errors that a system adds to the untouched recording (negative: takes away), by reading."""
    return [mean(each[name], conditions) - mean(each[NOISY], conditions) for each in found]


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean and its 95 % interval, Student's t: resampling a handful of readings would make it too narrow."""
    middle, count = float(np.mean(values)), len(values)
    if count < 2:
        return middle, -np.inf, np.inf
    half = float(student.ppf(0.975, count - 1) * np.std(values, ddof=1) / np.sqrt(count))
    return middle, middle - half, middle + half


def cell(values: list[float], sign: str = "") -> str:
    """Mean and its 95 % interval."""
    middle, low, high = interval(values)
    if not sign:
        low = max(0.0, low)  # errors cannot be fewer than none
    return f"{middle:{sign}.0f} [{low:{sign}.0f}, {high:{sign}.0f}]"


def verdict(name: str, change: list[float]) -> str:
    """What the paired interval over all ratios says, in a sentence."""
    middle, low, high = interval(change)
    if low <= 0 <= high:
        said = "makes no clear difference to this recogniser in noise: the interval holds 0, and hides any effect within it"
    else:
        said = f"{'helps' if high < 0 else 'harms'} this recogniser in noise"
    return f"{name} {said} ({middle:+.1f} points over the three ratios, [{low:+.1f}, {high:+.1f}], {len(change)} readings)."


if __name__ == "__main__":
    main()
