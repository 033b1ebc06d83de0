"""The trials of a sweep, one after the other or several at once, by as many processes as share its folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import Any

from winnow.errors import BadOption, WinnowError
from winnow.train.sweep.plan import Plan
from winnow.train.sweep.trial import OUTPUT, Outcome, Watch, run_trial

BEAT, SILENCE = 5.0, 60.0  # seconds: how often a running trial says that it lives, and after which silence it is dead
FAILURES = 3  # in a row, after which a sweep gives up
RUN, ALIVE, ERROR = "run", "alive", "error"


@dataclass(frozen=True)
class Done:
    """A trial that has ended."""

    number: int
    run: Path
    parameters: dict[str, Any]
    outcome: Outcome


@dataclass
class Work:
    """The trials that are still to be done in this process."""

    folder: Path
    plan: Plan
    study: Any
    trials: int
    stop: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)
    _failures: int = 0
    _good: bool = False

    def run(self, jobs: int) -> Generator[Done | None, None, None]:
        """Run trials until there are enough; yields each that ended, and None now and then meanwhile.

        When the caller is stopped, trials in work are stopped too, saved, and gone on with next time.
        Raises BadOption, WinnowError.
        """
        ended: SimpleQueue[Done] = SimpleQueue()
        with ThreadPoolExecutor(jobs) as pool:
            workers = [pool.submit(self._worker, ended.put) for _ in range(jobs)]
            try:
                while not all(worker.done() for worker in workers):
                    wait(workers, timeout=0.5)
                    yield from _all(ended)
                    yield None
                for worker in workers:
                    worker.result()
            finally:
                self.stop.set()
        yield from _all(ended)

    def _worker(self, ended: Callable[[Done], None]) -> None:
        try:
            while (trial := self._next()) is not None:
                ended(self._do(trial))
        except BaseException:
            self.stop.set()
            raise

    def _next(self) -> Any:
        """A new trial, or None when there are enough, counted over all processes."""
        from optuna.trial import TrialState

        with self._lock:
            self._bury()
            counted = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
            if self.stop.is_set() or len(self.study.get_trials(deepcopy=False, states=counted)) >= self.trials:
                return None
            trial = self.study.ask()
            parameters = {each.key: each.suggest(trial) for each in self.plan.space.parameters}
            if RUN not in trial.user_attrs:
                trial.set_user_attr(RUN, f"trial-{trial.number:04}")
            return trial, parameters

    def _bury(self) -> None:
        """Trials whose process was killed fail, and their settings are tried once more from the beginning."""
        from optuna.trial import TrialState

        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            alive = trial.user_attrs.get(ALIVE) or trial.datetime_start.timestamp()
            if time.time() - alive > SILENCE:
                self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
                self.study.enqueue_trial(trial.params)

    def _do(self, asked: tuple[Any, dict[str, Any]]) -> Done:
        trial, parameters = asked
        run = self.folder / trial.user_attrs[RUN]
        beaten = 0.0

        def hopeless(number: int, value: float) -> bool:
            trial.report(value, number)
            return bool(trial.should_prune())

        def beat() -> None:
            nonlocal beaten
            if time.monotonic() - beaten > BEAT:
                beaten = time.monotonic()
                trial.set_user_attr(ALIVE, time.time())

        arguments = self.plan.command(str(run), parameters)
        try:
            outcome = run_trial(self.plan, run, arguments, Watch(hopeless, beat, self.stop))
        except BaseException as error:
            self._tell(trial, parameters, Outcome("failed", message=str(error), code=1))
            raise
        self._tell(trial, parameters, outcome)
        self._count(outcome, run)
        return Done(trial.number, run, parameters, outcome)

    def _tell(self, trial: Any, parameters: dict[str, Any], outcome: Outcome) -> None:
        from optuna.trial import TrialState

        if outcome.state == "done":
            self.study.tell(trial, outcome.value)
        elif outcome.state == "pruned":
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            trial.set_user_attr(ERROR, outcome.message or outcome.state)
            self.study.tell(trial, state=TrialState.FAIL)
        if outcome.state == "stopped":
            self.study.enqueue_trial(parameters, user_attrs={RUN: trial.user_attrs[RUN]})

    def _count(self, outcome: Outcome, run: Path) -> None:
        """Give up where the same would happen again: a wrong option at once, or one failure after the other."""
        self._failures = self._failures + 1 if outcome.state == "failed" else 0
        self._good = self._good or outcome.state in ("done", "pruned")
        if outcome.state == "failed" and outcome.code == 2 and not self._good:
            raise BadOption(f"{run.name}: {outcome.message}")
        if self._failures >= FAILURES:
            raise WinnowError(
                f"{FAILURES} trials in a row failed, the last with: {outcome.message} ({run / OUTPUT} has all of it)"
            )


def _all(queue: SimpleQueue[Done]) -> Iterator[Done]:
    while True:
        try:
            yield queue.get_nowait()
        except Empty:
            return
