"""Kind `wave`: level, channels and lengths, with networks of a few numbers."""

from __future__ import annotations

import numpy as np
import pytest

from winnow.models.separator import downmix
from winnow.models.wave import fitted, onto_channels


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)


INSIDE = slice(600, -600)
"""Away from where a tone begins and ends, which is heard in all bins."""


def tones(*frequencies: float, rate: int = 8000) -> np.ndarray:
    """Stems that share no bins, `(stems, a second)`."""
    time = np.arange(rate) / rate
    return np.stack([0.1 * np.sin(2 * np.pi * f * time) for f in frequencies]).astype(np.float32)


def test_a_channel_wired_the_wrong_way_round_does_not_cancel():
    voice = noise(1, 4000)
    np.testing.assert_allclose(downmix(np.concatenate([voice, -voice])), voice[0], atol=1e-7)
    np.testing.assert_allclose(downmix(np.concatenate([voice, 0 * voice])), voice[0] / 2, atol=1e-7)


def test_each_stem_keeps_its_place_between_the_channels():
    stems = tones(500, 1900)
    places = np.array([[0.9, 0.2], [0.3, 0.8]], np.float32)  # of each stem in each channel
    mix = np.einsum("sc,st->ct", places, stems)
    heard = np.einsum("st,s->t", stems, places.mean(1))
    apart = onto_channels(stems * places.mean(1)[:, None], heard, mix, 8000)
    wanted = np.einsum("sc,st->sct", places, stems)
    np.testing.assert_allclose(apart[..., INSIDE], wanted[..., INSIDE], atol=2e-3)


def test_what_no_stem_explains_stays_out_of_all():
    voice, other = tones(500, 1900)
    mix = np.stack([voice + other, voice])
    apart = onto_channels(voice[None], downmix(mix), mix, 8000)
    np.testing.assert_allclose(apart[0][:, INSIDE], np.stack([voice, voice])[:, INSIDE], atol=2e-3)


@pytest.mark.parametrize("time", [1, 100, 4321])
def test_channels_keep_any_length(time):
    mix, stems = noise(3, time), noise(2, time, seed=1)
    assert onto_channels(stems, downmix(mix), mix, 16000).shape == (2, 3, time)


def test_stems_of_any_level_come_back_at_that_of_the_mix():
    first, second = noise(2, 8000)
    for scale in (1e-3, 1, 50):
        found = fitted(np.stack([first * scale, second * 2 * scale]), first + second)
        np.testing.assert_allclose(found, [first, second], atol=5e-4)


def test_a_faint_copy_is_not_made_louder():
    voice = noise(1, 8000)[0]
    found = fitted(np.stack([voice, 1e-3 * voice + 1e-4 * noise(8000, seed=2)]), voice)
    assert np.abs(found[1]).max() < 0.01 * np.abs(voice).max()
    assert not fitted(np.zeros((2, 100), np.float32), voice[:100]).any()
