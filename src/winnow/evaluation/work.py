"""Score one recording: read or make it, run the network where one is asked for, measure it and its mixture."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from winnow.audio import Audio
from winnow.engine.trade import for_people, results_of
from winnow.errors import WinnowError
from winnow.evaluation.mixtures import make
from winnow.evaluation.pairing import Item
from winnow.metrics.measures import MEASURES
from winnow.metrics.report.results import Record, finite, stamp_of

if TYPE_CHECKING:
    from winnow.engine.trade import Tell
    from winnow.metrics.recognisers import Recogniser
    from winnow.metrics.score import Scores

Sound = Audio | str
EXCERPT = 30.0  # seconds of a recording that a page shows and plays


@dataclass(frozen=True)
class Scoring:
    """What is done with each item, the trade of the worker processes.

    model: the network that makes the estimates from the mixtures, None where the items name them. measures: names, None
    for all that apply. recogniser, compensate: as in `winnow.metrics.score.score`.
    """

    model: str | None = None
    measures: tuple[str, ...] | None = None
    recogniser: str | None = None
    compensate: bool = False

    def check(self) -> None:
        """Find out once, before the work, whether the recogniser is there. Raises BadOption, MissingExtra."""
        if self.recogniser is not None:
            listener(self.recogniser)

    def do(self, item: Item, tell: Tell) -> Record:
        """Score an item; every error becomes part of the record."""
        started = time.monotonic()
        try:
            if item.problem is not None:
                return _failed(item, item.problem, 2)
            return self._score(item, started)
        except Exception as error:
            told = for_people(error)
            return _failed(item, str(told) or type(told).__name__, getattr(told, "exit_code", 1))

    def lost(self, item: Item, error: WinnowError) -> Record:
        """The record of an item whose process died."""
        return _failed(item, str(error), error.exit_code)

    def sweep(self, item: Item, process: int) -> None:
        """Nothing is written on the way."""

    def _score(self, item: Item, started: float) -> Record:
        estimate, reference, mixture = sounds(item)
        enhancing = None
        if self.model is not None:
            assert mixture is not None
            begun = time.monotonic()
            estimate = enhanced(mixture, self.model)
            enhancing = time.monotonic() - begun
        after = self._measured(estimate, reference, mixture, item.words)
        return Record(
            item.name,
            files=_roles(item),
            seconds=after.seconds,
            values=finite(after.values),
            before=finite(_comparable(after.mixture)),
            notes=list(after.notes),
            words=str(after.words).splitlines() if after.words else [],
            elapsed=time.monotonic() - started,
            enhancing=enhancing,
            facts=_facts(item),
            stamp=item_stamp(item),
        )

    def _measured(self, estimate: Any, reference: Any, mixture: Any, words: str | None) -> Scores:
        from winnow.metrics.score import score

        return score(
            estimate,
            reference=reference,
            mixture=mixture,
            measures=self.measures,
            compensate=self.compensate,
            words=Path(words) if words else None,
            recogniser=listener(self.recogniser) if self.recogniser else None,
        )


@lru_cache(maxsize=1)
def listener(recogniser: str) -> Recogniser:
    """A recogniser by name, loaded once and not for each recording. Raises BadOption, MissingExtra."""
    from winnow.metrics.recognisers import find

    return find(recogniser)


def _comparable(before: dict[str, float | None]) -> dict[str, float | None]:
    """Without the measures that compare with the mixture already: of itself they tell nothing."""
    return {name: value for name, value in before.items() if "mixture" not in MEASURES[name].needs}


def sounds(item: Item) -> tuple[Sound, Sound | None, Sound | None]:
    """Estimate ("" where there is none yet), reference and mixture: paths, or what was made."""
    if item.made is None:
        return item.estimate, item.reference, item.mixture
    mixture, reference = make(item.made)
    return item.estimate, reference, mixture


def enhanced(mixture: Sound, model: str) -> Audio:
    """What the network makes of a mixture."""
    from winnow.api import enhance

    return enhance(mixture, model=model)


def excerpts(item: Item, model: str | None) -> dict[str, Audio]:
    """The beginning of an item by role, for a page: mixture, estimate, reference; what there is of them."""
    estimate, reference, mixture = sounds(item)
    out = {role: beginning(sound, EXCERPT) for role, sound in (("mixture", mixture), ("reference", reference)) if sound}
    if model is not None:
        out["estimate"] = enhanced(out["mixture"], model)
    elif estimate:
        out["estimate"] = beginning(estimate, EXCERPT)
    return {role: out[role] for role in ("mixture", "estimate", "reference") if role in out}


def beginning(sound: Sound, seconds: float) -> Audio:
    """The first seconds of a recording as one channel; a file is read no further."""
    import numpy as np

    from winnow.media import open_reader

    if isinstance(sound, Audio):
        return Audio(sound.samples[:, : round(seconds * sound.rate)], sound.rate).mono()
    with open_reader(sound) as reader:
        limit, blocks, read = round(seconds * reader.rate), [], 0
        for block in reader:
            blocks.append(block.mean(axis=0, keepdims=True))
            read += block.shape[1]
            if read >= limit:
                break
    return Audio(np.concatenate(blocks, axis=1)[:, :limit], reader.rate)


def run(items: Sequence[Item], scoring: Scoring, workers: int) -> Generator[Record, None, None]:
    """Score all items; yield each record when it is ready. Closing the iterator stops the workers."""
    return results_of(items, scoring, workers)


def item_stamp(item: Item) -> list[Any]:
    """What tells whether an item changed: its files, and how it is made of them."""
    return [*stamp_of(item.files), *([asdict(item.made)] if item.made else [])]


def _roles(item: Item) -> dict[str, str]:
    paths = {"estimate": item.estimate, "reference": item.reference, "mixture": item.mixture, "words": item.words}
    return {role: path for role, path in paths.items() if path}


def _facts(item: Item) -> dict[str, Any]:
    made = item.made
    return {} if made is None else {"snr": made.snr, "speech": made.speech, "noise": made.noise, "room": made.room}


def _failed(item: Item, message: str, exit_code: int) -> Record:
    line = " ".join(message.split())
    return Record(item.name, files=_roles(item), facts=_facts(item), error=line, exit_code=exit_code)
