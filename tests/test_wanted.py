"""Wanted voices among the stems of a network that takes any talkers apart."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from chosenlike import HIGH, LOW, RATE, Bundle, Half, Pitch, stand_in
from winnow.engine.chosen import TELLER, Chosen, ChosenSettings, Person, find_bundle
from winnow.engine.conversation import follow, wanted
from winnow.engine.conversation.passes import Network
from winnow.engine.conversation.voices import LENGTH, Stretch, Voices
from winnow.errors import BadOption
from winnow.models.manifest import Cue
from winnow.models.voices import JoinedVoice, SpectralVoice

ALICE, BOB = Person("alice", HIGH), Person("bob", LOW)


class Talkers:
    """A separator of what lies above and below 500 hertz, in one order or the other, by the window; windows of 2 s."""

    rate, window, overlap, ordered, stems = RATE, 2.0, 0.5, False, ("talker1", "talker2")

    def __init__(self):
        self.windows = 0

    def __call__(self, mix, rate):
        spectrum, high = np.fft.rfft(mix), np.fft.rfftfreq(mix.shape[1], 1 / rate) > 500
        parts = [np.fft.irfft(spectrum * part, mix.shape[1]).astype(np.float32) for part in (high, ~high)]
        self.windows += 1
        return np.stack(parts[:: 1 if self.windows % 2 else -1])


class TalkersBundle(Bundle):
    """A bundle of that separator, which takes no cue."""

    def __init__(self):
        super().__init__(name="apart")
        self.manifest = replace(self.manifest, name="apart", stems=("talker1", "talker2"), remainder=False, cues=())

    def separator(self, cues=None, threads=1, *, mask=None, factor=None):
        if mask is not None or factor is not None:
            raise BadOption("apart has one way to mask: leave out --mask and --factor.")
        return Talkers()


@pytest.fixture(autouse=True)
def apart(monkeypatch):
    bundle = TalkersBundle()
    stand_in(monkeypatch, encoder=Pitch())
    monkeypatch.setattr("winnow.models.catalog.find", lambda name: bundle)


def tone(hertz, seconds, level=0.1):
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def sounding(hertz, *stretches):
    """A tone in some stretches of 24 s, from when to when, seconds."""
    out = np.zeros(24 * RATE, np.float32)
    for begin, end in stretches:
        out[round(begin * RATE) : round(end * RATE)] = tone(hertz, end - begin)
    return out


def level(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12)


def run(recording, step=50_000, persons=(ALICE,), **options):
    settings = ChosenSettings("apart", persons=persons, **({"sure": 0.0} | options))
    settings.check()
    chosen = Chosen(RATE, len(recording), settings)
    parts = [chosen.feed(recording[:, i : i + step]) for i in range(0, recording.shape[1], step)] + [chosen.flush()]
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}, chosen


def test_a_voice_is_followed_through_stems_that_change_places():
    high, low = sounding(1000, (0, 7), (9, 15), (17, 24)), sounding(200, (3, 7), (9, 19))
    stems = np.stack([np.where(np.arange(high.size) < 8 * RATE, a, b) for a, b in ((high, low), (low, high))])[:, None]
    (found,), known = wanted.tracks(stems, RATE, np.array([HIGH], np.float32), Pitch())
    assert level(found[0] - high) < level(high) - 25
    assert known.ends.tolist() == [[0.0], [1.0]]


class Distant(Pitch):
    """An encoder that finds a high and a low voice alike with the wanted one by given cosines."""

    def __init__(self, high, low):
        super().__init__()
        self.high, self.low = high, low

    def __call__(self, samples, rate):
        cosine = self.high if super().__call__(samples, rate)[0] else self.low
        return np.array([cosine, np.sqrt(1 - cosine**2)], np.float32)


@pytest.mark.parametrize("above", [-0.03, 0.03])
def test_from_when_on_a_voice_is_the_wanted_one(above, monkeypatch):
    monkeypatch.setattr(wanted, "ENOUGH", 1e9)  # heard once
    high, low = sounding(1000, (0, 6), (14, 20)), sounding(200, (7, 13), (21, 24))
    stems, person = np.stack([high, low])[:, None], np.array([HIGH], np.float32)
    least = Distant.alike - wanted.LESS

    def nearest(encoder, *candidates):
        (found,), _ = wanted.tracks(stems, RATE, person, encoder)
        return int(np.argmin([level(found[0] - each) for each in candidates]))

    # one is: the other is too from a little below what the encoder calls alike
    assert nearest(Distant(0.8, least + above), high, high + low) == (above > 0)
    # neither is that much alike: the one that is more so
    assert nearest(Distant(least - 0.1 + above, least - 0.1 - above), low, high, high + low, 0 * high) == (above > 0)


def test_what_is_faint_and_far_from_all_speech_goes_to_the_rest():
    high, faint = sounding(1000, (0, 4)), 0.002 * sounding(1500, (8, 12))
    stems, _ = run((high + faint)[None])
    assert level(stems["alice"][:, 7 * RATE :]) < level(faint[7 * RATE :]) - 30


@pytest.mark.parametrize("persons", [(ALICE,), (BOB,), (ALICE, BOB)])
def test_voices_come_out_whole_and_all_adds_up(persons):
    high, low = sounding(1000, (0, 6), (8, 20)), sounding(200, (2, 12), (16, 24))
    stems, _ = run((high + low)[None], persons=persons)
    for person, voice in ((ALICE, high), (BOB, low)):
        if person in persons:
            assert level(stems[person.name][0] - voice) < level(voice) - 20
    np.testing.assert_allclose(sum(stems.values()), (high + low)[None], atol=1e-6)


def test_blocks_do_not_matter_and_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(wanted, "PAST", 2.0)
    monkeypatch.setattr(wanted, "BLOCK", 4.0)
    monkeypatch.setattr(wanted, "AHEAD", 2.0)
    recording = np.stack([sounding(1000, (0, 24)) + sounding(200, (3, 21)), sounding(200, (3, 21))])
    one, _ = run(recording, step=recording.shape[1])
    many, _ = run(recording, step=7001)
    for name, part in one.items():
        np.testing.assert_allclose(part, many[name], atol=1e-5)
    assert level(many["alice"] - [sounding(1000, (0, 24)), 0 * recording[1]]) < level(recording[0]) - 20
    body = wanted.WantedBody(Network("apart", Talkers(), RATE, 2), 2, np.array([HIGH], np.float32), Pitch())
    most, given = 0, 0
    for begin in range(0, recording.shape[1], 8000):
        given += body.feed(recording[:, begin : begin + 8000]).stems.shape[2]
        most = max(most, body._wanted._stems.shape[2], body._wanted._mix.shape[1])
    assert most <= 11 * RATE
    assert given + body.flush().stems.shape[2] == recording.shape[1]


@pytest.mark.parametrize("length", [0, 1, 100, 12_000])
def test_short_recordings_keep_their_length(length):
    stems, _ = run(tone(1000, 1)[None, :length])
    assert {part.shape for part in stems.values()} == {(1, length)}


def test_a_voice_that_is_not_there_falls():
    low = sounding(200, (0, 24))[None]
    stems, chosen = run(low, sure=None)
    assert level(stems["alice"]) < level(low) - 20
    assert not chosen.presence["alice"].found


def test_silence_stays_silent():
    stems, _ = run(np.zeros((1, 5 * RATE), np.float32))
    assert not stems["alice"].any() and not stems["rest"].any()


def test_talkers_are_taken_apart_in_all_channels_at_once():
    with pytest.raises(BadOption, match="leave out --channels apart"):
        run(tone(1000, 1)[None], channels="apart")
    with pytest.raises(BadOption, match="leave out --mask"):
        run(tone(1000, 1)[None], mask="org")
    assert find_bundle("apart").manifest.name == "apart"


def test_chances_are_those_of_all_assignments():
    """Against the sum over every assignment of 2 talkers to 2 stems in 4 frames, one by one."""
    rng = np.random.default_rng(0)
    streams, active = rng.uniform(-30, -20, (2, 4)), np.ones((2, 4), bool)
    voices = Voices(
        [Stretch(0, 0, 4, 0), Stretch(1, 0, 2, 1), Stretch(1, 2, 4, 2)],
        np.zeros((3, 2), np.float32),
        np.ones(3),
        np.ones(3, bool),
    )
    distances = rng.uniform(0.4, 0.6, (3, 2)).astype(np.float32)
    found = follow.chances(voices, streams, active, follow.nearness(distances))
    evidence, costs = follow._evidence(voices, active, follow.nearness(distances)), follow._costs(streams, active)
    bonus = follow._bonus(streams, active)[0]
    sums = np.zeros((2, 2, 4))
    for path in product(product((0, 1), repeat=2), repeat=4):
        total = sum(evidence[s, t, path[t][s]] for t in range(4) for s in (0, 1))
        total += sum(bonus[t] for t in range(4) if path[t][0] != path[t][1])
        total -= sum(costs[s, t] for t in range(1, 4) for s in (0, 1) if path[t][s] != path[t - 1][s])
        for t, s in product(range(4), (0, 1)):
            sums[s, path[t][s], t] += np.exp(follow.CERTAINTY * total)
    np.testing.assert_allclose(found, sums / sums.sum(axis=1, keepdims=True), atol=1e-6)


def heard_again(count, reference, seed=3):
    """Two stems of one stretch after another, some the wanted voice's, the others another one's. The chances that `_again` finds
    for the wanted one in each stem and stretch, `(2, count)`, those before, which err, and who speaks."""
    rng = np.random.default_rng(seed)
    voice, other = np.linalg.qr(rng.standard_normal((160, 2)))[0].T
    turns = rng.random(count) < 0.5
    who = np.stack([turns, ~turns])
    stretches = [Stretch(s, LENGTH * t, LENGTH * (t + 1), s) for t in range(count) for s in (0, 1)]
    vectors = np.array([voice if who[s.stream, s.begin // LENGTH] else other for s in stretches])
    vectors = vectors + rng.standard_normal(vectors.shape) * 0.06
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    voices = Voices(stretches, vectors.astype(np.float32), np.ones(len(stretches)), np.ones(len(stretches), bool))
    loud = np.ones((2, count * LENGTH), bool)
    levels = rng.uniform(-60, -20, loud.shape)  # so that stems may change places in many a frame
    told = reference * voice + np.sqrt(1 - reference**2) * np.linalg.qr(rng.standard_normal((160, 1)))[0][:, 0]
    told = (told / np.linalg.norm(told)).astype(np.float32)[None]
    right = np.array([who[s.stream, s.begin // LENGTH] for s in stretches])
    gains = np.stack([np.zeros(len(right)), rng.normal(np.where(right, 0.2, -0.1), 0.15)], axis=1).astype(np.float32)
    before = follow.chances(voices, levels, loud, gains)
    weights = wanted._divided(voices, wanted._weights(voices, before))
    found = wanted._again(voices, levels, loud, gains, told, weights, 0.9)[:, -1]
    return found.reshape(2, count, LENGTH).mean(axis=2), before[:, 1].reshape(2, count, LENGTH).mean(axis=2), who


def test_what_was_found_tells_how_a_voice_sounds_in_this_recording():
    found, before, who = heard_again(40, reference=0.6)
    assert ((before > 0.5) != who).mean() > 0.05
    assert ((found > 0.5) == who).all() and found[who].mean() > 0.9 and found[~who].mean() < 0.05


def test_a_short_recording_does_not_tell_how_its_voices_sound(monkeypatch):
    stems = np.stack([sounding(1000, (0, 3)), sounding(200, (1, 4))])[:, None, : 4 * RATE]
    monkeypatch.setattr(wanted, "_again", None)  # would be called
    wanted.tracks(stems, RATE, np.array([HIGH], np.float32), Pitch())
    with pytest.raises(TypeError):
        wanted.tracks(np.tile(stems, 4), RATE, np.array([HIGH], np.float32), Pitch())


def panel(counts, cosines, seed=2):
    """Stretches of as many talkers as there are counts, in any order, and a voice that is like them by these cosines."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((160, len(counts) + 1)))[0].T
    who = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    vectors = axes[who] + rng.standard_normal((len(who), 160)) * 0.05
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    stretches = [Stretch(0, LENGTH * k, LENGTH * (k + 1), k) for k in range(len(who))]
    ones = np.ones(len(who))
    told = np.append(cosines, np.sqrt(1 - np.square(cosines).sum())) @ axes
    return Voices(stretches, vectors.astype(np.float32), ones, ones > 0), axes[:-1], told.astype(np.float32)


