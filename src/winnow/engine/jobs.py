"""What a job is and what it comes to: plain data that travel between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from winnow.errors import WinnowError

if TYPE_CHECKING:
    from winnow.engine.presence import Presence

Task = Literal["enhance", "split", "into-video", "separate", "transcribe", "extract", "remove"]
PIPE = "-"
STDIN = "standard input"
DEBUG = "WINNOW_DEBUG"  # environment variable: show tracebacks


@dataclass(frozen=True)
class Job:
    """One recording and the files that shall come of it.

    outputs: one path for each of the stems for "split" and "separate", else one. "-" is standard output.
    track: which audio track, counted from 0. force: replace outputs that exist.
    kept: the stem that is wanted, and written where there is one output. papers: what is written about the recording besides,
    as pairs of kind (see `winnow.engine.papers`) and path.
    note: what the person should know beforehand. problem: why there is nothing to do; the job then fails with it.
    """

    source: str
    outputs: tuple[str, ...]
    task: Task = "enhance"
    stems: tuple[str, ...] = ()
    track: int = 0
    force: bool = False
    kept: str = "speech"
    papers: tuple[tuple[str, str], ...] = ()
    note: str = ""
    problem: WinnowError | None = None


@dataclass(frozen=True)
class Result:
    """What became of a job.

    output: the files that are complete now, none after an error. seconds: length of the recording. elapsed: wall
    clock, seconds. removed: energy of what was taken away, relative to the input, dB. level: RMS of what was kept (speech),
    dB of full scale. Both None when they cannot be told (silence, nothing run). levels: RMS of each stem, dB of full
    scale, where a recording was separated. talkers: seconds that each one speaks, where it is a conversation. presence: of
    the voices that were asked for.
    error: one line without the file's name.
    """

    input: str
    output: tuple[str, ...] = ()
    seconds: float = 0.0
    elapsed: float = 0.0
    model: str | None = None
    removed: float | None = None
    level: float | None = None
    levels: dict[str, float | None] = field(default_factory=dict)
    talkers: dict[str, float] = field(default_factory=dict)
    presence: Mapping[str, Presence] = field(default_factory=dict)
    skipped: bool = False
    note: str = ""
    error: str | None = None
    exit_code: int = 0

    @property
    def times_real_time(self) -> float | None:
        """Seconds of recording for each second of work; None when nothing was run."""
        return self.seconds / self.elapsed if self.elapsed > 0 and self.seconds > 0 and self.error is None else None


def failure(source: str, error: BaseException, elapsed: float = 0.0) -> Result:
    """The result of a job that ended with an error; the message loses the file's name, `Result.input` has it."""
    message = " ".join(str(error).split()) or type(error).__name__
    message = message.removeprefix(f"{STDIN if source == PIPE else source}: ")
    return Result(source, error=message, exit_code=getattr(error, "exit_code", 1), elapsed=elapsed)
