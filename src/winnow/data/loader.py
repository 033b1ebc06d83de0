"""Examples on the fly, for training: batches that depend on the step alone, made ahead by threads.

Threads and not processes: transforms and decoding run outside Python's lock, and all threads share the decoded recordings.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from winnow.audio import Samples
from winnow.data.draw import draw
from winnow.data.example import REFERENCE
from winnow.data.pools import Pools
from winnow.data.presets import MixConfig
from winnow.data.recordings import Recordings, Unusable
from winnow.data.render import render
from winnow.data.sets import MOST_DRAWS
from winnow.errors import BadInput, BadOption

Batch = dict[str, Samples]


def stem_names(config: MixConfig) -> list[str]:
    """The stems of a batch: those of a talker who is not in an example are silent there."""
    wanted = {
        "speech": ["speech", "background"],
        "talkers": [*(f"talker{k}" for k in range(1, config.talkers[1] + 1)), "background"],
        "voice": ["voice", "rest", REFERENCE],
        "rest": ["rest", REFERENCE],
    }
    return ["mixture", *wanted[config.target]]


class Loader:
    """Step to batch. Example i of step s is example s * batch + i of the set that `winnow data mix` would write.

    batch: examples; seed: as there; workers: threads, 0 makes each batch when it is asked for; prefetch: batches made ahead;
    recordings: the store of decoded ones, which loaders may share; None for one of 2 GB; most_bad: recordings that may be unusable,
    their examples are drawn again. bad: those found so far, path to reason. Raises BadOption, BadInput as `Pools.check`.
    """

    def __init__(
        self,
        config: MixConfig,
        pools: Pools,
        batch: int,
        seed: int,
        workers: int = 0,
        prefetch: int = 4,
        *,
        recordings: Recordings | None = None,
        most_bad: int = 20,
    ) -> None:
        if batch < 1 or workers < 0 or prefetch < 1:
            raise BadOption("batch and prefetch are 1 or more, workers 0 or more.")
        pools.check(config)
        self.bad: dict[str, str] = {}
        self._config, self._pools, self._batch, self._seed = config, pools, batch, seed
        self._recordings = Recordings(2000) if recordings is None else recordings
        self._most_bad, self._lock = most_bad, threading.Lock()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="winnow-loader") if workers else None
        self._prefetch = prefetch
        self._ahead: dict[int, Future[Batch]] = {}

    def __call__(self, step: int) -> Batch:
        """The batch of a step: each stem `(batch, samples)` float32, "reference" `(batch, samples of the clip)`.

        Raises BadInput when too many recordings cannot be used.
        """
        if self._threads is None:
            return self._made(step)
        wanted = range(step, step + 1 + self._prefetch)
        for other in [each for each in self._ahead if each not in wanted]:
            self._ahead.pop(other).cancel()
        for each in wanted:
            if each not in self._ahead:
                self._ahead[each] = self._threads.submit(self._made, each)
        return self._ahead.pop(step).result()

    def close(self) -> None:
        """End the threads; batches in work are finished."""
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
            self._ahead.clear()

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _made(self, step: int) -> Batch:
        config = self._config
        clip = round(config.reference * config.rate)
        lengths = {name: clip if name == REFERENCE else config.samples for name in stem_names(config)}
        batch = {name: np.zeros((self._batch, length), np.float32) for name, length in lengths.items()}
        for place in range(self._batch):
            for name, samples in self._example(step * self._batch + place).items():
                batch[name][place] = samples
        return batch

    def _example(self, number: int) -> Batch:
        for attempt in range(MOST_DRAWS):
            try:
                return render(draw(number, self._config, self._pools, self._seed, attempt), self._recordings)
            except Unusable as problem:
                self._note(problem)
        raise BadInput(f"{MOST_DRAWS} draws of example {number} named recordings that cannot be used; check the lists.")

    def _note(self, problem: Unusable) -> None:
        if problem.once:
            return
        with self._lock:
            self.bad.setdefault(problem.path, problem.reason)
            if len(self.bad) > self._most_bad:
                raise BadInput(
                    f"{len(self.bad)} recordings cannot be used, {self._most_bad} are allowed; such as: {problem}"
                )
