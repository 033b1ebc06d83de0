"""VoiceFilter's inference: the published modes against a plain restatement, their defects, and the corrected form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from speechlike import RATE, hiss, talk
from winnow.dsp.decibels import denormalised_db, normalised_db
from winnow.engine.bodies import separated
from winnow.errors import BadOption, BundleError
from winnow.models.manifest import Cue, Manifest, SpectralSettings
from winnow.models.spectral import SpectralRunner
from winnow.models.voicefilter import MASKS, VoiceFilter, checked, level_mask, masked

VOICE = np.ones(4, np.float32) / 2


def settings(output="level", **changed):
    """System 4's, 3 s at 16 kHz."""
    sizes = {"fft": 1200, "window": 400, "hop": 160, "frames": 300, "bins": 601, "multiple": 1}
    return SpectralSettings(**{**sizes, "input": "clipped", "output": output, "centre": 20.0, "span": 100.0, **changed})


@dataclass
class Known(SpectralRunner):
    """A runner whose network is a function of its input."""

    def __init__(self, given, network):
        self.settings, self.network = given, network

    def raw(self, spectrum, cues=None):
        return np.asarray(self.network(spectrum), np.float32)


def manifest(given, stems=("voice", "rest")):
    facts = {"title": "", "rate": RATE, "remainder": True, "ordered": True, "latency": 3.0, "parameters": 0}
    facts |= {"licence": "", "non_commercial": False, "corpora": (), "sha256": "", "cues": (Cue("voice", size=4),)}
    return Manifest(name="v", kind="spectral", stems=stems, settings=given, **facts)


def separator(network, mask=None, factor=None, output="level", stems=("voice", "rest"), **changed):
    given = settings(output, **changed)
    return VoiceFilter(Known(given, network), manifest(given, stems), VOICE, mask, factor)


