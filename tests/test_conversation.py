"""Whole conversations: talkers keep their tracks whatever the windows do, their number is found, and nothing is lost."""

import json
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

import winnow
from conversing import RATE, Oracle, conversation, network
from winnow.audio import Audio
from winnow.dsp.resample import resample
from winnow.engine.bodies import separated
from winnow.engine.conversation import find_talkers, follow, levels, route, talkers_of
from winnow.engine.conversation.passes import separate_talkers
from winnow.engine.conversation.scratch import Scratch
from winnow.engine.conversation.talkers import _two_at_once
from winnow.engine.conversation.timeline import timeline
from winnow.errors import BadOption, NoSpeech, OutputError
from winnow.metrics.tracks import tracking

SECONDS = 24.0  # of two talkers


def heard(talkers, seed=0):
    """Sources, recording `(1, time)`, and the stems of the windows."""
    sources, known = conversation(talkers, 12.0 * max(2, talkers), seed)
    mix = sources.sum(axis=0, keepdims=True)
    oracle = Oracle(known, seed=seed)
    stems = separated(oracle, mix, RATE)
    assert oracle.swaps > 2
    return sources, mix, stems


@pytest.mark.parametrize("talkers", [2, 3])
def test_talkers_keep_their_tracks_and_their_number_is_found(talkers):
    sources, mix, stems = heard(talkers)
    tracks, made = talkers_of(stems, mix, RATE)
    assert len(tracks) == len(made.talkers) == talkers and made.found
    found = tracking(sources, tracks[:, 0], mix[0], RATE)
    assert found.swap_rate == 0 and min(found.improvements) > 15
    # without following them they would be mixed up
    assert tracking(sources, stems[:, 0], mix[0], RATE).swap_rate > 0.1
    for talker, track in enumerate(found.tracks):
        true = levels.Meter(1, RATE // 20)
        true.feed(sources[None, talker : talker + 1])
        spoken = float((true.finish()[0] > -45).sum() * 0.05)
        assert made.talkers[track].seconds == pytest.approx(spoken, rel=0.2, abs=1.5)  # a turn begins 0.15 s early
    begins = [talker.segments[0][0] for talker in made.talkers]
    assert begins == sorted(begins)


def test_one_talker_is_left_alone():
    _, mix, stems = heard(1)
    tracks, made = talkers_of(stems, mix, RATE)
    assert len(tracks) == 1 and made.overlap == 0
    np.testing.assert_array_equal(tracks[0], stems[0] + stems[1])
    forced, _ = talkers_of(heard(2)[2], heard(2)[1], RATE, speakers=1)
    np.testing.assert_array_equal(forced[0], heard(2)[2].sum(axis=0))


class Deaf:
    """An encoder that finds all voices alike."""

    size, identity, alike = 2, "deaf", 0.5

    def __call__(self, samples, rate):
        angle = 0.1 * np.sin(1e4 * samples.sum())
        return np.array([np.cos(angle), np.sin(angle)], np.float32)


def test_two_at_once_are_two_however_like_their_voices(monkeypatch):
    _, mix, stems = heard(2)
    assert len(talkers_of(stems, mix, RATE, encoder=Deaf())[0]) == 1
    monkeypatch.setattr("winnow.engine.conversation.talkers._two_at_once", lambda levels, speech: True)
    assert len(talkers_of(stems, mix, RATE, encoder=Deaf())[0]) == 2
    assert len(talkers_of(stems, mix, RATE, 1, Deaf())[0]) == 1


@pytest.mark.parametrize(
    ("of", "two"), [("two", True), ("one", False), ("two, one fainter", False), ("two, for a moment", False)]
)
def test_two_speak_at_once_where_two_stems_go_up_and_down_by_themselves(of, two):
    rng = np.random.default_rng(0)
    levels = rng.uniform(-45, -20, (2, 600))  # dB, of 30 s
    speech = np.ones(levels.shape, bool)
    if of == "one":
        levels[1] = levels[0] - 4 + rng.normal(0, 3, 600)
    elif of == "two, one fainter":
        levels[1] -= 40
    elif of == "two, for a moment":
        speech[1, 40:] = False
    assert _two_at_once(levels, speech) == two


@pytest.mark.parametrize("speakers", [2, 5])
def test_as_many_as_asked_for(speakers):
    _, mix, stems = heard(3)
    tracks, made = talkers_of(stems, mix, RATE, speakers=speakers)
    assert len(tracks) == len(made.talkers) == speakers and not made.found


@pytest.mark.parametrize("speakers", [0, -1, 21])
def test_a_number_that_cannot_be(speakers):
    with pytest.raises(BadOption, match="from 1 to 20"):
        talkers_of(np.zeros((2, 1, RATE), np.float32), np.zeros((1, RATE), np.float32), RATE, speakers)


@pytest.mark.parametrize("length", [0, 1, 700, 5 * RATE])
def test_where_nobody_speaks(length):
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal((1, length)).astype(np.float32)
    for stems in (np.zeros((2, 1, length), np.float32), 0.02 * np.stack([noise, noise])):
        with pytest.raises(NoSpeech, match="no speech found"):
            talkers_of(stems, noise, RATE)


@pytest.mark.parametrize(("seconds", "speakers"), [(1.0, None), (1.0, 2), (0.4, None)])
def test_short_recordings(seconds, speakers):
    sources, mix, stems = (x[..., 4 * RATE : round((4 + seconds) * RATE)] for x in heard(2))
    tracks, made = talkers_of(stems, mix, RATE, speakers)
    assert tracks.shape == (speakers or len(made.talkers), 1, sources.shape[1])
    assert made.seconds == pytest.approx(seconds)


def blocks_of(samples, size):
    return lambda: (samples[:, k : k + size] for k in range(0, samples.shape[1], size))


@pytest.mark.parametrize("size", [7777, 10**6])
def test_streaming_is_the_same_and_adds_up(size):
    sources, known = conversation(2, SECONDS, 0)
    mix = sources.sum(axis=0, keepdims=True)
    whole, _ = talkers_of(heard(2)[2], mix, RATE)
    parts = list(separate_talkers(blocks_of(mix, size), RATE, 1, network(known), 2))
    made = {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
    assert list(made) == ["talker1", "talker2", "background"]
    np.testing.assert_allclose(sum(made.values()), mix, atol=1e-6)
    for track, name in zip(whole, made, strict=False):
        np.testing.assert_allclose(made[name], track, atol=6e-4)  # half precision on disk


def test_stereo_and_the_band_above_the_network_stay(monkeypatch):
    sources, known = conversation(2, 12.0, 1)
    hiss = np.random.default_rng(0).standard_normal(3 * sources.shape[1]).astype(np.float32)
    sources, known = (fine + 0.2 * hiss * np.abs(fine) for fine in (resample(x, RATE, 48000) for x in (sources, known)))
    known = resample(known, 48000, RATE)
    gains = np.array([[1.0], [0.4]], np.float32)
    recording = np.asarray(gains * sources.sum(axis=0), np.float32)
    monkeypatch.setattr(
        "winnow.engine.conversation.passes.open_network", lambda model: network(known, gains=gains[:, 0], noise=0.0)
    )
    made = winnow.separate(Audio(recording, 48000), 2)
    total = sum(part.samples for part in made.values())
    np.testing.assert_allclose(total, recording, atol=1e-5)
    order = tracking(sources, np.stack([made[f"talker{k}"].samples[0] for k in (1, 2)]), recording[0], 48000).tracks
    for source, track in zip(sources, order, strict=True):
        samples = made[f"talker{track + 1}"].samples
        np.testing.assert_allclose(samples[1], 0.4 * samples[0], atol=1e-3)
        spectrum = np.abs(np.fft.rfft(np.stack([source, samples[0]])))[:, round(9000 * source.size / 48000) :]
        kept = np.sqrt(np.square(spectrum).sum(axis=1))
        assert 0.8 < kept[1] / kept[0] < 1.1


def test_changes_of_route_make_no_click():
    frame, tone = RATE // 20, np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE).astype(np.float32)
    ways = np.array([[0, 0, 1, 1, 0, -1, -1, 0, 1, 1] * 2, [1] * 20], np.int16)
    shares = route.weights(ways, 2, frame, 0, RATE)
    tracks = route.led(np.stack([tone, tone])[:, None], shares)
    steepest = np.abs(np.diff(tone)).max() * 2 + 2 / frame
    assert np.abs(np.diff(tracks[:, 0])).max() < steepest
    np.testing.assert_allclose(shares.sum(axis=1)[1], 1, atol=1e-6)
    assert shares.sum(axis=1)[0].min() == 0 and shares.sum(axis=1)[0].max() <= 1 + 1e-6
    pieces = [route.weights(ways, 2, frame, k, min(k + 777, RATE)) for k in range(0, RATE, 777)]
    np.testing.assert_allclose(np.concatenate(pieces, axis=2), shares, atol=1e-5)


def test_the_scratch_file_has_no_name_and_keeps_the_stems(tmp_path):
    stems = (np.random.default_rng(0).standard_normal((2, 3, 1000)) * 1e-3).astype(np.float32)
    with Scratch(2, 3, tmp_path) as scratch:
        scratch.append(stems[:, :, :300])
        scratch.append(stems[:, :, 300:])
        assert scratch.samples == 1000
        np.testing.assert_allclose(scratch.read(250, 400), stems[:, :, 250:400], rtol=5e-4, atol=1e-7)
        assert scratch.read(990, 2000).shape == (2, 3, 10)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(data):
        raise OSError(28, "No space left on device")

    with Scratch(2, 1, tmp_path) as scratch:
        real = scratch._file
        monkeypatch.setattr(scratch, "_file", SimpleNamespace(write=full, close=real.close))
        with pytest.raises(OutputError, match=r"temporary file in .*disk is full"):
            scratch.append(np.zeros((2, 1, 10), np.float32))


def test_a_disk_that_is_too_small_is_told_before_the_work(tmp_path, monkeypatch):
    with Scratch(2, 2, tmp_path) as scratch:
        monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=8_000_000))
        scratch.expect(1_000_000)
        with pytest.raises(OutputError, match=r"9 MB are needed .* 8 MB are free\. Free some space"):
            scratch.expect(1_125_000)


