"""`score`: every measure of a recording, with or without a reference, in constant memory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from winnow.errors import BadInput, BadOption, InputNotFound
from winnow.metrics.choose import select
from winnow.metrics.measures import MEASURES
from winnow.metrics.passes import Notes, alone, compared, finite
from winnow.metrics.recognisers import Recogniser, find, transcribe
from winnow.metrics.stream import Recording, Source
from winnow.metrics.words import TextErrors, word_errors

Values = dict[str, float | None]
_TEXT = {"wer", "cer", "legacy_wer"}
_NOT_OF_A_MIXTURE = {"si_sdr_improvement", "mask_iou", "legacy_snr", "delay", "gain"}


@dataclass(frozen=True)
class Scores:
    """What `score` found.

    values: by the measure's name in the registry's order and unit, None where it is not defined for this recording.
    notes: what was left out, resampled, windowed ..., one line each. seconds: length of the estimate. mixture: measures of
    the untreated mixture, empty without one. words: the recogniser's errors, word by word. heard: its text.
    """

    values: Values
    notes: list[str]
    seconds: float
    mixture: Values = field(default_factory=dict)
    words: TextErrors | None = None
    heard: str | None = None

    def __str__(self) -> str:
        rows = [_row(name, value, self.mixture.get(name)) for name, value in self.values.items()]
        widths = [max(len(row[i]) for row in rows) for i in range(4)] if rows else []
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        shown = [str(self.words)] if self.words else []
        return "\n".join([*lines, *shown, *(f"note: {note}" for note in self.notes)])


def _row(name: str, value: float | None, before: float | None) -> tuple[str, str, str, str]:
    change = f"mixture {_figure(before)}{verdict(name, value, before)}" if before is not None else ""
    return name, _figure(value), MEASURES[name].unit, change


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if abs(value) >= 1000 else f"{value:.2f}"


def verdict(name: str, value: float | None, before: float | None) -> str:
    """ ", better" or ", worse" than the mixture; empty where neither can be said, or both read the same."""
    better = MEASURES[name].better
    if value is None or before is None or better is None or _figure(value) == _figure(before):
        return ""
    return ", better" if (value > before) == (better == "higher") else ", worse"


def score(
    estimate: Source,
    *,
    reference: Source | None = None,
    mixture: Source | None = None,
    measures: Iterable[str] | None = None,
    compensate: bool = False,
    words: str | os.PathLike[str] | None = None,
    recogniser: str | Recogniser | None = None,
) -> Scores:
    """Measures of a recording.

    estimate, reference, mixture: an Audio, a path, or `(array, rate)`; the reference is the clean speech, the mixture the
    untreated recording, which is then measured too. measures: names of MEASURES, None for all that apply but those on
    request. compensate: delay and gain of the estimate against the reference are taken out before the two are compared.
    words: what was said, as text, or the path of a text file (a Path). recogniser: "pocketsphinx", "whisper:FOLDER", or an
    object; default pocketsphinx if words are given. With a recogniser and a reference but no words, the recogniser's text
    of the reference counts as what was said.

    Recordings at other rates than the reference's are resampled; each of several channels is compared, and the mean taken.
    Raises BadInput where lengths or channels differ, BadOption for an unknown measure or one that needs more than is given,
    MissingExtra where a named measure needs a package that is not installed; InputNotFound, NoAudio ... for files.
    """
    given = {"estimate": estimate, "reference": reference, "mixture": mixture}
    recordings = {role: Recording(source, role) for role, source in given.items() if source is not None}
    if compensate and reference is None:
        raise BadOption("compensating needs a reference; give one.")
    spoken = words is not None or (recogniser is not None and reference is not None)
    notes: Notes = []
    names = select(measures, {*recordings, *(["words"] if spoken else [])}, notes)
    values, seconds = _measure(recordings, names, notes, compensate)
    before = _of_mixture(recordings, names, compensate)
    errors, heard = None, None
    if _TEXT & set(names):
        listener = find(recogniser or "pocketsphinx") if isinstance(recogniser, str | None) else recogniser
        said = _said(words, recordings, listener, notes)
        heard = transcribe(recordings["estimate"], listener)
        errors = word_errors(said, heard)
        values |= _text_values(said, heard, names)
        if "mixture" in recordings:
            before |= _text_values(said, transcribe(recordings["mixture"], listener), names)
    if "si_sdr_improvement" in names:
        values["si_sdr_improvement"] = _difference(values["si_sdr"], before["si_sdr"])
    missing = [name for name in names if values.get(name) is None]
    notes += [f"not defined for this recording: {', '.join(missing)}"] if missing else []
    return Scores(_picked(values, names), notes, seconds, _picked(before, before.keys() & set(names)), errors, heard)


def _picked(values: Values, names: Iterable[str]) -> Values:
    wanted = set(names)
    return {name: values.get(name) for name in MEASURES if name in wanted}


def _difference(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def _measure(
    recordings: dict[str, Recording], names: Iterable[str], notes: Notes, compensate: bool
) -> tuple[Values, float]:
    """All but words: the estimate alone, then beside what else there is; and its seconds."""
    wanted = {*names, *(["si_sdr"] if "si_sdr_improvement" in names else [])} - {"si_sdr_improvement", *_TEXT}
    beside = [name for name in wanted if MEASURES[name].needs]
    values = compared(recordings, beside, notes, compensate) if beside else {}
    single, seconds = alone(recordings["estimate"], wanted - set(beside), notes)
    return values | single, seconds


def _of_mixture(recordings: dict[str, Recording], names: Iterable[str], compensate: bool) -> Values:
    """The same measures of the mixture in the estimate's place."""
    if "mixture" not in recordings:
        return {}
    wanted = {*names, *(["si_sdr"] if "si_sdr_improvement" in names else [])} - _NOT_OF_A_MIXTURE
    others = {**recordings, "estimate": recordings["mixture"]}
    return _measure(others, wanted, [], compensate)[0]


def _text_values(said: str, heard: str, names: Iterable[str]) -> Values:
    return {name: finite(float(MEASURES[name].function(said, heard))) for name in _TEXT & set(names)}


def _said(
    words: str | os.PathLike[str] | None, recordings: dict[str, Recording], recogniser: Recogniser, notes: Notes
) -> str:
    if words is None:
        notes.append(f"words: what {recogniser.name} hears in the reference counts as what was said")
        return transcribe(recordings["reference"], recogniser)
    notes.append(f"words: heard by {recogniser.name}")
    if isinstance(words, str):
        return words
    try:
        return Path(words).read_text(encoding="utf-8-sig")
    except OSError:
        raise InputNotFound(f"{os.fspath(words)}: this text file cannot be read.") from None
    except UnicodeDecodeError:
        raise BadInput(f"{os.fspath(words)}: this is no UTF-8 text. Give the words as plain text.") from None
