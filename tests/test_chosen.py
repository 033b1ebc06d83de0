"""Wanted voices and the rest: sums, several people, any rate and channels, strength, gates, windows without seams."""

from __future__ import annotations

import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from chosenlike import HIGH, LOW, RATE, Bundle, Everything, Half, Pitch, stand_in
from winnow.engine.bodies import WindowBody, upper_gains
from winnow.engine.chosen import Chosen, ChosenSettings, Person, encoder_for, find_bundle, told_of
from winnow.engine.run import Separation, Settings
from winnow.errors import BadOption, UnknownModel
from winnow.models.manifest import Cue
from winnow.models.voices import JoinedVoice, SpectralVoice

ALICE, BOB = Person("alice", HIGH), Person("bob", LOW)


@pytest.fixture(autouse=True)
def halves(monkeypatch):
    stand_in(monkeypatch, encoder=Pitch())


def noise(seconds, rate=RATE, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((channels, round(seconds * rate)))).astype(np.float32)


def tone(hertz, seconds, level=0.1, rate=RATE):
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate))[None].astype(np.float32)


def run(samples, rate=RATE, step=5000, persons=(ALICE,), **options):
    settings = ChosenSettings("halves", persons=persons, **({"sure": 0.0} | options))
    chosen = Chosen(rate, len(samples), settings)
    parts = [chosen.feed(samples[:, i : i + step]) for i in range(0, samples.shape[1], step)]
    parts.append(chosen.flush())
    stems = {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
    return stems, chosen.presence


def level(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (11025, 2), (16000, 6), (44100, 2), (192000, 1), (48000, 8)])
def test_voice_and_rest_are_the_recording_at_any_rate(rate, channels):
    recording = noise(1.7, rate, channels)
    stems, _ = run(recording, rate)
    assert list(stems) == ["alice", "rest"]
    np.testing.assert_allclose(stems["alice"] + stems["rest"], recording, atol=1e-6)


