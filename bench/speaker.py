"""How well encoders tell voices apart: equal error rates of people that none was made with, and a histogram of the scores.

python bench/speaker.py --data DATA                    rewrites docs/speaker.md and its picture; minutes
python bench/speaker.py --data DATA --model BUNDLE     a bundle beside the others; prints only
python bench/speaker.py --data DATA --seconds 3        one length; prints only
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit import report
from winnow import media
from winnow.dsp.resample import resample
from winnow.engine.reference import active
from winnow.metrics.verification import EqualError, equal_error_rate
from winnow.models import catalog
from winnow.models.voices import NETWORK, SpectralVoice, VoiceEncoder, default_encoder, network_encoder

PAGE = Path(__file__).parents[1] / "docs" / "speaker.md"
PICTURE = PAGE.parent / "pictures" / "speaker-scores.png"
CORPORA = ("valid/speech/librispeech", "valid/speech8k/dns-enrol", "valid/speech/vctk", "av/grid")
RATE, MOST = 16000, 6  # pieces of one person at most
RATIO = 10.0  # dB, speech over noise
CONDITIONS = {
    "as it is": "both pieces as they were recorded",
    "4 kHz": "the second piece without what lies above 4 kHz",
    "noise": f"noise of the surroundings in the second piece, at {RATIO:g} dB",
}
Floats = npt.NDArray[np.float32]
Scores = tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]


def main() -> None:
    """Measure, print, and rewrite the page where the run was a whole one."""
    args = arguments()
    encoders: dict[str, VoiceEncoder] = {"spectral": SpectralVoice()}
    network = network_encoder()
    if network is not None:
        encoders |= {NETWORK: network, "both": default_encoder()}
    encoders |= {Path(path).name: catalog.find(path).encoder() for path in args.model}
    speech = {who: sound for corpus in CORPORA for who, sound in people(args.data / corpus)}
    noises = [mono(path) for path in sorted((args.data / "valid/noise/esc10").rglob("*.*"))]
    rows, last = [], {}
    for seconds in args.seconds:
        pieces, who = cut(speech, seconds)
        for name, encoder in encoders.items():
            last[name] = measured(encoder, pieces, who, noises)
            rows.append([name, f"{seconds:g} s", *cells(last[name])])
    header = ("encoder", "pieces", *(f"EER, {name}, %" for name in CONDITIONS), "threshold")
    text = report.table(header, rows)
    print(f"{text}\n\n{len(speech)} people; the last row of each length is of {len(pieces)} pieces")
    if not args.model and args.seconds == args.usual:
        draw(last)
        note = (
            f"{len(speech)} people, at most {MOST} pieces of each; the threshold is that of equal errors, as recorded."
        )
        facts = report.facts("python bench/speaker.py", ["numpy", "onnxruntime"])
        report.rewrite("speaker", f"{text}\n\n{note}\n\n![histograms](pictures/{PICTURE.name})\n\n{facts}", PAGE)
    else:
        print("\nA partial run: docs/speaker.md is left as it is.")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with valid/ and av/")
    parser.add_argument("--model", action="append", default=[], metavar="BUNDLE")
    parser.add_argument("--seconds", type=float, action="append", metavar="N", help="of a piece; default: 1.5 and 3")
    args = parser.parse_args()
    args.usual = [1.5, 3.0]
    args.seconds = args.seconds or args.usual
    return args


def mono(path: Path) -> Floats:
    """At 16 kHz, `(time,)`."""
    return media.read(path).mono().resampled(RATE).samples[0]


def people(folder: Path) -> Iterator[tuple[str, Floats]]:
    """The speech of each person, pauses left out; one folder is one person, but each clip of GRID another."""
    groups: dict[str, list[Floats]] = {}
    for path in sorted(path for path in folder.rglob("*.*") if path.is_file()):
        who = path.stem if folder.name == "grid" else path.parent.name
        groups.setdefault(f"{folder.name}/{who}", []).append(active(mono(path)))
    for who, parts in groups.items():
        yield who, np.concatenate(parts)


def cut(speech: dict[str, Floats], seconds: float) -> tuple[list[Floats], npt.NDArray[np.str_]]:
    """Pieces that do not overlap, spread over each person's speech, and whose they are."""
    size, pieces, names = round(seconds * RATE), [], []
    for who, sound in speech.items():
        count = len(sound) // size
        for place in np.unique(np.linspace(0, count - 1, min(count, MOST)).round().astype(int)) if count else ():
            pieces.append(sound[place * size : (place + 1) * size])
            names.append(who)
    return pieces, np.array(names)


def measured(
    encoder: VoiceEncoder, pieces: list[Floats], who: npt.NDArray[np.str_], noises: list[Floats]
) -> dict[str, Scores]:
    """Cosines of all pairs of different pieces, of one person's and of two, by condition of the second piece."""
    rng = np.random.default_rng(0)
    first = np.array([encoder(piece, RATE) for piece in pieces])
    altered = {
        "as it is": first,
        "4 kHz": np.array([encoder(resample(piece[None], RATE, 8000)[0], 8000) for piece in pieces]),
        "noise": np.array([encoder(noisy(piece, noises, rng), RATE) for piece in pieces]),
    }
    other = ~np.eye(len(pieces), dtype=bool)
    same = (who[:, None] == who[None]) & other
    return {name: ((first @ second.T)[same], (first @ second.T)[other & ~same]) for name, second in altered.items()}


def noisy(piece: Floats, noises: list[Floats], rng: np.random.Generator) -> Floats:
    """With a noise drawn at random, repeated where it is short."""
    noise = np.resize(noises[rng.integers(len(noises))], len(piece))
    gain = np.sqrt(np.mean(piece**2) / max(float(np.mean(noise**2)), 1e-12)) * 10 ** (-RATIO / 20)
    return np.asarray(piece + gain * noise, np.float32)


def cells(scores: dict[str, Scores]) -> list[str]:
    """One row of the table."""
    found: dict[str, EqualError] = {name: equal_error_rate(*pair) for name, pair in scores.items()}
    return [*(f"{100 * each.rate:.1f}" for each in found.values()), f"{found['as it is'].threshold:.2f}"]


def draw(found: dict[str, dict[str, Scores]]) -> None:
    """Histograms of the longest pieces' scores, a row an encoder, a column a condition."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    size = (3 * len(CONDITIONS), 2 * len(found) + 0.4)
    figure, grid = plt.subplots(len(found), len(CONDITIONS), figsize=size, sharex=True, squeeze=False)
    for row, (name, scores) in zip(grid, found.items(), strict=True):
        for axis, (condition, (same, other)) in zip(row, scores.items(), strict=True):
            for values, label, colour in ((other, "two people", "tab:orange"), (same, "one person", "tab:blue")):
                axis.hist(values, np.linspace(-0.6, 1, 65), density=True, alpha=0.6, label=label, color=colour)
            axis.axvline(equal_error_rate(same, other).threshold, color="black", linewidth=0.8)
            axis.set_title(f"{name}, {condition}", fontsize=8)
            axis.set_yticks([])
    grid[0][0].legend(fontsize=7)
    figure.supxlabel("cosine of two voice vectors", fontsize=8)
    figure.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=80, metadata={"Software": None})


if __name__ == "__main__":
    main()
