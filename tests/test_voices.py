"""The voice vectors that need no network: the same voice is near, another is far, whatever the level, the rate and the text."""

import numpy as np
import pytest

from voicelike import voice
from winnow.models import catalog
from winnow.models.voices import JoinedVoice, SpectralVoice, default_encoder, network_encoder

PEOPLE = 8


@pytest.fixture(scope="module")
def vectors():
    """Of eight people, two texts each, `(8, 2, size)`."""
    encoder = SpectralVoice()
    return np.array([[encoder(voice(who, text=text), 16000) for text in (0, 1)] for who in range(PEOPLE)])


def test_vectors_are_of_unit_length(vectors):
    assert vectors.dtype == np.float32 and vectors.shape == (PEOPLE, 2, SpectralVoice().size)
    assert np.allclose(np.linalg.norm(vectors, axis=-1), 1, atol=1e-6)


def test_each_voice_is_nearest_to_itself_in_another_text(vectors):
    alike = vectors[:, 0] @ vectors[:, 1].T
    assert (alike.argmax(0) == np.arange(PEOPLE)).all() and (alike.argmax(1) == np.arange(PEOPLE)).all()
    others = alike[~np.eye(PEOPLE, dtype=bool)]
    assert np.diag(alike).mean() > others.mean() + 0.35


def test_there_is_always_an_encoder():
    encoder = default_encoder()
    vector = encoder(voice(0), 16000)
    assert vector.shape == (encoder.size,) and encoder.identity and 0 < encoder.alike < 1
    assert abs(np.linalg.norm(vector) - 1) < 1e-5


def test_without_a_shipped_network_there_are_still_vectors(monkeypatch):
    monkeypatch.setattr(catalog, "names", list)
    assert isinstance(default_encoder(), SpectralVoice)


def test_level_does_not_matter_and_the_caller_keeps_the_samples():
    x = voice(2)
    kept = x.copy()
    encoder = SpectralVoice()
    assert encoder(x, 16000) @ encoder(0.01 * x, 16000) > 0.9999
    assert np.array_equal(x, kept)


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_the_rate_does_not_matter(rate):
    from winnow.dsp.resample import resample

    x, encoder = voice(3), SpectralVoice()
    assert encoder(x, 16000) @ encoder(resample(x[None], 16000, rate)[0], rate) > 0.97


def test_pitch_is_found():
    from winnow.models.voices import _pitch

    for hertz in (80, 120, 200, 330):
        time = np.arange(512) / 16000
        frame = sum(np.sin(2 * np.pi * k * hertz * time) / k for k in range(1, 8))
        found, voiced = _pitch(np.abs(np.fft.rfft(frame[None] * np.hanning(512), 1024)) ** 2)
        assert voiced.all() and abs(found[0] / hertz - 1) < 0.03


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(100), np.zeros(48000), np.full(48000, np.nan), np.zeros(1)])
def test_nothing_to_hear_gives_zeros(samples):
    vector = SpectralVoice()(samples.astype(np.float32), 16000)
    assert vector.shape == (SpectralVoice().size,) and not vector.any()


def test_noise_and_a_constant_give_finite_vectors():
    noise = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    for samples in (noise, np.ones(16000, np.float32)):
        assert np.isfinite(SpectralVoice()(samples, 16000)).all()


class Told:
    """An encoder that always gives the same vector."""

    def __init__(self, identity, *vector):
        self.identity, self.size, self.alike, self.vector = identity, len(vector), 0.2, np.array(vector, np.float32)

    def __call__(self, samples, rate):
        return self.vector


def test_the_cosine_of_joined_vectors_is_the_weighted_mean_of_both():
    one = JoinedVoice(Told("a", 0.6, 0.8), Told("b", 1, 0, 0), 0.3)
    two = JoinedVoice(Told("a", 1, 0), Told("b", 0, 1, 0), 0.3)
    assert (one.size, one.identity, one.alike) == (5, "a+0.3*b", pytest.approx(0.2))
    first, second = one(np.ones(9), 16000), two(np.ones(9), 16000)
    assert np.linalg.norm(first) == pytest.approx(1) and first @ second == pytest.approx(0.7 * 0.6)
    assert np.allclose(one.part(first, "a"), [0.6, 0.8]) and np.allclose(one.part(first, "b"), [1, 0, 0])
    assert one.part(first, "c") is None


def test_what_one_of_two_does_not_hear_the_other_may():
    one = JoinedVoice(Told("a", 0, 0), Told("b", 1, 0), 0.3)(np.ones(9), 16000)
    assert np.allclose(one, [0, 0, 1, 0])
    assert not JoinedVoice(Told("a", 0, 0), Told("b", 0, 0), 0.3)(np.ones(9), 16000).any()


def test_the_shipped_encoder_is_a_network_and_one_that_needs_none():
    network, both, x = network_encoder(), default_encoder(), voice(1)
    assert both.identity == f"{network.identity}+0.3*spectral-1"
    assert np.allclose(both.part(both(x, 16000), network.identity), network(x, 16000), atol=1e-6)
    assert np.allclose(both.part(both(x, 16000), "spectral-1"), SpectralVoice()(x, 16000), atol=1e-6)
