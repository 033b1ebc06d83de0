"""WPE: less reverberation in a simulated room, sums, lengths, a missing package."""

import numpy as np
import pytest

from winnow.errors import MissingExtra
from winnow.metrics.sdr import si_sdr
from winnow.models.dereverberate import Dereverberate

RATE = 8000


def bursts(seconds, seed=0):
    """Syllables of white noise with pauses between, `(time,)`."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    return 0.1 * rng.standard_normal(len(time)) * np.clip(np.sin(2 * np.pi * 1.7 * time), 0, 1) ** 2


def responses(channels, t60=0.5, seed=0):
    """A direct sound, and from 15 ms on a decaying tail of the same power, `(channels, time)`."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(t60 * RATE)) / RATE
    tails = rng.standard_normal((channels, len(time))) * np.exp(-6.9 * time / t60)
    tails[:, : round(0.015 * RATE)] = 0
    tails /= np.linalg.norm(tails, axis=1, keepdims=True)
    tails[:, 0] = 1
    return tails


def reverberant(channels, seconds=8.0):
    """Recording `(channels, time)`, and what reaches the first microphone in the first 25 ms."""
    dry = bursts(seconds)
    heard = responses(channels)
    early = np.where(np.arange(heard.shape[1]) < 0.025 * RATE, heard[0], 0)
    mix = np.stack([np.convolve(dry, h)[: len(dry)] for h in heard])
    return mix.astype(np.float32), np.convolve(dry, early)[: len(dry)]


@pytest.mark.parametrize(("channels", "least"), [(1, 0.2), (2, 1.2)])
def test_less_reverberation(channels, least):
    pytest.importorskip("nara_wpe", reason="does the work")
    mix, early = reverberant(channels)
    given = mix.copy()
    stems = Dereverberate()(mix, RATE)
    assert si_sdr(early, stems[0, 0]) > si_sdr(early, mix[0]) + least
    assert np.abs(stems.sum(axis=0) - mix).max() < 1e-6 and np.array_equal(mix, given)


@pytest.mark.parametrize("samples", [1, 40, 700, 3001])
def test_any_length(samples):
    pytest.importorskip("nara_wpe", reason="does the work")
    mix = np.random.default_rng(0).standard_normal((2, samples)).astype(np.float32)
    stems = Dereverberate()(mix, RATE)
    assert stems.shape == (2, 2, samples) and np.isfinite(stems).all()


def test_silence_and_silent_channels():
    pytest.importorskip("nara_wpe", reason="does the work")
    mix = reverberant(2, 2.0)[0]
    mix[1] = 0
    stems = Dereverberate()(mix, RATE)
    assert np.isfinite(stems).all() and not stems[:, 1].any()
    assert not Dereverberate()(np.zeros((1, 4000), np.float32), RATE).any()


def test_copies_of_one_channel_stay_copies():
    pytest.importorskip("nara_wpe", reason="does the work")
    mix = np.repeat(reverberant(1, 3.0)[0], 2, axis=0)
    stems = Dereverberate()(mix, RATE)
    assert np.isfinite(stems).all() and np.abs(stems[:, 0] - stems[:, 1]).max() < 1e-3


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nara_wpe", None)
    monkeypatch.setitem(__import__("sys").modules, "nara_wpe.wpe", None)
    with pytest.raises(MissingExtra, match=r"winnow-audio\[array\]"):
        Dereverberate()(np.zeros((1, 100), np.float32), RATE)


@pytest.mark.parametrize("channels", [1, 4])
def test_progress_within_a_window(channels):
    """Shares that rise to one, in smaller steps the more channels there are."""
    mix = np.random.default_rng(0).standard_normal((channels, 8000)).astype(np.float32)
    separator, shares = Dereverberate(), []
    separator.tell = shares.append
    separator(mix, 16000)
    assert shares == sorted(shares) and len(shares) >= 8 * channels and shares[-1] == 1
