"""How fast networks train: seconds of sound for each second of work, in full precision, in bfloat16, and with blocks in C++.

python bench/training.py        rewrites its parts of docs/unets.md and docs/training.md; mixing is not counted (see docs/mixing.md)
"""

from __future__ import annotations

import time

import torch

from kit import report
from kit.folders import ROOT
from winnow.train.native.bandsplit import quicken
from winnow.train.networks.unet import UNetConfig, build
from winnow.train.recipes.talkers import TalkersConfig, TalkersRecipe
from winnow.train.solver import optimiser_of

WARM = 3
STEPS, BATCH, SIDE, SECONDS = 4, 16, 128, 8064 / 8000
SIZES = (("unet", 16), ("unet", 32), ("resnet", 16))


def main() -> None:
    """Measure, print, rewrite."""
    rows = []
    for model, maps in SIZES:
        plain, fast = (speed(UNetConfig(model, maps), half) for half in (False, True))
        rows.append([f"{model}, {maps} maps", f"{plain:.0f}x", f"{fast:.0f}x", f"{fast / plain:.1f}"])
    table = report.table(["network", "full", "bf16", "ratio"], rows)
    device = "one GPU" if torch.cuda.is_available() else f"{torch.get_num_threads()} threads of the processor"
    head = report.facts("python bench/training.py", ["torch"])
    text = f"{head}\n\nTimes real time, batches of {BATCH} windows, {device}.\n\n{table}"
    print(text)
    report.rewrite("training", f"### Throughput of training\n\n{text}", ROOT / "docs" / "unets.md")
    config = TalkersConfig.shipped()
    ways = {"full": (False, False), "bf16": (True, False), "bf16, blocks in C++": (True, True)}
    found = {name: separator_speed(config, *way) for name, way in ways.items()}
    known = {name: value for name, value in found.items() if value is not None}
    rows = [[name, f"{value:.0f}x", f"{value / known['full']:.1f}"] for name, value in known.items()]
    table = report.table(["precision", "times real time", "ratio"], rows)
    missing = "" if len(known) == len(ways) else "\n\nBlocks in C++ cannot be had on this machine."
    text = f"{head}\n\nOne step of `talkers` with its optimiser, batches of {config.batch_size}, {device}.\n\n{table}{missing}"
    print(text)
    report.rewrite("blocks", f"### Throughput of `talkers`\n\n{text}", ROOT / "docs" / "training.md")


def separator_speed(config: TalkersConfig, half: bool, native: bool) -> float | None:
    """Seconds of sound per second of forward, backward and optimiser of talkers; None where blocks cannot be had in C++."""
    recipe = TalkersRecipe(config)
    network = recipe.network()
    if native and quicken(network):
        return None
    optimiser = optimiser_of(network, config)
    talkers = 0.1 * torch.randn(config.batch_size, 2, round(config.mix.seconds * config.mix.rate))
    began, count = 0.0, 3 * STEPS
    for step in range(count + WARM):
        if step == WARM:
            began = time.monotonic()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = recipe.loss(network, talkers.sum(1), talkers).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return count * config.batch_size * config.mix.seconds / (time.monotonic() - began)


def speed(config: UNetConfig, half: bool) -> float:
    """Seconds of sound per second of forward, backward and optimiser."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = build(config).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters())
    x = torch.randn(BATCH, 1, SIDE, SIDE, device=device)
    began = 0.0
    for step in range(STEPS + 1):
        if step == 1:  # the first one prepares
            began = time.monotonic()
        with torch.autocast(device, torch.bfloat16, enabled=half):
            out = network(x)
        loss = (out.float() - x).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()
    return STEPS * BATCH * SECONDS / (time.monotonic() - began)


if __name__ == "__main__":
    main()