@pytest.mark.parametrize("wanted_one", [0, 1, 2])
def test_of_the_clusters_the_one_like_the_reference_is_the_wanted_voice(wanted_one):
    cosines = np.full(3, 0.2)
    cosines[wanted_one] = 0.6
    voices, axes, told = panel((30, 25, 20), cosines)
    found = wanted._clusters(voices, told[None], 0.4)
    assert (found.vectors @ axes.T).argmax(axis=1)[found.wanted == 0].tolist() == [wanted_one]
    assert sorted((found.vectors @ axes.T).argmax(axis=1)) == [0, 1, 2]
    following = (wanted_one + 1) % 3
    both = wanted._clusters(voices, np.stack([told, axes[following].astype(np.float32)]), 0.4)
    assert (both.vectors @ axes.T).argmax(axis=1)[both.wanted == 1].tolist() == [following]
    absent = wanted._clusters(voices, np.stack([told, np.eye(160, dtype=np.float32)[0]]), 0.4)
    assert sorted(absent.wanted) == [-1, -1, 0, 1]
    np.testing.assert_allclose(
        absent.vectors[absent.wanted == 1], np.eye(160)[:1]
    )  # is nobody's, and stays as it was told


def test_clusters_that_are_surely_the_wanted_voice_are_one_talker(monkeypatch):
    voices, told = told_by((30, 25, 20, 20), (0.67, 0.65, 0.1, 0.0))
    assert wanted._clusters(voices, told, 0.4) is None  # one of the two, but which?
    monkeypatch.setattr(wanted, "SURELY", 0.6)
    found = wanted._clusters(voices, told, 0.4)
    assert sorted(found.wanted) == [-1, -1, 0, 0]
    weights = np.arange(16.0).reshape(4, 4)
    merged = found.merged(weights, 1)
    np.testing.assert_array_equal(merged[:, 2], weights[:, found.wanted == 0].sum(axis=1))
    np.testing.assert_array_equal(merged[:, :2], weights[:, found.wanted < 0])
    assert wanted._clusters(*told_by((30, 25, 20), (0.67, 0.65, 0.1)), 0.4) is None  # two talkers in three clusters


