"""Methods beside each other on a few recordings: against clean speech where there is some, and in words.

Energies are called energies: how much of a recording a method kept says nothing about what it kept. The figures of the
published system, defects included, stand beside the right ones under their own names.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from winnow.audio import Audio
from winnow.errors import BadInput, BadOption, InputNotFound, WinnowError
from winnow.evaluation.methods import Tracks, separate_with
from winnow.evaluation.pairing import recordings
from winnow.metrics import legacy
from winnow.metrics.choose import install_line
from winnow.metrics.recognisers import Recogniser, transcribe
from winnow.metrics.score import score
from winnow.metrics.stream import Recording
from winnow.metrics.words import wer

Values = dict[str, "float | None"]
DNSMOS = ("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl")
COLUMNS = {
    "si_sdr": ("SI-SDR", "dB", "Clean speech over all that is wrong with the speech track; needs a reference."),
    "wer": ("word errors", "%", "Of the words that were said, case and punctuation aside."),
    "dnsmos_sig": ("DNSMOS speech", "MOS", "Predicted opinion of the speech, 1 to 5, where there is no reference."),
    "dnsmos_bak": ("DNSMOS background", "MOS", "Of the background: higher is less disturbing."),
    "dnsmos_ovrl": ("DNSMOS overall", "MOS", "Of the whole."),
    "energy_kept": ("energy kept", "dB", "Speech track over recording. No measure of quality: 0 is all of it."),
    "energy_removed": ("energy removed", "dB", "Background over recording. No measure of quality."),
    "legacy_snr": (
        "SNR as in system 5",
        "dB",
        "Output over what was removed, as published; infinite for doing nothing.",
    ),
    "legacy_wer": ("WER as in system 5", "", "As published: case and punctuation count, sums wrap at 256 words."),
}
"""Title, unit and meaning of each value, in the order of the table."""


@dataclass(frozen=True)
class Case:
    """A recording of the benchmark. reference: file of its clean speech; words: file of what is said in it; or None."""

    name: str
    path: str
    reference: str | None = None
    words: str | None = None


@dataclass(frozen=True)
class Row:
    """A method on a recording. values: by COLUMNS, None for infinite; heard: the recogniser's text; error: why it refused."""

    recording: str
    method: str
    seconds: float = 0.0
    elapsed: float = 0.0
    values: Values = field(default_factory=dict)
    heard: str | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None


def cases(files: Sequence[str], transcripts: str | None = None, references: str | None = None) -> list[Case]:
    """Files with what belongs to them by name: `simple.mp4`, `simple.txt` in transcripts, `simple.wav` in references.

    Raises InputNotFound, BadInput where nothing in a folder belongs to any of them, BadOption for two of one name.
    """
    for path in files:
        if not os.path.isfile(path):
            raise InputNotFound(f"{path}: no such file. Give recordings.")
    names = [Path(path).stem for path in files]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise BadOption(f"two recordings are named {doubled}, so nothing can belong to one of them; rename one")
    words = _by_stem(transcripts, _texts(transcripts), names, ".txt")
    clean = _by_stem(references, dict(recordings(references)) if references else {}, names, " recording")
    return [Case(name, path, clean.get(name), words.get(name)) for name, path in zip(names, files, strict=True)]


def _texts(folder: str | None) -> dict[str, str]:
    if folder is None:
        return {}
    if not os.path.isdir(folder):
        raise InputNotFound(f"{folder}: no such folder. Give one with a text file for each recording.")
    return {path.stem: str(path) for path in sorted(Path(folder).glob("*.txt"))}


def _by_stem(folder: str | None, found: dict[str, str], names: Sequence[str], what: str) -> dict[str, str]:
    matching = {name: found[name] for name in names if name in found}
    if folder is not None and not matching:
        raise BadInput(f"{folder}: holds no {names[0]}{what} nor one for another recording. Name the files alike.")
    return matching


