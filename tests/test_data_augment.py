"""Effects: each does what it says to the decibel, keeps its input, and gives the same samples for the same record."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.data.augment import EFFECTS, apply, codecs, draw, speed_span
from winnow.data.augment.damage import losses
from winnow.errors import BadInput

RATE = 16000


def tone(frequency, rate=RATE, seconds=1.0):
    return (0.25 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(count=RATE, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def decibels(this, that):
    return 10 * np.log10(np.mean(np.square(this, dtype=float)) / np.mean(np.square(that, dtype=float)))


def gain_at(frequency, effect):
    """What an effect does to a steady tone, dB, edges left out."""
    dry = tone(frequency)
    wet = apply(dry, RATE, effect)
    middle = slice(4000, 12000)
    return decibels(wet[middle], dry[middle])


def lag(this, that):
    size = 1 << (2 * len(that)).bit_length()
    match = np.fft.irfft(np.fft.rfft(this, size) * np.conj(np.fft.rfft(that, size)), size)
    place = int(np.argmax(match))
    return place if place < size // 2 else place - size


@pytest.mark.parametrize("name", EFFECTS)
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**31), count=st.sampled_from([0, 1, 3, 257, 4000]), rate=st.sampled_from([8000, 16000, 44100])
)
def test_every_effect_as_drawn(name, seed, count, rate):
    if name == "codec" and not codecs():
        pytest.skip("this build of PyAV has none of the encoders")
    effect = json.loads(json.dumps(draw(np.random.default_rng(seed), rate, name)))
    samples = noise(count, seed)
    before = samples.copy()
    once, again = apply(samples, rate, effect), apply(samples, rate, effect)
    assert once.dtype == np.float32 and once.ndim == 1 and np.isfinite(once).all()
    assert once.size == (round(count / effect["factor"]) if name == "speed" else count)
    assert np.array_equal(once, again) and np.array_equal(samples, before)
    assert not np.shares_memory(once, samples)


def test_equalise_meets_its_points():
    gains = [-6.0, 3.0, 0.0, 9.0, -12.0, 2.0]
    effect = {"name": "equalise", "gains": gains, "low": 100.0, "high": 6400.0}
    for frequency, wanted in zip(np.geomspace(100, 6400, 6), gains, strict=True):
        assert gain_at(frequency, effect) == pytest.approx(wanted, abs=0.1)


def test_equalise_and_band_limit_delay_nothing():
    click = np.zeros(4000, np.float32)
    click[2000] = 1
    for effect in ({"name": "equalise", "gains": [-6, 6, -6]}, {"name": "band_limit", "high": 3000.0}):
        out = apply(click, RATE, effect)
        assert np.argmax(np.abs(out)) == 2000
        np.testing.assert_allclose(out[1990:2000], out[2010:2000:-1], atol=1e-6)


def test_band_limit_is_butterworth():
    effect = {"name": "band_limit", "low": 300.0, "high": 3400.0, "order": 4}
    assert gain_at(3400, effect) == pytest.approx(-3.01, abs=0.1)
    assert gain_at(300, effect) == pytest.approx(-3.01, abs=0.1)
    assert gain_at(6800, effect) == pytest.approx(-10 * np.log10(1 + 2**8), abs=0.1)
    assert gain_at(1000, effect) == pytest.approx(0, abs=0.1)


def test_resample_keeps_what_is_below_and_removes_what_is_above():
    effect = {"name": "resample", "lower": 8000}
    for frequency in (100, 1000, 3500):
        assert gain_at(frequency, effect) == pytest.approx(0, abs=0.1)
    for frequency in (4300, 5000, 7900):
        assert gain_at(frequency, effect) < -60
    assert lag(apply(noise(), RATE, effect), noise()) == 0


def test_level_and_dc():
    assert gain_at(440, {"name": "level", "gain": -7.5}) == pytest.approx(-7.5, abs=1e-4)
    out = apply(tone(440), RATE, {"name": "dc", "offset": 0.02})
    assert out.mean() == pytest.approx(0.02, abs=1e-4)


@pytest.mark.parametrize("factor", [0.8, 0.93, 1.1, 1.25])
def test_speed_shifts_a_tone(factor):
    out = apply(tone(1000, seconds=2), RATE, {"name": "speed", "factor": factor})
    assert out.size == round(2 * RATE / factor)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(out.size), 1 << 18))
    assert np.argmax(spectrum) * RATE / (1 << 18) == pytest.approx(1000 * factor, abs=0.5)


@given(length=st.integers(1, 100_000), factor=st.floats(0.5, 2))
def test_speed_span_suffices(length, factor):
    assert length <= round(speed_span(length, factor) / factor) <= length + 2


def test_clip_limits_to_the_share():
    samples = noise()
    hard = apply(samples, RATE, {"name": "clip", "keep": 0.5})
    limit = 0.5 * np.abs(samples).max()
    assert np.abs(hard).max() == pytest.approx(limit, rel=1e-6)
    inside = np.abs(samples) < limit
    assert np.array_equal(hard[inside], samples[inside])
    soft = apply(samples, RATE, {"name": "clip", "keep": 0.5, "kind": "soft"})
    assert np.abs(soft).max() <= limit * (1 + 1e-6)
    small = np.abs(samples) < 0.02 * limit
    np.testing.assert_allclose(soft[small], samples[small], rtol=1e-3)


@pytest.mark.parametrize("bits", [2, 8, 12, 16])
def test_quantise_is_within_half_a_step(bits):
    samples = noise()
    steps = 2 ** (bits - 1) - 1
    even = apply(samples, RATE, {"name": "quantise", "bits": bits})
    assert np.abs(even - samples).max() <= 0.5 / steps + 1e-6
    assert np.unique(even).size <= 2**bits
    bent = apply(samples, RATE, {"name": "quantise", "bits": bits, "law": "mu"})
    # Steps of the mu-law grow with the level: relative error log(256) / 2 per step, and one small step at the least.
    assert np.all(np.abs(bent - samples) <= (np.abs(samples) + 1 / 255) * np.expm1(np.log(256) / 2 / steps) + 1e-6)


def test_packet_loss_has_the_rate_and_bursts_of_its_chain():
    enter, leave = 0.05, 0.4
    lost = losses(200_000, enter, leave, 0.0, 1.0, seed=3)
    assert lost.mean() == pytest.approx(enter / (enter + leave), abs=0.005)
    edges = np.diff(np.concatenate([[0], lost.astype(int), [0]]))
    bursts = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    assert bursts.mean() == pytest.approx(1 / leave, rel=0.03)
    assert losses(200_000, enter, leave, 0.01, 0.7, seed=4).mean() == pytest.approx(
        (leave * 0.01 + enter * 0.7) / (enter + leave), abs=0.005
    )


def test_packet_loss_fills_as_told():
    samples = tone(440)
    effect = {"name": "packet_loss", "enter": 0.1, "leave": 0.5, "seed": 1, "packet": 0.02}
    lost = losses(50, 0.1, 0.5, 0.0, 1.0, 1)
    assert lost.any() and not lost[0]
    zero = apply(samples, RATE, effect).reshape(50, 320)
    assert not zero[lost].any() and np.array_equal(zero[~lost], samples.reshape(50, 320)[~lost])
    first = int(np.argmax(lost))
    held = apply(samples, RATE, {**effect, "fill": "repeat"}).reshape(50, 320)
    np.testing.assert_array_equal(held[first], samples.reshape(50, 320)[first - 1] * np.float32(0.5))


def voice(rate, seconds=2.0):
    """Syllables of a pulse train whose pitch wanders, through three formants: codecs of telephones model nothing else well."""
    time = np.arange(round(seconds * rate)) / rate
    steps = np.random.default_rng(7).uniform(90, 210, round(10 * seconds) + 2)
    pitch = np.interp(time * 10, np.arange(steps.size), steps)
    turns = np.cumsum(pitch) / rate
    total = np.zeros(time.size)
    for k in range(1, 30):
        formants = sum(1 / (1 + ((k * pitch - peak) / 100) ** 2) for peak in (500, 1500, 2500))
        total += (k * pitch < 3600) * (formants + 0.02) * np.cos(2 * np.pi * k * turns)
    return (0.1 * total * (0.5 - 0.5 * np.cos(2 * np.pi * 3 * time))).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("name", ["opus", "aac", "mp3", "vorbis", "gsm", "amr-nb"])
def test_codec_lies_on_its_input(name, rate):
    if name not in codecs():
        pytest.skip(f"this build of PyAV has no encoder for {name}")
    samples = voice(rate)
    out = apply(samples, rate, {"name": "codec", "codec": name})
    inside = 8000 if name in ("gsm", "amr-nb") else rate
    assert out.size == samples.size
    assert abs(lag(out, samples)) <= max(1, round(rate / inside))
    assert not np.array_equal(out, samples)
    assert decibels(out, samples) == pytest.approx(0, abs=2)


def test_codec_refuses_what_it_cannot():
    with pytest.raises(BadInput, match="no codec named 'ogg'"):
        apply(noise(), RATE, {"name": "codec", "codec": "ogg"})
    missing = {"opus", "aac", "mp3", "vorbis", "gsm", "amr-nb"} - set(codecs())
    for name in missing:
        with pytest.raises(BadInput, match=f"no encoder for {name}"):
            apply(noise(), RATE, {"name": "codec", "codec": name})


def test_codec_refuses_a_bit_rate_that_the_encoder_refuses():
    if "opus" not in codecs():
        pytest.skip("this build of PyAV has no encoder for opus")
    with pytest.raises(BadInput, match="6000 to 64000"):
        apply(noise(), RATE, {"name": "codec", "codec": "opus", "bit_rate": 100})


@pytest.mark.parametrize("name", ["wind", "hum"])
def test_what_is_added_has_its_ratio(name):
    samples = noise()
    out = apply(samples, RATE, {"name": name, "snr": 7.0, "seed": 5})
    assert decibels(samples, out - samples) == pytest.approx(7, abs=0.01)
    other = apply(samples, RATE, {"name": name, "snr": 7.0, "seed": 6})
    assert not np.array_equal(out, other)
    silence = np.zeros(RATE, np.float32)
    assert not apply(silence, RATE, {"name": name, "snr": 7.0, "seed": 5}).any()


def test_wind_is_low_and_hum_has_its_harmonics():
    samples = noise(4 * RATE)
    wind = apply(samples, RATE, {"name": "wind", "snr": 0.0, "seed": 1, "cutoff": 100.0, "gusts": 0.0}) - samples
    power = np.abs(np.fft.rfft(wind)) ** 2
    frequency = np.fft.rfftfreq(wind.size, 1 / RATE)
    assert power[frequency < 200].sum() > 0.9 * power.sum()
    octave = [power[(frequency > f) & (frequency < 2 * f)].sum() for f in (400, 800)]
    assert 10 * np.log10(octave[0] / octave[1]) == pytest.approx(9, abs=1)  # -12 dB a bin, twice the bins
    hum = apply(samples, RATE, {"name": "hum", "snr": 0.0, "seed": 1, "harmonics": 5}) - samples
    peaks = np.abs(np.fft.rfft(hum * np.hanning(hum.size)))
    high = np.flatnonzero(peaks > 1e-3 * peaks.max()) * RATE / hum.size
    assert {round(f / 50) for f in high} == {1, 2, 3, 4, 5} and np.all(np.abs(high / 50 - np.round(high / 50)) < 0.02)


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        ({"name": "equalize", "gains": [0, 0]}, "Did you mean equalise.*There are equalise, level"),
        ({}, "no effect named None"),
        ({"name": "clip"}, "missing a required argument: 'keep'.*It takes keep, kind"),
        ({"name": "clip", "keep": 0.5, "hardness": 1}, "unexpected keyword argument 'hardness'"),
        ({"name": "clip", "keep": 0}, "keep is above 0"),
        ({"name": "quantise", "bits": 40}, "bits is a whole number"),
        ({"name": "resample", "lower": 16000}, "lower is a rate above 0 and below 16000 Hz"),
        ({"name": "speed", "factor": 9}, "factor is from 0.25 to 4"),
        ({"name": "equalise", "gains": [1]}, "gains is two numbers"),
        ({"name": "packet_loss", "enter": 2, "leave": 1, "seed": 0}, "enter is a chance"),
    ],
)
def test_bad_records_say_what_is_wrong(effect, words):
    with pytest.raises(BadInput, match=words) as error:
        apply(noise(100), RATE, effect)
    assert "\n" not in str(error.value)


def test_linear_effects_go_on_the_target_too():
    assert {name for name, effect in EFFECTS.items() if effect.linear} == {
        "equalise", "level", "speed", "resample", "band_limit",
    }  # fmt: skip
