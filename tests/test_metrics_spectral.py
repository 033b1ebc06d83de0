"""Spectral and perceptual measures: against independent implementations and the packages themselves."""

from __future__ import annotations

import numpy as np
import pytest

from winnow.metrics import composite, mel, spectral
from winnow.metrics.sdr import segmental_snr

RATE = 16000


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def speechlike(seconds, seed=0):
    """Voiced syllables with pauses: harmonics of a gliding pitch under moving formants, what PESQ and STOI take for speech."""
    time = np.arange(int(seconds * RATE)) / RATE
    generator = np.random.default_rng(seed)
    phase = 2 * np.pi * np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.7 * time + seed)) / RATE
    formant = 600 + 400 * np.sin(2 * np.pi * 2.1 * time)
    total = np.zeros(len(time))
    for k in range(1, 40):
        weight = np.exp(-(((k * 120 - formant) / 300) ** 2)) + 0.3 * np.exp(-(((k * 120 - 2300) / 500) ** 2)) + 0.02
        total += weight * np.sin(k * phase + generator.uniform(0, 6))
    syllables = np.maximum(0, np.sin(2 * np.pi * 3.3 * time)) * (np.sin(2 * np.pi * 0.4 * time + 0.5) > -0.6)
    return 0.05 * total * syllables


def power(signal, window=2048, hop=512):
    """Power spectra, centred frames, by a loop."""
    padded = np.pad(signal, window // 2, mode="reflect")
    shape = np.hanning(window + 1)[:-1]
    starts = range(0, len(padded) - window + 1, hop)
    return np.array([np.abs(np.fft.rfft(padded[s : s + window] * shape)) ** 2 for s in starts])


def test_both_orders_of_lsd_against_their_definition():
    reference, estimate = noise(20000) * 0.1, noise(20000) * 0.1 + 0.05 * noise(20000, seed=1)
    a, b = power(reference), power(estimate)
    expected = np.sqrt(np.mean((np.log10(a) - np.log10(b)) ** 2, axis=1)).mean()
    other = np.sqrt(np.mean((np.log(a) - np.log(b)) ** 2, axis=0)).mean()
    assert spectral.lsd(reference, estimate) == pytest.approx(expected, abs=1e-9)
    assert spectral.lsd_other_axis(reference, estimate) == pytest.approx(other, abs=1e-9)
    meter = spectral.LogSpectra(RATE)
    for begin in range(0, 20000, 701):
        part = slice(begin, begin + 701)
        meter.feed({"reference": reference[part], "estimate": estimate[part]})
    assert meter.result() == pytest.approx({"lsd": expected, "lsd_other_axis": other}, abs=1e-9)


@pytest.mark.parametrize("decibels", [-12.0, 6.0])
def test_distances_of_a_level_are_that_level(decibels):
    signal = noise(RATE)
    louder = signal * 10 ** (decibels / 20)
    assert spectral.log_spectral_distance(signal, louder) == pytest.approx(abs(decibels), abs=1e-3)
    assert spectral.lsd(signal, louder) == pytest.approx(abs(decibels) / 10, abs=1e-6)
    assert spectral.mel_distance(signal, louder) == pytest.approx(abs(decibels) / 20 * np.log(10), abs=1e-6)


@pytest.mark.parametrize("length", [1, 500, 5000])
def test_distances_of_silence_and_of_short_signals_are_finite(length):
    signal, silence = noise(length), np.zeros(length)
    for measure in (spectral.lsd, spectral.lsd_other_axis):
        assert measure(silence, silence) == 0 == measure(signal, signal)
        assert np.isfinite(measure(signal, silence)) and measure(signal, silence) > 1
    assert spectral.mel_distance(silence, silence) in (0, None)


def test_mel_bands_have_equal_area_and_their_known_edges():
    assert mel.to_mel(np.array([0.0, 1000.0, 6400.0])) == pytest.approx([0, 15, 42])
    hertz = np.linspace(0, 8000, 50)
    assert mel.to_hertz(mel.to_mel(hertz)) == pytest.approx(hertz)
    bank = mel.mel_bank(RATE, 8192, 40, 8000)
    assert bank.sum(axis=1) * RATE / 8192 == pytest.approx(np.ones(40), rel=0.02)


def scaled(signal):
    """Spectrum of 128 x 128 in dB below its maximum, at least -80 dB, frame by frame."""
    padded = np.pad(signal, 127, mode="reflect")
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(255) / 255)
    size = np.array([np.abs(np.fft.rfft(padded[63 * t : 63 * t + 255] * shape)) for t in range(128)])
    return np.maximum(20 * np.log10(np.maximum(size, 1e-5) / size.max()), -80)


