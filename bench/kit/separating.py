"""Bundles that separate: their stems of a mixture in memory, and scores that are kept from run to run."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from kit.fixed import Sounding
from kit.folders import ROOT
from kit.sound import Wave, fit, resample
from winnow.engine.bodies import separated
from winnow.models import catalog
from winnow.models.bundle import Bundle

CACHE = ROOT / ".bench" / "voices"
NO_TALKERS = ("background", "rest", "noise", "music")
VERSION = 1  # of what is measured and how; another number makes all scores anew
Scores = dict[str, float]
Cues = Mapping[str, Wave]


@dataclass(frozen=True)
class Model:
    """A bundle by name or by its folder; `NAME+org`, `NAME+inv_sub`: with a published mode of the VoiceFilter."""

    given: str

    @cached_property
    def bundle(self) -> Bundle:
        """The bundle."""
        return catalog.find(self.folder)

    @property
    def folder(self) -> str:
        """What was given, without a mode."""
        return self.given.partition("+")[0]

    @property
    def mode(self) -> dict[str, str]:
        """What its separator is told beside the cues."""
        mask = self.given.partition("+")[2]
        return {"mask": mask} if mask else {}

    @property
    def title(self) -> str:
        """How it is called in the tables."""
        rate = self.bundle.manifest.rate
        mode = "".join(f", {value}" for value in self.mode.values())
        return self.bundle.manifest.name + mode + ("" if rate == 16000 else f" (at {rate / 1000:g} kHz)")

    @property
    def rate(self) -> int:
        """Hertz that it works at."""
        return self.bundle.manifest.rate

    def stems(self, mixture: Wave, rate: int, cues: Cues | None = None) -> dict[str, Wave]:
        """`(time,)` at `rate` hertz to stems `(time,)` at the bundle's own rate; what is left of the mixture is one too."""
        own = resample(mixture, rate, self.rate)
        separator = self.bundle.separator(cues or {}, **self.mode)
        made = separated(separator, own[None], self.rate)[:, 0]
        found = {name: np.nan_to_num(fit(stem, len(own))) for name, stem in zip(separator.stems, made, strict=True)}
        for name in self.bundle.manifest.stems:
            if name not in found:
                found[name] = own - sum(found.values())
        return found


def scored(
    title: str, version: str, mixtures: Iterable[Sounding], score: Callable[[Sounding], Scores], anew: bool = False
) -> list[Scores]:
    """The scores of one system on all mixtures; those that are known for its version and the same samples are not made again.

    version: what the system is, such as the hash of its graph and what it was told; anew: make all.
    """
    path = CACHE / (re.sub(r"[^\w.+-]+", "-", title) + ".json")
    kept: dict[str, Scores] = json.loads(path.read_text()) if path.exists() else {}
    out, made = [], 0
    for mixture in mixtures:
        key = f"{VERSION} {version} {mixture.fixed.id} {mixture.checksum}"
        if anew or key not in kept:
            kept[key] = score(mixture)
            made += 1
        out.append(kept[key])
    if made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept))
    print(f"{title}: {len(out)} mixtures, {made} made now", file=sys.stderr, flush=True)
    return out


def command(script: str, models: Iterable[str], *rest: str) -> str:
    """The command line as a reader would give it, without this machine's folders."""
    return " ".join([f"python bench/{script}.py --data DATA", "--models", *(Path(m).name for m in models), *rest])


def cell(values: Iterable[float | None], digits: int = 1, sign: str = "") -> str:
    """Mean with its 95 % interval, and the median; a dash for nothing."""
    from kit.measures import interval

    data = np.array([value for value in values if value is not None], np.float64)
    data = data[np.isfinite(data)]
    if not len(data):
        return "-"
    mean, low, high = (f"{value:{sign}.{digits}f}" for value in interval(data))
    return f"{mean} [{low}, {high}], {np.median(data):{sign}.{digits}f}"
