"""Means, intervals and tests: against scipy, against enumeration, and against what a simulation must give."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.metrics.statistics import difference, interval, sign_test, summarise

stats = pytest.importorskip("scipy.stats")
# Not `floats`: a library that some test loads switches denormal numbers off in the whole process, which it refuses.
VALUES = st.lists(st.integers(-(10**9), 10**9).map(lambda n: n / 1000), min_size=1, max_size=30)


def test_summary_of_known_values():
    found = summarise([1.0, None, 2.0, 6.0])
    assert (found.count, found.mean, found.median, found.smallest, found.largest) == (3, 3.0, 2.0, 1.0, 6.0)
    assert found.spread == pytest.approx(math.sqrt(7), rel=1e-12)
    assert summarise([None]) is None and summarise([]) is None
    assert summarise([4.0]).spread is None


@given(VALUES)
@settings(deadline=None, max_examples=25)
def test_the_interval_lies_within_the_values_and_repeats(values):
    found = summarise(values)
    slack = 1e-9 * max(1.0, *map(abs, values))
    assert found.smallest - slack <= found.low <= found.high <= found.largest + slack
    assert summarise(values) == found


def test_the_interval_agrees_with_the_normal_theory_for_many_values():
    values = np.random.default_rng(3).normal(5, 2, 400)
    low, high = interval(values)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std(ddof=1) / 20, rel=0.1)
    assert (high + low) / 2 == pytest.approx(values.mean(), abs=0.03)


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = sum(low <= 0 <= high for low, high in (interval(rng.normal(0, 1, 40), 300) for _ in range(150)))
    assert 0.87 <= hits / 150 <= 0.99


@pytest.mark.parametrize("larger, smaller", itertools.product(range(5), repeat=2))
def test_sign_test_against_scipy(larger, smaller):
    expected = stats.binomtest(larger, larger + smaller, 0.5).pvalue if larger + smaller else 1.0
    assert sign_test(larger, smaller) == pytest.approx(expected, rel=1e-9)


def test_signed_rank_test_against_all_sign_patterns():
    """Exact by enumeration: under the null hypothesis each difference keeps its size and takes either sign."""
    change = np.array([0.3, -0.1, 0.8, 1.2, 0.5, -0.2, 0.9])
    ranks = stats.rankdata(np.abs(change))
    seen = ranks[change > 0].sum()
    sums = [sum(r for r, up in zip(ranks, signs, strict=True) if up) for signs in itertools.product((0, 1), repeat=7)]
    middle = ranks.sum() / 2
    expected = np.mean([abs(each - middle) >= abs(seen - middle) - 1e-9 for each in sums])
    found = difference([0.0] * 7, list(change))
    assert found.p_wilcoxon == pytest.approx(expected, rel=1e-9)


def test_difference_is_paired_and_signed():
    first, second = [1.0, 2.0, 3.0, None, 5.0], [2.0, 2.0, 5.0, 9.0, None]
    found = difference(first, second)
    assert (found.count, found.mean, found.larger, found.smaller) == (3, 1.0, 2, 0)
    back = difference(second, first)
    assert (back.mean, back.larger, back.smaller) == (-1.0, 0, 2)
    assert difference([None], [1.0]) is None


def test_clear_needs_both_an_interval_without_zero_and_enough_recordings():
    spread = np.random.default_rng(1).normal(0, 1, 30)
    assert difference(list(spread), list(spread + 1)).clear
    assert not difference(list(spread), list(spread[::-1])).clear
    few = difference([0.0] * 5, [1.0, 1.1, 0.9, 1.0, 1.2])
    assert few.low > 0 and not few.clear and not few.enough
    same = difference([1.0] * 8, [1.0] * 8)
    assert (same.p, same.clear, same.low, same.high) == (1.0, False, 0.0, 0.0)
