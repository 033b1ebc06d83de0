"""A conversation in, a file for each talker out: what the command line calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from typing import Any

from winnow.engine import naming
from winnow.engine.conversation.count import MOST_TALKERS
from winnow.engine.conversation.levels import Levels
from winnow.engine.conversation.passes import (
    BACKGROUND,
    MODEL,
    Listening,
    Network,
    found_in,
    open_network,
    second_pass,
)
from winnow.engine.conversation.scratch import Scratch
from winnow.engine.conversation.talkers import Found, check_speakers
from winnow.engine.conversation.timeline import Timeline, names, picture
from winnow.engine.files import Meter, damage_of
from winnow.engine.jobs import PIPE, Job, Result
from winnow.engine.relay import Relay
from winnow.engine.sinks import make_folder, open_sink, sweep
from winnow.engine.trade import LEFT_ALONE, JobTrade, Tell
from winnow.errors import BadOption, NoAudio, OutputError
from winnow.media import open_reader, probe
from winnow.media.sink import Sink, translated

FIRST, VOICES = 0.78, 0.88
"""Share of the progress at which the first pass ends, and at which the voices are told apart."""

INSTALL = 'pip install "winnow-audio[demo]"'


@dataclass(frozen=True)
class Request:
    """speakers: how many talkers, None: found; model: a bundle's name or path; timeline: whether to write who speaks when."""

    speakers: int | None = None
    model: str | os.PathLike[str] = MODEL
    timeline: bool = True

    def __post_init__(self) -> None:
        check_speakers(self.speakers)

    def stems(self, path: str) -> tuple[str, ...]:
        """The stems of a recording as far as they are known before it is heard. Raises BadOption for standard input."""
        if path == PIPE:
            raise BadOption("a conversation is read twice, which standard input cannot be; give a file.")
        return (*names(self.speakers or 1), BACKGROUND)


class Conversing(JobTrade):
    """The trade of a worker, in this process or another: the network is opened once for all jobs."""

    def __init__(self, request: Request) -> None:
        self.request = request

    def __reduce__(self) -> tuple[Any, ...]:  # another process opens its own
        return Conversing, (self.request,)

    @cached_property
    def network(self) -> Network:
        """Raises as `open_network`."""
        return open_network(self.request.model)

    def sweep(self, job: Job, process: int) -> None:
        """Remove what a process that was stopped left half-written, of however many talkers."""
        if job.outputs:
            most = _expanded(job, MOST_TALKERS)
            sweep(replace(most, outputs=(*most.outputs, *_drawn(job))), process)

    def done(self, job: Job, tell: Tell) -> Result:
        """See `JobTrade.done`."""
        wanted = [*job.outputs, *(_drawn(job)[:1] if self.request.timeline else [])]
        if _is_there(job, wanted):
            return Result(job.source, tuple(wanted), skipped=True, note=LEFT_ALONE)
        return self._separated(job, tell)

    def _separated(self, job: Job, tell: Tell) -> Result:
        for path in job.outputs:
            make_folder(path)
        folder = os.path.dirname(os.path.abspath(job.outputs[-1]))
        with ExitStack() as stack:
            reader = stack.enter_context(open_reader(job.source, job.track))
            scratch = stack.enter_context(Scratch(self.network.talkers, reader.channels, folder))
            listening = Listening(self.network, reader.rate, reader.channels, scratch)
            expected = reader.samples / reader.rate if reader.samples else None
            scratch.expect(round((expected or 0) * self.network.rate))
            for block in reader:
                listening.feed(block)
                tell(FIRST * reader.read / reader.rate, expected)
            if reader.read == 0:
                raise NoAudio(f"{job.source}: no sound could be decoded. Give a recording that is not empty.")
            whole, levels = reader.read / reader.rate, listening.finish()
            found = found_in(
                scratch,
                levels,
                self.network.rate,
                self.request.speakers,
                tell=lambda share: tell(whole * (FIRST + share * (VOICES - FIRST)), whole),
            )
            job = _expanded(job, found.talkers)
            meter, notes = self._write(
                job, scratch, levels, found, lambda done: tell(whole * VOICES + done * (1 - VOICES), whole)
            )
        return self._result(job, found.timeline, meter, notes)

    def _write(
        self, job: Job, scratch: Scratch, levels: Levels, found: Found, tell: Callable[[float], None]
    ) -> tuple[Meter, list[str]]:
        """The second pass; all outputs get their names when it went well."""
        with ExitStack() as stack:
            reader = stack.enter_context(open_reader(job.source, job.track))
            separation = second_pass(self.network, scratch, levels, found, reader.rate, reader.channels)
            sink = open_sink(job, probe(job.source), reader, job.outputs, stack)
            if self.request.timeline:
                _draw(job, found.timeline, stack)
            relay = stack.enter_context(Relay(sink.write))
            meter = Meter(reader.rate)
            for block in reader:
                _pass_on(separation.feed(block), relay, meter)
                tell(meter.seconds)
            _pass_on(separation.flush(), relay, meter)
        return meter, [*damage_of(reader), *sink.notes]

    def _result(self, job: Job, made: Timeline, meter: Meter, notes: list[str]) -> Result:
        drawn = _drawn(job)[: 1 + _drawable()] if self.request.timeline else []
        notes = [_said(made), job.note, *(note.removeprefix(f"{job.source}: ") for note in notes)]
        if self.request.timeline and not _drawable():
            notes.append(f"the picture is left out, it needs matplotlib: {INSTALL}")
        notes += [f"{path} is of an earlier run" for path in _older(job)]
        return Result(
            input=job.source,
            output=(*job.outputs, *drawn),
            seconds=meter.seconds,
            model=self.network.name,
            levels=meter.levels,
            talkers={talker.name: talker.seconds for talker in made.talkers},
            note="; ".join(note for note in notes if note),
        )


