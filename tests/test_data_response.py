"""Responses: measured against what they were made with, altered and measured again by others' means."""

import os
from pathlib import Path

import numpy as np
import pytest

from winnow.data.bands import fit_decay, split
from winnow.data.response import direct_path, early, measure, trim, with_drr, with_t60
from winnow.errors import BadInput

pytest.importorskip("scipy", reason="altering responses needs scipy")

RATE = 16000
PEAK = 80


def response(t60=0.5, drr=0.0, seconds=None, noise=0.0, seed=0, rate=RATE):
    """A click at `PEAK`, and from there noise that decays by 60 dB in `t60`, with background noise of RMS `noise`."""
    rng = np.random.default_rng(seed)
    time = np.arange(round((seconds or 1.5 * t60) * rate)) / rate
    tail = rng.standard_normal(time.size) * 10 ** (-3 * time / t60)
    tail[: round(0.0025 * rate) + 1] = 0
    h = np.zeros(PEAK + time.size)
    h[PEAK:] = tail / np.sqrt(np.sum(tail**2)) * 10 ** (-drr / 20)
    h[PEAK] = 1
    return 0.5 * h + noise * rng.standard_normal(h.size)


def ratio(h, rate=RATE):
    energy = np.asarray(h) ** 2
    peak, half = int(np.argmax(energy)), round(0.0025 * rate)
    direct = energy[max(peak - half, 0) : peak + half + 1].sum()
    return 10 * np.log10(direct / (energy.sum() - direct))


def slope_time(h, rate=RATE, low=-35):
    """60 dB over the slope of Schroeder's integral from -5 dB to `low`, from 2.5 ms after the peak on."""
    late = h[int(np.argmax(np.abs(h))) + round(0.0025 * rate) + 1 :]
    curve = 10 * np.log10(np.cumsum(late[::-1] ** 2)[::-1] / np.sum(late**2))
    span = np.flatnonzero((curve <= -5) & (curve >= low))
    return -60 / np.polyfit(span / rate, curve[span], 1)[0]


@pytest.mark.parametrize("t60", [0.2, 0.5, 1.2])
@pytest.mark.parametrize("noise", [0.0, 1e-4, 5e-4])
def test_measure_finds_what_it_was_made_with(t60, noise):
    found = measure(response(t60, drr=-3, noise=noise * t60**-0.5 * 0.5, seconds=2), RATE)
    assert found.onset == PEAK
    assert found.t60 == pytest.approx(t60, rel=0.06)
    assert found.drr == pytest.approx(-3, abs=0.3 if noise else 0.01)
    exact = 10 * np.log10((1 + 10**0.3 * (1 - 10 ** (-6 * 0.05 / t60))) / (10**0.3 * 10 ** (-6 * 0.05 / t60)))
    assert noise or found.c50 == pytest.approx(exact, abs=1.2)


def test_edt_is_the_first_slope():
    found = measure(response(0.8, drr=-20), RATE)
    assert found.edt == pytest.approx(0.8, rel=0.1)
    assert measure(response(0.8, drr=8), RATE).edt < 0.72  # the direct sound is part of it


def test_a_constant_under_the_response_is_not_measured():
    plain, lifted = response(0.3, seconds=1), response(0.3, seconds=1) + 0.01
    assert measure(lifted, RATE).t60 == pytest.approx(measure(plain, RATE).t60, rel=0.05)
    assert measure(lifted, RATE).drr == pytest.approx(measure(plain, RATE).drr, abs=0.05)


def test_steps_of_few_bits_are_told_from_the_decay():
    coarse = np.round(response(0.3, drr=5, seconds=1.5) * 4000) / 4000
    assert measure(coarse, RATE).t60 == pytest.approx(0.3, rel=0.15)


def test_trim_puts_the_direct_sound_first():
    h = response()
    assert direct_path(h) == PEAK and direct_path(trim(h, RATE)) == 0
    np.testing.assert_array_equal(trim(h, RATE), h[PEAK:])


def test_early_ends_where_told():
    h = response(1.0)
    part = early(h, RATE, 0.05)
    end = PEAK + round(0.05 * RATE)
    assert part.size == h.size and not part[end + 1 :].any()
    np.testing.assert_array_equal(part[: end - 160], h[: end - 160])
    assert np.all(np.abs(part) <= np.abs(h) + 1e-15)
    assert early(h[:200], RATE).size == 200


@pytest.mark.parametrize("wanted", [-6.0, 0.0, 6.0, 12.0, 18.0])
@pytest.mark.parametrize("seed", range(3))
def test_drr_is_met(wanted, seed):
    h = response(0.6, drr=3.0 * seed - 2, seed=seed)
    before = h.copy()
    made = with_drr(h, RATE, wanted)
    assert ratio(made) == pytest.approx(wanted, abs=0.01)
    assert measure(made, RATE).drr == pytest.approx(wanted, abs=0.01)
    half = round(0.0025 * RATE)
    np.testing.assert_array_equal(made[PEAK + half + 1 :], h[PEAK + half + 1 :])
    np.testing.assert_array_equal(h, before)