def test_where_the_clusters_do_not_tell_who_is_wanted_they_are_not_asked():
    assert wanted._clusters(*told_by((30, 25, 20), (0.3, 0.2, 0.1)), 0.4) is None  # like nobody
    assert wanted._clusters(*told_by((30, 25, 20), (0.52, 0.5, 0.1)), 0.4) is None  # like two
    assert wanted._clusters(*told_by((40, 30), (0.7, 0.1)), 0.4) is None  # two voices
    voices, told = told_by((30, 25, 20), (0.7, 0.2, 0.1))
    assert wanted._clusters(voices, told, 0.4) is not None
    assert wanted._clusters(voices, np.concatenate([told, told]), 0.4) is None  # two that are wanted, both like one


def told_by(counts, cosines):
    voices, _, told = panel(counts, np.array(cosines))
    return voices, told[None]


def test_what_was_heard_is_known_later(monkeypatch):
    """All stretches once, in order of time, whatever the blocks, wherever windows overlap."""
    monkeypatch.setattr(wanted, "PAST", 2.0)
    monkeypatch.setattr(wanted, "BLOCK", 4.0)
    monkeypatch.setattr(wanted, "AHEAD", 3.0)
    stems = np.stack([sounding(1000, (0, 10), (12, 20)), sounding(200, (9, 13), (19, 24))])[:, None]
    known = []
    usual = wanted.tracks

    def listened(*args):
        found, said = usual(*args)
        known.append(said.voices)
        return found, said

    monkeypatch.setattr(wanted, "tracks", listened)
    body = wanted.Wanted(1, 2, RATE, np.array([HIGH], np.float32), Pitch())
    for begin in range(0, stems.shape[2], 9000):
        body.feed(stems.sum(axis=0)[:, begin : begin + 9000], stems[:, :, begin : begin + 9000])
    body.flush(stems[:, :, :0])
    assert len(known) == 6
    for earlier, later in pairwise(known):
        assert len(later.stretches) > len(earlier.stretches)
    last = known[-1]
    begins = [stretch.begin for stretch in last.stretches]
    high = last.vectors[:, 0] > 0.5
    assert begins == sorted(begins) and begins[0] < -200 and {s.stream for s in last.stretches} == {0, 1}
    assert [s.stream == 0 for s in last.stretches] == high.tolist()
    monkeypatch.setattr(wanted, "REMEMBERED", 3)
    begins = [stretch.begin for stretch in wanted.Known(np.zeros((2, 1), np.float32), last).before(40).voices.stretches]
    assert begins == [stretch.begin - 40 for stretch in last.stretches if stretch.begin < 40][-3:]
    twice = last.followed_by(last)
    assert twice.stretches[: len(last.stretches)] == last.stretches
    earlier, later = ({s.run for s in part} for part in (last.stretches, twice.stretches[len(last.stretches) :]))
    assert len(earlier) == len(later) and not earlier & later  # a pause between them, as the model of talkers takes it


