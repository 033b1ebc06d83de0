"""Separation: exact, seamless and the same in any blocks; with an identity network and with the shipped one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import winnow
from winnow.dsp.spectrum import Analysis, Transform
from winnow.engine.downmix import Downmix
from winnow.engine.run import Separation, Settings, separate
from winnow.errors import BadAudio, BadOption
from winnow.models.frames import FramesRunner

HALVES = Transform.halves(512)


def noise(channels: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, (channels, length)).astype(np.float32)


def run(samples, rate, step, **options):
    cut = (samples[:, i : i + step] for i in range(0, samples.shape[1], step))
    parts = list(separate(cut, rate, samples.shape[0], Settings(**options)))
    assert all(part["speech"].shape == part["background"].shape for part in parts)
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}


@pytest.fixture
def identity(monkeypatch):
    """The network's mask becomes one everywhere: what goes in must come out."""
    monkeypatch.setattr(
        FramesRunner, "step", lambda self, spectrum, state: (np.ones(spectrum.shape, np.complex64), state)
    )


@settings(max_examples=25, deadline=None)
@given(length=st.integers(1, 40000), step=st.integers(1, 20000), channels=st.integers(1, 3))
def test_an_identity_network_returns_the_input(length, step, channels):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FramesRunner, "step", lambda self, s, state: (np.ones(s.shape, np.complex64), state))
        samples = noise(channels, length)
        speech = run(samples, 16000, max(step, length // 50), model="denoise-16k")["speech"]
    assert speech.shape == samples.shape
    assert np.abs(speech - samples).max() < 1e-5 * 0.1  # -100 dB


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 96000, 192000])
def test_through_other_rates_speech_stays_in_place(identity, rate):
    length = rate // 2 + 77
    time = np.arange(length) / rate
    tone = (np.sin(2 * np.pi * 1000 * time) * np.hanning(length))[None].astype(np.float32)
    speech = run(tone, rate, 5000)["speech"]
    assert speech.shape == tone.shape
    assert np.abs(speech - tone).max() < 1e-3  # resampled twice, in phase: 1 sample late would be 0.03 and more


@pytest.mark.parametrize("options", [{}, {"channels": "apart"}, {"strength": 0.5}, {"max_attenuation": 12.0}])
def test_parts_add_up_and_blocks_do_not_matter(options):
    samples = noise(2, 30000)
    whole, small = run(samples, 16000, 30000, **options), run(samples, 16000, 411, **options)
    assert np.abs(whole["speech"] + whole["background"] - samples).max() < 1e-6
    assert np.abs(whole["speech"] - small["speech"]).max() < 1e-4


def test_live_and_file_agree():
    samples = noise(1, 16000)
    with winnow.Stream("denoise-16k") as stream:
        heard = [stream.feed(samples[0, i : i + 256]) for i in range(0, 16000, 256)]
        heard.append(stream.flush())
    assert np.abs(np.concatenate(heard) - winnow.enhance((samples, 16000)).samples[0]).max() < 1e-4
    assert stream.latency == pytest.approx(0.032)
    assert heard[1].size == 256  # a hop goes in, a hop comes out


def test_noise_is_removed_and_silence_stays_silent():
    samples = noise(1, 64000)
    speech = winnow.enhance((samples, 16000)).samples
    assert np.square(speech[:, 16000:]).mean() < 0.1 * np.square(samples).mean()  # a recording without speech
    silent = winnow.enhance((np.zeros((2, 8000)), 16000)).samples
    assert np.abs(silent).max() < 1e-6


def test_strength_blends_and_attenuation_is_limited():
    samples = noise(1, 32000)
    full, half = run(samples, 16000, 16000), run(samples, 16000, 16000, strength=0.5)
    np.testing.assert_allclose(half["speech"], (full["speech"] + samples) / 2, atol=1e-5)
    assert np.array_equal(np.round(run(samples, 16000, 16000, strength=0.0)["background"], 6), np.zeros((1, 32000)))
    limited = run(samples, 16000, 16000, max_attenuation=6.0)["speech"]
    assert np.square(limited).mean() > 0.24 * np.square(samples).mean()


@pytest.mark.parametrize(("rate", "model"), [(8000, "denoise-48k"), (44100, "denoise-16k")])
def test_strength_blends_at_any_rate(rate, model):
    """Also what lies above the model's band: its gain is a mean of squares, which is not linear in the strength."""
    samples = noise(1, rate)
    full, half = run(samples, rate, 5000, model=model), run(samples, rate, 5000, model=model, strength=0.5)
    np.testing.assert_allclose(half["speech"], (full["speech"] + samples) / 2, atol=2e-6)


