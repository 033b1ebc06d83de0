"""What a bundle costs, measured in a fresh process on one core: time over real time, memory, multiply-accumulates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kit.macs import fed, multiply_accumulates
from kit.process import high_water, limited
from kit.sound import Wave
from winnow.engine.bodies import WindowBody
from winnow.models import catalog
from winnow.models.bundle import Bundle

BENCH = Path(__file__).parents[1]
CHILD = f"import sys; sys.path.insert(0, {str(BENCH)!r}); from kit.running import main; main()"


@dataclass(frozen=True)
class Cost:
    """load: time of the processor over the length of the sound, windows overlapping as they do; megabytes: of the process at
    most, and before the first window; macs: multiply-accumulates of the network for a second of its window.
    """

    load: float
    megabytes: float
    before: float
    macs: float


def cost(model: str, seconds: int = 30) -> Cost:
    """Of a bundle, on so much modulated noise. A failure ends the benchmark with what the process said."""
    folder = str(catalog.find(model).path)
    return Cost(**fresh("run", folder, str(seconds)), **fresh("count", folder))


def fresh(*arguments: str) -> dict[str, float]:
    """What `main` prints in a process of its own; counting loads the graph twice, which would count as memory of running."""
    with limited(1):
        command, surroundings = [sys.executable, "-c", CHILD, *arguments], os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=surroundings)
    if done.returncode:
        sys.exit(f"{arguments[1]}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """In the fresh process: `run FOLDER SECONDS` or `count FOLDER`; prints fields of a `Cost` as JSON."""
    work, folder, *rest = sys.argv[1:]
    found = {"macs": macs(folder)} if work == "count" else run(catalog.find(folder), int(rest[0]))
    print(json.dumps(found))


def run(bundle: Bundle, seconds: int) -> dict[str, float]:
    """Time and memory, the first window not timed."""
    rate = bundle.manifest.rate
    separator = bundle.separator(some_cues(bundle))
    before = high_water(os.getpid())
    separator(window(rate, separator.window), rate)
    body = WindowBody(separator, 1, rate, True, 0.0)
    began = time.process_time()
    for block in sound(rate, seconds):
        body.feed(block[None])
    body.flush()
    load = (time.process_time() - began) / seconds
    return {"load": load, "before": before, "megabytes": high_water(os.getpid())}


def macs(folder: str) -> float:
    """Of every graph that is run for a window, by the window's length."""
    bundle = catalog.find(folder)
    rate = bundle.manifest.rate
    with fed() as seen:
        separator = bundle.separator(some_cues(bundle))
        separator(window(rate, separator.window), rate)
    return sum(multiply_accumulates(graph, feed) for graph, feed in seen) / separator.window


def window(rate: int, seconds: float) -> Wave:
    """`(1, time)` of that sound."""
    return np.concatenate(list(sound(rate, 1 + int(seconds))))[None, : round(seconds * rate)]


def some_cues(bundle: Bundle) -> dict[str, Wave]:
    """A unit vector for each cue, of the size that it has."""
    rng = np.random.default_rng(0)
    found = {cue.name: rng.standard_normal(cue.size) for cue in bundle.manifest.cues}
    return {name: (vector / np.linalg.norm(vector)).astype(np.float32) for name, vector in found.items()}


def sound(rate: int, seconds: int) -> Iterator[Wave]:
    """Noise that swells as speech does, a second at a time: at no moment digital silence, which may be faster."""
    rng = np.random.default_rng(0)
    swell = 0.02 + 0.08 * np.abs(np.sin(2 * np.pi * np.arange(rate) * 3 / rate))
    for _ in range(seconds):
        yield (swell * rng.standard_normal(rate)).astype(np.float32)
