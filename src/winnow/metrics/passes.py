"""One pass over recordings side by side: every meter that is wanted, in constant memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from winnow.errors import BadInput
from winnow.metrics.groups import Bench, Values, chosen
from winnow.metrics.stream import Lane, Recording, SideBySide, check_lengths

Notes = list[str]


def run(lanes: Mapping[str, Lane], rate: int, channels: int, names: Iterable[str], notes: Notes) -> tuple[Values, int]:
    """Measures by name, finite or None, and the samples of the estimate. What is to be said about them goes to notes."""
    wanted = list(names)
    benches = [Bench(group, rate, channels) for group in chosen(wanted)]
    pieces, sounding = SideBySide(lanes, rate, channels), set()
    for piece in pieces:
        sounding |= {role for role, samples in piece.items() if samples.any()}
        for bench in benches:
            bench.feed(piece)
    if not pieces.lengths["estimate"]:
        raise BadInput(f"{lanes['estimate'].recording.name}: no samples. Give a recording that is not empty.")
    remark = check_lengths(lanes, pieces.lengths, rate)
    _add(notes, [remark] if remark else [])
    values: Values = {}
    for bench in benches:
        found, remarks = bench.result()
        values |= {name: finite(value) for name, value in found.items() if name in wanted}
        _add(notes, remarks)
    _add(notes, [f"the {role} is silent" for role in lanes if role not in sounding])
    return values, pieces.lengths["estimate"]


def _add(notes: Notes, more: Iterable[str]) -> None:
    notes += [note for note in dict.fromkeys(more) if note not in notes]


def finite(value: float | None) -> float | None:
    """None for what is no number: a report holds numbers only."""
    return value if value is not None and math.isfinite(value) else None


def alone(estimate: Recording, names: Iterable[str], notes: Notes) -> tuple[Values, float]:
    """Measures of a recording without anything beside it, at its own rate and channels; and its seconds."""
    values, length = run({"estimate": Lane(estimate)}, estimate.rate, estimate.channels, names, notes)
    return values, length / estimate.rate


def compared(recordings: Mapping[str, Recording], names: Iterable[str], notes: Notes, compensate: bool) -> Values:
    """Measures of the estimate beside the reference, the mixture or both, at the reference's rate."""
    rate = recordings.get("reference", recordings["estimate"]).rate
    channels = _channels(recordings, notes)
    _tell_rates(recordings, rate, notes)
    lanes = {role: Lane(recording) for role, recording in recordings.items()}
    found: Values = {}
    if compensate:
        lanes, found = _aligned(lanes, rate, channels, notes)
    return run(lanes, rate, channels, names, notes)[0] | {name: found[name] for name in names if name in found}


def _channels(recordings: Mapping[str, Recording], notes: Notes) -> int:
    counts = {recording.name: recording.channels for recording in recordings.values()}
    if len(set(counts.values())) == 1:
        return next(iter(counts.values()))
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    if 1 not in counts.values():
        raise BadInput(f"the recordings differ in channels: {told}. Give the same number, or one channel.")
    _add(notes, [f"channels differ ({told}); the mean of the channels is compared"])
    return 1


def _tell_rates(recordings: Mapping[str, Recording], rate: int, notes: Notes) -> None:
    others = [f"{r.name} from {r.rate} Hz" for r in recordings.values() if r.rate != rate]
    _add(notes, [f"resampled to {rate} Hz: {', '.join(others)}"] if others else [])
    low = min(recording.rate for recording in recordings.values())
    _add(notes, [f"wide-band measures (16 kHz) see nothing above {low // 2} Hz"] if low < 16000 else [])


def _aligned(lanes: Mapping[str, Lane], rate: int, channels: int, notes: Notes) -> tuple[dict[str, Lane], Values]:
    """The same with delay and gain of the estimate taken out, and what they were: one pass of its own."""
    from winnow.metrics.align import Alignment

    pair = {role: lanes[role] for role in ("estimate", "reference")}
    meter = Alignment(rate)
    pieces = SideBySide(pair, rate, channels)
    for piece in pieces:
        meter.feed({role: np.asarray(samples.mean(axis=0)) for role, samples in piece.items()})
    found = meter.find()
    if found is None:
        _add(notes, ["delay and gain cannot be found: a recording is silent"])
        return dict(lanes), {}
    lag, gain = found
    told = meter.result()
    inverted = ", inverted" if gain < 0 else ""
    _add(notes, [f"taken out before comparing: delay {told['delay']:.3f} ms, gain {told['gain']:.2f} dB{inverted}"])
    moved = {role: Lane(lane.recording, skip=max(0, -lag)) for role, lane in lanes.items()}
    moved["estimate"] = Lane(lanes["estimate"].recording, skip=max(0, lag), gain=1 / gain)
    return moved, told