def _pass_on(stems: dict[str, Any], relay: Relay[dict[str, Any]], meter: Meter) -> None:
    relay.send(stems)
    meter.add(stems)


def _said(made: Timeline) -> str:
    count = len(made.talkers)
    if count == 1:
        return "one talker"
    return f"{count} talkers, {made.overlap:.0f} s of them at once"


def _base(job: Job) -> tuple[str, str]:
    """What comes before and after the words in the names of the outputs: `out/debate` and `.wav`."""
    before, suffix = os.path.splitext(job.outputs[-1])
    return before.removesuffix(f".{BACKGROUND}"), suffix


def _expanded(job: Job, talkers: int) -> Job:
    """The job with an output for each talker."""
    words = (*names(talkers), BACKGROUND)
    base, suffix = _base(job)
    return replace(job, stems=words, outputs=naming.output_names(base, words, suffix))


def _drawn(job: Job) -> tuple[str, str]:
    """Names of the timeline: data and picture."""
    base = _base(job)[0]
    return f"{base}.talkers.json", f"{base}.talkers.png"


def _is_there(job: Job, wanted: list[str]) -> bool:
    """Whether all that is wanted exists and shall stay. Raises OutputError where it is only a part, of whatever run."""
    if job.force:
        return False
    if all(os.path.exists(path) for path in wanted):
        return True
    there = [path for path in (*_expanded(job, MOST_TALKERS).outputs, *wanted) if os.path.exists(path)]
    if there:
        raise OutputError(
            f"{there[0]} is there, but not all that belongs to it; --force replaces it, or choose another -o"
        )
    return False


def _older(job: Job) -> list[str]:
    """Tracks of more talkers than were found, left by an earlier run."""
    return [path for path in _expanded(job, MOST_TALKERS).outputs if path not in job.outputs and os.path.exists(path)]


def _drawable() -> bool:
    return find_spec("matplotlib") is not None


def _draw(job: Job, made: Timeline, stack: ExitStack) -> None:
    data, drawing = _drawn(job)
    stack.enter_context(_written(data, made.to_json().encode()))
    if _drawable():
        stack.enter_context(_written(drawing, picture(made, os.path.basename(job.source))))


@contextmanager
def _written(path: str, data: bytes) -> Iterator[None]:
    """A small file that gets its name when the block ends well."""
    with Sink(path) as sink:
        with translated(path):
            sink.handle.write(data)
        yield
