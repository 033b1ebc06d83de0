"""Progress on a terminal: a bar, per cent, speed and the time that is left, for each recording in work."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from winnow.cli.words import channels, clock, kilohertz, one_line, times
from winnow.engine.jobs import PIPE, Job, Result

NAME_WIDTH = 28


class Bars:
    """One bar for each recording in work, and one for all of them when there are several."""

    def __init__(self, console: Console, jobs: Sequence[Job], doing: str = "cleaning") -> None:
        self._single, self._doing = len(jobs) == 1, doing
        columns = (TextColumn("{task.description}", markup=False), BarColumn(24), _Done(), _Speed(), _Left())
        self._progress = Progress(*columns, console=console, transient=not self._single)
        self._tasks: dict[Job, TaskID] = {}
        self._all = None if self._single else self._progress.add_task("all files", total=len(jobs), files=True)

    def start(self) -> None:
        """Begin to draw."""
        self._progress.start()

    def stop(self) -> None:
        """Draw for the last time."""
        self._progress.stop()

    def move(self, job: Job, seconds: float, whole: float | None) -> None:
        """Move the bar of a job; the bar appears with the first report."""
        if job not in self._tasks:
            self._tasks[job] = self._progress.add_task(self._doing if self._single else _short(job.source), total=whole)
        self._progress.update(self._tasks[job], completed=seconds, total=whole)

    def finish(self, result: Result) -> None:
        """Fill the bar of a single job; take away that of one among many."""
        for job in [job for job in self._tasks if job.source == result.input]:
            task = self._tasks.pop(job)
            if self._single and result.error is None:
                self._progress.update(task, completed=result.seconds, total=result.seconds)
            elif not self._single:
                self._progress.remove_task(task)
        if self._all is not None:
            self._progress.advance(self._all)


def _short(path: str) -> str:
    name = one_line(os.path.basename(path))
    return name if len(name) <= NAME_WIDTH else name[: NAME_WIDTH - 1] + "…"


def _speed(task: Task) -> float | None:
    """Seconds of recording for each second since the bar appeared."""
    return task.completed / task.elapsed if task.elapsed and task.completed else None


class _Done(ProgressColumn):
    """Per cent, or the time done where the length is not known."""

    def render(self, task: Task) -> Text:
        if task.fields.get("files"):
            return Text(f"{task.completed:.0f} of {task.total:.0f}")
        return Text(clock(task.completed) if task.total is None else f"{task.percentage:3.0f} %")


class _Speed(ProgressColumn):
    """Times real time."""

    def render(self, task: Task) -> Text:
        speed = None if task.fields.get("files") else _speed(task)
        return Text(f"{times(speed)} real time" if speed else "")


class _Left(ProgressColumn):
    """Time that is left."""

    def render(self, task: Task) -> Text:
        speed = _speed(task)
        if task.fields.get("files") or not speed or task.total is None:
            return Text("")
        return Text(f"{clock(max(task.total - task.completed, 0) / speed)} left")


def header(job: Job) -> Text | None:
    """`talk.mp4   12:34   48 kHz stereo · h264 1920x1080, picture is copied`; None where that cannot be told."""
    from winnow.errors import WinnowError
    from winnow.media import probe

    if job.source == PIPE or job.problem is not None:
        return None
    try:
        info = probe(job.source)
        track = info.audio[job.track]
    except (WinnowError, IndexError):
        return None  # the job itself says what is wrong
    facts = [f"{kilohertz(track.rate)} {channels(track.channels)}"]
    if job.task != "transcribe":
        facts += [
            f"{video.codec} {video.width}x{video.height}, picture is copied" for video in info.video if not video.cover
        ]
    return Text(f"{one_line(job.source)}   {clock(info.seconds)}   " + " · ".join(facts))
