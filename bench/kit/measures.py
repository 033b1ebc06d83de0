"""The measures: SI-SDR, PESQ-WB, STOI, DNSMOS; and the bootstrap interval of their mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from kit.sound import RATE, Wave

Measure = Callable[[Wave, Wave], dict[str, float]]


def si_sdr(reference: Wave, estimate: Wave) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019), both `(time,)`, means removed."""
    ref = reference.astype(np.float64) - reference.mean(dtype=np.float64)
    est = estimate.astype(np.float64) - estimate.mean(dtype=np.float64)
    target = ref * (ref @ est / (ref @ ref))
    error = target - est
    noise = float(error @ error)
    return math.inf if noise == 0 else 10 * math.log10(float(target @ target) / noise)


def pesq_wb(reference: Wave, estimate: Wave) -> float:
    """PESQ wide-band MOS-LQO (ITU-T P.862.2) at 16 kHz; not a number where PESQ finds no utterance."""
    from pesq import NoUtterancesError, pesq

    try:
        return float(pesq(RATE, reference, estimate, "wb"))
    except NoUtterancesError:
        return math.nan


def stoi(reference: Wave, estimate: Wave) -> float:
    """Short-time objective intelligibility (Taal et al. 2011), 0 to 1."""
    from pystoi import stoi as measure

    return float(measure(reference, estimate, RATE))


class Dnsmos:
    """DNSMOS P.835 (Reddy et al. 2022): predicted opinion of the speech, the background and the whole, 1 to 5.

    graph: `sig_bak_ovr.onnx` of the PyPI package speechmos. Windows of 9.01 s each second, short clips are repeated,
    and the polynomials that map the network's output to opinions are those of the DNS Challenge's published script.
    """

    WINDOW = int(9.01 * RATE)
    POLYNOMIALS = (
        ("sig", (-0.08397278, 1.22083953, 0.0052439)),
        ("bak", (-0.13166888, 1.60915514, -0.39604546)),
        ("ovrl", (-0.06766283, 1.11546468, 0.04602535)),
    )

    def __init__(self, graph: Path):
        self.session = session(graph)

    def __call__(self, estimate: Wave) -> dict[str, float]:
        """Scores sig, bak and ovrl of `(time,)` at 16 kHz."""
        samples = np.clip(estimate, -1, 1).astype(np.float32)
        while len(samples) < self.WINDOW:
            samples = np.concatenate([samples, samples])
        windows = int(len(samples) // RATE - self.WINDOW / RATE) + 1
        starts = range(0, windows * RATE, RATE)
        raw = [self.session.run(None, {"input_1": samples[None, s : s + self.WINDOW]})[0][0] for s in starts]
        columns = np.asarray(raw, np.float64).T
        return {name: float(np.polyval(p, c).mean()) for (name, p), c in zip(self.POLYNOMIALS, columns, strict=True)}


def session(graph: Path) -> ort.InferenceSession:
    """An ONNX Runtime session on one thread of the processor."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def all_measures(reference: Wave, estimate: Wave, dnsmos: Dnsmos | None) -> dict[str, float]:
    """Every measure of one clip; without `dnsmos` only those against the reference."""
    scores = {
        "pesq": pesq_wb(reference, estimate),
        "si_sdr": si_sdr(reference, estimate),
        "stoi": stoi(reference, estimate),
    }
    return scores | (dnsmos(estimate) if dnsmos else {})


def interval(values: Sequence[float], draws: int = 2000, seed: int = 0) -> tuple[float, float, float]:
    """Mean and its 95 % interval (percentile bootstrap over clips, seeded); values that are no numbers are left out."""
    data = np.asarray(values, np.float64)
    data = data[np.isfinite(data)]
    if not len(data):
        return math.nan, math.nan, math.nan
    picks = np.random.default_rng(seed).integers(0, len(data), (draws, len(data)))
    low, high = np.percentile(data[picks].mean(axis=1), [2.5, 97.5])
    return float(data.mean()), float(low), float(high)
