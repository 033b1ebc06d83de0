"""The band-split network: what each part sees, and what the whole costs."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: the extra train")

from winnow.train.macs import multiply_accumulates  # noqa: E402
from winnow.train.networks.bandsplit import AcrossBands, AlongTime, BandSplit, BandSplitConfig  # noqa: E402
from winnow.train.recipes.talkers import TalkersConfig  # noqa: E402


@pytest.mark.parametrize(
    ("layer", "times", "bands"),
    [(AlongTime(8, 8), range(12), [4]), (AcrossBands(9, 8, 2), [6], range(9))],
)
def test_each_part_sees_what_it_should(layer, times, bands):
    """Times and bands whose output moves when one token does."""
    torch.manual_seed(0)
    x = torch.randn(1, 12, 9, 8)
    moved = x.clone()
    moved[:, 6, 4] += torch.randn(8)
    with torch.no_grad():
        change = (layer(moved) - layer(x)).abs().amax((0, 3)) > 1e-7
    found = torch.nonzero(change, as_tuple=True)
    assert [sorted(set(axis.tolist())) for axis in found] == [list(times), list(bands)]


def test_the_networks_are_as_small_as_promised():
    """At most 1.5 million parameters and 10 G multiply-accumulates a second without a voice, 3 million parameters with one."""
    config = TalkersConfig().network
    talkers = BandSplit(config)
    assert sum(p.numel() for p in talkers.parameters()) <= 1.5e6
    assert multiply_accumulates(talkers, torch.zeros(1, 63, config.bins, 2)) <= 10e9  # a second in steps of 16 ms
    voice = BandSplit(BandSplitConfig(voice=256, blocks=6))
    assert sum(p.numel() for p in voice.parameters()) <= 3e6
