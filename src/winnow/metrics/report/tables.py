"""Numbers as a person reads them: digits by unit, signs, better and worse; and which measures come first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from winnow.metrics.statistics import Difference, Summary, difference, summarise

if TYPE_CHECKING:
    from winnow.metrics.report.results import Results

DIGITS = {"": 3, "MOS": 2, "dB": 1, "dBFS": 1, "dBTP": 1, "LUFS": 1, "%": 1, "Hz": 0, "ms": 1, "s": 2}
WHOLE = frozenset({"dropouts"})
LABELS = {
    "si_sdr": "SI-SDR",
    "si_sdr_improvement": "SI-SDR gained",
    "pesq_wb": "PESQ wide band",
    "pesq_nb": "PESQ narrow band",
    "estoi": "ESTOI",
    "segmental_snr": "segmental SNR",
    "mask_iou": "mask IoU",
    "legacy_snr": "SNR as in system 5",
    "dnsmos_ovrl": "DNSMOS overall",
    "dnsmos_sig": "DNSMOS speech",
    "dnsmos_bak": "DNSMOS background",
    "dnsmos_p808": "DNSMOS P.808",
    "true_peak_dbtp": "true peak",
    "snr_estimate": "estimated SNR",
    "lsd_other_axis": "LSD, other axis",
    "lufs": "loudness",
    "rms": "level",
    "wer": "word errors",
    "cer": "character errors",
}
CAPITALS = frozenset({"sdr", "sir", "sar", "snr", "stoi", "lsd", "csig", "cbak", "covl"})
# What a person looks at first; the first one present ranks the recordings.
FIRST = (
    "pesq_wb",
    "dnsmos_ovrl",
    "si_sdr",
    "wer",
    "stoi",
    "snr_estimate",
    "dnsmos_sig",
    "dnsmos_bak",
    "estoi",
    "pesq_nb",
)

FEW = 8  # measures of a page that are not folded away


def label(name: str) -> str:
    """A measure's name for people."""
    return LABELS.get(name) or (name.upper() if name in CAPITALS else name.replace("_", " "))


def number(name: str, value: float | None, *, sign: bool = False) -> str:
    """A value with the digits of its unit, `-` for none."""
    if value is None:
        return "-"
    digits = 0 if name in WHOLE and value == int(value) else DIGITS.get(unit(name), 2)
    text = f"{value:{'+' if sign else ''}.{digits}f}"
    return f"{0:.{digits}f}" if float(text) == 0 else text


def unit(name: str) -> str:
    """Unit of a measure, "" for a plain number."""
    from winnow.metrics.measures import MEASURES

    return MEASURES[name].unit if name in MEASURES else ""


def direction(name: str) -> str | None:
    """ "higher" or "lower" is better, or None."""
    from winnow.metrics.measures import MEASURES

    return MEASURES[name].better if name in MEASURES else None


def verdict(name: str, change: float | None, among: Difference | None = None) -> str:
    """What a change of a measure means, "" where no direction is the better one or there is nothing to compare.

    `better`, `worse` or `same`; among several recordings `unclear` where chance could explain it, and `too few` of them
    to tell.
    """
    better = direction(name)
    if change is None or better is None:
        return ""
    if float(number(name, change)) == 0:
        return "same"
    if among is not None and not among.clear:
        return "unclear" if among.enough else "too few"
    return "better" if (change > 0) == (better == "higher") else "worse"


def main_measure(names: Sequence[str]) -> str | None:
    """The one by which recordings are ranked."""
    ranked = [name for name in (*FIRST, *names) if name in names and direction(name)]
    return ranked[0] if ranked else None


def main_measures(names: Sequence[str], count: int = 6) -> list[str]:
    """The few that a narrow table shows, those that a person looks at first."""
    first = [name for name in FIRST if name in names]
    return (first + [name for name in names if name not in first])[:count]


def worst(results: Results, count: int) -> list[str]:
    """Names of the recordings with the worst values of the main measure, the worst first."""
    name = main_measure(results.names())
    if name is None:
        return [record.name for record in results.good[:count]]
    up = 1 if direction(name) == "higher" else -1
    known = [(up * value, record.name) for record in results.good if (value := record.values.get(name)) is not None]
    return [each for _, each in sorted(known)[:count]]


class Row:
    """One measure of a set: how it is, how it was, and what that means."""

    def __init__(self, results: Results, name: str) -> None:
        after, before = results.column(name), results.column(name, before=True)
        self.name = name
        self.after: Summary | None = summarise(after)
        self.before: Summary | None = summarise(before)
        self.change = difference(before, after) if len(after) > 1 else None
        single = [b - a for a, b in zip(before, after, strict=True) if a is not None and b is not None]
        self.by = self.change.mean if self.change else (single[0] if single else None)
        self.verdict = verdict(name, self.by, self.change)


def rows(results: Results) -> list[Row]:
    """A row for each measure that has values."""
    return [Row(results, name) for name in results.names()]
