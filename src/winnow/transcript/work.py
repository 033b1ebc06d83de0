"""One recording to its text: decoded, cleaned, cut at pauses and recognised block by block, written when it is complete."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import tee
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from winnow.audio import Samples
from winnow.dsp.resample import StreamResampler
from winnow.engine.files import damage_of, watching
from winnow.engine.jobs import PIPE, Job, Result
from winnow.engine.trade import LEFT_ALONE, JobTrade, Tell
from winnow.errors import BadOption, NoAudio
from winnow.metrics import activity, recognisers
from winnow.metrics.pieces import Piece, pieces
from winnow.transcript.formats import FORMATS
from winnow.transcript.settings import Settings
from winnow.transcript.text import Passage, Transcript, joined, passage

if TYPE_CHECKING:
    from winnow.media import Reader


@dataclass(frozen=True)
class Heard(Result):
    """What became of a job. words: how many; recogniser, vad: their names."""

    words: int = 0
    recogniser: str = ""
    vad: str = ""


class Transcribing(JobTrade):
    """The trade of a worker, in this process or another: the recogniser is loaded once for all jobs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __reduce__(self) -> tuple[Any, ...]:  # another process loads its own
        return Transcribing, (self.settings,)

    @cached_property
    def recogniser(self) -> recognisers.Recogniser:
        """Raises BadOption, MissingExtra."""
        return recognisers.find(self.settings.recogniser)

    @cached_property
    def detector(self) -> Callable[[], activity.Detector]:
        """Makes one for each recording. Raises BadOption, MissingExtra."""
        return activity.find_detector(self.settings.vad)

    def check(self) -> None:
        """Find all that is needed before any file is touched. Raises BadOption, MissingExtra, UnknownModel."""
        from winnow.models import catalog, methods

        cleaning = self.settings.cleaning
        if cleaning is not None and cleaning.model in methods.BLIND:
            raise BadOption(
                f"{cleaning.model} does not tell which track is speech; `winnow separate` writes them first"
            )
        if cleaning is not None and cleaning.model not in ("auto", *methods.METHODS):
            catalog.find(cleaning.model)
        _ = self.detector, self.recogniser

    def done(self, job: Job, tell: Tell) -> Result:
        """See `JobTrade.done`."""
        path = job.outputs[0]
        if path != PIPE and os.path.exists(path) and not job.force:
            return Heard(job.source, job.outputs, skipped=True, note=LEFT_ALONE)
        write = FORMATS[self._format(path)]
        with _output(path) as file:
            transcript, notes = self.transcribe(job.source, job.track, tell)
            file.write(write(transcript).encode())
        notes = [job.note, *([] if transcript.count else ["no speech found"]), *notes]
        return Heard(
            input=job.source,
            output=job.outputs,
            seconds=transcript.seconds,
            model=transcript.facts.get("model"),
            note="; ".join(note.removeprefix(f"{job.source}: ") for note in notes if note),
            words=transcript.count,
            recogniser=transcript.facts["recogniser"],
            vad=transcript.facts["vad"],
        )

    def _format(self, path: str) -> str:
        """By the option, else by the suffix; text for standard output. Raises BadOption where it cannot hold two texts."""
        suffix = os.path.splitext(path)[1].lower().removeprefix(".")
        name = self.settings.format or (suffix if path != PIPE else "txt")
        if self.settings.compare and name not in ("txt", "json"):
            raise BadOption(
                f"--compare writes two texts, which {name or 'such a file'} cannot hold; take .txt or .json"
            )
        return name

    def transcribe(self, source: str, track: int, tell: Tell) -> tuple[Transcript, list[str]]:
        """The text of a recording, in constant memory but for the text, and what the person should know about it.

        tell: takes progress, seconds done and in all or None. Raises as `open_reader`.
        """
        from winnow.media import open_reader

        with open_reader(source, track) as reader:
            facts = {"recogniser": self.recogniser.name, "after": self.settings.after}
            blocks = _watched(reader, watching(reader, tell))
            lanes = 1 + self.settings.compare
            detector = self.detector()
            sound = _resampled(self._lanes(blocks, reader, facts), reader.rate, lanes)
            found = pieces(sound, detector, self.recogniser.longest, lanes)
            passages = tuple(listened(found, self.recogniser, lanes))
            if reader.read == 0:
                raise NoAudio(f"{source}: no sound could be decoded. Give a recording that is not empty.")
            facts["vad"] = detector.name
            return Transcript(reader.read / reader.rate, passages, facts), damage_of(reader)

    def _lanes(self, blocks: Iterable[Samples], reader: Reader, facts: dict[str, str]) -> Iterator[Samples]:
        """Blocks `(lanes, time)` at the recording's rate: what is recognised, then what it is compared with."""
        from winnow.engine.run import Separation

        cleaning = self.settings.cleaning
        if cleaning is None:
            yield from (block.mean(axis=0, keepdims=True) for block in blocks)
            return
        separation = Separation(reader.rate, reader.channels, cleaning)
        facts["model"] = separation.model
        for block in blocks:
            yield self._stacked(separation.feed(block))
        yield self._stacked(separation.flush())

    def _stacked(self, stems: dict[str, Samples]) -> Samples:
        speech = stems["speech"]
        heard = [speech, sum(stems.values(), np.zeros_like(speech))] if self.settings.compare else [speech]
        return np.stack([lane.mean(axis=0) for lane in heard])


def _watched(reader: Reader, report: Callable[[float], None]) -> Iterator[Samples]:
    for block in reader:
        yield block
        report(reader.read / reader.rate)


def _resampled(blocks: Iterable[Samples], rate: int, lanes: int) -> Iterator[Samples]:
    resampler = StreamResampler(rate, activity.RATE, lanes)
    for block in blocks:
        yield resampler.feed(np.ascontiguousarray(block, np.float32))
    yield resampler.flush()


def listened(found: Iterable[Piece], recogniser: recognisers.Recogniser, lanes: int = 1) -> Iterator[Passage]:
    """The passages of pieces, one after the other; without those in which no word was heard.

    Each lane has a recognition of its own, since recognisers adapt to what they hear.
    """
    own, *copies = tee(found, 1 + lanes)
    heard = [recogniser.listen(_lane(copy, number)) for number, copy in enumerate(copies)]
    for piece, words, *others in zip(own, *heard, strict=True):
        mixture = joined(others[0]) if others else None
        if words or mixture:
            yield passage(piece.start, piece.end, words, mixture)


def _lane(found: Iterable[Piece], number: int) -> Iterator[Samples]:
    for piece in found:
        yield piece.samples[number]


class _Terminal:
    """Standard output as a file of bytes; text, since an object in memory may stand in for it."""

    def write(self, data: bytes) -> None:
        sys.stdout.write(data.decode())
        sys.stdout.flush()


@contextmanager
def _output(path: str) -> Iterator[IO[bytes] | _Terminal]:
    """The output, opened before the work, so that a wrong name does not cost hours; it gets its name when all went well."""
    if path == PIPE:
        yield _Terminal()
        return
    from winnow.engine.sinks import make_folder
    from winnow.media.sink import Sink

    make_folder(path)
    with Sink(path) as sink:
        yield sink.handle
