"""The streaming STFT, the mask algebra and the resampler."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.dsp.masks import expand_mask, limit, moderate
from winnow.dsp.resample import StreamResampler, resample
from winnow.dsp.spectrum import Analysis, Synthesis, Transform, compress, root_hann


def noise(channels: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, (channels, length)).astype(np.float32)


def blocks(samples: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    cuts = np.cumsum(sizes)
    return np.split(samples, cuts[cuts < samples.shape[1]], axis=1)


@settings(max_examples=40, deadline=None)
@given(
    transform=st.sampled_from(
        [
            *(Transform.halves(window) for window in (64, 512, 1536)),
            Transform(255, 63, 255, "hann"),  # system 1: an odd transform, 4.05 hops a window
            Transform(400, 160, 512, "hann"),  # system 3: a window shorter than its transform
        ]
    ),
    channels=st.integers(1, 3),
    length=st.integers(1, 6000),
    sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=8),
)
def test_analysis_and_synthesis_return_the_input_at_any_block_size(transform, channels, length, sizes):
    samples = noise(channels, length)
    analysis, synthesis = Analysis(transform, channels), Synthesis(transform, channels)
    parts = [*blocks(samples, sizes), np.zeros((channels, transform.window), np.float32)]
    out = np.concatenate([synthesis.feed(analysis.feed(part)) for part in parts], axis=1)
    error = out[:, transform.early :][:, :length] - samples
    assert np.abs(error).max() < 1e-5 * 0.1  # -100 dB below the noise's own level


def test_analysis_agrees_with_scipy():
    samples, window = noise(1, 5000), 512
    frames = Analysis(Transform.halves(window), 1).feed(samples)[0]
    theirs = scipy.signal.ShortTimeFFT(root_hann(window), window // 2, 16000)
    centred = theirs.stft(samples[0].astype(float), p0=0).T  # their frame p is centred on sample p * hop, too
    np.testing.assert_allclose(np.abs(frames), np.abs(centred[: len(frames)]), atol=1e-4)


def test_compression_keeps_phase_and_takes_the_power():
    spectrum = np.array([[3 + 4j, -1j, 0.5]], np.complex64)
    parts = compress(spectrum, 0.3)
    made = parts[..., 0] + 1j * parts[..., 1]
    np.testing.assert_allclose(np.abs(made), np.abs(spectrum) ** 0.3, rtol=1e-5)
    np.testing.assert_allclose(np.angle(made), np.angle(spectrum), atol=1e-6)


def test_a_mask_of_compressed_spectra_expands_to_the_same_result():
    rng = np.random.default_rng(1)
    spectrum = (rng.normal(size=(5, 9)) + 1j * rng.normal(size=(5, 9))).astype(np.complex64)
    parts = rng.normal(size=(5, 9, 2)).astype(np.float32)
    within = compress(spectrum, 0.3)
    product = (within[..., 0] + 1j * within[..., 1]) * (parts[..., 0] + 1j * parts[..., 1])
    wanted = product * np.abs(product) ** (1 / 0.3 - 1)
    np.testing.assert_allclose(spectrum * expand_mask(parts, 0.3), wanted, rtol=2e-3, atol=1e-4)


def test_an_exponent_acts_on_the_size_of_a_mask_and_not_on_its_phase():
    parts = np.random.default_rng(2).normal(size=(5, 9, 2)).astype(np.float32)
    plain, raised = expand_mask(parts, 0.3), expand_mask(parts, 0.3, 0.8)
    np.testing.assert_allclose(np.abs(raised), np.abs(plain) ** 0.8, rtol=1e-3)
    np.testing.assert_allclose(np.angle(raised), np.angle(plain), atol=1e-5)


def test_no_strength_returns_the_input_and_the_limit_holds():
    mask = np.array([0, 0.001j, 0.5, 1, -2], np.complex64)
    np.testing.assert_array_equal(moderate(mask, 0.0, None), np.ones(5))
    np.testing.assert_array_equal(moderate(mask, 1.0, None), mask)
    limited = np.abs(moderate(mask, 1.0, 20.0))
    assert limited.min() == pytest.approx(0.1, rel=1e-2)
    np.testing.assert_allclose(limited[2:], [0.5, 1, 2], rtol=1e-5)
    assert moderate(mask, 1.0, 20.0)[0] == pytest.approx(0.1)
    assert np.abs(limit(mask, 1.5)).max() == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("rate", "new"), [(44100, 48000), (48000, 16000), (8000, 16000), (192000, 48000), (11025, 16000)]
)
def test_streamed_resampling_equals_the_whole(rate, new):
    samples = noise(2, rate + 123)
    whole = resample(samples, rate, new)
    stream = StreamResampler(rate, new, 2)
    parts = [stream.feed(part) for part in blocks(samples, [1, 7, 5000, 333, 20000])]
    out = np.concatenate([*parts, stream.flush()], axis=1)
    assert out.shape == whole.shape == (2, round((rate + 123) * new / rate))
    assert np.abs(out - whole).max() < 1e-4
