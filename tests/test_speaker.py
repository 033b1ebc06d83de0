"""Encoders of voices: features, loss, partials, training, export; and the equal error rate."""

import math
from dataclasses import replace

import numpy as np
import pytest

from voicelike import voice
from winnow import media
from winnow.audio import Audio
from winnow.errors import BadInput, BadOption
from winnow.metrics.verification import equal_error_rate, trials
from winnow.models.bundle import load_bundle
from winnow.models.manifest import SpeakerSettings
from winnow.models.speaker import active_rms, log_mels

SETTINGS = SpeakerSettings(16000, 512, 400, 160, 40, 8000.0, 80, 40)


def brute_force(same, other):
    """The smallest of the larger of both rates over every threshold: an upper bound of the equal error rate."""
    thresholds = np.concatenate([same, other, [np.inf]])
    rates = [(np.mean(same < t), np.mean(other >= t)) for t in thresholds]
    return min(rates, key=lambda pair: abs(pair[0] - pair[1]))


@pytest.mark.parametrize("seed", range(6))
def test_the_equal_error_rate_is_where_a_search_over_thresholds_finds_it(seed):
    rng = np.random.default_rng(seed)
    same, other = rng.normal(1, 1, 40 + 30 * seed), rng.normal(-0.5, 1.5, 300)
    if seed % 2:
        same, other = same.round(1), other.round(1)  # ties
    refused, accepted = brute_force(same, other)
    found = equal_error_rate(same, other)
    assert min(refused, accepted) - 1e-9 <= found.rate <= max(refused, accepted) + 1e-9
    assert abs(np.mean(same < found.threshold) - np.mean(other >= found.threshold)) < 0.06


def test_equal_error_rates_that_are_known():
    assert equal_error_rate(np.array([2.0, 3.0]), np.array([0.0, 1.0])).rate == 0
    assert equal_error_rate(np.array([0.0, 1.0]), np.array([2.0, 3.0])).rate == 1
    assert equal_error_rate(np.ones(5), np.ones(9)).rate == pytest.approx(0.5)
    shifted = np.random.default_rng(0).normal(0, 1, 200_000)
    rate = equal_error_rate(shifted + 1, shifted - 1).rate
    assert rate == pytest.approx(0.5 * math.erfc(1 / math.sqrt(2)), abs=0.003)  # of two normal distributions, 2 apart


def test_trials_are_all_pairs():
    vectors = np.eye(4)[[0, 0, 1, 2]]
    same, other = trials(vectors, np.array([0, 0, 1, 2]))
    assert same.tolist() == [1.0] and other.tolist() == [0.0] * 5


def test_active_rms_leaves_pauses_out():
    sound = np.concatenate([np.zeros(16000), 0.1 * np.ones(3200), np.zeros(16000)]).astype(np.float32)
    assert active_rms(sound) == pytest.approx(0.1, rel=1e-3) and active_rms(sound[:100]) == 0


torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("accelerate", reason="needs the extra `train`: pip install winnow-audio[train]")

from winnow.train import melmix  # noqa: E402
from winnow.train.bank import bank_of  # noqa: E402
from winnow.train.export import export_run  # noqa: E402
from winnow.train.mixing import MixConfig, complete_banks  # noqa: E402
from winnow.train.networks import speaker as networks  # noqa: E402
from winnow.train.recipes.speaker import SPEEDS, Partials, SpeakerConfig, SpeakerRecipe, partials  # noqa: E402
from winnow.train.run import Sounds, train  # noqa: E402
from winnow.train.schedule import Schedule  # noqa: E402
from winnow.train.speakers import build_speakers  # noqa: E402


def test_the_published_network_has_as_many_parameters_as_published():
    network = networks.build(SpeakerConfig.paper().network)
    assert sum(p.numel() for p in network.parameters()) == 12_134_656
    small = sum(p.numel() for p in networks.build(SpeakerConfig.shipped().network).parameters())
    assert small < 1_000_000


@pytest.mark.parametrize("model", networks.MODELS)
def test_vectors_are_of_unit_length(model):
    network = networks.build(networks.EncoderConfig(model, 40, 16, 2, 12)).eval()
    vectors = network(torch.randn(3, 50, 40))
    assert vectors.shape == (3, 12) and torch.allclose(vectors.norm(dim=-1), torch.ones(3), atol=1e-5)


def test_a_constant_filter_does_not_change_the_small_network():
    network = networks.build(networks.EncoderConfig(hidden=16, layers=1)).eval()
    mels = torch.randn(2, 60, 40)
    assert torch.allclose(network(mels), network(mels + torch.randn(1, 1, 40)), atol=1e-4)


def test_features_in_torch_and_numpy_agree():
    sound = voice(1, 1.5)
    assert (
        np.abs(networks.log_mels(torch.from_numpy(sound)[None], SETTINGS)[0].numpy() - log_mels(sound, SETTINGS)).max()
        < 1e-3
    )


