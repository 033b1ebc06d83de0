"""How fast system 1's networks train: seconds of sound for each second of work, in full precision and in bfloat16.

python bench/training.py        rewrites its part of docs/unets.md; mixing is not counted (see docs/mixing.md)
"""

from __future__ import annotations

import time

import torch

from kit import report
from kit.folders import ROOT
from winnow.train.networks.unet import UNetConfig, build

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
