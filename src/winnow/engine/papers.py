"""What is written about a recording beside its sound: when a voice is there, as JSON and as a picture, and spectrograms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from winnow.engine.jobs import PIPE, STDIN, Job
from winnow.engine.presence import FOUND, STEP, Presence
from winnow.engine.sinks import Stems, make_folder
from winnow.media.sink import Sink, translated

if TYPE_CHECKING:
    from winnow.metrics.report.pictures import LongSpectrogram

KINDS = {"timeline": ".presence.json", "curve": ".presence.png", "spectrograms": ".spectrograms.png"}
"""Kinds of papers, and how their names end."""

TITLES = {"mixture": "the recording", "rest": "everything else"}


class Papers:
    """Collects what the papers of a job need while the stems go by, in constant memory but for what the papers tell.

    rate: hertz. Raises OutputError where one of them cannot be written.
    """

    def __init__(self, job: Job, rate: int) -> None:
        self._job, self._rate, self._count = job, rate, 0
        self._spectra: dict[str, LongSpectrogram] = {}
        for _, path in job.papers:
            make_folder(path)

    def add(self, stems: Stems) -> None:
        """Take the next samples of all stems, each `(channels, time)`."""
        first, *others = stems.values()
        self._count += first.shape[1]
        if not any(kind == "spectrograms" for kind, _ in self._job.papers):
            return
        from winnow.metrics.report.pictures import LongSpectrogram

        for name, samples in {"mixture": sum(others, start=first), **stems}.items():
            self._spectra.setdefault(name, LongSpectrogram(self._rate)).add(samples)

    def write(self, presence: dict[str, Presence], facts: dict[str, Any]) -> None:
        """Write all papers. facts: about the work, for the JSON. Raises OutputError."""
        for kind, path in self._job.papers:
            _write(path, self._content(kind, presence, facts))

    def _content(self, kind: str, presence: dict[str, Presence], facts: dict[str, Any]) -> bytes:
        if kind == "timeline":
            return self._timeline(presence, facts)
        from winnow.metrics.report import pictures

        if kind == "curve":
            lines = {_title(name): voice.values for name, voice in presence.items()}
            return pictures.over_time(lines, STEP, FOUND)
        levels = {_title(name): spectrum.levels() for name, spectrum in self._spectra.items()}
        return pictures.drawn(levels, dict.fromkeys(levels, self._count / self._rate), self._rate)

    def _timeline(self, presence: dict[str, Presence], facts: dict[str, Any]) -> bytes:
        document = {
            "source": STDIN if self._job.source == PIPE else self._job.source,
            "seconds": round(self._count / self._rate, 6),
            **facts,
            "step": STEP,
            "found_from": FOUND,
            "voices": {name: _told(voice) for name, voice in presence.items()},
        }
        return (json.dumps(document, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _told(voice: Presence) -> dict[str, Any]:
    return {
        "found": voice.found,
        "share": round(voice.share, 4),
        "stretches": voice.stretches(),
        "presence": voice.values,
    }


def _title(name: str) -> str:
    """With "?" for letters that the drawing has no shapes for."""
    drawn = "".join(letter if ord(letter) < 0x2500 else "?" for letter in name)
    return TITLES.get(name, name if name == "voice" else f"voice: {drawn}")


def _write(path: str, content: bytes) -> None:
    with Sink(path) as sink, translated(path):
        sink.handle.write(content)