def test_an_opinion_is_the_share_of_a_stem_that_is_in_the_estimate():
    high, low = sounding(1000, (0, 24)), sounding(200, (0, 24))
    stems = np.stack([high, low])[:, None].repeat(2, axis=1)
    half = high.size // 2
    estimates = np.stack([np.where(np.arange(high.size) < half, high, 0.25 * low), -high])[:, None].repeat(2, axis=1)
    stretches = [Stretch(stream, begin, begin + 30, 0) for begin in (0, 300) for stream in (0, 1)]
    voices = replace(wanted.no_voices(2), vectors=np.zeros((4, 2), np.float32), stretches=stretches)
    found = wanted.opinions(voices, stems, estimates, RATE // 20)
    np.testing.assert_allclose(found[:, 0], [0.5, -0.5, -0.5, -0.25], atol=0.01)
    np.testing.assert_allclose(found[:, 1], -0.5, atol=0.01)  # the wrong way round is not the voice either


def undecided():
    """An encoder to which every voice may as well be the wanted one as another's."""
    return Distant(*[Distant.alike - wanted.LESS] * 2)


@pytest.mark.parametrize("seconds", [4, 24])
def test_what_networks_say_that_are_told_the_voice_decides_where_vectors_do_not(seconds, monkeypatch):
    """Of a short recording, and of a longer one that is heard again."""
    monkeypatch.setattr(wanted, "SAY", 4.0)
    high, low = (sounding(hertz, (0, 24))[: seconds * RATE] for hertz in (1000, 200))
    stems, person = np.stack([high, low])[:, None], np.array([HIGH], np.float32)
    for voice in (high, low):
        (found,), _ = wanted.tracks(stems, RATE, person, undecided(), None, voice[None, None])
        assert level(found[0] - voice) < level(voice) - 10
    (found,), _ = wanted.tracks(stems, RATE, person, undecided(), None, np.zeros_like(stems[:1]))
    assert level(found[0]) < level(high) - 10


class Teller(Bundle):
    """Says, wrongly, that the voice is what is high for a low clip and the other way round."""

    def __init__(self, source):
        super().__init__(name="teller", source=source)
        self.manifest = replace(self.manifest, cues=(*self.manifest.cues, Cue("clip", size=RATE)))
        self.told = []

    def separator(self, cues, threads=1, *, mask=None, factor=None):
        self.told.append(cues["voice"])
        return Half(-np.array([1, -1]) * (1 if Pitch()(cues["clip"], RATE)[0] else -1))


@pytest.mark.parametrize(
    ("source", "clip", "heeded"), [("pitch", 1000, True), ("pitch", None, False), ("another", 1000, False)]
)
def test_the_network_that_is_told_the_voice_is_asked_where_it_can_hear_it(source, clip, heeded, monkeypatch):
    teller, apart = Teller(source), TalkersBundle()
    monkeypatch.setattr("winnow.models.catalog.names", lambda: ["apart", TELLER])
    monkeypatch.setattr("winnow.models.catalog.find", lambda name: teller if name == TELLER else apart)
    monkeypatch.setattr("winnow.engine.chosen.encoder_for", lambda *of: undecided())
    person = replace(ALICE, clip=() if clip is None else tuple(tone(clip, 1).tolist()))
    high, low = sounding(1000, (0, 24)), sounding(200, (0, 24))
    stems, chosen = run((high + low)[None], persons=(person,), sure=None)
    assert bool(teller.told) == heeded
    assert (chosen._voices[0]._gate is None) == heeded  # it knows itself where the voice is
    assert (level(stems["alice"][0] - low) < level(low) - 10) == heeded


def test_the_network_that_is_told_the_voice_gets_its_part_of_two_vectors(monkeypatch):
    teller, apart = Teller("pitch"), TalkersBundle()
    monkeypatch.setattr("winnow.models.catalog.names", lambda: ["apart", TELLER])
    monkeypatch.setattr("winnow.models.catalog.find", lambda name: teller if name == TELLER else apart)
    both = JoinedVoice(Pitch(), SpectralVoice(), 0.3)
    monkeypatch.setattr("winnow.engine.chosen.encoder_for", lambda *of: both)
    clip = tone(1000, 1)
    run(clip[None], persons=(Person("alice", tuple(both(clip, RATE).tolist()), tuple(clip.tolist())),))
    np.testing.assert_allclose(teller.told[0], HIGH, atol=1e-6)