def test_the_direct_sound_stays_the_loudest():
    h = response(0.1, drr=0)
    made = with_drr(h, RATE, -30)
    half = round(0.0025 * RATE)
    assert np.abs(made[PEAK]) == pytest.approx(np.abs(made[PEAK + half + 1 :]).max())
    assert ratio(made) > -30


@pytest.mark.parametrize("wanted", [0.2, 0.5, 0.8, 1.2])
@pytest.mark.parametrize(("own", "noise"), [(0.3, 0.0), (0.7, 1e-4), (1.5, 1e-3)])
def test_t60_is_met(own, noise, wanted):
    h = response(own, drr=-2, noise=noise)
    made = with_t60(h, RATE, wanted)
    assert slope_time(made) == pytest.approx(wanted, rel=0.02)
    assert slope_time(made, low=-25) == pytest.approx(wanted, rel=0.05)
    assert measure(made, RATE).t60 == pytest.approx(wanted, rel=0.05)
    keep = PEAK + round(0.0025 * RATE) + 1
    np.testing.assert_array_equal(made[:keep], h[:keep])
    np.testing.assert_array_equal(made, with_t60(h, RATE, wanted))


@pytest.mark.parametrize("wanted", [0.2, 0.6, 1.2])
def test_t60_as_pyroomacoustics_measures_it(wanted):
    experimental = pytest.importorskip("pyroomacoustics.experimental", reason="measures decay times independently")
    made = with_t60(response(0.6, drr=-5, noise=1e-4), RATE, wanted)
    assert experimental.measure_rt60(made, RATE, decay_db=30) == pytest.approx(wanted, rel=0.05)


def test_t60_then_drr_leaves_both():
    made = with_drr(with_t60(response(0.7), RATE, 0.4), RATE, 9.0)
    assert slope_time(made) == pytest.approx(0.4, rel=0.02)
    assert ratio(made) == pytest.approx(9, abs=0.01)


def test_bands_keep_their_own_times_in_proportion():
    rng = np.random.default_rng(0)
    time = np.arange(RATE) / RATE
    bands = split(rng.standard_normal(RATE), RATE)
    times = np.where(np.arange(len(bands)) < len(bands) // 2, 0.6, 0.3)
    h = np.concatenate([np.zeros(PEAK), np.sum(bands * 10 ** (-3 * time / times[:, None]), axis=0)])
    h[PEAK] = 8
    made = with_t60(h, RATE, 0.8)
    start = PEAK + round(0.0025 * RATE) + 1
    old, new = (split(x[start:], RATE) for x in (h, made))
    for number, width in ((4, 60.0), (len(bands) - 3, 1000.0)):
        before, after = (fit_decay(b[number], RATE, width).t60 for b in (old, new))
        assert after / before == pytest.approx(0.8 / measure(h, RATE).t60, rel=0.2)


def test_bands_sum_to_what_was_split():
    samples = np.random.default_rng(1).standard_normal(5001)
    np.testing.assert_allclose(split(samples, RATE).sum(axis=0), samples, atol=1e-12)


@pytest.mark.parametrize(
    ("h", "words"),
    [
        (np.zeros(1000), "silent"),
        (np.full(1000, np.nan), "no numbers"),
        (np.zeros((2, 1000)), r"shape \(time,\)"),
        (np.random.default_rng(0).standard_normal(8000), "too little of a decay"),
        (np.eye(1, 200, 100)[0], "too little of a decay"),
        (response(4.0, seconds=0.3), "too little of a decay"),
    ],
)
def test_responses_that_cannot_be_altered(h, words):
    with pytest.raises(BadInput, match=words) as error:
        with_t60(h, RATE, 0.5)
    assert "\n" not in str(error.value)


def test_values_that_cannot_be():
    with pytest.raises(BadInput, match=r"0\.02 to 20 s"):
        with_t60(response(), RATE, 0)
    with pytest.raises(BadInput, match="number of dB"):
        with_drr(response(), RATE, float("nan"))
    with pytest.raises(BadInput, match="no reverberation"):
        with_drr(np.eye(1, 200, 100)[0], RATE, 3)
    with pytest.raises(BadInput, match="fade is from 0"):
        early(response(), RATE, 0.01, fade=0.02)


@pytest.mark.skipif("WINNOW_DATA" not in os.environ, reason="WINNOW_DATA names no folder with train/rir")
def test_measured_responses_meet_their_targets():
    from winnow.media import read

    files = sorted(Path(os.environ["WINNOW_DATA"], "train", "rir").rglob("*.flac"))
    assert files
    for path in files[::5]:
        audio = read(path)
        h = audio.samples[0]
        for wanted in (0.2, 0.6, 1.2):
            assert slope_time(with_t60(h, audio.rate, wanted), audio.rate) == pytest.approx(wanted, rel=0.05), path
        assert ratio(with_drr(h, audio.rate, 6.0), audio.rate) == pytest.approx(6.0, abs=0.1), path
