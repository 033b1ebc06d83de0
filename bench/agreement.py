"""Whether the measures agree with independent implementations, and what each costs; rewrites docs/measures.md.

python bench/agreement.py --data FOLDER        FOLDER/valid/paired holds noisy and clean recordings of equal names
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from kit import ebur128, report
from kit.folders import ROOT, add_folders
from kit.sound import RATE, Wave, fit, read
from winnow.metrics import bss, loudness, perceptual, sdr, words
from winnow.metrics.groups import GROUPS
from winnow.metrics.measures import MEASURES
from winnow.metrics.score import score

PAGE = ROOT / "docs" / "measures.md"
PACKAGES = ["fast_bss_eval", "mir_eval", "pystoi", "pesq", "jiwer", "av", "numpy"]
Pair = tuple[Wave, Wave]
Row = tuple[str, str, Callable[[Pair], float], Callable[[Pair], float], str]


def main() -> None:
    """Compare on every pair, time on a minute, print, rewrite."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    args = parser.parse_args()
    if not args.data or not (args.data / "valid" / "paired").is_dir():
        parser.error("--data (or WINNOW_BENCH_DATA) is a folder that holds valid/paired")
    pairs = list(material(args.data / "valid" / "paired"))
    facts = report.facts("python bench/agreement.py --data DATA", PACKAGES)
    for name, text in (("agreement", agreement(pairs)), ("cost", cost(pairs))):
        print(facts, text, sep="\n\n", end="\n\n")
        report.rewrite(name, f"{facts}\n\n{text}", PAGE)


def material(folder: Path) -> Iterable[Pair]:
    """Clean and noisy recordings, `(time,)` at 16 kHz."""
    for noisy in sorted(folder.rglob("noisy/**/*.*")):
        clean = read(Path(str(noisy).replace("/noisy/", "/clean/")))
        yield clean, fit(read(noisy), len(clean))


def rows() -> list[Row]:
    """What is compared: name, with what, ours, theirs, the tolerance that the tests allow."""
    import fast_bss_eval
    from jiwer import cer, wer
    from pesq import pesq
    from pystoi import stoi

    return [
        ("si_sdr", "fast_bss_eval", lambda p: sdr.si_sdr(*p), lambda p: fast_bss_eval.si_sdr(
            p[0][None].astype(float), p[1][None].astype(float), zero_mean=True)[0], "1e-6 dB"),
        ("sdr", "mir_eval", lambda p: bss.sdr(*p), mir_eval_sdr, "1e-4 dB"),
        ("stoi", "pystoi", lambda p: perceptual.stoi(*p, RATE), lambda p: stoi(*p, RATE), "0"),
        ("estoi", "pystoi", lambda p: perceptual.estoi(*p, RATE), lambda p: stoi(*p, RATE, extended=True), "1e-6"),
        ("pesq_wb", "pesq", lambda p: perceptual.pesq_wb(*p), lambda p: pesq(RATE, *p, "wb"), "1e-6"),
        ("pesq_nb", "pesq", lambda p: perceptual.pesq_nb(*p, RATE), lambda p: pesq(RATE, *p, "nb"), "1e-6"),
        ("lufs", "FFmpeg ebur128", lambda p: loudness.integrated(p[1][None], RATE),
            lambda p: ebur128.measure(p[1][None], RATE, "mono")[0], "0.05 LU"),
        ("true_peak_dbtp", "FFmpeg ebur128", lambda p: loudness.true_peak(p[1][None], RATE),
            lambda p: ebur128.measure(p[1][None], RATE, "mono")[1], "0.2 dB"),
        ("wer", "jiwer", lambda p: words.wer(*texts(p)), lambda p: 100 * wer(*texts(p)), "1e-9 %"),
        ("cer", "jiwer", lambda p: words.cer(*texts(p)), lambda p: 100 * cer(*texts(p)), "1e-9 %"),
    ]  # fmt: skip


def mir_eval_sdr(pair: Pair) -> float:
    """SDR of BSS Eval by mir_eval."""
    import mir_eval

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = [x[None].astype(float) for x in pair]
        return float(mir_eval.separation.bss_eval_sources(*one, compute_permutation=False)[0][0])


def texts(pair: Pair) -> tuple[str, str]:
    """Two texts of 300 words drawn from the recordings' samples."""
    size = 300
    return tuple(" ".join("word" + "abcdef"[int(abs(v) * 1e5) % 6] for v in x[8000 : 8000 + size]) for x in pair)  # type: ignore[return-value]


def agreement(pairs: list[Pair]) -> str:
    """The table: the largest difference over all pairs."""
    lines = []
    for name, other, ours, theirs, tolerance in rows():
        print(name, file=sys.stderr)
        values = np.array([(ours(pair), theirs(pair)) for pair in pairs], np.float64)
        worst, span = np.abs(values[:, 0] - values[:, 1]).max(), f"{values[:, 1].min():.2f} to {values[:, 1].max():.2f}"
        lines.append([f"`{name}`", other, span, f"{worst:.1e}", tolerance])
    return report.table(
        ["measure", "against", f"values of {len(pairs)} recordings", "largest difference", "tests allow"], lines
    )


def cost(pairs: list[Pair]) -> str:
    """The table: processor seconds for a minute of one channel at 16 kHz, reading included."""
    clean, noisy = (np.resize(np.concatenate([pair[i] for pair in pairs]), 60 * RATE) for i in (0, 1))
    lines = []
    for group in GROUPS:
        begin = time.process_time()
        score((noisy, RATE), reference=(clean, RATE), mixture=(0.5 * (clean + noisy), RATE), measures=group.names)
        once = (time.process_time() - begin) / (1 if {*group.names} <= {"mask_iou", "delay", "gain"} else 2)
        lines.append([", ".join(f"`{name}`" for name in group.names if name in MEASURES), f"{once:.2f}"])
    return report.table(["measures computed together", "seconds per minute of audio"], lines)


if __name__ == "__main__":
    main()
