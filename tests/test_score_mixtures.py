"""Mixtures: drawn once, written down, and the same ones again; the ratio is what the list says."""

import json

import numpy as np
import pytest

from speechlike import RATE, hiss, store, talk
from winnow.errors import BadInput, BadOption
from winnow.evaluation import mixtures
from winnow.evaluation.mixtures import LIST, Mixture, Recipe, draw, make, parse_snrs, split_room
from winnow.evaluation.pairing import recordings
from winnow.evaluation.sets import made_set, open_set


@pytest.fixture
def folders(tmp_path):
    for k in range(3):
        store(tmp_path / f"speech/s{k}.flac", talk(2 + k, k))
        store(tmp_path / f"noise/class{k % 2}/n{k}.flac", hiss(1.5, k), RATE)
    response = np.zeros((1, 4000), np.float32)
    response[0, 300] = 0.8
    response[0, 301:] = 0.05 * np.exp(-np.arange(3699) / 800) * np.random.default_rng(0).standard_normal(3699)
    store(tmp_path / "rooms/r.wav", response)
    return tmp_path


def recipe(folder, **changes):
    values = {"rooms": None, "snrs": (-5.0, 10.0), "seed": 7, "count": 6, "seconds": 1.5, **changes}
    return Recipe(str(folder / "speech"), str(folder / "noise"), **values)


def lists(folder):
    return ([path for _, path in recordings(str(folder / name))] for name in ("speech", "noise", "rooms"))


def test_the_list_makes_the_same_mixtures_again(folders):
    drawn = made_set(recipe(folders, rooms=str(folders / "rooms")), folders / "set")
    again = open_set(folders / "set")
    assert [item.made for item in again.items] == drawn
    for first, second in zip(drawn, again.items, strict=True):
        assert all(np.array_equal(a.samples, b.samples) for a, b in zip(make(first), make(second.made), strict=True))


def test_the_seed_decides(folders):
    speech, noise, rooms = lists(folders)
    seven = draw(recipe(folders), speech, noise, rooms)
    assert draw(recipe(folders), speech, noise, rooms) == seven
    assert draw(recipe(folders, seed=8), speech, noise, rooms) != seven


def test_ratios_take_turns_and_rooms_stand_in_every_second_round(folders):
    speech, noise, rooms = lists(folders)
    drawn = draw(recipe(folders, count=8), speech, noise, rooms)
    assert [each.snr for each in drawn] == [-5.0, 10.0] * 4
    assert [bool(each.room) for each in drawn] == [False, False, True, True] * 2
    assert {each.speech for each in drawn[:3]} == set(speech)


@pytest.mark.parametrize("snr", [-10.0, 0.0, 15.0])
def test_the_ratio_is_kept(folders, snr):
    """Without a room the noise is the mixture minus the reference."""
    dry = Mixture("m", str(folders / "speech/s0.flac"), 0.2, 1.5, RATE, str(folders / "noise/class0/n0.flac"), 0.7, snr)
    noisy, clean = make(dry)
    assert noisy.samples.shape == clean.samples.shape == (1, 24000)
    ratio = np.sum(clean.samples**2) / np.sum((noisy.samples - clean.samples) ** 2)
    assert 10 * np.log10(ratio) == pytest.approx(snr, abs=0.01)
    assert np.abs(noisy.samples).max() <= 0.98 + 1e-6


def test_noise_shorter_than_speech_begins_again(folders):
    long = Mixture(
        "m", str(folders / "speech/s2.flac"), 0.0, 4.0, RATE, str(folders / "noise/class0/n0.flac"), 0.0, 0.0
    )
    noisy, clean = make(long)
    noise = (noisy.samples - clean.samples)[0]
    assert np.allclose(noise[:24000], noise[24000:48000], atol=1e-6)


def test_a_room_is_in_time_with_its_reference(folders):
    response = mixtures.loaded(str(folders / "rooms/r.wav"), RATE)
    early, whole = split_room(response, RATE)
    assert np.argmax(np.abs(whole[0])) == np.argmax(np.abs(early[0])) == 16
    assert np.sum(early**2) == pytest.approx(1, abs=1e-4)
    assert np.all(early[0, 16 + round(0.061 * RATE) :] == 0)
    pulse = np.zeros((1, 3000), np.float32)
    pulse[0, 100] = 1
    wet = mixtures.convolve(pulse, whole, 16)
    expected = np.convolve(pulse[0], whole[0])[16:3016]
    assert np.allclose(wet[0], expected, atol=1e-6) and np.argmax(np.abs(wet)) == 100


def test_a_list_of_other_settings_is_refused(folders):
    made_set(recipe(folders), folders / "set")
    with pytest.raises(BadOption, match=r"drawn with other settings \(seed 7\)"):
        made_set(recipe(folders, seed=8), folders / "set")


def test_a_list_that_is_none(tmp_path):
    (tmp_path / LIST).write_text("dear diary\n")
    with pytest.raises(BadInput, match="no list of mixtures"):
        open_set(tmp_path)
    (tmp_path / LIST).write_text(json.dumps({"winnow": "mixtures", "bogus": 1}))
    with pytest.raises(BadInput, match="no list of mixtures"):
        open_set(tmp_path)


def test_silent_noise_is_refused(tmp_path):
    store(tmp_path / "speech/s.flac", talk(1))
    store(tmp_path / "noise/n.flac", np.zeros((1, RATE), np.float32))
    with pytest.raises(BadInput, match="nearly silent"):
        made_set(recipe(tmp_path), tmp_path / "set")


@pytest.mark.parametrize(
    "text, values",
    [
        ("-5:15:5", (-5, 0, 5, 10, 15)),
        ("0,5,-2.5", (0, 5, -2.5)),
        ("0:10", (0, 5, 10)),
        ("7", (7,)),
        ("0:1:0.5", (0, 0.5, 1)),
    ],
)
def test_ratios_are_read(text, values):
    assert parse_snrs(text) == values


@pytest.mark.parametrize("text", ["a", "", "5:0", "0:10:0", "0:1:2:3", "0:1e9:1", "0:5:-1", "nan:1"])
def test_ratios_that_are_none(text):
    with pytest.raises(BadOption, match="--snr"):
        parse_snrs(text)
