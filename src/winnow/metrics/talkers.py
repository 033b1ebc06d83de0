"""Several talkers: which estimate belongs to which reference, and the scores of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from winnow.errors import BadInput
from winnow.metrics.score import Scores, score
from winnow.metrics.sdr import LIMIT, best_order
from winnow.metrics.stream import Source


@dataclass(frozen=True)
class Talkers:
    """order: for each reference the number of its estimate, from 0; scores: for each reference those of its estimate."""

    order: list[int]
    scores: list[Scores]


def score_talkers(
    estimates: Sequence[Source],
    references: Sequence[Source],
    *,
    mixture: Source | None = None,
    measures: Iterable[str] | None = None,
) -> Talkers:
    """Scores of separated talkers, in whichever order they come: that with the highest sum of SI-SDR.

    estimates, references: as many of each, 1 to 16, as in `score`; mixture, measures: as there. Raises as `score`.
    """
    if len(estimates) != len(references):
        raise BadInput(f"{len(estimates)} estimates and {len(references)} references: give as many of each.")
    table = [[_ratio(estimate, reference) for estimate in estimates] for reference in references]
    order = best_order(np.array(table))
    names = None if measures is None else list(measures)
    pairs = zip(references, (estimates[i] for i in order), strict=True)
    return Talkers(order, [score(e, reference=r, mixture=mixture, measures=names) for r, e in pairs])


def _ratio(estimate: Source, reference: Source) -> float:
    value = score(estimate, reference=reference, measures=["si_sdr"]).values["si_sdr"]
    return -LIMIT if value is None else value