def test_between_the_passes_progress_moves_in_every_step():
    _, mix, stems = heard(2)
    told = []
    loud = levels.measured(stems, mix, RATE)
    find_talkers(loud, lambda begin, end: stems[:, :, begin:end], mix.shape[1], RATE, None, tell=told.append)
    assert told == sorted(told) and told[0] >= 0 and told[-1] <= 1
    assert np.diff([0.0, *told, 1.0]).max() < 0.2
    for begin, end in ((0, 0.9), (0.9, 0.95), (0.95, 1)):  # voices, clusters, paths
        assert sum(begin <= share < end for share in told) > 3


def test_the_paths_of_many_blocks_are_found_some_at_a_time():
    blocks = [np.arange(2 * follow.LONGEST)] * 200
    for talkers in (2, 20):
        groups = follow._groups(blocks, 2, talkers)
        assert sum(len(group) for group in groups) == 200
        numbers = 2 * follow.LONGEST * (talkers**2 + 4 * talkers)
        assert max(len(group) for group in groups) * numbers <= follow.MEMORY


def test_the_paths_are_the_best_of_all_side_by_side():
    rng = np.random.default_rng(3)
    evidence, costs, bonus = rng.standard_normal((2, 9, 2)), rng.uniform(0, 1, (2, 9)), rng.standard_normal((1, 9))
    blocks = [np.arange(5), np.arange(6, 9)]
    found = follow._paths(*(follow._stacked(values, blocks) for values in (evidence, costs, bonus)))

    def score(path, at):
        first, second = np.array(path).reshape(2, at.size)
        total = evidence[0, at, first].sum() + evidence[1, at, second].sum() + (bonus[0, at] * (first != second)).sum()
        return total - sum(
            (row[1:] != row[:-1]) @ cost[at[1:]] for row, cost in zip((first, second), costs, strict=True)
        )

    for block, path in zip(blocks, found, strict=True):
        best = max(product(range(2), repeat=2 * block.size), key=lambda path, at=block: score(path, at))
        np.testing.assert_array_equal(path[:, : block.size].ravel(), best)


