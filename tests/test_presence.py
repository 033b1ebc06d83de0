"""When a voice is there: the definition, and the same result in blocks of any size."""

from __future__ import annotations

import numpy as np
import pytest

from chosenlike import Pitch
from winnow.engine.chosen import Gate
from winnow.engine.presence import (
    AHEAD,
    BELOW,
    FOUND,
    STEP,
    UNTOLD,
    Follower,
    Presence,
    active_level,
    audible,
    bridged,
    likeness,
)

RATE = 8000
HIGH, LOW = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)


def tone(hertz, seconds, level=0.1, rate=RATE):
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate))[None].astype(np.float32)


def follow(voice, recording, step=4000, rate=RATE, wanted=HIGH):
    follower = Follower(wanted, Pitch(), rate)
    for begin in range(0, voice.shape[1], step):
        follower.feed(voice[:, begin : begin + step], recording[:, begin : begin + step])
    follower.flush()
    return np.array(follower.presence.values)


def test_audible_is_measured_beside_what_sounds_at_the_moment():
    voice, active = np.array([-20.0, -30, -35, -40, -50]), np.full(5, -20.0)
    np.testing.assert_allclose(audible(voice, np.full(5, -20.0), active), [1, 1, 0.5, 0, 0])
    # in silence, 20 dB below active speech stands in for what sounds
    np.testing.assert_allclose(audible(np.array([-50.0, -60.0]), np.full(2, -50.0), active[:2]), [1, 0])


def test_active_level_is_that_of_the_loud_tenth_and_never_that_of_silence():
    recording = np.full(300, -60.0)
    recording[100:150] = -20
    found = active_level(recording)
    assert found[140] == -20 and found[95] == -20  # two seconds ahead
    assert found[70] == -60 and found[290] == -60
    assert active_level(np.full(5, -120.0)).tolist() == [-70] * 5
    np.testing.assert_array_equal(active_level(recording, 80, 120), found[80:120])


def test_pauses_in_a_word_are_bridged():
    assert bridged(np.array([0, 0, 0, 1, 0, 0, 0, 0, 0.5])).tolist() == [0, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5]


def test_likeness_is_linear_around_a_little_less_than_what_the_encoder_calls_alike():
    assert [likeness(cosine, 0.75 + BELOW) for cosine in (0.1, 0.6, 0.75, 0.9, 1.0)] == pytest.approx([0, 0, 0.5, 1, 1])


def test_a_voice_is_found_where_it_is_and_only_there():
    quiet = np.zeros((1, 6 * RATE), np.float32)
    voice = np.concatenate([quiet, tone(1000, 6), quiet], axis=1)
    recording = voice + tone(200, 18, 0.05)
    found = follow(voice, recording)
    assert len(found) == 180
    assert found[62:118].min() == 1 and found[:55].max() == 0 and found[125:].max() == 0
    about = Presence(tuple(found))
    assert about.found and about.share == pytest.approx(1 / 3, abs=0.05)
    ((begin, end),) = about.stretches()
    assert (begin, end) == (pytest.approx(6, abs=0.31), pytest.approx(12, abs=0.31))


def test_another_voice_in_the_estimate_is_not_the_wanted_one():
    voice = tone(200, 8)
    assert follow(voice, voice).max() == 0
    assert follow(voice, voice, wanted=LOW).min() == 1
    assert not Presence(tuple(follow(voice, voice))).found


def test_what_is_too_short_to_tell_finds_nobody():
    quiet = np.zeros((1, 5 * RATE), np.float32)
    voice = np.concatenate([quiet, tone(200, 0.2), quiet], axis=1)
    found = follow(voice, voice + tone(90, 10.2, 0.01))
    assert found.max() == UNTOLD < FOUND and np.count_nonzero(found) < 10
    assert not Presence(tuple(found)).found


@pytest.mark.parametrize("when", [7.0, 7.3, 7.6, 7.9])
def test_where_the_wrong_person_takes_over_is_known_to_a_second(when):
    voice = np.concatenate([tone(1000, when), tone(200, 14 - when)], axis=1)
    ((begin, end),) = Presence(tuple(follow(voice, voice))).stretches()
    assert begin == 0 and end == pytest.approx(when, abs=1.0)


@pytest.mark.parametrize("rate", [8000, 11025, 44100])
def test_blocks_do_not_matter(rate):
    rng = np.random.default_rng(1)
    envelope = np.repeat(rng.uniform(0, 1, 70) > 0.5, rate // 5)
    voice = tone(900, 15, 0.2, rate)[:, : len(envelope)] * envelope
    recording = voice + 0.02 * rng.standard_normal(voice.shape).astype(np.float32)
    whole = follow(voice, recording, voice.shape[1], rate)
    np.testing.assert_array_equal(whole, follow(voice, recording, 777, rate))
    assert len(whole) == round(np.ceil(voice.shape[1] / rate / STEP))


def test_two_channels_of_opposite_polarity_are_heard():
    voice = np.concatenate([tone(1000, 6), -tone(1000, 6)])
    assert follow(voice, voice).min() == 1


def test_values_come_some_seconds_after_the_sound_and_the_encoder_hears_short_stretches():
    follower = Follower(HIGH, encoder := Pitch(), RATE)
    given = [len(follower.feed(tone(1000, 0.5), tone(1000, 0.5))) for _ in range(60)]
    assert sum(given) >= 10 * 30 - 10 * 5 - AHEAD  # 30 s went in, 5 s and the look ahead are kept
    assert max(encoder.asked) == pytest.approx(2) and len(follower._frames) < 80


def test_silence_and_nothing_have_no_voice():
    silence = np.zeros((1, 2 * RATE), np.float32)
    assert follow(silence, silence).max() == 0
    assert Presence().share == 0 and not Presence().found and Presence().stretches() == []


def test_the_gate_opens_and_closes_within_a_tenth_of_a_second():
    gate, presence = Gate(0.6, 1000), [0.0] * 10 + [0.7] * 10 + [0.0] * 10
    gains = np.concatenate([*(gate.gains([value]) for value in presence), gate.gains([], 50)])
    assert len(gains) == 3000
    assert gains[:940].max() == 0 and gains[1060:1940].min() == 1 and gains[2060:].max() == 0
    assert np.abs(np.diff(gains)).max() <= 0.0101
    at_once = Gate(0.6, 1000)
    np.testing.assert_allclose(at_once.gains(presence, 3000), gains, atol=1e-6)


def test_stretches_begin_and_end_with_the_recording():
    assert Presence((0.5, 0.9, 0.0, 0.6)).stretches() == [(0.0, 0.2), (0.3, 0.4)]
    assert Presence((0.5, 0.9, 0.0, 0.6)).stretches(0.8) == [(0.1, 0.2)]
