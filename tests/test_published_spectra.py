"""The transforms of the published systems: sizes, inverses, and agreement with formulas written out another way."""

from __future__ import annotations

import numpy as np
import pytest

from winnow.dsp import crm, decibels
from winnow.dsp.published import LOOKING, UNET, VOICEFILTER, Stft
from winnow.errors import BadOption


def noise(count, seed=0):
    return np.random.default_rng(seed).standard_normal(count) * 0.1


def plain_frame(x, t, size, hop, window, centred):
    """Frame t by the definition of the discrete Fourier transform, one bin at a time."""
    if centred:
        half = size // 2
        x = np.concatenate([x[half:0:-1], x, x[-2 : -half - 2 : -1]])
    hann = np.sin(np.pi * np.arange(window) / window) ** 2
    left = (size - window) // 2 if centred else 0
    frame = np.zeros(size)
    frame[left : left + window] = x[t * hop + left : t * hop + left + window] * hann
    n = np.arange(size)
    return np.array([np.sum(frame * np.exp(-2j * np.pi * k * n / size)) for k in range(size // 2 + 1)])


@pytest.mark.parametrize(
    ("transform", "count", "shape"),
    [(UNET, 8064, (128, 128)), (LOOKING, 48000, (298, 257)), (VOICEFILTER, 48000, (301, 601))],
)
def test_sizes_are_those_published_and_frames_those_of_the_definition(transform, count, shape):
    x = noise(count)
    spectrum = transform.forward(x)
    assert spectrum.shape == shape == (transform.frames(count), transform.bins)
    for t in (0, shape[0] // 2, shape[0] - 1):
        wanted = plain_frame(x, t, transform.size, transform.hop, transform.window, transform.centred)
        np.testing.assert_allclose(spectrum[t], wanted, atol=1e-9)


@pytest.mark.parametrize("transform", [UNET, LOOKING, VOICEFILTER, Stft(64, 16, 50)])
def test_the_inverse_gives_back_the_samples_to_better_than_100_db(transform):
    count = 100 * transform.hop + 7
    x = np.stack([noise(count), noise(count, 1)])
    back = transform.inverse(transform.forward(x), count)
    inside = slice(None) if transform.centred else slice(transform.hop, -transform.window)
    error = np.sum((back - x)[:, inside] ** 2)
    assert 10 * np.log10(np.sum(x[:, inside] ** 2) / max(error, 1e-300)) > 100
    assert back.shape == x.shape


def test_the_wrong_fft_length_of_the_published_inverse_is_not_ours():
    x = noise(8064)
    wrong = Stft(254, 63, 254).inverse(UNET.forward(x), 8064)
    error = np.sum((wrong - x) ** 2)
    assert 10 * np.log10(np.sum(x**2) / error) < 13  # the floor of what was published


def test_a_mask_turns_the_mixture_into_the_clean_spectrum():
    clean, other = LOOKING.forward(noise(16000)), LOOKING.forward(noise(16000, 1))
    mixture = clean + other
    mixture[0] = 0
    mask = crm.complex_mask(clean, mixture)
    np.testing.assert_allclose((mask * mixture)[1:], clean[1:], atol=1e-12)
    assert (mask[0] == 0).all()
    y, s = mixture[5, 7], clean[5, 7]  # the paper's equations 7 and 8, written out
    power = y.real**2 + y.imag**2
    wanted = complex((y.real * s.real + y.imag * s.imag) / power, (y.real * s.imag - y.imag * s.real) / power)
    assert mask[5, 7] == pytest.approx(wanted)


@pytest.mark.parametrize("form", crm.FORMS)
def test_compression_is_bounded_and_undone(form):
    values = np.linspace(-60, 60, 1001)
    small = crm.compress_mask(values, form)
    e = np.exp(-0.1 * values)
    np.testing.assert_allclose(small, 10 * (1 - e) / (1 + e) if form == "tanh" else 1 / (1 + e), rtol=1e-12)
    assert np.abs(small).max() < (10 if form == "tanh" else 1)
    np.testing.assert_allclose(crm.expand_mask(small, form), values, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(crm.expand_mask(small.astype(np.float32), form), values, rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize(("form", "bound"), [("tanh", 10.0), ("sigmoid", 1.0)])
def test_saturated_masks_stay_finite(form, bound):
    huge = crm.compress_mask(np.array([1e6, -1e6, 0.0], np.float32), form)
    back = crm.expand_mask(np.concatenate([huge, [bound, 2 * bound]]), form)
    assert np.isfinite(back).all()
    assert back[0] == back[3] == back[4] > 100
    assert back[1] < -100 and back[2] == pytest.approx(0, abs=1e-6)
    with pytest.raises(BadOption, match="tanh and sigmoid"):
        crm.compress_mask(huge, "relu")


def test_the_power_law_bends_magnitudes_and_keeps_phases():
    spectrum = LOOKING.forward(noise(16000))
    bent = crm.power_law(spectrum, 0.3)
    np.testing.assert_allclose(np.abs(bent), np.abs(spectrum) ** 0.3, rtol=1e-9)
    np.testing.assert_allclose(np.angle(bent), np.angle(spectrum), atol=1e-9)
    np.testing.assert_allclose(crm.power_law(bent, 1 / 0.3), spectrum, rtol=1e-9)
    assert crm.power_law(np.zeros(3, complex)).tolist() == [0, 0, 0]
    np.testing.assert_array_equal(crm.as_complex(crm.as_parts(spectrum)), spectrum)


def test_decibels_are_those_of_librosa_and_come_back():
    size = np.abs(UNET.forward(noise(8064))) + 1e-7
    size[3, 4] = 0
    ours = decibels.amplitude_to_db(size)
    wanted = np.array([20 * np.log10(max(v, 1e-5) / size.max()) for v in size.ravel()]).reshape(size.shape)
    np.testing.assert_allclose(ours, np.maximum(wanted, -80), atol=1e-9)  # the loudest is 0 dB
    assert ours.max() == pytest.approx(0) and ours.min() == -80
    np.testing.assert_allclose(
        decibels.db_to_amplitude(decibels.amplitude_to_db(size[:3], 1.0, None)), size[:3], rtol=1e-9
    )


def test_normalised_decibels_are_clipped_to_100_db():
    size = np.array([0, 1e-4, 1e-3, 1, 10, 100])
    np.testing.assert_allclose(decibels.normalised_db(size), [0, 0, 0.2, 0.8, 1, 1], atol=1e-12)
    np.testing.assert_allclose(decibels.denormalised_db(decibels.normalised_db(size)), [1e-4, 1e-4, 1e-3, 1, 10, 10])
    assert decibels.denormalised_db(np.array([1.5])) == pytest.approx(10)
    half = decibels.denormalised_db(0.5 * decibels.normalised_db(np.array([1.0])))
    assert 20 * np.log10(half[0]) == pytest.approx(-40)  # what a mask of a half does to 0 dB, as published