def test_what_tells_no_speech_apart_is_refused_where_speech_is_asked_for():
    two = (noise(2, 20000), 16000)
    for ask in (lambda: winnow.enhance(two, model="ica"), lambda: winnow.Stream("ica", rate=16000, channels=2)):
        with pytest.raises(BadOption, match="winnow separate"):
            ask()
    with pytest.raises(BadOption, match="rate="):
        winnow.Stream("neighbour")
    assert set(winnow.split(two, model="ica")) == {"source1", "source2"}


def test_channels_apart_holds_for_methods_too():
    """What repeats in one channel gives no mask to the other."""
    beat = np.tile(noise(1, 4000), 12)
    samples = np.concatenate([beat, noise(1, beat.shape[1], 1)])
    apart = run(samples, 16000, 16000, model="neighbour", channels="apart")["speech"]
    alone = run(samples[1:], 16000, 16000, model="neighbour")["speech"]
    np.testing.assert_allclose(apart[1:], alone, atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_strength_0_changes_nothing_at_any_rate(rate):
    samples = noise(2, rate)
    np.testing.assert_allclose(run(samples, rate, 5000, strength=0.0)["speech"], samples, atol=1e-6)
    np.testing.assert_allclose(run(samples, rate, 5000, max_attenuation=0.0)["speech"], samples, atol=2e-2)


@pytest.mark.parametrize(
    ("options", "level"), [({"max_attenuation": 12.0}, -12.0), ({"strength": 0.5}, -6.02), ({}, -60.0)]
)
def test_what_the_model_does_not_hear_is_lowered_no_further(options, level):
    """A tone of 15 kHz goes through a network for 16 kHz: it was lost altogether, whatever the limit."""
    tone = 0.1 * np.sin(2 * np.pi * 15000 * np.arange(48000) / 48000)[None].astype(np.float32)
    speech = run(tone, 48000, 7000, model="denoise-16k", **options)["speech"][:, 9600:-9600]
    found = 20 * np.log10(np.sqrt(2 * np.square(speech).mean()) / 0.1 + 1e-9)
    assert found == pytest.approx(level, abs=0.1) if level > -60 else found < level


def test_values_that_are_no_numbers_are_silence():
    samples = noise(1, 16000)
    broken = samples.copy()
    broken[0, 5000:5010] = [np.nan, np.inf, -np.inf] * 3 + [np.nan]
    assert np.isfinite(run(broken, 16000, 4000)["speech"]).all()


def test_the_stereo_image_stays():
    mono = noise(1, 32000)
    stereo = np.concatenate([mono, 0.25 * mono])
    speech = run(stereo, 16000, 16000)["speech"]
    np.testing.assert_allclose(speech[1], 0.25 * speech[0], atol=1e-6)


def test_a_channel_of_turned_polarity_does_not_cancel():
    mono = noise(1, 16000)
    mixed = Downmix(2).feed(Analysis(HALVES, 2).feed(np.concatenate([mono, -mono])))
    plain = Analysis(HALVES, 1).feed(mono)[0]
    np.testing.assert_allclose(mixed, plain, atol=1e-4)
    same = Downmix(2).feed(Analysis(HALVES, 2).feed(np.concatenate([mono, mono])))
    np.testing.assert_allclose(same, plain, atol=1e-4)


@pytest.mark.parametrize(
    "options", [{"strength": 2}, {"strength": float("nan")}, {"max_attenuation": -3}, {"channels": "both"}]
)
def test_wrong_options_are_refused(options):
    with pytest.raises(BadOption):
        Settings(**options)


def test_shapes_that_are_no_audio_are_refused():
    with pytest.raises(BadAudio):
        winnow.enhance((np.zeros((16000, 100)), 16000))
    with pytest.raises(BadAudio):
        winnow.enhance((np.zeros(100), 0))
    with pytest.raises(BadAudio):
        Separation(16000, 2).feed(np.zeros((1, 10), np.float32))
    with pytest.raises(BadAudio, match="give an Audio"):
        winnow.enhance(42)


@pytest.mark.parametrize("length", [0, 1, 48, 511, 512, 513])
def test_very_short_recordings(length):
    parts = winnow.split((noise(1, length), 16000)) if length else run(np.zeros((1, 1), np.float32), 16000, 1)
    shape = parts["speech"].samples.shape if length else parts["speech"].shape
    assert shape == (1, max(length, 1))


def test_the_callers_array_is_not_changed():
    samples = noise(1, 8000)
    kept = samples.copy()
    winnow.enhance((samples, 16000))
    np.testing.assert_array_equal(samples, kept)