def restated(samples, network, mode, factor):
    """The published inference as its files say it, sample by sample, `(time,)` to `(time,)`; nothing of it is ours."""
    n_fft, hop, win = 1200, 160, 400
    hann = np.zeros(n_fft)
    hann[400:800] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win) / win)
    padded = np.concatenate([samples[1 : n_fft // 2 + 1][::-1], samples, samples[-n_fft // 2 - 1 : -1][::-1]])
    count = 1 + len(samples) // hop
    spectrum = np.stack([np.fft.rfft(padded[t * hop : t * hop + n_fft] * hann) for t in range(count)])
    decibels = 20 * np.log10(np.maximum(1e-5, np.abs(spectrum))) - 20
    levels = np.clip(decibels / 100, -1, 0) + 1
    mask = network(levels[None].astype(np.float32))[0].astype(np.float64)
    wanted = {
        "org": lambda: levels * mask,
        "inv_div": lambda: levels / mask * factor,
        "inv_sub": lambda: levels * (1 - mask) / factor,
    }[mode]()
    size = 10 ** (((np.clip(wanted, 0, 1) - 1) * 100 + 20) * 0.05)
    rebuilt = np.fft.irfft(size * np.exp(1j * np.angle(spectrum)), n_fft) * hann
    out, weight = np.zeros(len(padded)), np.zeros(len(padded))
    for t in range(count):
        out[t * hop : t * hop + n_fft] += rebuilt[t]
        weight[t * hop : t * hop + n_fft] += hann**2
    return (out / np.maximum(weight, 1e-10))[n_fft // 2 :][: len(samples)]


def some_mask(levels):
    """Not constant, in 0.05..0.95."""
    rng = np.random.default_rng(3)
    return 0.05 + 0.9 * rng.random(levels.shape)


@pytest.mark.parametrize("mode", MASKS)
def test_the_modes_are_those_that_were_published(mode):
    mix = (talk(3.0) + hiss(3.0, level=0.01))[0, :48000]
    ours = separator(some_mask, mode, None if mode == "org" else 0.7)(mix[None], RATE)[0, 0]
    theirs = restated(mix, some_mask, mode, 0.7)
    np.testing.assert_allclose(ours, theirs, atol=2e-4 * np.abs(theirs).max())


@pytest.mark.parametrize(
    ("mode", "mask", "decibels"),
    [("org", 1.0, 0), ("org", 0.9, -8), ("org", 0.5, -40), ("inv_div", 1.0, -24), ("inv_sub", 0.0, 34.3)],
)
def test_what_the_modes_do_to_a_bin_at_0_db(mode, mask, decibels):
    """A mask of 0.5 is no half, and a factor of 0.7 no gain: inv_div lowers what is the voice alone by 24 dB only."""
    level = normalised_db(np.array([1.0]))
    wanted = masked(level, np.array([mask]), mode, 0.7)
    assert float(wanted[0] - 1) * 100 + 20 == pytest.approx(decibels, abs=0.02)
    after = 20 * np.log10(denormalised_db(wanted)[0])
    assert after == pytest.approx(min(decibels, 20), abs=0.02)  # inv_sub makes 34 dB, and the clip 20 of them


def test_as_published_loud_bins_are_cut_and_the_corrected_form_leaves_them():
    tone = 0.9 * np.sin(2 * np.pi * 1000 * np.arange(16000) / RATE)[None].astype(np.float32)
    keep = np.ones_like
    assert np.abs(separator(keep, "org")(tone, RATE)[0] - tone).max() > 0.3
    np.testing.assert_allclose(separator(keep)(tone, RATE)[0], tone, atol=1e-5)


@pytest.mark.parametrize("output", ["level", "mask"])
def test_the_corrected_form_does_what_org_does_where_nothing_is_clipped(output):
    mix = 0.02 * hiss(1.0, level=1.0)
    mild = lambda levels: np.full_like(levels, 0.8)  # noqa: E731
    ours, published = (separator(mild, mask, output=output)(mix, RATE)[0] for mask in (None, "org"))
    np.testing.assert_allclose(ours, published, atol=2e-5)


def test_a_gain_of_magnitudes_as_a_mask_of_levels():
    levels = np.array([0.8, 0.8, 0.0, 0.1], np.float32)
    mask = level_mask(levels, np.array([0.1, 1.0, 0.5, 1e-6], np.float32), 100.0)
    np.testing.assert_allclose(mask, [0.75, 1, 0, 0], atol=1e-6)  # 20 dB of 80; none left; below the range


@pytest.mark.parametrize("length", [0, 1, 7, 399, 600, 601, 48000, 48001, 100003])
def test_any_length_and_what_is_kept_is_untouched(length):
    mix = np.random.default_rng(0).normal(0, 0.1, (2, length)).astype(np.float32)
    kept = separated(separator(np.ones_like, output="mask"), mix, RATE)
    assert kept.shape == (1, 2, length)
    np.testing.assert_allclose(kept[0], mix, atol=1e-5)


def test_steady_sound_stays_steady_over_the_seams_of_windows():
    mix = hiss(14.0, level=0.05)
    half = lambda levels: np.full_like(levels, 0.5)  # noqa: E731
    for form in (None, *MASKS):
        out = separated(separator(half, form, output="mask"), mix, RATE)[0, 0]
        level = 10 * np.log10(np.square(out[: 140 * 1600]).reshape(140, 1600).mean(1))
        before = 10 * np.log10(np.square(mix[0, : 140 * 1600]).reshape(140, 1600).mean(1))
        assert np.std(level - before) < 1.0 and np.ptp(level - before) < 6  # of 0.1 s each


def test_all_channels_get_one_mask_and_turned_ones_do_not_cancel():
    talking = talk(1.0)
    stereo = np.concatenate([talking, -talking])
    loud = lambda levels: (levels > 0.6).astype(np.float32)  # noqa: E731
    out = separator(loud, output="mask")(stereo, RATE)[0]
    np.testing.assert_allclose(out[1], -out[0], atol=1e-5)
    assert np.square(out[0]).sum() > 0.5 * np.square(talking).sum()


def test_which_stem_a_mode_gives():
    names = {mask: separator(np.ones_like, mask).stems for mask in (None, *MASKS)}
    assert names == {None: ("voice",), "org": ("voice",), "inv_div": ("rest",), "inv_sub": ("rest",)}
    turned = {mask: separator(np.ones_like, mask, stems=("rest", "voice")).stems for mask in (None, *MASKS)}
    assert turned == {None: ("rest",), "org": ("rest",), "inv_div": ("voice",), "inv_sub": ("voice",)}


@pytest.mark.parametrize(
    ("mask", "factor", "words"),
    [
        ("inv_div", 0.0, "above 0, not 0"),
        ("inv_sub", -1.0, "above 0, not -1"),
        ("inv_div", float("nan"), "above 0"),
        ("org", 0.7, "inv_div and inv_sub only"),
        (None, 0.7, "inv_div and inv_sub only"),
        ("minus", None, "there are org, inv_div, inv_sub"),
    ],
)
def test_options_that_make_no_sense_are_refused(mask, factor, words):
    with pytest.raises(BadOption, match=words) as caught:
        checked(mask, factor)
    assert "\n" not in str(caught.value)


def test_silence_and_a_mask_of_nothing_give_numbers():
    mix = np.zeros((1, 5000), np.float32)
    for form in (None, *MASKS):
        out = separator(np.zeros_like, form)(mix, RATE)
        assert np.isfinite(out).all()


def test_masks_of_levels_need_clipped_decibels():
    with pytest.raises(BundleError, match="make no sense"):
        settings(input="magnitude")