def test_blocks_end_at_silences_or_where_a_change_is_cheap(monkeypatch):
    monkeypatch.setattr(follow, "LONGEST", 10)
    active = np.ones((2, 60), bool)
    active[:, 14] = False
    costs = np.ones((2, 60))
    costs[:, 27] = 0.1
    blocks = follow._blocks(active, costs)
    assert [(block[0], block[-1]) for block in blocks[:2]] == [(0, 13), (15, 26)]
    np.testing.assert_array_equal(np.concatenate(blocks), np.flatnonzero(active.any(axis=0)))
    assert max(block.size for block in blocks) <= 20


def test_a_timeline_joins_short_pauses_and_counts_overlap():
    speaking = np.zeros((2, 200), bool)
    speaking[0, 10:60] = speaking[0, 64:100] = True
    speaking[1, 90:150] = speaking[1, 190:192] = True
    made = timeline(speaking, 10.0, True)
    assert [talker.segments for talker in made.talkers] == [((0.5, 5.0),), ((4.5, 7.5),)]
    assert made.overlap == pytest.approx(0.5)
    facts = json.loads(made.to_json())
    assert facts["talkers"][0] == {"name": "talker1", "seconds": 4.5, "segments": [[0.5, 5.0]]}
    assert facts["overlap_seconds"] == 0.5 and facts["number"] == "found"
