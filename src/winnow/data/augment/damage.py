"""What cannot be undone: clipping, coarse quantisation, lost packets. For the mixture only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.data.augment.base import Floats, Parameters, chance, check, new_seed, uniform

MU = 255.0  # of the mu-law of telephony, ITU-T G.711


def clip(samples: Floats, rate: int, *, keep: float, kind: str = "hard") -> Floats:
    """Limit to `keep` times the peak: "hard" cuts, "soft" bends towards the limit as a hyperbolic tangent does.

    keep: above 0, 1 at most. Raises BadInput otherwise, or for another kind.
    """
    check(0 < keep <= 1, "keep", "above 0 and 1 at most", keep)
    check(kind in ("hard", "soft"), "kind", '"hard" or "soft"', kind)
    limit = np.float32(keep * np.abs(samples).max(initial=0))
    if limit == 0:
        return samples.copy()
    if kind == "hard":
        return np.clip(samples, -limit, limit)
    return np.asarray(np.tanh(samples / limit) * limit, np.float32)


def draw_clip(rng: np.random.Generator, rate: int) -> Parameters:
    """From a hint to half of the wave's height and more."""
    return {"keep": uniform(rng, 0.15, 0.9), "kind": str(rng.choice(["hard", "soft"]))}


def quantise(samples: Floats, rate: int, *, bits: int, law: str = "linear") -> Floats:
    """Round to `bits` per sample, 2 to 16, full scale = 1: evenly ("linear") or by the "mu" law. Values beyond full scale are cut.

    Raises BadInput.
    """
    check(isinstance(bits, int) and 2 <= bits <= 16, "bits", "a whole number from 2 to 16", bits)
    check(law in ("linear", "mu"), "law", '"linear" or "mu"', law)
    steps = np.float32(2 ** (bits - 1) - 1)
    inside = np.clip(samples, -1, 1)
    if law == "linear":
        return np.asarray(np.round(inside * steps) / steps, np.float32)
    bent = np.sign(inside) * np.log1p(MU * np.abs(inside)) / np.log1p(MU)
    stepped = np.round(bent * steps) / steps
    return np.asarray(np.sign(stepped) * np.expm1(np.abs(stepped) * np.log1p(MU)) / MU, np.float32)


def draw_quantise(rng: np.random.Generator, rate: int) -> Parameters:
    """8 to 12 bits evenly, or 6 to 8 by the mu-law."""
    law = str(rng.choice(["linear", "mu"]))
    return {"bits": int(rng.integers(8, 13) if law == "linear" else rng.integers(6, 9)), "law": law}


def packet_loss(
    samples: Floats,
    rate: int,
    *,
    enter: float,
    leave: float,
    seed: int,
    loss_good: float = 0.0,
    loss_bad: float = 1.0,
    packet: float = 0.02,
    fill: str = "zero",
) -> Floats:
    """Lose packets of `packet` seconds by the Gilbert-Elliott chain (Elliott 1963).

    enter: chance per packet to go from the good state to the bad one; leave: to come back; the first state is drawn by the share
    of time spent in each. loss_good, loss_bad: chance of loss in each state. fill: "zero", or "repeat" the last packet
    that came, 6 dB quieter each time. Raises BadInput.
    """
    for name, value in (("enter", enter), ("leave", leave), ("loss_good", loss_good), ("loss_bad", loss_bad)):
        check(0 <= value <= 1, name, "a chance from 0 to 1", value)
    check(enter + leave > 0, "leave", "above 0 where enter is 0", leave)
    check(fill in ("zero", "repeat"), "fill", '"zero" or "repeat"', fill)
    size = round(packet * rate)
    check(size >= 1, "packet", "one sample or more, in seconds", packet)
    lost = losses(-(-samples.size // size), enter, leave, loss_good, loss_bad, seed)
    return _filled(samples, size, lost, fill)


def losses(
    count: int, enter: float, leave: float, loss_good: float, loss_bad: float, seed: int
) -> npt.NDArray[np.bool_]:
    """Which of `count` packets are lost, `(count,)`."""
    rng = chance(seed)
    move, draw = rng.random(count + 1), rng.random(count)
    bad = move[0] < enter / (enter + leave)
    lost = np.zeros(count, bool)
    for number in range(count):
        lost[number] = draw[number] < (loss_bad if bad else loss_good)
        bad = move[number + 1] >= leave if bad else move[number + 1] < enter
    return lost


def _filled(samples: Floats, size: int, lost: npt.NDArray[np.bool_], fill: str) -> Floats:
    out = samples.copy()
    last, gain = np.zeros(size, np.float32), np.float32(1)
    for number, gone in enumerate(lost):
        place = out[number * size : (number + 1) * size]
        if not gone:
            gain = np.float32(1)
            last = place
        elif fill == "zero":
            place[:] = 0
        else:
            gain *= np.float32(0.5)
            place[:] = last[: place.size] * gain
    return out


def draw_packet_loss(rng: np.random.Generator, rate: int) -> Parameters:
    """2 to 20 % of the packets lost, in bursts of 1 to 4 on average."""
    share, burst = rng.uniform(0.02, 0.2), rng.uniform(1, 4)
    leave = 1 / burst
    return {
        "enter": round(share / (1 - share) * leave, 4),
        "leave": round(leave, 4),
        "packet": float(rng.choice([0.01, 0.02, 0.03])),
        "fill": str(rng.choice(["zero", "repeat"])),
        "seed": new_seed(rng),
    }
