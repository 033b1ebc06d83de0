"""Two talkers apart: SI-SDR improvement of bundles on fixed mixtures, beside oracles; and what a second of sound costs.

    python bench/talkers.py --data DATA --models talkers-16k --baseline FIXED     rewrites docs/talkers-scores.md
    python bench/talkers.py --data DATA --models BUNDLE --quick                   a quick look; prints only

--models are names or folders of bundles; --baseline is one trained with its talkers in a fixed order. Scores are kept in .bench/
by the hash of the graph; --anew makes them again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from kit import report
from kit.fixed import Fixed, Sounding, quick, read_set, sounding
from kit.folders import ROOT, add_folders, need_speech
from kit.running import cost
from kit.separating import NO_TALKERS, Model, Scores, cell, command, scored
from kit.sound import Wave, resample
from winnow.metrics.oracle import oracle
from winnow.metrics.sdr import LIMIT, best_order, si_sdr

PAGE = ROOT / "docs" / "talkers-scores.md"
CONDITIONS = ("clean", "noisy", "reverberant", "partial")
PAIRS = ("lower", "higher", "different")
ORACLES = {
    "oracle: ideal ratio mask": {"kind": "irm"},
    "oracle: complex mask of modulus 1 at most": {"kind": "crm", "most": 1.0},
}
MIXTURE = "the mixture itself"
Results = dict[str, list[Scores]]

ABOUT = (
    "72 mixtures of 4 s, two talkers each, the second one 0 to 5 dB softer, 18 of each kind: *clean*: both all the time; *noisy*: "
    "with noise 0 to 10 dB under them (ESC-10, UrbanSound8K, Picovoice, moodist; none with voices in it); *reverberant*: in a room "
    "(a hall, a stairwell, a kitchen; wanted is each talker with the echo); *partial*: both at once for 20 to 60 % of the time. 25 "
    "speakers of LibriSpeech and VCTK, rooms and noises that no network has heard. `bench/lists/talkers.jsonl` tells what each is "
    "made of, `bench/make_sets.py` drew it. Mean SI-SDR improvement over talkers in dB, its 95 % interval (bootstrap over "
    "talkers), and the median; estimates are matched to talkers in the order with the highest sum. LibriSpeech's files do not say "
    "who is a woman or a man, so pairs are told by median pitch: *lower*: both voices below 155 Hz, *higher*: both above, "
    "*different*: one of each."
)
ABOUT_ORACLES = (
    "The oracles know the answer: they are what a mask of their kind could reach at most, with 32 ms windows. An ideal complex "
    "mask without a limit is exact and says nothing, so its modulus is limited to 1, as that of a mask that only takes away."
)
ABOUT_COST = (
    "Load: time of one core over the length of the sound, in a process of its own, windows overlapping as they do in a recording. "
    "Memory: of that process at most (Python, NumPy and ONNX Runtime are about the first figure, before the first window). "
    "Multiply-accumulates: convolutions, matrix products and recurrent layers of the graph, for a second of its window, without "
    "the overlap."
)
PUBLISHED = (
    ("Conv-TasNet", "WSJ0-2mix", "15.3", "5.6 M", "10.2 G"),
    ("Conv-TasNet", "Libri2Mix, clean / noisy", "14.7 / 12.0", "5.6 M", "10.2 G"),
    ("DPRNN", "Libri2Mix", "16.1", "", ""),
    ("SepFormer", "WSJ0-2mix / Libri2Mix", "20.4 / 17.0", "26 M", ""),
    ("MossFormer2_SS_16K", "WSJ0-2mix / Libri2Mix / WHAM!", "22.0 / 16.7 / 17.4", "", ""),
    ("TF-GridNet", "WSJ0-2mix / Libri2Mix", "22.8 / 19.8", "14.4 M", "324-446 G"),
    ("TIGER, small / large", "Libri2Mix", "16.7 / 18.0", "0.82 M", "7.65 / 15.3 G"),
)
ABOUT_PUBLISHED = (
    "For orientation only: **other mixtures**, and networks trained on 30 to 460 hours of clean speech, ours on about three. "
    "SI-SDR improvement in dB as their authors, or toolkits that carry them, state it; multiply-accumulates a second."
)


def main() -> None:
    """Score, measure, print, and rewrite the page where the run was a whole one."""
    args = arguments()
    mixtures = read_set("talkers")
    chosen = quick(mixtures, 2) if args.quick else mixtures
    results = {MIXTURE: scored(MIXTURE, "", sounding(chosen, args.data), untouched)}
    for name, how in ORACLES.items():
        results[name] = scored(name, str(how), sounding(chosen, args.data), partial(by_oracle, how), args.anew)
    models = {Model(name).title: Model(name) for name in args.models}
    if args.baseline:
        models[f"{Model(args.baseline).title}, fixed order in training"] = Model(args.baseline)
    for title, model in models.items():
        version, score = model.bundle.manifest.sha256, partial(by_model, model)
        results[title] = scored(title, version, sounding(chosen, args.data), score, args.anew)
    text = page(args, chosen, results, models)
    print(text)
    if args.models and not args.quick:
        report.rewrite("talkers", text, PAGE)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--models", nargs="*", default=["talkers-16k"], help="bundles (%(default)s)")
    parser.add_argument("--baseline", help="a bundle whose talkers had a fixed order in training")
    parser.add_argument("--quick", action="store_true", help="two mixtures of each kind; prints only")
    parser.add_argument("--anew", action="store_true", help="make kept scores again")
    args = parser.parse_args()
    need_speech(parser, args)
    return args


def talkers(mixture: Sounding) -> list[Wave]:
    """The true ones."""
    return [stem for name, stem in mixture.stems.items() if name.startswith("talker")]


def untouched(mixture: Sounding) -> Scores:
    """The mixture as the estimate of everybody."""
    return compared(talkers(mixture), [mixture.mixture] * 2, mixture.mixture)


def by_oracle(how: dict[str, object], mixture: Sounding) -> Scores:
    """Masks made with the talkers known."""
    true = np.stack(talkers(mixture))
    return compared(list(true), list(oracle(mixture.mixture, true, **how)), mixture.mixture)  # type: ignore[arg-type]


def by_model(model: Model, mixture: Sounding) -> Scores:
    """A bundle, at its own rate."""
    stems = model.stems(mixture.mixture, mixture.rate)
    estimates = [stem for name, stem in stems.items() if name not in NO_TALKERS]
    true = [resample(stem, mixture.rate, model.rate) for stem in talkers(mixture)]
    return compared(true, estimates, resample(mixture.mixture, mixture.rate, model.rate))


def compared(true: Sequence[Wave], estimates: Sequence[Wave], mixture: Wave) -> Scores:
    """SI-SDR of the mixture and its improvement for each talker, dB; estimates too many are left over."""
    size = max(len(true), len(estimates))
    table = np.zeros((size, size))
    for i, talker in enumerate(true):
        found = [si_sdr(talker, estimate) for estimate in estimates]
        table[i, : len(found)] = [-LIMIT if value is None else value for value in found]
    order = best_order(table)
    scores: Scores = {}
    for i, talker in enumerate(true):
        before = si_sdr(talker, mixture)
        assert before is not None
        scores |= {f"before{i}": before, f"gain{i}": table[i, order[i]] - before}
    return scores


def page(args: argparse.Namespace, mixtures: Sequence[Fixed], results: Results, models: dict[str, Model]) -> str:
    """The section."""
    baseline = ("--baseline FIXED",) if args.baseline else ()
    parts = [
        "## Measured",
        report.facts(command("talkers", args.models, *baseline), ["numpy", "onnxruntime", "scipy"]),
        ABOUT,
        "### By what is in the way",
        table(mixtures, results, {c: lambda m, c=c: m.condition == c for c in CONDITIONS}),
        ABOUT_ORACLES,
        "### By the pair of voices",
        "Over all four kinds.",
        table(mixtures, results, {p: lambda m, p=p: m.pair == p for p in PAIRS}),
        "### Cost",
        ABOUT_COST,
        costs(models),
        "## As published",
        ABOUT_PUBLISHED,
        report.table(["network", "mixtures", "SI-SDRi dB", "parameters", "MACs/s"], PUBLISHED),
    ]
    return "\n\n".join(parts)


def table(mixtures: Sequence[Fixed], results: Results, groups: dict[str, Callable[[Fixed], bool]]) -> str:
    """Systems in rows, groups of mixtures in columns; of the mixture itself SI-SDR, since it improves nothing."""
    rows = []
    columns = {**groups, "all": lambda m: True}
    for title, found in results.items():
        key = "before" if title == MIXTURE else "gain"
        cells = [
            cell(s[k] for m, s in zip(mixtures, found, strict=True) if wanted(m) for k in (f"{key}0", f"{key}1"))
            for wanted in columns.values()
        ]
        rows.append([f"{title}: SI-SDR" if title == MIXTURE else title, *cells])
    return report.table(["SI-SDR improvement, dB", *columns], rows)


def costs(models: dict[str, Model]) -> str:
    """Size and speed of each bundle."""
    rows = []
    for title, model in models.items():
        found = cost(model.given)
        rows.append(
            [
                title,
                f"{model.bundle.manifest.parameters:,}",
                f"{model.bundle.size / 1e6:.1f}",
                f"{found.macs / 1e9:.2f} G",
                f"{found.load:.3f}",
                f"{1 / found.load:.1f}x",
                f"{found.before:.0f} -> {found.megabytes:.0f}",
            ]
        )
    head = ["network", "parameters", "MB on disk", "MACs/s", "load", "x real time", "MB of memory"]
    return report.table(head, rows)


if __name__ == "__main__":
    main()
