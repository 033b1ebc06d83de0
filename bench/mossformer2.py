"""What MossFormer2 costs: parameters, multiply-accumulates, time and memory of its graph at several lengths of the window.

    python bench/mossformer2.py        rewrites the table of docs/mossformer2.md; about 3 minutes on one quiet core, Linux only

Weights are random: neither time nor memory depends on them.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from kit import report
from winnow.errors import WinnowError
from winnow.models.bundle import load_bundle

PAGE = report.PAGE.with_name("mossformer2.md")
WINDOWS = {"shipped": (4, 8, 16, 60), "paper": (2, 4)}
COUNTED = 8
"""Seconds of which multiply-accumulates are told."""


def main() -> None:
    """The table; with --cost a window is timed in this process and its figures printed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cost", nargs=2, metavar=("BUNDLE", "SECONDS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.cost:
        print(*cost(Path(args.cost[0]), float(args.cost[1])))
        return
    text = page()
    print(text)
    report.rewrite("mossformer2", text, PAGE)


def recipe_of(preset: str) -> Any:
    """The recipe of a preset; torch is imported here, so that the process that is measured does without."""
    from winnow.train.recipes.mossformer2 import MossFormer2Recipe, MossFormer2RunConfig

    return MossFormer2Recipe(getattr(MossFormer2RunConfig, preset)())


def size(preset: str) -> tuple[int, float]:
    """Parameters, and thousand millions of multiply-accumulates a second; nothing is computed on the device `meta`."""
    import torch

    from winnow.train.macs import multiply_accumulates

    recipe = recipe_of(preset)
    with torch.device("meta"):
        network = recipe.network()
        count = multiply_accumulates(network, torch.empty(1, COUNTED * recipe.config.mix.rate))
    return sum(p.numel() for p in network.parameters()), count / COUNTED / 1e9


def make(preset: str, folder: Path) -> Path:
    """A bundle with random weights."""
    from winnow.train.export import write_bundle

    recipe = recipe_of(preset)
    network = recipe.network().eval()
    write_bundle(folder, network, recipe.manifest(preset, network))
    return folder


def cost(folder: Path, seconds: float) -> tuple[float, float]:
    """Seconds of one core that a window of so many seconds takes, and the process's peak memory in MB."""
    bundle = load_bundle(folder)
    separator, rate = bundle.separator(), bundle.manifest.rate
    window = np.random.default_rng(0).normal(0, 0.1, (1, round(seconds * rate))).astype(np.float32)
    start = time.process_time()
    separator(window, rate)
    spent = time.process_time() - start
    status = Path("/proc/self/status").read_text()  # unlike `ru_maxrss`, not that of the process which started this one
    return spent, int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1000


def page() -> str:
    """The section."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for preset, windows in WINDOWS.items():
            parameters, count = size(preset)
            folder = Path(scratch) / preset
            folder.mkdir()
            make(preset, folder)
            for seconds in windows:
                spent, memory = apart(folder, seconds)
                rows.append(
                    [preset, f"{parameters:,}", f"{count:.2f}", f"{seconds}", f"{spent / seconds:.2f}", f"{memory:.0f}"]
                )
    header = (
        "preset",
        "parameters",
        "G multiply-accumulates a second",
        "window, s",
        "s of one core a second",
        "peak MB",
    )
    about = (
        "One window of one channel through the exported graph; the peak is that of the whole process. A recording of any length "
        "takes the memory of one window, and with windows that overlap by a quarter 4/3 of the time told here."
    )
    facts = report.facts("python bench/mossformer2.py", ("numpy", "onnxruntime", "torch"))
    return f"## Measured\n\n{facts}\n\n{about}\n\n{report.table(header, rows)}"


def apart(folder: Path, seconds: float) -> tuple[float, float]:
    """`cost` in a process of its own."""
    command = [sys.executable, __file__, "--cost", str(folder), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WinnowError(done.stderr)
    spent, memory = map(float, done.stdout.split())
    print(f"{folder.name}, {seconds} s: {spent:.1f} s, {memory:.0f} MB", file=sys.stderr, flush=True)
    return spent, memory


if __name__ == "__main__":
    main()
