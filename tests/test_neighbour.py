"""The nearest-neighbour filter: agreement with librosa, sums, stereo, lengths, and that it separates what repeats."""

import numpy as np
import pytest

from winnow.dsp.spectrum import Transform
from winnow.dsp.stft import istft, stft
from winnow.engine.run import Separation, Settings
from winnow.metrics.sdr import si_sdr
from winnow.models import neighbour
from winnow.models.neighbour import Neighbour

RATE = 8000


def loop_and_voice(seconds=12.0, seed=0):
    """A bar of notes that comes again every second, and a tone of wandering pitch that never does, `(time,)` each."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    bar = np.zeros(RATE)
    for k, pitch in enumerate((220, 330, 440, 275)):
        part = slice(k * RATE // 4, (k + 1) * RATE // 4)
        bar[part] = np.sin(2 * np.pi * pitch * time[: RATE // 4]) * np.exp(-6 * time[: RATE // 4])
    knots = np.arange(0, seconds + 0.4, 0.4)
    pitch = 500 + 300 * np.interp(time, knots, rng.uniform(-1, 1, len(knots)))
    voice = np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * np.clip(np.sin(2 * np.pi * 0.3 * time), 0, 1)
    return (0.3 * np.tile(bar, int(seconds) + 1)[: len(time)]).astype(np.float32), (0.2 * voice).astype(np.float32)


@pytest.mark.parametrize(("window", "hop"), [(2048, 512), (768, 192), (512, 256)])
@pytest.mark.parametrize("length", [1, 511, 4000, 4321])
def test_the_transform_and_its_inverse_give_the_signal_back(window, hop, length):
    x = np.random.default_rng(length).standard_normal((2, length)).astype(np.float32)
    transform = Transform(window, hop, window, "hann")
    spectra = stft(x, transform)
    assert spectra.shape == (2, (length + window - hop) // hop + 1, window // 2 + 1)
    back = istft(spectra, transform, length)
    assert back.shape == x.shape and np.abs(back - x).max() < 1e-5


def librosa_parts(x, rate):
    """Mask, and spectra of voice and background, as the example of librosa's gallery makes them."""
    librosa = pytest.importorskip("librosa", reason="the filter is compared with librosa's")
    spectra = librosa.stft(x, n_fft=2048, hop_length=512, pad_mode="constant")
    size = np.abs(spectra).astype(np.float64)
    width = int(librosa.time_to_frames(2, sr=rate, hop_length=512))
    filtered = librosa.decompose.nn_filter(size, aggregate=np.median, metric="cosine", width=width)
    repeating = np.minimum(size, filtered)
    voice = librosa.util.softmask(size - repeating, 10 * repeating, power=2)
    background = librosa.util.softmask(repeating, 2 * (size - repeating), power=2)
    return size.T, filtered.T, voice.T, background.T, librosa.istft(spectra * voice, hop_length=512, length=len(x))


def test_agrees_with_librosa():
    rate = 22050
    rng = np.random.default_rng(3)
    x = rng.standard_normal(14 * rate) * (1 + np.sin(np.arange(14 * rate) / 3000)) * 0.1
    size, filtered, voice, background, speech = librosa_parts(x.astype(np.float32), rate)
    small = size.astype(np.float32)
    ours = neighbour.neighbour_filter(small, 86)
    assert np.abs(ours - filtered).max() < 1e-5 * size.max()
    repeating = np.minimum(small, ours)
    assert np.abs(neighbour.voice_mask(small, repeating) - voice).max() < 1e-5
    assert np.abs(neighbour.background_mask(small, repeating) - background).max() < 1e-5
    whole = Neighbour()(x[None].astype(np.float32), rate)
    inside = slice(2048, -2048)  # at the ends librosa makes up for frames that are not there
    assert np.abs(whole[0, 0] - speech)[inside].max() < 1e-5 * np.abs(x).max()


def test_the_median_is_the_median():
    rows = np.random.default_rng(0).standard_normal((9, 50)).astype(np.float32)
    for count in (1, 2, 5, 8, 9):
        assert np.array_equal(neighbour.median(rows[:count].copy()), np.median(rows[:count], axis=0))


def test_what_repeats_is_background_and_what_does_not_is_speech():
    music, voice = loop_and_voice()
    speech, background = Neighbour()((music + voice)[None], RATE)[:, 0]
    assert si_sdr(voice, speech) > si_sdr(voice, music + voice) + 6
    assert si_sdr(music, background) > si_sdr(music, music + voice) + 4


@pytest.mark.parametrize("samples", [1, 100, 2000, 9000, 17000])
def test_both_stems_add_up_to_the_mix_at_any_length(samples):
    mix = np.random.default_rng(1).standard_normal((2, samples)).astype(np.float32)
    given = mix.copy()
    stems = Neighbour()(mix, RATE)
    assert stems.shape == (2, 2, samples) and stems.dtype == np.float32
    assert np.abs(stems.sum(axis=0) - mix).max() < 1e-6 and np.array_equal(mix, given)


def test_silence_stays_silence():
    assert not Neighbour()(np.zeros((1, 20000), np.float32), RATE).any()


def test_stereo_stays_stereo_also_out_of_phase():
    music, voice = loop_and_voice(8.0)
    mix = np.stack([music + voice, -(music + voice)])
    stems = Neighbour()(mix, RATE)
    assert np.allclose(stems[:, 1], -stems[:, 0], atol=1e-6)
    alone = Neighbour()(mix[:1], RATE)
    assert np.abs(stems[:, 0] - alone[:, 0]).max() < 1e-4


@pytest.mark.parametrize(
    ("rate", "hop"), [(8000, 192), (16000, 384), (22050, 512), (44100, 1024), (48000, 1088), (100, 64)]
)
def test_the_hop_is_scaled_with_the_rate(rate, hop):
    assert neighbour.hop_samples(rate) == hop


def test_progress_within_a_window():
    """Every few seconds of sound, up to all of it, also where it is heard through the engine."""
    mix = loop_and_voice(30)[0][None]
    separator, shares = Neighbour(), []
    separator.tell = shares.append
    separator(mix, RATE)
    assert shares == sorted(shares) and shares[0] < 0.25 and shares[-1] == 1
    told = []
    separation = Separation(RATE, 1, Settings(model="neighbour"))
    separation.watch(told.append)
    separation.feed(mix)
    separation.flush()
    assert told == pytest.approx([30 * share for share in shares])
