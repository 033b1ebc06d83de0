"""Measures without a reference: DNSMOS, loudness against FFmpeg, levels, faults, noise and room."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from winnow.errors import BadInput
from winnow.metrics import level, loudness, speech

RATE = 16000


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def sine(hertz, seconds=1.0, rate=RATE, phase=0.0):
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate + phase)


@pytest.mark.parametrize(
    ("rate", "layout", "channels"), [(48000, "stereo", 2), (44100, "mono", 1), (16000, "mono", 1), (48000, "5.1", 6)]
)
def test_loudness_and_true_peak_agree_with_ffmpeg(rate, layout, channels, monkeypatch):
    pytest.importorskip("scipy")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "bench"))
    ebur128 = pytest.importorskip("kit.ebur128", reason="bench/ is not part of this copy")
    samples = noise(channels, rate * 8) * 0.03
    samples[:, rate * 2 : rate * 4] *= 0.02  # below the relative gate
    samples[:, rate * 6 :] *= 3
    samples = np.stack([np.convolve(row, np.ones(5) / 2)[: len(row)] for row in samples]).astype(np.float32)
    integrated, peak = ebur128.measure(samples, rate, layout)
    assert loudness.integrated(samples, rate) == pytest.approx(integrated, abs=0.05)
    assert loudness.true_peak(samples, rate) == pytest.approx(peak, abs=0.2)


def test_loudness_of_the_standard_s_sine_and_of_silence():
    pytest.importorskip("scipy")
    tone = 10 ** (-23 / 20) * np.stack([sine(1000, 3, 48000)] * 2)
    assert loudness.integrated(tone, 48000) == pytest.approx(-23, abs=0.1)  # EBU Tech 3341, case 1
    assert loudness.integrated(0 * tone, 48000) is None
    assert loudness.integrated(tone[:, :1000], 48000) is None


@pytest.mark.parametrize("rate", [8000, 48000, 96000, 192000])
def test_true_peak_finds_what_lies_between_samples(rate):
    fade = np.minimum(1, np.minimum(np.arange(rate), np.arange(rate)[::-1]) / (rate / 10))
    tone = 0.7 * fade * sine(rate / 4, 1, rate, phase=np.pi / 4)  # every sample is 3 dB below the crest
    assert level.peak(tone) == pytest.approx(20 * np.log10(0.7) - 3.01, abs=0.01)
    assert loudness.true_peak(tone, rate) == pytest.approx(
        level.peak(tone) if rate == 192000 else 20 * np.log10(0.7), abs=0.1
    )


def test_levels_of_a_sine_and_of_silence():
    assert level.rms(sine(440)) == pytest.approx(-3.01, abs=0.01)
    assert level.peak(0.5 * sine(440)) == pytest.approx(-6.02, abs=0.01)
    assert level.rms(np.zeros((2, 100))) == level.peak(np.zeros(0)) == level.SILENCE


def test_clipping_counts_flat_tops_at_any_level():
    speech_like = noise(2, 3 * RATE) * 0.2
    assert level.clipping(speech_like) == 0
    assert level.clipping(sine(440)) == 0
    clipped = np.clip(np.repeat(speech_like, 8, axis=1), -0.3, 0.25)
    share = 100 * np.mean((clipped == 0.25) | (clipped == -0.3))
    assert level.clipping(clipped) == pytest.approx(0.75 * share, rel=0.1)  # runs of 8, the first two do not count
    quiet_first = np.concatenate([np.full((2, 99), 0.01), speech_like], axis=1)  # flat, but not at the extremes
    meter = level.Clipping(RATE)
    meter.feed({"estimate": quiet_first[:, :99]})
    meter.feed({"estimate": quiet_first[:, 99:]})
    assert meter.result()["clipping"] == level.clipping(quiet_first) == 0
    meter = level.Clipping(RATE)
    for begin in range(0, clipped.shape[1], 997):
        meter.feed({"estimate": clipped[:, begin : begin + 997]})
    assert meter.result()["clipping"] == pytest.approx(level.clipping(clipped))


def test_dropouts_are_short_holes_amid_sound():
    samples = 0.1 * noise(2, 4 * RATE)
    for begin, seconds in ((0, 0.3), (1.0, 0.02), (1.5, 0.003), (2.0, 0.1), (3.8, 0.2)):
        samples[:, int(begin * RATE) : int((begin + seconds) * RATE)] = 0
    samples[0, int(2.5 * RATE) : int(2.6 * RATE)] = 0  # one channel only
    assert level.dropouts(samples, RATE) == 2
    meter = level.Dropouts(RATE)
    for begin in range(0, 4 * RATE, 777):
        meter.feed({"estimate": samples[:, begin : begin + 777]})
    assert meter.result()["dropouts"] == 2


@pytest.mark.parametrize("cut", [3000, 7000, 20000])
def test_bandwidth_is_where_the_spectrum_ends(cut):
    spectrum = np.fft.rfft(noise(48000 * 2))
    spectrum[2 * cut :] = 0
    low = np.fft.irfft(spectrum) + 1e-5 * noise(48000 * 2, seed=1)
    assert level.bandwidth(low, 48000) == pytest.approx(cut, abs=110)
    assert level.bandwidth(np.zeros(9000), 48000) is None


def gamma_speech(length, seed=0):
    """Amplitudes as WADA-SNR assumes them, mean square 1."""
    generator = np.random.default_rng(seed)
    return generator.gamma(0.4, size=length) * generator.choice([-1, 1], length) / np.sqrt(0.4 * 1.4)


@pytest.mark.parametrize("decibels", [-5, 0, 10, 20, 40])
def test_snr_is_estimated_where_its_assumption_holds(decibels):
    signal = gamma_speech(20 * RATE) + 10 ** (-decibels / 20) * noise(20 * RATE, seed=1)
    assert speech.snr_estimate(0.1 * signal, RATE) == pytest.approx(decibels, abs=1)


def test_noise_floor_and_speech_share_of_bursts():
    gate = (np.arange(10 * RATE) // RATE) % 2 == 0  # one second on, one off
    signal = 0.1 * noise(10 * RATE) * gate + 0.001 * noise(10 * RATE, seed=1)
    assert speech.noise_floor(signal, RATE) == pytest.approx(-60, abs=1)
    assert speech.speech_share(signal, RATE) == pytest.approx(50, abs=1)
    assert speech.speech_share(0.1 * noise(10 * RATE), RATE) == 0
    assert speech.speech_share(np.zeros(RATE), RATE) == 0
    assert speech.noise_floor(np.zeros(10), RATE) is None


@pytest.mark.parametrize("seconds", [0.5, 1.0])
def test_reverberation_of_a_room_is_found_within_a_third(seconds):
    time = np.arange(20 * RATE)
    bursts = noise(20 * RATE) * (time % (2 * RATE) < RATE // 2)
    tail = np.arange(int(1.3 * seconds * RATE))
    room = noise(len(tail), seed=1) * 10 ** (-3 * tail / RATE / seconds)
    size = 1 << (len(bursts) + len(room)).bit_length()
    heard = np.fft.irfft(np.fft.rfft(bursts, size) * np.fft.rfft(room, size))[: len(bursts)]
    assert speech.reverberation(0.01 * heard, RATE) == pytest.approx(seconds, rel=0.33)
    assert speech.reverberation(noise(RATE), RATE) is None


def test_mel_spectrogram_of_a_tone_is_its_band():
    from winnow.metrics.dnsmos import mel_spectrogram

    picture = mel_spectrogram(sine(1000, 9))
    assert picture.shape == (900, 120)
    assert picture.max() == 1 and picture.min() == -1
    assert abs(int(np.argmax(picture[450])) - round(15 / 45.245 * 121 - 1)) <= 1  # 1 kHz is mel 15 of 45.2


def test_dnsmos_ranks_noise_and_follows_the_published_windows():
    pytest.importorskip("speechmos")
    from winnow.metrics.dnsmos import Dnsmos, dnsmos

    with pytest.raises(BadInput, match="48000"):
        dnsmos(noise(100), 48000)
    assert set(dnsmos(np.zeros(RATE)).values()) == {None}
    short = 0.1 * noise(6 * RATE) * np.abs(sine(2, 6))
    found = dnsmos(short)
    assert all(1 <= value <= 5 for value in found.values())
    # 6 s are doubled to 12 s: three windows, by the blocks too.
    meter = Dnsmos()
    for begin in range(0, len(short), 7001):
        meter.feed({"estimate": short[begin : begin + 7001]})
    assert meter.result() == pytest.approx(found, abs=1e-6)
    twelve = Dnsmos()
    twelve.feed({"estimate": np.concatenate([short, short])})
    assert twelve.result() == pytest.approx(found, abs=1e-6)
