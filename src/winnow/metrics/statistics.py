"""What many scores say together: means with their intervals, and paired differences with their significance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
DRAWS = 2000
LEVEL = 0.95
AT_ONCE = 1 << 18  # values drawn in one step, which keeps a hundred thousand recordings within some megabytes


@dataclass(frozen=True)
class Summary:
    """One measure over many recordings, in the unit of the measure.

    spread: standard deviation with n - 1 in the denominator, None for one value. low, high: 95 % interval of the mean.
    """

    count: int
    mean: float
    median: float
    spread: float | None
    low: float
    high: float
    smallest: float
    largest: float


@dataclass(frozen=True)
class Difference:
    """One measure of two systems on the same recordings, second minus first.

    low, high: 95 % interval of the mean difference. larger, smaller: recordings on which the second is the larger, or
    the smaller; p_sign: two-sided sign test; p_wilcoxon: two-sided signed-rank test, None below 6 differences,
    where it can never reach 5 %, and without scipy.
    """

    ENOUGH: ClassVar[int] = 6

    count: int
    mean: float
    low: float
    high: float
    larger: int
    smaller: int
    p_sign: float
    p_wilcoxon: float | None

    @property
    def enough(self) -> bool:
        """Whether there are so many recordings that a test could tell a difference from chance at all."""
        return self.count >= self.ENOUGH

    @property
    def p(self) -> float:
        """Of the signed-rank test, where there is one, else of the sign test."""
        return self.p_sign if self.p_wilcoxon is None else self.p_wilcoxon

    @property
    def clear(self) -> bool:
        """Whether the difference is beyond chance: the interval leaves out 0, and so does a test at 5 %."""
        return self.p < 1 - LEVEL and (self.low > 0 or self.high < 0)


def summarise(values: Sequence[float | None]) -> Summary | None:
    """Of the values that are there; None where there are none."""
    known = _known(values)
    if known.size == 0:
        return None
    low, high = interval(known)
    spread = float(known.std(ddof=1)) if known.size > 1 else None
    middle, ends = float(np.median(known)), (float(known.min()), float(known.max()))
    return Summary(known.size, float(known.mean()), middle, spread, low, high, *ends)


def difference(first: Sequence[float | None], second: Sequence[float | None]) -> Difference | None:
    """Second minus first over the recordings that have both values; None where there are none."""
    pairs = zip(first, second, strict=True)
    change = _known([b - a if a is not None and b is not None else None for a, b in pairs])
    if change.size == 0:
        return None
    low, high = interval(change)
    larger, smaller = int((change > 0).sum()), int((change < 0).sum())
    p_sign, p_wilcoxon = sign_test(larger, smaller), wilcoxon_test(change)
    return Difference(change.size, float(change.mean()), low, high, larger, smaller, p_sign, p_wilcoxon)


def interval(values: Values, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean by the percentile bootstrap over the values `(n,)` (Efron 1979).

    The same values give the same interval: the draws are seeded.
    """
    if values.size == 1 or np.ptp(values) == 0:
        return float(values.mean()), float(values.mean())
    rng = np.random.default_rng(seed)
    rows = max(1, min(draws, AT_ONCE // values.size))
    counts = [min(rows, draws - begin) for begin in range(0, draws, rows)]
    means = np.concatenate([values[rng.integers(0, values.size, (k, values.size))].mean(axis=1) for k in counts])
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def sign_test(larger: int, smaller: int) -> float:
    """Two-sided p of the sign test: as many wins or more by the fair coin; ties are left out."""
    count, most = larger + smaller, max(larger, smaller)
    if count == 0:
        return 1.0
    tail = sum(math.comb(count, k) for k in range(most, count + 1))
    return float(min(1.0, tail / 2 ** (count - 1)))


def wilcoxon_test(change: Values) -> float | None:
    """Two-sided p of Wilcoxon's signed-rank test (1945) of the differences `(n,)`; zeros are left out."""
    moved = change[change != 0]
    if moved.size < Difference.ENOUGH or find_spec("scipy") is None:
        return None
    from scipy.stats import wilcoxon

    return float(wilcoxon(moved).pvalue)


def _known(values: Sequence[float | None]) -> Values:
    return np.asarray([value for value in values if value is not None and math.isfinite(value)], np.float64)
