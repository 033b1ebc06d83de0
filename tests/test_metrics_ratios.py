"""SI-SDR, BSS Eval, segmental SNR, alignment, permutation: against independent implementations."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from winnow.errors import BadInput
from winnow.metrics import align, bss, sdr

RATE = 16000


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def coloured(length, seed=0):
    """Noise with a spectrum that falls, somewhat like speech."""
    white = noise(length + 200, seed=seed)
    return np.convolve(white, 0.9 ** np.arange(100))[200 : 200 + length]


def two_talkers(length=RATE):
    """References and estimates that leak, are filtered, and have artefacts."""
    references = np.stack([coloured(length, 1), noise(length, seed=2)])
    first = np.convolve(references[0], [0.8, 0.2, -0.1])[:length] + 0.1 * references[1] + 0.05 * noise(length, seed=3)
    return references, np.stack([first, references[1] + 0.3 * references[0]])


@pytest.mark.parametrize("gain", [0.01, 1.0, -30.0])
def test_si_sdr_agrees_with_fast_bss_eval(gain):
    other = pytest.importorskip("fast_bss_eval")
    references, estimates = two_talkers()
    ours = sdr.si_sdr(references[0], gain * estimates[0] + 0.3)
    assert ours == pytest.approx(other.si_sdr(references[:1], gain * estimates[:1] + 0.3, zero_mean=True)[0], abs=1e-6)


def test_bss_eval_agrees_with_mir_eval():
    other = pytest.importorskip("mir_eval")
    references, estimates = two_talkers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = other.separation.bss_eval_sources(references, estimates, compute_permutation=False)[:3]
    for wanted in (0, 1):
        ours = bss.bss_eval(references, estimates[wanted], wanted)
        expected = [min(sdr.LIMIT, values[wanted]) for values in theirs]
        assert ours == pytest.approx(expected, abs=1e-4)
    assert bss.sdr(references[0], estimates[0]) == pytest.approx(theirs[0][0], abs=1e-4)


def test_bss_eval_by_blocks_is_that_of_the_whole():
    references, estimates = two_talkers(5000)
    meter = bss.Separation(RATE)
    for begin in range(0, 5000, 700):
        part = slice(begin, begin + 700)
        meter.feed({
            "reference": references[0, part],
            "estimate": estimates[0, part],
            "mixture": references.sum(axis=0)[part],
        })  # fmt: skip
    assert list(meter.result().values()) == pytest.approx(bss.bss_eval(references, estimates[0]), abs=1e-6)


def test_a_filter_is_forgiven_by_sdr_and_not_by_si_sdr():
    reference = noise(RATE)
    filtered = np.convolve(reference, [0.6, 0, 0, 0.8])[:RATE]
    assert sdr.si_sdr(reference, filtered) < 5
    assert bss.sdr(reference, filtered) > 35  # not the limit: the filter's tail is cut at the end


@pytest.mark.parametrize("decibels", [-20.0, 0.0, 30.0])
def test_snr_counts_a_wrong_level_as_error(decibels):
    reference, other = noise(RATE), noise(RATE, seed=1)
    other *= np.linalg.norm(reference) / np.linalg.norm(other) * 10 ** (-decibels / 20)
    assert sdr.snr(reference, reference + other) == pytest.approx(decibels, abs=1e-9)
    assert sdr.snr(reference, 0.9 * reference) == pytest.approx(20, abs=1e-9)


def test_segmental_snr_is_the_mean_of_limited_frames():
    reference, estimate = noise(RATE), noise(RATE) + 0.2 * noise(RATE, seed=1)
    estimate[4000:6000] = reference[4000:6000]  # frames without error: 35 dB
    estimate[8000:10000] = 30 * noise(2000, seed=2)  # frames with nothing right: -10 dB
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, 481) / 481)
    values = []
    for begin in range(0, RATE - 479, 120):
        clean, wrong = (x[begin : begin + 480] * window for x in (reference, reference - estimate))
        values.append(np.clip(10 * np.log10(clean @ clean / (wrong @ wrong + 1e-30)), -10, 35))
    assert max(values) == 35 and min(values) == -10
    assert sdr.segmental_snr(reference, estimate, RATE) == pytest.approx(np.mean(values), abs=1e-6)


def test_equal_silent_and_empty_signals_have_defined_ratios():
    signal, silence = noise(1000), np.zeros(1000)
    assert (sdr.si_sdr(signal, signal), sdr.snr(signal, signal), bss.sdr(signal, signal)) == (100, 100, 100)
    assert (sdr.si_sdr(signal, silence), sdr.snr(signal, silence), bss.sdr(signal, silence)) == (-100, 0, -100)
    for measure in (sdr.si_sdr, sdr.snr, bss.sdr):
        assert measure(silence, signal) is None and measure(silence, silence) is None
    assert sdr.si_sdr_improvement(silence, signal, signal) is None
    assert sdr.segmental_snr(silence, signal, RATE) is None
    assert bss.bss_eval(np.stack([signal, silence]), signal) == (100, None, None)


def test_different_lengths_are_refused_with_the_numbers():
    with pytest.raises(BadInput, match=r"100.*90"):
        sdr.si_sdr(noise(100), noise(90))


@pytest.mark.parametrize("lag", [-7000, -1, 0, 137, 8000])
@pytest.mark.parametrize("gain", [-0.5, 3.0])
def test_delay_and_gain_are_found_through_noise_and_in_blocks(lag, gain):
    source = coloured(3 * RATE)
    reference = source[8000:-8000]
    estimate = gain * np.roll(source, lag)[8000:-8000] + 0.3 * noise(len(reference), seed=5)
    found = align.alignment(reference, estimate, RATE)
    assert found[0] == lag and found[1] == pytest.approx(gain, rel=0.35 if abs(lag) > 1000 else 0.05)
    meter = align.Alignment(RATE)
    for begin in range(0, len(reference), 5001):
        part = slice(begin, begin + 5001)
        meter.feed({"reference": reference[part], "estimate": estimate[part]})
    assert meter.find() == (lag, pytest.approx(found[1]))
    assert align.delay(reference, estimate, RATE) == pytest.approx(1000 * lag / RATE)
    assert align.gain(reference, estimate, RATE) == pytest.approx(20 * np.log10(abs(found[1])))


def test_the_best_order_is_the_best_of_all():
    from itertools import permutations

    for seed in range(20):
        table = noise(5, 5, seed=seed)
        best = max(permutations(range(5)), key=lambda order: sum(table[i, j] for i, j in enumerate(order)))
        assert sdr.best_order(table) == list(best)
    with pytest.raises(BadInput):
        sdr.best_order(noise(3, 2))