@pytest.mark.parametrize("length", [0, 1, 100, 12000, 16001])
def test_lengths_are_kept(length):
    stems, presence = run(noise(1, 16001)[:, :length], sure=0.5)
    assert {part.shape for part in stems.values()} == {(1, length)}
    assert len(presence["alice"].values) == -(-length // 1600)


def test_the_voice_is_what_the_cue_says():
    voice, rest = tone(1000, 4), tone(200, 4)
    stems, _ = run(voice + rest)
    assert level(stems["alice"] - voice) < level(voice) - 40
    stems, _ = run(voice + rest, persons=(BOB,))
    assert level(stems["bob"] - rest) < level(rest) - 40


def test_several_people_each_by_themselves():
    high, low = tone(1000, 4), tone(200, 4)
    stems, _ = run(high + low, persons=(ALICE, BOB))
    assert list(stems) == ["alice", "bob", "rest"]
    assert level(stems["alice"] - high) < -60 and level(stems["bob"] - low) < -60
    np.testing.assert_allclose(sum(stems.values()), high + low, atol=1e-6)
    assert level(stems["rest"]) < -60


def test_what_two_people_claim_is_in_the_rest_with_the_opposite_sign(monkeypatch):
    stand_in(monkeypatch, Everything, encoder=Pitch())
    recording = tone(300, 2)
    stems, _ = run(recording, persons=(ALICE, BOB))
    np.testing.assert_allclose(stems["rest"], -0.8 * recording, atol=1e-5)


def test_blocks_do_not_matter():
    recording = noise(7, channels=2) + tone(1500, 7)
    one, _ = run(recording, step=recording.shape[1], sure=0.5)
    many, _ = run(recording, step=333, sure=0.5)
    for name, part in one.items():
        np.testing.assert_allclose(part, many[name], atol=1e-6)


def test_strength_and_limit_of_extracting_and_of_removing():
    high, low = tone(1000, 3), tone(200, 3)
    recording, middle = high + low, slice(RATE, 2 * RATE)
    half, _ = run(recording, strength=0.5)
    np.testing.assert_allclose(half["alice"][:, middle], (high + 0.5 * low)[:, middle], atol=2e-3)
    limited, _ = run(recording, max_attenuation=20.0, remove=True)
    np.testing.assert_allclose(limited["rest"][:, middle], (low + 0.1 * high)[:, middle], atol=2e-3)
    nothing, _ = run(recording, strength=0.0, remove=True)
    np.testing.assert_allclose(nothing["rest"], recording, atol=1e-6)
    everything, _ = run(recording, strength=0.0)
    np.testing.assert_allclose(everything["alice"], recording, atol=1e-6)
    for stems in (half, limited, nothing, everything):
        np.testing.assert_allclose(sum(stems.values()), recording, atol=1e-6)


def test_sure_keeps_only_where_the_voice_is(monkeypatch):
    """The network gives 0.9 of everything; what sounds low is not the wanted voice, and goes to the rest."""
    stand_in(monkeypatch, Everything, encoder=Pitch())
    recording = np.concatenate([tone(1000, 9), tone(200, 9), tone(1000, 9)], axis=1)
    stems, presence = run(recording, sure=0.5)
    voice, size = stems["alice"][0], RATE
    assert level(voice[11 * size : 16 * size]) < -100
    np.testing.assert_allclose(voice[: 7 * size], 0.9 * recording[0, : 7 * size], atol=1e-5)
    np.testing.assert_allclose(voice[-7 * size :], 0.9 * recording[0, -7 * size :], atol=1e-5)
    np.testing.assert_allclose(stems["alice"] + stems["rest"], recording, atol=1e-6)
    gain = np.abs(voice).reshape(-1, 16).max(1) / np.abs(recording[0]).reshape(-1, 16).max(1)
    assert np.abs(np.diff(gain)).max() < 0.05  # over 1 ms: no click
    assert presence["alice"].share == pytest.approx(2 / 3, abs=0.1)
    assert len(presence["alice"].stretches()) == 2


def test_of_itself_it_counts_where_it_is_found(monkeypatch):
    stand_in(monkeypatch, Everything, encoder=Pitch())
    recording = np.concatenate([tone(1000, 6), tone(200, 6)], axis=1)
    free, sure = run(recording, sure=None)[0]["alice"], run(recording, sure=0.3)[0]["alice"]
    size = RATE
    np.testing.assert_array_equal(free[:, : 4 * size], sure[:, : 4 * size])
    assert level(sure[:, -4 * size :]) < -100
    assert level(free[:, -4 * size :]) == pytest.approx(level(0.9 * recording[:, -4 * size :]) - 15, abs=0.1)
    assert ChosenSettings("halves", persons=(ALICE,), mask="org").gate(False)[0] == 0  # as published


def test_a_voice_that_is_not_there_is_not_found():
    _, presence = run(tone(200, 8), persons=(ALICE,))
    assert not presence["alice"].found and presence["alice"].most == 0
    _, presence = run(tone(1000, 8))
    assert presence["alice"].share == 1


def test_steady_sound_is_steady_over_the_seams():
    """Windows of 1 s that share a quarter: no level of the voice may sway with them, in noise nor in a tone."""
    for recording in (noise(10), tone(1000, 10), noise(10, seed=1) + tone(700, 10)):
        voice = run(recording)[0]["alice"][0]
        levels = np.array([level(part) for part in np.split(voice, 100)])
        own = np.array([level(part) for part in np.split(run(recording, step=10**6)[0]["alice"][0], 100)])
        beside = levels - np.array([level(part) for part in np.split(recording[0], 100)])
        seams = (np.arange(100) * 0.1) % 0.75 < 0.25
        assert abs(beside[seams].mean() - beside[~seams].mean()) < 0.1
        assert beside[5:-5].std() < 0.3
        np.testing.assert_allclose(levels, own, atol=1e-3)


def test_windows_that_disagree_are_cross_faded():
    """One window gives all of it, the next half, in turns: the level goes up and down along what they share, without a step."""

    class Turns(Half):
        gain = 0.5

        def __call__(self, mix, rate):
            self.gain = 1.5 - self.gain
            return self.gain * mix[None]

    steady = np.full((1, 4 * RATE), 0.5, np.float32)
    body = WindowBody(Turns(HIGH), 1, RATE, True, 0.0, network=True)
    found = np.concatenate([body.feed(steady).stems, body.flush().stems], axis=2)[0, 0] / 0.5
    assert found.min() == pytest.approx(0.5, abs=1e-3) and found.max() == pytest.approx(1, abs=1e-3)
    assert np.abs(np.diff(found)).max() < 1.1 * 0.5 / (0.25 * RATE)


def test_a_short_last_window_begins_earlier():
    lengths = []

    class Counts(Half):
        def __call__(self, mix, rate):
            lengths.append(mix.shape[1])
            return super().__call__(mix, rate)

    recording = noise(2.6)
    body = WindowBody(Counts(HIGH), 1, RATE, True, 0.0, network=True)
    found = np.concatenate([body.feed(recording).stems, body.flush().stems], axis=2)
    assert found.shape == (1, *recording.shape)
    assert set(lengths) == {RATE}


def test_the_band_above_follows_the_upper_bins_of_the_voice():
    """At 48 kHz: a hiss from 6 to 20 kHz belongs to a voice above 500 hertz, and not to one below."""
    rng = np.random.default_rng(2)
    spectrum = np.fft.rfft(rng.standard_normal((1, 3 * 48000)))
    hertz = np.fft.rfftfreq(3 * 48000, 1 / 48000)
    hiss = np.fft.irfft(spectrum * ((hertz > 6000) & (hertz < 20000))).astype(np.float32) * 0.1
    high, _ = run(hiss, 48000)
    assert level(high["alice"] - hiss) < level(hiss) - 25
    low, _ = run(hiss, 48000, persons=(BOB,))
    assert level(low["bob"]) < level(hiss) - 40


def test_upper_gains_are_the_share_of_the_upper_bins():
    mix = noise(1, channels=2)
    np.testing.assert_allclose(upper_gains(0.5 * mix, mix, RATE, True), 0.5, atol=1e-3)
    uneven = mix * np.array([[0.25], [1.0]], np.float32)
    gains = upper_gains(uneven, mix, RATE, False)
    np.testing.assert_allclose(gains, np.broadcast_to([[0.25], [1.0]], gains.shape), atol=1e-3)
    assert upper_gains(0 * mix, 0 * mix, RATE, True).max() == 0
    assert upper_gains(mix[:, :1], mix[:, :1], RATE, True).shape == (1, 1)


def test_channels_apart_and_linked():
    recording = np.concatenate([tone(1000, 2), tone(200, 2)])
    for channels in ("linked", "apart"):
        stems, _ = run(recording, channels=channels)
        assert level(stems["alice"][1]) < -60 and level(stems["alice"][0] - recording[0]) < -60


def test_values_that_are_no_numbers_are_silent():
    recording = noise(2)
    recording[0, 5000:5010] = np.nan
    stems, _ = run(recording)
    assert all(np.isfinite(part).all() for part in stems.values())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sure": 1.5}, "between 0 and 1"),
        ({"persons": ()}, "one voice at least"),
        ({"persons": (ALICE, ALICE)}, "a name of its own"),
        ({"persons": (Person("rest", HIGH),)}, "rest"),
        ({"strength": 2}, "strength"),
    ],
)
def test_what_cannot_be_asked_for(options, words):
    with pytest.raises(BadOption, match=words):
        ChosenSettings("halves", **({"persons": (ALICE,)} | options))


