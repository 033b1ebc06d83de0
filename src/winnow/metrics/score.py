"""`score`: all measures of a recording, with or without a reference, in one or two passes of constant memory."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec

from winnow.errors import BadInput, BadOption, MissingExtra
from winnow.metrics.groups import Bench, Values, chosen
from winnow.metrics.measures import MEASURES
from winnow.metrics.stream import Lane, Recording, SideBySide, Source, check_lengths

INSTALL = 'pip install "winnow-audio[score]"'


@dataclass(frozen=True)
class Scores:
    """What `score` found.

    values: by the measure's name, None where a measure is not defined for this recording (a note says why). notes: one line each.
    seconds: length of the estimate. mixture: the same measures of the untreated mixture, empty without one.
    """

    values: dict[str, float | None]
    notes: list[str]
    seconds: float
    mixture: dict[str, float | None] = field(default_factory=dict)

    def __str__(self) -> str:
        rows = [_row(name, value, self.mixture.get(name)) for name, value in self.values.items()]
        widths = [max(len(row[i]) for row in rows) for i in range(4)] if rows else []
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def _row(name: str, value: float | None, before: float | None) -> tuple[str, str, str, str]:
    unit = MEASURES[name].unit
    change = f"mixture {_figure(before)}{verdict(name, value, before)}" if before is not None else ""
    return name, _figure(value), unit, change


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if abs(value) >= 1000 else f"{value:.2f}"


def verdict(name: str, value: float | None, before: float | None) -> str:
    """ ", better" or ", worse" than the mixture; empty where neither can be said."""
    better = MEASURES[name].better
    if value is None or before is None or better is None or value == before:
        return ""
    return ", better" if (value > before) == (better == "higher") else ", worse"


def score(
    estimate: Source,
    *,
    reference: Source | None = None,
    mixture: Source | None = None,
    measures: Iterable[str] | None = None,
    compensate: bool = False,
) -> Scores:
    """All measures of a recording.

    estimate, reference, mixture: an Audio, a path, or `(array, rate)`; the reference is the clean speech, the mixture the
    untreated recording. measures: names of MEASURES, None for all that apply. compensate: delay and gain of the estimate
    against the reference are taken out before the two are compared.
    Recordings at other rates than the reference are resampled (a note says so). Raises BadInput where lengths or channels
    differ, BadOption for an unknown measure or one that needs more than is given, MissingExtra where a measure that was
    named needs a package that is not installed; InputNotFound and NoAudio for files.
    """
    given = {"estimate": estimate, "reference": reference, "mixture": mixture}
    recordings = {role: Recording(source, role) for role, source in given.items() if source is not None}
    notes: list[str] = []
    names = _select(measures, set(recordings), notes)
    values, seconds = _alone(recordings["estimate"], names, notes)
    values |= _compared(recordings, names, notes)
    return Scores({name: values.get(name) for name in names}, notes, seconds)


def _select(measures: Iterable[str] | None, roles: set[str], notes: list[str]) -> list[str]:
    """Names in the registry's order; those that cannot be computed are refused, or noted where all were asked for."""
    if measures is None:
        return [name for name, m in MEASURES.items() if set(m.needs) <= roles and _installed(name, notes)]
    wanted = list(measures)
    for name in wanted:
        _check(name, roles)
    return [name for name in MEASURES if name in wanted]


def _check(name: str, roles: set[str]) -> None:
    if name not in MEASURES:
        near = difflib.get_close_matches(name, MEASURES, 1)
        raise BadOption(f'no measure named "{name}".' + (f" Did you mean {near[0]}?" if near else ""))
    missing = [need for need in MEASURES[name].needs if need not in roles]
    if missing:
        raise BadOption(f"{name} needs a {' and a '.join(missing)}; give it, or leave {name} out.")
    package = MEASURES[name].package
    if package and find_spec(package) is None:
        raise MissingExtra(f"{name} needs {package}, which is not installed: {INSTALL}")


def _installed(name: str, notes: list[str]) -> bool:
    package = MEASURES[name].package
    if not package or find_spec(package) is not None:
        return True
    notes.append(f"{name} is left out, it needs {package}: {INSTALL}")
    return False


def _alone(estimate: Recording, names: Iterable[str], notes: list[str]) -> tuple[Values, float]:
    """Measures of the estimate without anything beside it, at its own rate and channels; and its seconds."""
    wanted = [name for name in names if not MEASURES[name].needs]
    lanes = {"estimate": Lane(estimate)}
    values, length = _run(lanes, estimate.rate, estimate.channels, wanted, notes)
    return values, length / estimate.rate


def _compared(recordings: Mapping[str, Recording], names: Iterable[str], notes: list[str]) -> Values:
    """Measures against the reference or the mixture, at the reference's rate."""
    wanted = [name for name in names if MEASURES[name].needs]
    if not wanted:
        return {}
    lanes = {role: Lane(recording) for role, recording in recordings.items()}
    rate = recordings.get("reference", recordings["estimate"]).rate
    return _run(lanes, rate, _channels(recordings, notes), wanted, notes)[0]


def _channels(recordings: Mapping[str, Recording], notes: list[str]) -> int:
    counts = {recording.name: recording.channels for recording in recordings.values()}
    if len(set(counts.values())) == 1:
        return next(iter(counts.values()))
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    if 1 not in counts.values():
        raise BadInput(f"the recordings differ in channels: {told}. Give the same number, or one.")
    notes.append(f"channels differ ({told}); the mean of the channels is compared")
    return 1


def _run(
    lanes: Mapping[str, Lane], rate: int, channels: int, names: Iterable[str], notes: list[str]
) -> tuple[Values, int]:
    """One pass: measures by name, and the samples of the estimate."""
    benches = [Bench(group, rate, channels) for group in chosen(names)]
    pieces = SideBySide(lanes, rate, channels)
    for piece in pieces:
        for bench in benches:
            bench.feed(piece)
    remark = check_lengths(lanes, pieces.lengths, rate)
    notes += [remark] if remark else []
    values: Values = {}
    for bench in benches:
        found, remarks = bench.result()
        values |= found
        notes += [remark for remark in remarks if remark not in notes]
    return values, pieces.lengths["estimate"]
