"""Ideal masks: their definitions, what they keep, and the order in which they come."""

from __future__ import annotations

import numpy as np
import pytest

from speechlike import hiss, talk
from winnow.dsp.published import Stft
from winnow.errors import BadInput, BadOption
from winnow.metrics.oracle import KINDS, USUAL, oracle
from winnow.metrics.sdr import si_sdr


def scene():
    """Two talkers and noise, and the two talkers."""
    stems = np.concatenate([talk(1.5, 0), 0.7 * talk(2.4, 5, rate=10000)[:, ::-1]])  # the second 1.6 times higher
    return (stems.sum(0) + hiss(1.5, level=0.01)[0]).astype(np.float32), stems


def ratio(reference, estimate):
    return si_sdr(reference, estimate)


@pytest.mark.parametrize("kind", KINDS)
def test_an_oracle_is_far_better_than_the_mixture_and_keeps_the_order(kind):
    mixture, stems = scene()
    found = oracle(mixture, stems, kind)
    assert found.shape == stems.shape
    for k in range(2):
        assert ratio(stems[k], found[k]) > ratio(stems[k], mixture) + 7
        assert ratio(stems[k], found[k]) > ratio(stems[1 - k], found[k]) + 10


def test_the_complex_mask_is_nearly_exact_and_a_limit_bounds_it():
    mixture, stems = scene()
    exact, limited = oracle(mixture, stems, "crm"), oracle(mixture, stems, "crm", most=1.0)
    assert ratio(stems[0], exact[0]) > 45
    assert ratio(stems[0], limited[0]) < ratio(stems[0], exact[0]) - 10
    assert ratio(stems[0], limited[0]) > ratio(stems[0], oracle(mixture, stems, "irm")[0])
    assert not oracle(mixture, stems, "crm", most=0.0).any()


@pytest.mark.parametrize(("kind", "power"), [("irm", 1), ("wiener", 2)])
def test_ratio_masks_are_their_definition_and_all_parts_add_up_to_the_mixture(kind, power):
    mixture, stems = scene()
    parts = np.concatenate([stems, (mixture - stems.sum(0))[None]])
    found = oracle(mixture, parts, kind)
    np.testing.assert_allclose(found.sum(0), mixture, atol=1e-6)
    sizes = np.abs(USUAL.forward(parts)) ** power  # written out, one bin
    wanted = USUAL.forward(mixture) * sizes[1] / (sizes[0] + sizes[1] + sizes[2])
    np.testing.assert_allclose(found[1], USUAL.inverse(wanted, len(mixture)), atol=1e-6)
    np.testing.assert_allclose(oracle(mixture, stems, kind), found[:2], atol=1e-6)


def test_channels_other_transforms_and_silence():
    mixture, stems = scene()
    both = oracle(np.stack([mixture, mixture]), np.stack([stems, stems], 1), transform=Stft(256, 64, 256))
    assert both.shape == (2, 2, len(mixture))
    np.testing.assert_array_equal(both[:, 0], both[:, 1])
    for kind in KINDS:
        assert not oracle(np.zeros(3000), np.zeros((2, 3000)), kind).any()
        assert oracle(mixture[:1], stems[:, :1], kind).shape == (2, 1)


def test_what_does_not_go_together_is_refused():
    mixture, stems = scene()
    with pytest.raises(BadOption, match="irm, wiener, crm"):
        oracle(mixture, stems, "ibm")
    with pytest.raises(BadInput, match="shape"):
        oracle(mixture[:-1], stems)
    with pytest.raises(BadInput, match="shape"):
        oracle(mixture, stems[:0])
    with pytest.raises(BadOption, match="0 or more"):
        oracle(mixture, stems, "crm", most=-1.0)
