"""System 1 as published, corrected, and the enhancer of today side by side; and what its training reaches.

    python bench/unet.py --data DATA --published BUNDLE       rewrites docs/unets.md
    python bench/unet.py --data DATA --systems unet-8k        a quick look; prints only

--published is a bundle of `winnow train unet --preset paper`; --runs are run folders, for the tables of training.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kit import report
from kit.folders import ROOT, add_folders, bundle_folder
from kit.material import Clip, clips
from kit.measures import interval, pesq_wb, si_sdr, stoi
from kit.sound import RATE, Wave, fit, resample

PAGE = ROOT / "docs" / "unets.md"
BAND = 8000
BATCHES = 5
OURS = ("unet-8k", "resunet-8k", "denoise-16k")
COLUMNS = (
    ("iou", "IoU %", 1),
    ("pesq_nb", "PESQ-NB", 2),
    ("si_sdr", "SI-SDR dB", 1),
    ("stoi", "STOI", 3),
    ("pesq_wb", "PESQ-WB at 16 kHz", 2),
)
PUBLISHED = (("U-Net, 32 maps", 51.14, 46.14), ("residual U-Net, 16 maps", 41.0, 44.14))
Enhancer = Callable[[Wave], Wave]


def main() -> None:
    """Score, time, print, and rewrite the page where the run was a whole one."""
    args = arguments()
    systems: dict[str, str | None] = {"noisy": None}
    systems |= {f"winnow {Path(name).name}": name for name in args.systems}
    if args.published:
        systems["as published"] = str(args.published)
    material = [clip for clip in clips(args.data) if clip.group in ("paired", "mixtures")]
    scores = {title: [measured(clip, enhancer(model)) for clip in material] for title, model in systems.items()}
    parts = ["## Measured", report.facts(command(args), ["numpy", "onnxruntime", "pesq", "pystoi"]), NOTE]
    for group, title in (("paired", "31 paired recordings"), ("mixtures", "100 fixed mixtures")):
        parts += [f"### {title}", quality(scores, [clip.group == group for clip in material])]
    parts += ["### Size and speed", footprint({k: v for k, v in systems.items() if v})]
    parts += ["### IoU where the networks were trained, and beside it", training(args)] if args.runs else []
    text = "\n\n".join(parts)
    print(text)
    if args.published and args.runs and tuple(args.systems) == OURS:
        report.rewrite("unets", text, PAGE)


NOTE = (
    "Means over clips with the 95 % interval of the mean. What goes in is the recording at 16 kHz. IoU (windows of 1.008 s, as"
    " system 1 computes it), PESQ-NB, SI-SDR and STOI are taken of outputs and references brought to 8 kHz, the band in which"
    " the U-Nets work; PESQ-WB tells what the missing band costs. The U-Nets heard rain, wind, clocks, steps, fireworks and a"
    " washing machine only (the 20-class rule), `denoise-16k` all kinds of noise."
)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--systems", nargs="*", default=OURS, help="bundles (default: %(default)s)")
    parser.add_argument("--published", type=Path, help="a bundle of the preset paper")
    parser.add_argument("--runs", type=Path, nargs="*", default=[], help="run folders")
    return parser.parse_args()


def command(args: argparse.Namespace) -> str:
    """The command line as a reader would give it, without this machine's folders."""
    words = ["python bench/unet.py --data DATA", "--published PAPER" if args.published else ""]
    return " ".join(w for w in [*words, "--runs RUN ..." if args.runs else ""] if w)


def enhancer(model: str | None) -> Enhancer:
    """winnow's public API with all settings at their defaults; without a model the input itself."""
    import winnow
    from winnow.audio import Audio

    if model is None:
        return lambda noisy: noisy
    return lambda noisy: np.asarray(winnow.enhance(Audio(noisy, RATE), model=model).samples[0])


def measured(clip: Clip, enhance: Enhancer) -> dict[str, float]:
    """All measures of one clip."""
    enhanced = fit(np.nan_to_num(enhance(clip.noisy)), len(clip.reference))
    clean, noisy, out = (resample(x, RATE, BAND) for x in (clip.reference, clip.noisy, enhanced))
    return {
        "iou": 100 * overlap(clean, out, noisy),
        "pesq_nb": pesq_nb(clean, out),
        "si_sdr": si_sdr(clean, out),
        "stoi": stoi(clip.reference, resample(out, BAND, RATE)[: len(clip.reference)]),
        "pesq_wb": pesq_wb(clip.reference, enhanced),
    }


def overlap(clean: Wave, out: Wave, noisy: Wave) -> float:
    """Mean intersection over union of the noise masks over whole windows; a clip shorter than one is repeated."""
    from winnow.metrics.spectral import mask_iou

    size = 8064
    signals = [np.resize(x, max(size, len(x))) for x in (clean, out, noisy)]
    windows = [[x[i : i + size] for x in signals] for i in range(0, len(signals[0]) - size + 1, size)]
    return float(np.mean([mask_iou(c, o, n) for c, o, n in windows]))