def spoken(case: Case, recogniser: Recogniser | None) -> tuple[str | None, str]:
    """What is said in a recording, and where that is known from; None where it is not.

    Without a text the recogniser's own of the clean reference stands in: it tells what a method changes, not how well the
    recogniser does. Raises BadInput, as `read`.
    """
    if recogniser is None:
        return None, ""
    if case.words is not None:
        try:
            return Path(case.words).read_text(encoding="utf-8-sig"), ""
        except (OSError, UnicodeDecodeError):
            raise BadInput(f"{case.words}: cannot be read as UTF-8 text. Give the words as plain text.") from None
    if case.reference is None:
        return None, f"{case.name}: no transcript, so no word errors"
    note = f"{case.name}: what {recogniser.name} hears in the clean speech counts as what was said"
    return transcribe(Recording(case.reference, "reference"), recogniser), note


def measure(case: Case, mixture: Audio, tracks: Tracks, said: str | None, recogniser: Recogniser | None) -> Row:
    """Values of a method's tracks; elapsed and method are left to the caller."""
    from winnow.media import read

    speech, notes = tracks["speech"].mono(), []
    values: Values = {}
    if case.reference is not None:
        found = score(speech, reference=read(case.reference).mono(), measures=["si_sdr"])
        values["si_sdr"], notes = found.values["si_sdr"], found.notes
    elif find_spec("speechmos") is not None:
        values.update(score(speech, measures=DNSMOS).values)
    else:
        notes = [f"DNSMOS is left out; needs speechmos: {install_line('speechmos')}"]
    values |= energies(mixture, tracks)
    values["legacy_snr"] = _finite(legacy.snr(speech.samples[0], mixture.mono().samples[0]))
    heard = None
    if said is not None and recogniser is not None:
        heard = transcribe(Recording(speech, "speech"), recogniser)
        values |= {"wer": wer(said, heard), "legacy_wer": _finite(legacy.wer(said, heard))}
    ordered = {name: values[name] for name in COLUMNS if name in values}
    return Row(case.name, "", mixture.seconds, values=ordered, heard=heard, notes=tuple(notes))


def energies(mixture: Audio, tracks: Tracks) -> Values:
    """Energy of the speech and of the background track over that of the recording, dB; None for silence."""
    whole = _energy(mixture)
    parts = {"energy_kept": tracks["speech"]}
    if "background" in tracks:
        parts["energy_removed"] = tracks["background"]
    ratios = {name: _energy(part) / whole if whole else 0.0 for name, part in parts.items()}
    return {name: 10 * math.log10(ratio) if ratio > 0 else None for name, ratio in ratios.items()}


def _energy(audio: Audio) -> float:
    """Per channel, so that a method that mixes them down does not seem to lose half."""
    return float(np.square(audio.samples, dtype=np.float64).sum()) / audio.channels


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Run:
    """A recording with one method: its row, and sound to see and hear, empty where the method refused."""

    row: Row
    mixture: Audio
    tracks: Tracks


def runs(chosen: Iterable[Case], methods: Sequence[str], recogniser: Recogniser | None = None) -> Iterator[Run]:
    """Every recording with every method, lazily; a method that refuses a recording becomes a row that says why.

    Recordings are held in memory as a whole. Raises as `read`, and BadInput for a transcript that cannot be read.
    """
    from winnow.media import read

    for case in chosen:
        mixture = read(case.path)
        said, note = spoken(case, recogniser)
        for method in methods:
            yield _run(case, method, mixture, (said, note), recogniser)


def _run(case: Case, method: str, mixture: Audio, words: tuple[str | None, str], recogniser: Recogniser | None) -> Run:
    started = time.monotonic()
    try:
        tracks = separate_with(method, mixture)
        elapsed = time.monotonic() - started
        row = measure(case, mixture, tracks, words[0], recogniser)
    except WinnowError as error:
        return Run(Row(case.name, method, mixture.seconds, error=str(error)), mixture, {})
    notes = tuple(filter(None, (words[1], *row.notes)))
    return Run(Row(case.name, method, row.seconds, elapsed, row.values, row.heard, notes), mixture, tracks)
