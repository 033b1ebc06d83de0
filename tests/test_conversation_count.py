"""Who speaks when, and how many: noise and music are not speech, and clusters of vectors are counted as they were made."""

import itertools

import numpy as np
import pytest

from conversing import RATE, VOICES, conversation, spoken
from winnow.engine.conversation import count, levels, talkers_of
from winnow.engine.conversation.levels import FRAME, measured
from winnow.engine.conversation.speech import Spoken
from winnow.engine.conversation.timeline import timeline
from winnow.engine.conversation.voices import LENGTH, STEP, Stretch, Voices
from winnow.errors import NoSpeech

SIZE = 64


def noise(length, level=0.05, seed=0):
    """Like a fan: white noise, a little darker."""
    rng = np.random.default_rng(seed)
    return (level * np.convolve(rng.standard_normal(length), [0.5, 0.4, 0.3], "same")).astype(np.float32)


def music(length, seed=0):
    """Chords that die away, on a beat with noise for a drum."""
    rng = np.random.default_rng(seed)
    out = np.zeros(length)
    for begin in range(0, length, RATE // 2):
        time = np.arange(min(RATE, length - begin)) / RATE
        for step in (0, 4, 7, 12):
            tone = 130 * 2 ** ((step + rng.choice([0, 5, 7])) / 12)
            harmonics = sum(np.sin(2 * np.pi * tone * k * time) / k**1.5 for k in range(1, 7))
            out[begin : begin + time.size] += np.exp(-3 * time) * harmonics
        out[begin : begin + time.size] += 2 * np.exp(-80 * time) * rng.standard_normal(time.size)
    return (0.3 * out / np.abs(out).max()).astype(np.float32)


def flags(samples):
    """Where a source is not faint, frame by frame."""
    meter = levels.Meter(1, round(FRAME * RATE))
    meter.feed(samples[None, None])
    return meter.finish()[0][0] > -40


def test_noise_between_words_is_no_speech():
    length = 16 * RATE
    voice = np.zeros(length, np.float32)
    for begin in (3, 10):
        voice[begin * RATE : (begin + 3) * RATE] = spoken(VOICES[0], 0)[: 3 * RATE]
    mix = (voice + noise(length, 0.02))[None]
    found = levels.spoken(measured(np.stack([mix, mix]), mix, RATE))
    seconds = np.arange(found.size) * FRAME
    inside = ((seconds > 3.2) & (seconds < 5.8)) | ((seconds > 10.2) & (seconds < 12.8))
    outside = (seconds < 2.5) | ((seconds > 6.5) & (seconds < 9.5)) | (seconds > 13.5)
    assert found[inside].mean() > 0.9
    assert found[outside].sum() == 0


@pytest.mark.parametrize("make", [noise, music])
def test_without_speech_there_are_no_talkers(make):
    sound = make(12 * RATE)[None]
    with pytest.raises(NoSpeech, match="no speech found"):
        talkers_of(np.stack([0.7 * sound, 0.3 * sound]), sound, RATE)


@pytest.mark.parametrize("talkers", [1, 2])
def test_noise_in_the_stems_is_no_talker(talkers):
    sources, known = conversation(talkers, 24.0, 0)
    background = noise(sources.shape[1], 0.01)
    mix = (sources.sum(axis=0) + background)[None]
    stems = known + 0.5 * background + 0.05 * known[::-1]
    _, made = talkers_of(stems[:, None], mix, RATE)
    assert len(made.talkers) == talkers
    true = timeline(np.stack([flags(source) for source in sources]), 24.0, True)
    assert sum(talker.seconds for talker in made.talkers) == pytest.approx(
        sum(t.seconds for t in true.talkers), rel=0.2
    )


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("size", [777, 10**7])
def test_levels_of_speech_whatever_the_blocks_and_the_rate(rate, size):
    from winnow.dsp.resample import resample

    voice = resample(spoken(VOICES[0], 0)[None, : 4 * RATE], RATE, rate)
    mix = np.concatenate([voice, voice])
    stems = np.stack([0.5 * mix, 0.1 * mix])
    meter = Spoken(2, 2, rate)
    for begin in range(0, mix.shape[1], size):
        meter.mix(mix[:, begin : begin + size])
    for begin in range(0, mix.shape[1], 999):
        meter.stems(stems[:, :, begin : begin + 999])
    found = meter.finish(FRAME, 80)
    heard = found[0] > -60
    np.testing.assert_allclose((found[0] - found[1])[heard], 6.02, atol=0.1)
    np.testing.assert_allclose((found[0] - found[2])[heard], 20, atol=0.1)
    frames = voice[0].reshape(80, -1)
    plain = 10 * np.log10(np.square(frames).mean(axis=1))
    loud = plain > plain.max() - 15
    assert np.median(np.abs(found[0] - plain)[loud]) < 2.5  # clean speech stays nearly what it is


def voices_of(means, each, spread, rng):
    """Noisy vectors around unit vectors, by turns of four, and whose each is; spread: of the noise, relative to the mean."""
    who = np.repeat(np.tile(np.arange(len(means)), each // 4), 4)
    vectors = means[who] + spread / np.sqrt(SIZE) * rng.standard_normal((who.size, SIZE))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    stretches = [Stretch(0, k * STEP, k * STEP + LENGTH, k // 4) for k in range(who.size)]
    return Voices(stretches, vectors, np.ones(who.size), np.ones(who.size, bool)), who


def means_of(number, cosine):
    """Unit vectors with the same cosine between each two."""
    base = np.sqrt(1 - cosine) * np.eye(number, SIZE)
    base[:, -1] = np.sqrt(cosine)
    return base


def test_chances_are_those_over_all_paths():
    rng = np.random.default_rng(0)
    stretches, talkers = 5, 3
    logarithms, stays = rng.normal(0, 2, (stretches, talkers)), rng.uniform(0.1, 0.95, stretches)
    shares = rng.dirichlet(np.ones(talkers))
    chances, turns = np.zeros((stretches, talkers)), np.zeros(talkers)
    for path in itertools.product(range(talkers), repeat=stretches):
        weight, taken = shares[path[0]] * np.exp(logarithms[0, path[0]]), np.eye(talkers)[path[0]]
        for k in range(1, stretches):
            drawn = (1 - stays[k]) * shares[path[k]]  # a turn may be the same one's again
            moved = drawn + stays[k] * (path[k] == path[k - 1])
            weight *= moved * np.exp(logarithms[k, path[k]])
            taken = taken + np.eye(talkers)[path[k]] * drawn / moved
        chances[np.arange(stretches), path] += weight
        turns += weight * taken
    found, share = count._heard(logarithms, stays, shares)
    np.testing.assert_allclose(found, chances / chances.sum(axis=1, keepdims=True), rtol=1e-9)
    np.testing.assert_allclose(share, turns / turns.sum(), rtol=1e-9)


def test_a_stretch_without_a_pause_around_is_rather_its_neighbours():
    means = means_of(2, 0.0)
    voices, who = voices_of(means, 40, 0.3, np.random.default_rng(0))
    doubtful = 9  # within a turn of the first talker's
    vectors = voices.vectors.copy()
    vectors[doubtful] = (0.4 * means[0] + 0.6 * means[1]) / np.hypot(0.4, 0.6)
    for runs, same in (([stretch.run for stretch in voices.stretches], True), (range(who.size), False)):
        labels = count.shared(vectors, voices.lengths, np.array(runs))
        assert (labels[doubtful] == labels[doubtful - 1]) == same


@pytest.mark.parametrize("people", [1, 2, 3, 4, 6])
def test_as_many_clusters_as_there_are(people):
    means = means_of(people, 0.2)
    for seed in range(3):
        voices, _ = voices_of(means, 40, 1.0, np.random.default_rng(seed))
        found = count.centroids(voices, None)
        assert len(found) == people
        assert np.all((found @ means.T).max(axis=0) > 0.9)


def test_of_a_long_recording_neighbours_are_clustered_from_everywhere(monkeypatch):
    monkeypatch.setattr(count, "MOST", 120)
    for length in (120, 121, 125, 1000):
        chosen = count._spread(np.arange(length))
        assert len(chosen) <= 120 and len(set(chosen)) == len(chosen)
        assert chosen[0] == 0 and chosen[-1] == length - 1 and (np.diff(chosen) > 0).all()
    assert (np.diff(chosen) == 1).sum() == 108  # twelve pieces of ten
    voices, _ = voices_of(means_of(3, 0.2), 200, 1.0, np.random.default_rng(0))
    assert len(count.centroids(voices, None)) == 3


def test_two_like_voices_are_one_and_a_word_makes_no_talker():
    rng = np.random.default_rng(0)
    assert len(count.centroids(voices_of(means_of(2, 0.8), 60, 0.8, rng)[0], None)) == 1
    voices, who = voices_of(means_of(2, 0.0), 60, 0.8, rng)
    few = np.flatnonzero((who == 0) | (np.cumsum(who) <= 3))  # three stretches of the other: 2.25 s
    kept = Voices([voices.stretches[k] for k in few], voices.vectors[few], voices.alone[few], voices.loudest[few])
    assert len(count.centroids(kept, None)) == 1


def test_with_a_number_given_a_few_odd_stretches_are_no_talker():
    rng = np.random.default_rng(0)
    means = means_of(3, 0.0)
    means[1] = 0.5 * means[0] + 0.75**0.5 * means[1]  # two who are somewhat alike
    voices, who = voices_of(means, 60, 1.2, rng)
    odd = np.arange(who.size) < 8  # a laugh, unlike anybody
    vectors = np.where(odd[:, None], np.eye(SIZE)[40] + 0.02 * voices.vectors, voices.vectors)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = count.centroids(Voices(voices.stretches, vectors, voices.alone, voices.loudest), 3)
    assert len(found) == 3
    assert np.all((found @ means.T).max(axis=0) > 0.95)


def test_remains_in_the_fainter_stem_do_not_count():
    rng = np.random.default_rng(0)
    voices, who = voices_of(means_of(2, 0.0), 60, 0.8, rng)
    assert len(count.centroids(voices, None)) == 2
    fainter = Voices(voices.stretches, voices.vectors, voices.alone, who == 0)
    assert len(count.centroids(fainter, None)) == 1


def test_k_means_is_as_good_as_scipys():
    vq = pytest.importorskip("scipy.cluster.vq", reason="an independent k-means")
    rng = np.random.default_rng(0)
    voices, _ = voices_of(means_of(5, 0.1), 40, 1.0, rng)

    def squares(labels):
        return sum(
            np.square(part - part.mean(axis=0)).sum() for part in (voices.vectors[labels == k] for k in range(5))
        )

    theirs = min(squares(vq.kmeans2(voices.vectors, 5, minit="++", seed=seed)[1]) for seed in range(20))
    assert squares(count.k_means(voices.vectors, 5)) <= 1.001 * theirs
