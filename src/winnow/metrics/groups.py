"""Which meter computes which measures, at which rate and on which channels. Meters are loaded when they are used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol

from winnow.metrics.stream import Branch, Signals

Values = dict[str, float | None]


class Meter(Protocol):
    """Takes signals block by block and gives measures at the end; made for a rate in hertz."""

    def feed(self, signals: Signals) -> None:
        """Take `(time,)` per role, or `(channels, time)` for meters of all channels."""

    def result(self) -> Values:
        """Measures by name, None where they are not defined."""


@dataclass(frozen=True)
class Group:
    """Measures that one meter computes.

    home: "module:class" below `winnow.metrics`; rate: hertz, None for the recording's own; channels: "each" is scored and
    averaged, their "mean" is scored, or the meter takes "all" at once.
    """

    names: tuple[str, ...]
    home: str
    rate: int | None = None
    channels: Literal["each", "mean", "all"] = "each"


GROUPS = (
    Group(("si_sdr", "snr"), "sdr:Ratios"),
    Group(("sdr", "sir", "sar"), "bss:Separation"),
    Group(("segmental_snr",), "sdr:Segments"),
    Group(("pesq_wb", "csig", "cbak", "covl"), "perceptual:Wide", 16000),
    Group(("pesq_nb",), "perceptual:Narrow", 8000),
    Group(("stoi", "estoi"), "perceptual:Intelligibility", 16000),
    Group(("lsd", "lsd_other_axis"), "spectral:LogSpectra"),
    Group(("log_spectral_distance", "mel_distance"), "spectral:Distances", 16000),
    Group(("mask_iou",), "spectral:MaskOverlap", 8000),
    Group(("delay", "gain"), "align:Alignment", channels="mean"),
    Group(("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "dnsmos_p808"), "dnsmos:Dnsmos", 16000, "mean"),
    Group(("lufs",), "loudness:Loudness", channels="all"),
    Group(("true_peak_dbtp",), "loudness:TruePeak", channels="all"),
    Group(("rms", "peak"), "level:Levels", channels="all"),
    Group(("clipping",), "level:Clipping", channels="all"),
    Group(("dropouts",), "level:Dropouts", channels="all"),
    Group(("bandwidth",), "level:Bandwidth", channels="all"),
    Group(("noise_floor", "snr_estimate", "speech_share", "reverberation"), "speech:Frames", 16000, "mean"),
    Group(("legacy_snr",), "legacy:Ratio", channels="mean"),
)


class Bench:
    """The meters of one group for one recording, with their branch of the signal."""

    def __init__(self, group: Group, rate: int, channels: int) -> None:
        self.group = group
        self._branch = Branch(rate, group.rate or rate, channels, mean=group.channels == "mean")
        module, name = group.home.split(":")
        kind = getattr(import_module(f"winnow.metrics.{module}"), name)
        count = self._branch.channels if group.channels == "each" else 1
        self._meters: list[Meter] = [kind(self._branch.rate) for _ in range(count)]

    def feed(self, piece: Signals) -> None:
        """Take `(channels, time)` per role at the recording's rate."""
        self._give(self._branch.feed(piece))

    def _give(self, piece: Signals) -> None:
        if not all(samples.size for samples in piece.values()):
            return  # a resampler that has nothing to give yet
        for channel, meter in enumerate(self._meters):
            meter.feed(piece if self.group.channels == "all" else {role: x[channel] for role, x in piece.items()})

    def result(self) -> tuple[Values, list[str]]:
        """The measures, averaged over channels, and the meters' remarks."""
        self._give(self._branch.flush())
        found = [meter.result() for meter in self._meters]
        notes = [note for meter in self._meters for note in getattr(meter, "notes", ())]
        return {name: _mean([values.get(name) for values in found]) for name in self.group.names}, notes


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def chosen(names: Iterable[str]) -> list[Group]:
    """The groups that are needed for these measures."""
    wanted = set(names)
    return [group for group in GROUPS if wanted & set(group.names)]
