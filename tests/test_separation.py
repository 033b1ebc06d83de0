"""Permutation-invariant losses."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: the extra train")

from winnow.train.separation import between, in_order, noise_decibels, pit  # noqa: E402


@pytest.mark.parametrize("count", [1, 2, 3])
def test_pit_finds_the_order_that_a_search_finds(count):
    losses = torch.from_numpy(np.random.default_rng(0).standard_normal((20, count, count)))
    least, order = pit(losses)
    for each, told, places in zip(losses.numpy(), least.numpy(), order.numpy(), strict=True):
        means = {p: np.mean([each[i, p[i]] for i in range(count)]) for p in permutations(range(count))}
        best = min(means, key=means.__getitem__)
        assert tuple(places) == best
        assert told == pytest.approx(means[best])


def test_estimates_are_brought_beside_their_targets():
    chance = torch.Generator().manual_seed(0)
    targets = torch.randn(4, 3, 100, generator=chance)
    estimates = targets[:, [2, 0, 1]]
    losses, order = pit(between(estimates, targets, targets.sum(1), 60.0))
    torch.testing.assert_close(in_order(estimates, order), targets)
    assert float(losses.max()) < -50


def test_noise_decibels_is_the_negative_ratio():
    chance = torch.Generator().manual_seed(0)
    target, error = torch.randn(2, 1000, generator=chance)
    ratio = 10 * torch.log10(target.square().sum() / (0.1 * error).square().sum())
    found = noise_decibels(target + 0.1 * error, target, target, 80.0)
    assert float(found) == pytest.approx(-float(ratio), abs=0.01)


def test_of_a_silent_target_what_comes_out_counts_against_the_mixture():
    chance = torch.Generator().manual_seed(0)
    mixture, silent = torch.randn(1000, generator=chance), torch.zeros(1000)
    whole = noise_decibels(mixture, silent, mixture, 60.0)
    tenth = noise_decibels(0.1 * mixture, silent, mixture, 60.0)
    assert float(whole) == pytest.approx(0, abs=0.01)
    assert float(tenth) == pytest.approx(-20, abs=0.01)
