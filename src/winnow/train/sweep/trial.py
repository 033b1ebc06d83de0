"""One trial: `winnow train` in a process of its own, whose log is followed while it runs."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import winnow
from winnow.errors import BadOption
from winnow.train.log import NAME, Record, records
from winnow.train.sweep.plan import Plan

OUTPUT = "output.txt"
PATIENCE = 60.0  # seconds that a process gets to save its run when it is asked to stop
LOOK = 0.3  # seconds between two looks at the log


@dataclass(frozen=True)
class Outcome:
    """How a trial's process ended: done, pruned, stopped or failed; value: of what is searched for; code: its exit code."""

    state: str
    value: float | None = None
    message: str = ""
    code: int = 0


def command(arguments: Sequence[str], processes: int) -> list[str]:
    """What is started: winnow, or with several processes for one network torchrun, which starts winnow in each of them."""
    if processes == 1:
        return [sys.executable, "-m", "winnow", *arguments]
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m", "winnow"]
    return [sys.executable, "-m", *launcher, *arguments]


@dataclass(frozen=True)
class Watch:
    """What is asked and told while a trial runs.

    hopeless(number, value): called with each value of the log, says whether to give the trial up; alive(): called all the time;
    stop: set from outside to end the trial, saved.
    """

    hopeless: Callable[[int, float], bool]
    alive: Callable[[], None]
    stop: Event


def _environment() -> dict[str, str]:
    """With this very winnow in the first place where modules are looked for, wherever it was started from."""
    before = os.environ.get("PYTHONPATH")
    own = str(Path(winnow.__file__).resolve().parent.parent)
    return os.environ | {"PYTHONPATH": f"{own}{os.pathsep}{before}" if before else own}


def run_trial(plan: Plan, folder: Path, arguments: Sequence[str], watch: Watch) -> Outcome:
    """Run one trial to its end; folder: of the run, which is gone on with where it has a checkpoint.

    Raises BadOption where the runs do not record what is searched for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    resume = ["--resume"] if (folder / "state.pt").exists() else []
    if not resume:
        (folder / NAME).unlink(missing_ok=True)  # of a run that ended before its first checkpoint
    with (folder / OUTPUT).open("ab") as output:
        process = subprocess.Popen(
            command([*arguments, *resume], plan.processes),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=os.name == "posix",  # Ctrl-C comes to us, and from us to it
        )
        try:
            state = _follow(process, plan, folder, watch)
        finally:
            end(process)
    return _outcome(plan, folder, state, process.returncode)


def _follow(process: subprocess.Popen[bytes], plan: Plan, folder: Path, watch: Watch) -> str:
    told = 0
    while True:
        ended = process.poll() is not None
        values = values_of(plan, _read(folder))
        for number in range(told, len(values)):
            if watch.hopeless(number, values[number]) and not ended:
                return "pruned"
        told = len(values)
        if ended:
            return "done"
        watch.alive()
        if watch.stop.wait(LOOK):
            return "stopped"


def _read(folder: Path) -> list[Record]:
    path = folder / NAME
    return records(path) if path.exists() else []


def values_of(plan: Plan, log: Sequence[Record]) -> list[float]:
    """What is searched for, as logged. Raises BadOption where the log has scores, but not this one."""
    held_out = plan.key.startswith("valid_")
    of_interest = [record for record in log if not held_out or any(name.startswith("valid_") for name in record)]
    if of_interest and not any(plan.key in record for record in of_interest):
        names = dict.fromkeys(
            name for record in of_interest for name in record if held_out == name.startswith("valid_")
        )
        raise BadOption(f"the runs record no {plan.key}: search for one of {', '.join(names)}.")
    return [record[plan.key] for record in of_interest if plan.key in record]


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to stop, which saves its run, and make it stop if it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        until = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        if process.poll() is None:
            process.kill()
    process.wait()


def _outcome(plan: Plan, folder: Path, state: str, code: int) -> Outcome:
    if state != "done":
        return Outcome(state)
    values = values_of(plan, _read(folder))
    if code != 0 or not values:
        return Outcome("failed", message=_last_line(folder), code=code)
    best = max(values) if plan.maximise else min(values)
    value = best if plan.keep == "best" else values[-1]
    return (
        Outcome("done", value) if math.isfinite(value) else Outcome("failed", message=f"{plan.key} is {value}", code=1)
    )


def _last_line(folder: Path) -> str:
    lines = (folder / OUTPUT).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    own = [line for line in lines if line.startswith("winnow: ")]
    return (own or lines or ["it said nothing"])[-1].removeprefix("winnow: ")
