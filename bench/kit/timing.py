"""Time of a network alone, one hop at a time with its state carried, on one thread."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from kit.measures import session

Step = Callable[[], None]


@dataclass(frozen=True)
class Stepper:
    """A network to time: its name, one step, and the seconds of sound that a step covers."""

    title: str
    step: Step
    hop: float


@dataclass(frozen=True)
class Timing:
    """Median milliseconds of a step, and median time over real time."""

    title: str
    hop: float
    milliseconds: float

    @property
    def load(self) -> float:
        """Time over real time: the share of one core."""
        return self.milliseconds / 1000 / self.hop


def bundle(folder: Path, title: str) -> Stepper:
    """A bundle of kind `frames`; its hop is half its window."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return Stepper(title, loop(session(folder / "model.onnx")), manifest["settings"]["window"] / 2 / manifest["rate"])


def gtcrn(folder: Path) -> Stepper:
    """The authors' streaming graph of GTCRN, simplified by them."""
    return Stepper("GTCRN", loop(session(folder / "gtcrn/stream/onnx_models/gtcrn_simple.onnx")), 256 / 16000)


def dtln(folder: Path) -> Stepper:
    """Both graphs of DTLN, one after the other; the FFT between them is left out."""
    mask, refine = (loop(session(folder / f"DTLN/pretrained_model/model_{n}.onnx")) for n in (1, 2))

    def step() -> None:
        mask()
        refine()

    return Stepper("DTLN", step, 128 / 16000)


def fastenhancer(size: str) -> Callable[[Path], Stepper]:
    """The authors' graph of FastEnhancer from spectrum to spectrum."""

    def make(folder: Path) -> Stepper:
        graph = session(folder / f"fastenhancer/onnx/fastenhancer_{size}.spec.onnx")
        return Stepper(f"FastEnhancer-{size.upper()}", loop(graph), 256 / 16000)

    return make


PEERS: dict[str, tuple[str, Callable[[Path], Stepper]]] = {
    "GTCRN": ("gtcrn", gtcrn),
    "DTLN": ("DTLN", dtln),
    "FastEnhancer-T": ("fastenhancer", fastenhancer("t")),
    "FastEnhancer-B": ("fastenhancer", fastenhancer("b")),
}


def loop(graph: ort.InferenceSession) -> Step:
    """A step on noise (silence could meet denormal numbers).

    The first input is the signal and the first output the result; the others are states, in the same order on both
    sides, and each is fed back. That holds for every graph here.
    """
    rng = np.random.default_rng(0)
    names = [node.name for node in graph.get_inputs()]
    feed = {node.name: np.zeros(shape(node.shape), np.float32) for node in graph.get_inputs()}
    frames = [0.1 * rng.standard_normal(feed[names[0]].shape).astype(np.float32) for _ in range(16)]
    count = 0

    def step() -> None:
        nonlocal count
        feed[names[0]] = frames[count % len(frames)]
        feed.update(zip(names[1:], graph.run(None, feed)[1:], strict=True))
        count += 1

    return step


def shape(dimensions: list[int | str]) -> list[int]:
    """A shape with every free dimension 1: one recording, one frame."""
    return [size if isinstance(size, int) else 1 for size in dimensions]


def compare(steppers: list[Stepper], hops: int = 2000, rounds: int = 10) -> list[Timing]:
    """Median step of each; they take turns in `rounds`, so that a busy moment of the machine meets them all."""
    times: dict[str, list[float]] = {stepper.title: [] for stepper in steppers}
    for stepper in steppers:
        measure(stepper.step, 200)
    for _ in range(rounds):
        for stepper in steppers:
            times[stepper.title] += measure(stepper.step, hops // rounds)
    return [Timing(s.title, s.hop, 1000 * float(np.median(times[s.title]))) for s in steppers]


def measure(step: Step, count: int) -> list[float]:
    """Seconds of each of `count` steps."""
    marks = [time.perf_counter()]
    for _ in range(count):
        step()
        marks.append(time.perf_counter())
    return list(np.diff(marks))