def test_settings_travel_to_other_processes():
    settings = ChosenSettings("halves", persons=(ALICE, BOB), sure=0.4)
    assert pickle.loads(pickle.dumps(settings)) == settings and hash(settings)


def test_only_bundles_that_can_be_told_a_voice_are_taken():
    assert find_bundle("halves").manifest.name == "halves"
    for name in ("plain", "neighbour", "auto"):
        with pytest.raises(BadOption, match=r"those that can: halves, talkers-16k"):
            find_bundle(name)
    with pytest.raises(UnknownModel):
        find_bundle("bogus")


def test_vectors_are_of_the_encoder_that_the_network_was_trained_with(monkeypatch):
    assert encoder_for(Bundle(source="pitch")).identity == "pitch"
    assert encoder_for(Bundle(size=35, source="spectral-1")).identity == "spectral-1"
    network = JoinedVoice(Pitch(), SpectralVoice(), 0.3)
    monkeypatch.setattr("winnow.engine.chosen.default_encoder", lambda: network)
    assert encoder_for(Bundle(source="pitch")).identity == "pitch"
    assert encoder_for(Bundle(size=37)).identity == "pitch+0.3*spectral-1"
    with pytest.raises(BadOption, match="3 numbers"):
        encoder_for(Bundle(size=3))
    with pytest.raises(BadOption, match="of the encoder ge2e-1; give that one with --encoder"):
        encoder_for(Bundle(source="ge2e-1"))
    with pytest.raises(UnknownModel):
        encoder_for(Bundle(), "bogus")


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_network_that_hears_a_clip_is_given_its_beginning(rate):
    manifest = SimpleNamespace(cues=(Cue("voice", size=2), Cue("clip", size=4000)), rate=rate)
    at = np.arange(RATE) / RATE
    clip = np.sin(2 * np.pi * 300 * at).astype(np.float32)

    def told(samples):
        return told_of(Person("alice", (1.0, 0.0), tuple(samples.tolist())), manifest)

    long, short, none = told(clip), told(clip[: RATE // 100]), told(clip[:0])
    assert long["voice"].tolist() == [1, 0]
    expected = np.sin(2 * np.pi * 300 * np.arange(4000) / rate)
    np.testing.assert_allclose(long["clip"][200:], expected[200:], atol=0.02)
    period = rate // 100
    np.testing.assert_allclose(short["clip"][period:], short["clip"][:-period], atol=1e-6)
    assert short["clip"].std() > 0.5 and none["clip"].shape == (4000,) and not none["clip"].any()
    plain = SimpleNamespace(cues=(Cue("voice", size=2),), rate=rate)
    assert list(told_of(Person("alice", (1.0, 0.0)), plain)) == ["voice"]


def test_masks_belong_to_voicefilter():
    settings = ChosenSettings("halves", persons=(ALICE,), mask="org")
    with pytest.raises(BadOption, match="leave out --mask"):
        settings.check()
    replace(settings, mask=None).check()


def test_a_network_that_needs_a_voice_is_told_where_to_get_one():
    with pytest.raises(BadOption, match="winnow extract"):
        Separation(RATE, 1, Settings("halves"))
    with pytest.raises(BadOption, match="no cue named face"):
        Separation(RATE, 1, Settings("halves", cues=(("face", (1.0,)), ("voice", HIGH))))


def test_memory_does_not_grow_with_the_recording():
    chosen = Chosen(RATE, 1, ChosenSettings("halves", persons=(ALICE,), sure=0.5))
    sizes = []
    for _ in range(40):
        chosen.feed(noise(1) + tone(1000, 1))
        (voice,) = chosen._voices
        sizes.append(voice._waiting[0].shape[1] + sum(frame.shape[1] for frame in voice.follower._frames))
    assert max(sizes[20:]) <= max(sizes[:20]) < 20 * RATE


def test_a_network_has_no_seams(tmp_path, monkeypatch):
    """An untrained band-split network, windows of 0.5 s: steady noise stays as steady as within the windows."""
    pytest.importorskip("torch", reason="networks are made with torch: the extra train")
    pytest.importorskip("onnx", reason="graphs are written with onnx: the extra train")
    from test_complex import bundle

    monkeypatch.undo()
    made = bundle(tmp_path / "tiny", voice=2)
    recording = noise(12)
    chosen = Chosen(RATE, 1, ChosenSettings(str(made.path), persons=(ALICE,)), Pitch())
    voice = np.concatenate([chosen.feed(recording)["alice"], chosen.flush()["alice"]], axis=1)[0]
    step = 0.5 * (1 - made.manifest.settings.share)
    place = (np.arange(len(voice)) / RATE) % step
    inside, shared = (voice[(place > 0.17) == there] for there in (True, False))
    assert abs(level(inside) - level(shared)) < 0.5
    levels = np.array([level(part) for part in np.split(voice, 120)])
    assert levels[2:-2].std() < 1


def test_a_network_that_gives_the_rest_leaves_the_voice(monkeypatch):
    """As a reverse network does, and the inverse modes of a voicefilter."""

    class Reverse(Half):
        stems = ("rest",)

        def __init__(self, voice):
            super().__init__(voice[::-1])

    stand_in(monkeypatch, Reverse, encoder=Pitch())
    high, low = tone(1000, 3, rate=44100), tone(200, 3, rate=44100)
    stems, _ = run(high + low, 44100)
    assert list(stems) == ["alice", "rest"]
    assert level(stems["alice"] - high) < -55 and level(stems["rest"] - low) < -55