def test_ge2e_is_what_the_paper_says():
    """Equations 5, 6, 8 and 9 of Wan et al. 2018, one vector after the other."""
    speakers, count, w, b = 4, 3, 7.0, -2.0
    vectors = torch.nn.functional.normalize(
        torch.randn(speakers, count, 5, generator=torch.Generator().manual_seed(0)), dim=-1
    )
    e, total = vectors.numpy().astype(np.float64), 0.0
    for j in range(speakers):
        for i in range(count):
            similar = []
            for k in range(speakers):
                others = [e[k, m] for m in range(count) if (k, m) != (j, i)]
                centre = np.mean(others, axis=0)
                similar.append(w * e[j, i] @ centre / np.linalg.norm(centre) + b)
            total += -similar[j] + math.log(sum(map(math.exp, similar)))
    found = networks.ge2e(vectors, torch.tensor(w), torch.tensor(b))
    assert float(found) == pytest.approx(total / speakers / count, rel=1e-4)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Six speakers with two recordings each, one folder a speaker; noise; a room."""
    base = tmp_path_factory.mktemp("voices")
    rng = np.random.default_rng(0)
    for who in range(6):
        (base / "speech" / f"s{who}").mkdir(parents=True)
        for text in range(2):
            media.write(base / "speech" / f"s{who}" / f"{text}.wav", Audio(voice(who, 2.5, text), 16000))
    for name, sound in (
        ("noise", rng.normal(0, 0.1, 32000)),
        ("rooms", np.exp(-np.arange(4000) / 800) * rng.normal(0, 0.3, 4000)),
    ):
        (base / name).mkdir()
        media.write(base / name / "0.wav", Audio(sound.astype(np.float32), 16000))
    return base


@pytest.fixture(scope="module")
def sounds(folders):
    return Sounds([str(folders / "speech")], [str(folders / "noise")], [str(folders / "rooms")])


@pytest.fixture(scope="module")
def material(sounds, folders):
    return Partials().gather(sounds, SpeakerConfig.tiny(), 0, folders / "cache")


def test_folders_and_lists_tell_who_speaks(folders, tmp_path):
    found = build_speakers([str(folders / "speech")], 16000)
    assert len(found.chance) == 6 and np.bincount(found.speaker).tolist() == [2] * 6
    rng = np.random.default_rng(0)
    assert (found.speaker[found.recordings(rng, np.repeat(np.arange(6), 20))] == np.repeat(np.arange(6), 20)).all()
    voices = found.choose(rng, 10, 3)
    assert len(set(voices.tolist())) == 10 and voices.max() < 18
    row = '{{"id": "{0}", "path": "{0}", "kind": "speech", "corpus": "c", "rate": 16000, "channels": 1, "samples": 40000{1}}}\n'
    paths = [str(folders / "speech" / f"s{k}" / "0.wav") for k in range(3)]
    (tmp_path / "list.jsonl").write_text("".join(row.format(p, f', "speaker": "{k}"') for k, p in enumerate(paths)))
    assert len(build_speakers([str(tmp_path / "list.jsonl")], 16000).chance) == 3
    (tmp_path / "nobody.jsonl").write_text(row.format(paths[0], ""))
    with pytest.raises(BadInput, match="no speaker"):
        build_speakers([str(tmp_path / "nobody.jsonl")], 16000)
    with pytest.raises(BadInput, match="two or more"):
        build_speakers([str(folders / "speech" / "s0")], 16000)


def test_partials_of_a_voice_follow_each_other_and_repeat_with_the_seed(material):
    config = SpeakerConfig.tiny()
    one, again = (partials(np.random.default_rng(4), config, material, len(SPEEDS)) for _ in range(2))
    assert torch.equal(one[0], again[0]) and torch.isfinite(one[0]).all()
    assert one[1].tolist() == one[1][::2].repeat_interleave(2).tolist() and len(set(one[1].tolist())) == 3
    assert config.shortest <= one[0].shape[1] <= config.longest and one[0].shape[2] == 40


def test_powers_of_sounds_add_nearly_as_the_sounds_do():
    """What mel powers leave out, the phase between two sounds, is worth less than a decibel over some frames."""
    settings = SpeakerConfig.tiny().features
    one, two = voice(0, 2), 0.05 * np.random.default_rng(0).standard_normal(32000).astype(np.float32)
    apart = sum(10.0 ** log_mels(sound, settings) for sound in (one, two))
    both = 10.0 ** log_mels(one + two, settings)
    bands = 10 * np.log10(apart.mean(0) / both.mean(0))
    assert np.abs(bands).max() < 1


def test_a_room_spreads_powers_as_it_spreads_sound():
    settings = SpeakerConfig.tiny().features
    rng = np.random.default_rng(1)
    response = np.exp(-np.arange(6400) / 1500) * rng.normal(0, 0.1, 6400)
    response[0] = 1.0
    response /= np.sqrt(np.square(response[:40]).sum())
    sound = (rng.normal(0, 0.1, 32000) * (np.sin(np.arange(32000) / 1200) > 0)).astype(np.float32)  # bursts
    heard = np.convolve(sound, response)[: len(sound)].astype(np.float32)
    powers = melmix.room_powers(bank_of(torch.from_numpy(response.astype(np.float32))[None], 16000), settings, 40)
    banks = melmix.MelSounds(None, None, None, None, powers)
    config = melmix.MelMixConfig(room_chance=1.0)
    dry = torch.pow(10.0, torch.from_numpy(log_mels(sound, settings)))[None]
    wet = melmix._in_rooms(dry, np.random.default_rng(0), config, banks)[0].numpy()
    wanted = 10.0 ** log_mels(heard, settings)
    gain = 10 * np.log10(wet.sum(1) / wanted.sum(1))
    loud = wanted.sum(1) > wanted.sum(1).max() * 1e-3
    assert np.abs(gain[loud]).mean() < 1.5


def test_a_line_takes_away_what_it_does_not_carry():
    settings = SpeakerConfig.tiny().features
    config = melmix.MelMixConfig(high_cut=(2000.0, 2000.0), high_cut_chance=1.0, low_cut_chance=0.0)
    gain = melmix._line(np.random.default_rng(0), 4, config, settings)[:, 0].numpy()
    middle = networks.middles(settings)
    assert (gain[:, middle <= 2000] == 1).all() and (gain[:, middle > 2000] <= 0.011).all()


def test_it_learns_is_exported_and_tells_voices_apart(sounds, tmp_path):
    settings = ["speakers=6", "partials=4", "network.hidden=24", "warm_up=0.1", "augmented=False", "average=0.8"]
    schedule = Schedule(steps=30, device="cpu", validate_steps=15)
    records = list(
        train(
            "speaker",
            sounds,
            tmp_path / "run",
            schedule,
            preset="tiny",
            settings=settings,
            valid=sounds,
            track=("none",),
        )
    )
    last = records[-1]
    assert last["valid_loss"] < 0.8 * math.log(6) and 0 <= last["valid_eer"] < 30
    assert last["step"] == 30
    manifest = export_run(tmp_path / "run", tmp_path / "my-voices", bits=8)
    assert manifest.kind == "speaker" and manifest.parameters < 30_000
    bundle = load_bundle(tmp_path / "my-voices")
    assert bundle.check().ok
    _agrees(bundle)


def _agrees(bundle):
    encoder = bundle.encoder()
    assert encoder.identity.startswith("my-voices-") and encoder.size == 16 and encoder.alike == 0.5
    for seconds in (0.2, 0.9, 3.0, 30.0):
        vector = encoder(voice(1, seconds), 16000)
        assert vector.shape == (16,) and abs(np.linalg.norm(vector) - 1) < 1e-4
    sound = voice(1, 4)
    assert encoder(sound, 16000) @ encoder(0.01 * sound, 16000) > 0.999
    paused = np.concatenate([np.zeros(48000, np.float32), sound, np.zeros(48000, np.float32)])
    assert encoder(sound, 16000) @ encoder(paused, 16000) > 0.9
    for nothing in (np.zeros(0), np.zeros(16000), np.full(16000, np.nan), sound[:1000]):
        assert not encoder(nothing.astype(np.float32), 16000).any()
    with pytest.raises(BadOption, match="makes no sound"):
        bundle.runner()


def test_the_published_network_is_run_as_published(tmp_path):
    """Windows of 80 frames, 40 apart; the mean of their vectors."""
    from winnow.train.export import write_bundle

    config = replace(SpeakerConfig.paper(), network=networks.EncoderConfig("lstm", 40, 12, 2, 8))
    recipe = SpeakerRecipe(config)
    network = recipe.network().eval()
    (tmp_path / "paper").mkdir()
    write_bundle(tmp_path / "paper", network, recipe.manifest("paper", network))
    sound = voice(4, 3.3)
    mels = torch.from_numpy(log_mels(sound, config.features))
    with torch.no_grad():
        wanted = network(mels.unfold(0, 80, 40).transpose(1, 2)).mean(0).numpy()
    found = load_bundle(tmp_path / "paper").encoder()(sound, 16000)
    assert np.abs(found - wanted / np.linalg.norm(wanted)).max() < 1e-4


def test_settings_that_make_no_sense():
    for values in ({"speakers": 1}, {"partials": 1}, {"shortest": 50, "longest": 40}):
        with pytest.raises(BadOption):
            replace(SpeakerConfig.tiny(), **values)
    with pytest.raises(BadOption):
        networks.EncoderConfig("gru")
    with pytest.raises(BadOption):
        replace(SpeakerConfig.tiny(), network=networks.EncoderConfig(mels=64))


def test_a_run_needs_noise(sounds, tmp_path):
    with pytest.raises(BadInput, match="--noise"):
        list(
            train(
                "speaker",
                Sounds(sounds.speech, []),
                tmp_path / "run",
                Schedule(steps=1),
                preset="tiny",
                track=("none",),
            )
        )


def test_speeds_are_voices_of_their_own(material):
    banks = complete_banks(
        material.speakers.bank, material.speakers.bank, None, MixConfig(synthetic_count=20, simulated_count=4), 0
    )
    bank = melmix.mel_bank(banks.speech, SpeakerConfig.tiny().features, 1.1)
    still = len(material.speakers.speaker)
    assert np.abs(bank.length / material.sounds.voices.length[:still] - 1 / 1.1).max() < 0.02
