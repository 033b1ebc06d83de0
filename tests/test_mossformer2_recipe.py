"""Recipe `mossformer2`: its loss, a training run, and the bundle of kind `wave` that it becomes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("accelerate", reason="needs the extra `train`: pip install winnow-audio[train]")

import winnow  # noqa: E402
from speechlike import talk  # noqa: E402
from toycorpus import make_lists  # noqa: E402
from winnow.audio import Audio  # noqa: E402
from winnow.errors import BadOption, BundleError  # noqa: E402
from winnow.models.bundle import load_bundle  # noqa: E402
from winnow.models.manifest import WaveSettings  # noqa: E402
from winnow.settings import changed  # noqa: E402
from winnow.train.export import load_run, write_bundle  # noqa: E402
from winnow.train.recipes.mossformer2 import MossFormer2Recipe, MossFormer2RunConfig  # noqa: E402
from winnow.train.run import Sounds, train  # noqa: E402
from winnow.train.schedule import Schedule  # noqa: E402

TINY = MossFormer2RunConfig.tiny()


def two_voices(count=2, time=4000):
    voices = torch.randn(count, 2, time, generator=torch.Generator().manual_seed(0)) * 0.1
    return voices.sum(1), voices


def cost(config, estimates, mixture, talkers):
    return float(MossFormer2Recipe(config).loss(lambda _: estimates, mixture, talkers).total)


@pytest.mark.parametrize("name", ["snr", "si-sdr"])
def test_the_order_of_the_talkers_costs_nothing(name):
    config, (mixture, talkers) = replace(TINY, loss=name), two_voices()
    close = talkers + 0.01 * torch.randn(talkers.shape, generator=torch.Generator().manual_seed(1))
    loss = MossFormer2Recipe(config).loss(lambda _: close.flip(1), mixture, talkers)
    assert float(loss.total) == pytest.approx(cost(config, close, mixture, talkers))
    torch.testing.assert_close(loss.estimate, close)
    assert float(loss.total) == pytest.approx(-20, abs=1)


def test_only_si_sdr_leaves_the_level_free():
    mixture, talkers = two_voices()
    close = talkers + 0.01 * torch.randn(talkers.shape, generator=torch.Generator().manual_seed(1))
    for name, free in (("snr", False), ("si-sdr", True)):
        config = replace(TINY, loss=name)
        same = cost(config, 3 * close, mixture, talkers) == pytest.approx(
            cost(config, close, mixture, talkers), abs=0.1
        )
        assert same == free


@pytest.mark.parametrize("name", ["snr", "si-sdr"])
def test_a_silent_talker_asks_for_silence(name):
    config, (_, talkers) = replace(TINY, loss=name), two_voices()
    talkers[:, 1] = 0
    mixture, other = talkers.sum(1), torch.ones_like(talkers)
    costs = []
    for level in (0.0, 0.01, 0.1, 1.0):
        other[:, 0], other[:, 1] = talkers[:, 0] * 0.99, mixture * level
        costs.append(cost(config, other, mixture, talkers))
    assert all(np.isfinite(costs)) and costs == sorted(costs)


def test_variants_by_settings():
    sixteen = changed(MossFormer2RunConfig.paper(), ["mix.rate=16000", "network.talkers=3", "mix.talkers=3,3"])
    manifest = MossFormer2Recipe(sixteen).manifest("m", torch.nn.Identity())
    assert (manifest.rate, manifest.stems) == (16000, ("talker1", "talker2", "talker3", "background"))
    assert manifest.settings.fitted and not manifest.ordered
    shipped = MossFormer2Recipe(MossFormer2RunConfig.shipped())
    assert sum(p.numel() for p in shipped.network().parameters()) == 1_145_754
    for wrong in ("network.talkers=3", "loss=mse", "network.kernel=15", "network.flash.width=0"):
        with pytest.raises(BadOption):
            MossFormer2Recipe(changed(MossFormer2RunConfig.paper(), [wrong]))
    with pytest.raises(BundleError):
        WaveSettings(window=2.0, overlap=1.5)


def test_steps_lower_the_loss():
    """On one mixture of a low and a high voice, the tiny network gains decibels within forty steps."""
    torch.manual_seed(0)
    recipe = MossFormer2Recipe(TINY)
    network = recipe.network()
    time = torch.arange(4000) / 8000
    talkers = torch.stack([torch.sin(2 * torch.pi * f * time) * 0.1 for f in (200, 1500)])[None]
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(40):
        loss = recipe.loss(network, talkers.sum(1), talkers).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 3


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mossformer2")
    lists = make_lists(folder)
    sounds = Sounds([lists["speech"]], [])
    schedule = Schedule(steps=3, device="cpu", validate_steps=2)
    records = list(train("mossformer2", sounds, folder / "run", schedule, preset="tiny", valid=sounds, track=["none"]))
    assert {"valid_loss", "valid_si_sdr_improvement"} <= set(records[-1])
    return folder / "run"


@pytest.fixture(scope="module")
def bundle(run, tmp_path_factory):
    """Of the run's network, in which attention counts for as much as after a long training."""
    recipe, network = load_run(run)
    with torch.no_grad():
        for layer in network.masks.flashes:
            layer.gain.normal_(generator=torch.Generator().manual_seed(0))
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder, network, recipe.manifest("moss", network))
    return load_bundle(folder), network


def test_the_run_remembers_what_it_is(run):
    described = json.loads((run / "config.json").read_text())
    assert described["recipe"] == "mossformer2"
    assert load_run(run)[0].config == TINY


def test_the_graph_computes_what_the_network_does_at_any_length(bundle):
    made, network = bundle
    assert made.check().ok
    separator = made.separator()
    for count, time in ((1, 64), (1, 1111), (3, 2048), (2, 9001)):
        wave = np.random.default_rng(time).normal(0, 0.1, (count, time)).astype(np.float32)
        with torch.no_grad():
            wanted = network(torch.from_numpy(wave)).numpy()
        np.testing.assert_allclose(separator._runner.raw(wave), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"), [(8000, 1, 2.7), (44100, 2, 1.3), (8000, 3, 0.002), (16000, 1, 0)]
)
def test_a_recording_comes_apart_and_together_again(bundle, rate, channels, seconds):
    made, _ = bundle
    voice = np.concatenate([talk(seconds, seed, rate) for seed in range(channels)])
    stems = winnow.split(Audio(voice, rate), model=made.path)
    assert list(stems) == ["talker1", "talker2", "background"]
    assert all(stem.samples.shape == voice.shape and stem.rate == rate for stem in stems.values())
    np.testing.assert_allclose(sum(stem.samples for stem in stems.values()), voice, atol=1e-5)


def test_the_level_of_the_recording_stays(bundle):
    made, _ = bundle
    voice = talk(2.5, 1, 8000)
    loud, quiet = (winnow.split(Audio(voice * gain, 8000), model=made.path)["talker1"].samples for gain in (1, 0.01))
    assert np.abs(loud).max() > 1e-3
    np.testing.assert_allclose(quiet, 0.01 * loud, atol=1e-6)
    silence = winnow.split(Audio(0 * voice, 8000), model=made.path)
    assert not any(stem.samples.any() for stem in silence.values())


def test_equal_channels_stay_equal(bundle):
    """Several channels go through masks: what is the same, or turned round, in both stays so in each stem."""
    made, _ = bundle
    voice = talk(1.5, 2, 8000)[0]
    stems = winnow.split(Audio(np.stack([voice, -0.5 * voice]), 8000), model=made.path)
    for stem in stems.values():
        np.testing.assert_allclose(stem.samples[1], -0.5 * stem.samples[0], atol=1e-5)
