"""Running a fresh process and watching its time and memory (Linux: /proc)."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

WINNOW = (sys.executable, "-c", "from winnow.cli import main; main()")


@dataclass(frozen=True)
class Run:
    """Seconds on the clock, and peak resident memory in MB, of all processes of the run together."""

    seconds: float
    megabytes: float


def watch(command: Sequence[str], cores: int | None = None) -> Run:
    """Run to the end, on at most `cores` processors. A failure ends the benchmark with what the command said.

    The peak is the kernel's own high-water mark (VmHWM), read often: unlike `ru_maxrss` it begins at exec and does not
    count the memory of this process. What a process adds in its last 20 ms can be missed.
    """
    peaks: dict[int, float] = {}
    with tempfile.TemporaryFile("w+") as log:
        begin = time.perf_counter()
        with limited(cores):
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        while process.poll() is None:
            for pid in tree(process.pid):
                peaks[pid] = max(peaks.get(pid, 0.0), high_water(pid))
            time.sleep(0.02)
        seconds = time.perf_counter() - begin
        log.seek(0)
        if process.returncode:
            sys.exit(f"{' '.join(command[-4:])}: exit {process.returncode}\n{log.read()}")
    return Run(seconds, sum(peaks.values()))


@contextmanager
def limited(cores: int | None) -> Iterator[None]:
    """Processes started inside run on this one's first `cores` processors only."""
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, sorted(allowed)[:cores])
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def tree(pid: int) -> list[int]:
    """A process and those it started, as far as they still run."""
    children: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += [int(word) for word in file.read_text().split()]
        except OSError:
            continue
    return [pid] + [other for child in children for other in tree(child)]


def high_water(pid: int) -> float:
    """Peak resident memory of a process so far, MB; 0 where it has ended."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def clock(command: Sequence[str], times: int = 10) -> float:
    """Median seconds of fresh processes, after one that warms the file cache."""
    once(command)
    return statistics.median(once(command) for _ in range(times))


def once(command: Sequence[str]) -> float:
    """Seconds of one process. A failure ends the benchmark with what the command said."""
    begin = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if done.returncode:
        sys.exit(f"{' '.join(command[-2:])}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return seconds