def pesq_nb(clean: Wave, out: Wave) -> float:
    """PESQ narrow-band (ITU-T P.862) at 8 kHz; not a number where PESQ finds no utterance."""
    from pesq import NoUtterancesError, pesq

    try:
        return float(pesq(BAND, clean, out, "nb"))
    except NoUtterancesError:
        return float("nan")


def quality(scores: dict[str, list[dict[str, float]]], wanted: Sequence[bool]) -> str:
    """Systems in rows, measures in columns."""
    rows = []
    for title, found in scores.items():
        chosen = [s for s, w in zip(found, wanted, strict=True) if w]
        cells = [(*interval([s[key] for s in chosen]), digits) for key, _, digits in COLUMNS]
        rows.append([title, *(f"{mean:.{d}f} [{low:.{d}f}, {high:.{d}f}]" for mean, low, high, d in cells)])
    return report.table(["system", *(head for _, head, _ in COLUMNS)], rows)


def footprint(systems: dict[str, str | None]) -> str:
    """Parameters, bytes, and seconds of one core for a minute of sound at the network's rate, the best of three."""
    from winnow.engine.run import Separation, Settings
    from winnow.models import catalog

    rows = []
    for title, model in systems.items():
        manifest = catalog.find(str(model)).manifest
        minute = np.random.default_rng(0).normal(0, 0.05, (1, 60 * manifest.rate)).astype(np.float32)
        spent = []
        for _ in range(3):
            separation = Separation(manifest.rate, 1, Settings(model=str(model)))
            began = time.process_time()
            for start in range(0, minute.shape[1], manifest.rate):
                separation.feed(minute[:, start : start + manifest.rate])
            separation.flush()
            spent.append(time.process_time() - began)
        size = (bundle_folder(str(model)) / "model.onnx").stat().st_size / 1e6
        rows.append([title, f"{manifest.parameters:,}", f"{size:.1f}", f"{min(spent):.2f}", f"{60 / min(spent):.0f}x"])
    return report.table(["system", "parameters", "MB", "s per minute", "speed"], rows)


def training(args: argparse.Namespace) -> str:
    """IoU of each run on examples mixed as in its training, from training and from held-out recordings."""
    rows = [
        [f"published {title}", "not said", f"{train:.2f}", f"{valid:.2f}", "", ""] for title, train, valid in PUBLISHED
    ]
    rows += [run_row(folder, args.data) for folder in args.runs]
    text = report.table(["network", "hours heard", "IoU train %", "IoU valid %", "SI-SDR in", "SI-SDR out"], rows)
    return (
        f"{text}\n\nPublished: 10 h of Vietnamese reading, 20 classes of ESC-50, windows mixed before the split, so that talkers"
        " and noises of the validation were heard in training. Ours: the recordings of `training/unet-8k/train.sh`, held-out"
        f" talkers, noises and rooms; {BATCHES} batches of 16 examples each. The figures are of different data and cannot be ranked"
        " against the published ones."
    )


def run_row(folder: Path, data: Path) -> list[str]:
    """One run on both sides."""
    from winnow.train.export import load_run

    recipe, network = load_run(folder)
    heard = json.loads((folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])["hours_heard"]
    iou, before, after = [], 0.0, 0.0
    for side in ("train", "valid"):
        found, before, after = examples(recipe, network, data / side, folder.parent / ".cache")
        iou.append(f"{100 * found:.2f}")
    target = "published" if recipe.config.own_reference else recipe.config.target
    name = f"{folder.name} ({recipe.config.network.model}, {recipe.config.network.start_fm} maps, {target})"
    return [name, f"{heard:.0f}", *iou, f"{before:.1f}", f"{after:.1f}"]


def examples(recipe: object, network: object, side: Path, cache: Path) -> tuple[float, float, float]:
    """IoU, and SI-SDR in dB before and after."""
    import torch

    from winnow.train import losses
    from winnow.train.run import Sounds, gather
    from winnow.train.run import examples as make_examples

    noises = [side / "noise/esc10/rain", side / "noise/esc10/clock_tick"]
    noises += [side / "noise48/esc10/rain", side / "noise48/esc10/clock_tick"]
    speech = [side / "speech/librispeech", side / "speech/vctk"]
    sounds = Sounds([str(p) for p in speech], [str(p) for p in noises], [str(side / "rir")])
    mix = replace(recipe.config.mix, clean_chance=0.0, silent_chance=0.0)  # type: ignore[attr-defined]
    make = make_examples(gather(sounds, mix, 7, cache, 0), mix, 16, 7, 0)
    iou, before, after = [], [], []
    with torch.no_grad():
        for step in range(BATCHES):
            mixture, target = make(step)
            loss = recipe.loss(network, mixture, target)  # type: ignore[attr-defined]
            iou.append(recipe.score(network, mixture, target)["iou"])  # type: ignore[attr-defined]
            before.append(losses.si_sdr(mixture, target))
            after.append(losses.si_sdr(loss.estimate, target))
    return tuple(float(torch.cat(values).mean()) for values in (iou, before, after))  # type: ignore[return-value]


if __name__ == "__main__":
    main()