def test_mask_iou_against_its_definition():
    clean, disturbance = noise(8064) * np.hanning(8064), 0.5 * noise(8064, seed=1)
    mixture, estimate = clean + disturbance, clean + 0.3 * disturbance
    there, found = (scaled(mixture) - scaled(x) >= 6 for x in (clean, estimate))
    expected = np.sum(there & found) / np.sum(there | found)
    assert 0.1 < expected < 0.9
    assert spectral.mask_iou(clean, estimate, mixture) == pytest.approx(expected, abs=1e-6)
    assert spectral.mask_iou(clean, clean, mixture) == pytest.approx(1)
    assert spectral.mask_iou(clean, mixture, mixture) == pytest.approx(0, abs=1e-6)
    assert spectral.mask_iou(0 * clean, 0 * clean, 0 * clean) == 1


def loop_llr(reference, estimate):
    """Frame by frame: normal equations, prediction errors on the reference."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, 481) / 481)
    values = []
    for begin in range(0, len(reference) - 479, 120):
        r = [
            np.correlate(f, f, "full")[479:496]
            for f in (x[begin : begin + 480] * window for x in (reference, estimate))
        ]
        toeplitz = [np.array([[c[abs(i - j)] for j in range(17)] for i in range(17)]) for c in r]
        filters = [
            np.concatenate([[1], -np.linalg.solve(t[:16, :16], c[1:])]) for t, c in zip(toeplitz, r, strict=True)
        ]
        errors = [a @ toeplitz[0] @ a for a in filters]
        values.append(np.log(errors[1] / errors[0]))
    return np.mean(np.sort(values)[: round(0.95 * len(values))])


def test_llr_against_a_loop_over_frames():
    reference = np.convolve(noise(RATE), 0.8 ** np.arange(30))[:RATE]
    estimate = reference + 0.3 * noise(RATE, seed=1)
    assert composite.llr(reference, estimate, RATE) == pytest.approx(loop_llr(reference, estimate), rel=1e-4)


def loop_peak(levels, slopes, band):
    """Level before the slope turns, as the published script searches for it."""
    n = band
    if slopes[band] > 0:
        while n < len(slopes) and slopes[n] > 0:
            n += 1
        return levels[n - 1]
    while n >= 0 and slopes[n] <= 0:
        n -= 1
    return levels[n + 1]


def test_wss_peaks_against_a_search():
    levels = noise(50, 25)
    slopes = np.diff(levels)
    found = composite._nearest_peak(levels[:, :-1], slopes)
    for frame in range(50):
        assert [loop_peak(levels[frame], slopes[frame], band) for band in range(24)] == pytest.approx(found[frame])


def test_wss_does_not_see_the_level_but_the_slope():
    reference = 10 * noise(RATE)
    tilted = np.convolve(reference, [1, -0.9])[:RATE]
    assert composite.wss(reference, 3 * reference, RATE) == pytest.approx(0, abs=0.05)
    assert composite.wss(reference, tilted, RATE) > 0.5


def test_composite_opinions_fall_with_noise_and_stay_in_their_scale():
    reference = speechlike(2)
    opinions = [
        composite.composite(reference, reference + level * noise(len(reference)), 4.0) for level in (0, 0.01, 0.3)
    ]
    segments = segmental_snr(reference, reference, RATE)
    assert opinions[0] == (5, pytest.approx(1.634 + 0.478 * 4 + 0.063 * segments), pytest.approx(1.594 + 0.805 * 4))
    assert all(a > b for a, b in zip(*opinions[:2], strict=True))
    assert all(1 <= value <= 5 for value in np.ravel(opinions))


def test_pesq_is_the_package_s_on_a_window_and_a_mean_beyond():
    package = pytest.importorskip("pesq")
    from winnow.metrics import perceptual

    reference = speechlike(4).astype(np.float32)
    estimate = reference + 0.01 * noise(len(reference)).astype(np.float32)
    expected = package.pesq(RATE, reference, estimate, "wb")
    assert perceptual.pesq_wb(reference, estimate) == pytest.approx(expected, abs=1e-6)
    assert perceptual.pesq_nb(reference, estimate, RATE) == package.pesq(RATE, reference, estimate, "nb") > expected
    meter = perceptual.Wide(RATE)
    for begin in range(0, len(reference), 10000):
        part = slice(begin, begin + 10000)
        meter.feed({"reference": reference[part], "estimate": estimate[part]})
    assert meter.result()["pesq_wb"] == pytest.approx(expected, abs=1e-6)
    assert not meter.notes


def test_windows_are_weighted_and_told():
    from winnow.metrics import perceptual

    meter = perceptual.Windowed(10, 2.0, lambda reference, estimate: {"x": float(len(reference))})
    for _ in range(9):
        meter.feed({"reference": np.ones(7), "estimate": np.ones(7)})
    assert meter.result()["x"] == pytest.approx((20 * 20 + 20 * 20 + 23 * 23) / 63)
    assert meter.notes == [": mean of 3 windows of 2 s"]


def test_stoi_and_pesq_without_speech_are_not_defined():
    pytest.importorskip("pystoi")
    from winnow.metrics import perceptual

    signal, silence = speechlike(2), np.zeros(2 * RATE)
    for measure in (perceptual.stoi, perceptual.estoi):
        assert measure(silence, signal, RATE) is None
        assert measure(signal, silence, RATE) == 0
        assert measure(signal[:800], signal[:800], RATE) is None
        assert measure(signal, signal, RATE) == pytest.approx(1, abs=1e-6)
        assert measure(signal, 0.1 * signal, RATE) == pytest.approx(1, abs=1e-3)
        assert measure(signal, signal + 0.1 * noise(2 * RATE), RATE) < 0.9
    pytest.importorskip("pesq")
    assert perceptual.pesq_wb(signal, silence) is None and perceptual.pesq_wb(silence, signal) is None
    assert perceptual.pesq_wb(signal[:800], signal[:800]) is None


def bands(signal):
    """Third-octave magnitudes of STOI, `(15, frames)`, of 256-sample frames at 10 kHz."""
    shape = np.hanning(258)[1:-1]
    frames = np.array([signal[s : s + 256] * shape for s in range(0, len(signal) - 256, 128)])
    spectrum = np.abs(np.fft.rfft(frames, 512)) ** 2
    hertz = np.linspace(0, 10000, 513)[:257]
    edges = [(150 * 2 ** ((2 * k - 1) / 6), 150 * 2 ** ((2 * k + 1) / 6)) for k in range(15)]
    nearest = [[int(np.argmin((hertz - f) ** 2)) for f in pair] for pair in edges]
    return np.array([np.sqrt(spectrum[:, low:high].sum(axis=1)) for low, high in nearest])


def test_stoi_against_its_published_formula():
    pytest.importorskip("pystoi")
    from winnow.metrics import perceptual

    reference = noise(20000) * (1.2 + np.sin(2 * np.pi * 3 * np.arange(20000) / 10000))  # no frame is 40 dB down
    estimate = reference + 1.0 * noise(20000, seed=1)
    clean, noisy = bands(reference), bands(estimate)
    values = []
    for m in range(30, clean.shape[1] + 1):
        x, y = clean[:, m - 30 : m], noisy[:, m - 30 : m]
        y = y * np.linalg.norm(x, axis=1, keepdims=True) / np.linalg.norm(y, axis=1, keepdims=True)
        y = np.minimum(y, x * (1 + 10 ** (15 / 20)))
        values += [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)]
    # The package joins frames again after dropping silent ones, which windows them once more: hence the tolerance.
    assert perceptual.stoi(reference, estimate, 10000) == pytest.approx(np.mean(values), abs=0.01)
