"""System 1: its networks, its recipe, kind `spectral`, and the published inference with its defects."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("accelerate", reason="needs the extra `train`: pip install winnow-audio[train]")

from winnow.audio import Audio  # noqa: E402
from winnow.dsp.decibels import amplitude_to_db  # noqa: E402
from winnow.dsp.published import UNET  # noqa: E402
from winnow.dsp.spectrum import Analysis, Transform  # noqa: E402
from winnow.engine.run import Separation, Settings, separate  # noqa: E402
from winnow.errors import BadInput, BadOption  # noqa: E402
from winnow.media import write  # noqa: E402
from winnow.models import published  # noqa: E402
from winnow.models.bundle import load_bundle  # noqa: E402
from winnow.models.manifest import SpectralSettings  # noqa: E402
from winnow.train import spectra  # noqa: E402
from winnow.train.export import export_run  # noqa: E402
from winnow.train.mixing import draw, render  # noqa: E402
from winnow.train.networks.unet import Residual, ResidualUNet, UNet, UNetConfig, build  # noqa: E402
from winnow.train.recipes.unet import UNetRecipe, UNetRunConfig  # noqa: E402
from winnow.train.run import Sounds, gather, train  # noqa: E402
from winnow.train.solver import Schedule  # noqa: E402


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_parameter_counts_are_the_published_ones():
    assert parameters(UNet(16)) == 1_943_761
    assert parameters(UNet(32)) == 7_765_409
    assert parameters(ResidualUNet(16, 0.5)) == 4_897_409


@pytest.mark.parametrize("model", ["unet", "resnet"])
def test_networks_keep_the_shape_of_a_window(model):
    network = build(UNetConfig(model, start_fm=2))
    assert network(torch.zeros(2, 1, 128, 128)).shape == (2, 1, 128, 128)
    assert network.eval()(torch.zeros(1, 1, 128, 64)).shape == (1, 1, 128, 64)


def test_a_published_residual_block_has_one_norm_at_both_ends():
    block = Residual(3, last=True, shared=True).eval()
    block.norm.weight.data[:] = 2.0
    block.second.weight.data[:] = 0.0
    block.second.bias.data[:] = 1.0
    out = block(torch.ones(1, 3, 4, 4))
    torch.testing.assert_close(out, torch.full_like(out, 2 * (1 + 1) / (1 + 1e-5) ** 0.5))
    block.shared = False
    out = block(torch.ones(1, 3, 4, 4))
    torch.testing.assert_close(out, torch.full_like(out, (1 + 1) / (1 + 1e-5) ** 0.5))


def test_a_norm_in_two_places_makes_another_network_at_inference():
    """Its running mean lies between the means of both places; with a norm for each, inference is what training was."""
    found = {}
    for shared in (True, False):
        torch.manual_seed(0)
        block = Residual(4, last=True, shared=shared)
        block.second.bias.data[:] = 5.0
        x = torch.randn(64, 4, 8, 8)
        for _ in range(100):
            trained = block(x)
        found[shared] = float((trained - block.eval()(x)).detach().abs().mean())
    assert found[True] > 0.5 and found[False] < 0.01


# --- the recipe ---


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    base = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    for kind, count in (("speech", 3), ("noise", 2)):
        (base / kind).mkdir()
        for i in range(count):
            time = np.arange(16000) / 8000
            tone = np.sin(2 * np.pi * 200 * (i + 1) * time) * (np.sin(2 * np.pi * 2 * time) > 0)
            sound = tone * 0.3 if kind == "speech" else rng.normal(0, 0.1, 16000)
            write(base / kind / f"{i}.wav", Audio(sound[None].astype(np.float32), 8000))
    return base


@pytest.fixture(scope="module")
def run(folders):
    schedule = Schedule(epochs=2, device="cpu")
    sounds = Sounds([str(folders / "speech")], [str(folders / "noise")])
    list(train("unet", sounds, folders / "run", schedule, preset="tiny", valid=sounds))
    return folders / "run"


def test_an_epoch_is_as_many_examples_as_the_recipe_says(run):
    record = json.loads((run / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert record["step"] == 2 * 8 / 2  # two epochs of 8 examples, two a step


def test_amplitude_mixing_is_a_voice_and_u_times_a_noise(folders):
    config = UNetRunConfig.paper()
    mix = replace(config.mix, synthetic_count=20, simulated_count=4)
    banks = gather(Sounds([str(folders / "speech")], [str(folders / "noise")]), mix, 0, folders / "cache", 0)
    choice = draw(np.random.default_rng(1), 50, mix, banks)
    mixture, voice = render(choice, mix, banks)
    assert mixture.shape == (50, 8064)
    rest = mixture - voice
    still = np.ones(50)
    noise = banks.noise.crops(choice.noise[0], choice.noise_place[0], still, 8064, loop=True)
    u = (rest * noise).sum(1) / noise.square().sum(1)
    np.testing.assert_allclose(u.numpy(), choice.amplitude, rtol=1e-3)
    assert 0.2 <= u.min() < 0.3 and 0.7 < u.max() <= 0.8


def test_the_spectrum_of_training_is_that_of_inference():
    samples = torch.randn(1, 8064, generator=torch.Generator().manual_seed(0)) * 0.1
    theirs = UNET.forward(samples[0].numpy())
    ours = spectra.hann_stft(samples, 255, 63)[0].numpy()
    np.testing.assert_allclose(ours[3:-3], theirs[3:-3], atol=1e-4)  # at the ends, the published one mirrors
    assert ours.shape == (128, 128)
    level = spectra.decibels(torch.tensor(np.abs(theirs))[None], torch.tensor(np.abs(theirs).max()))[0]
    np.testing.assert_allclose(amplitude_to_db(np.abs(theirs)), level.numpy(), atol=1e-3)
    # the engine's frames lie elsewhere, but at an offset of its own they are the same
    frames = Analysis(Transform(255, 63, 255, "hann"), 1).feed(np.pad(samples.numpy(), ((0, 0), (0, 300))))[0]
    shifted = UNET.forward(np.pad(samples[0].numpy(), (192 - 127, 0)))
    np.testing.assert_allclose(np.abs(frames[3:100]), np.abs(shifted[3:100]), atol=1e-4)


def test_iou_counts_bins_with_6_db_of_noise():
    """Agreement with a plain loop, and the two ends: all the same, nothing in common."""
    recipe = UNetRecipe(replace(UNetRunConfig.tiny(), target="noise"))
    chance = torch.Generator().manual_seed(1)
    clean = torch.randn(1, 63 * 32, generator=chance) * 0.1
    noisy = clean + torch.randn(1, 63 * 32, generator=chance) * 0.1

    def iou(answer):
        return float(recipe.score(lambda _: answer, noisy, clean)["iou"])

    noise = recipe._noise(spectra.hann_stft(noisy, 255, 63), spectra.hann_stft(clean, 255, 63))
    right = (noise - 6) / 82
    assert iou(right) == pytest.approx(1.0)
    assert iou(-right.abs() - 1) < 1e-6
    everything = torch.ones_like(right)
    assert iou(everything) == pytest.approx(float((noise >= 6).float().mean()), abs=1e-6)


@pytest.mark.parametrize("target", ["gain", "noise"])
def test_gradients_reach_all_weights_that_are_used(target):
    recipe = UNetRecipe(replace(UNetRunConfig.tiny(), target=target))
    network = recipe.network()
    chance = torch.Generator().manual_seed(1)
    loss = recipe.loss(network, *(torch.randn(2, 63 * 32, generator=chance) * 0.1 for _ in range(2)))
    loss.total.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize(
    ("setting", "words"),
    [("network.model=vgg", "unet, resnet"), ("target=phase", "noise, gain"), ("network.dropout=1.5", "dropout")],
)
def test_unknown_values_name_the_choices(folders, setting, words):
    sounds = Sounds([str(folders / "speech")], [str(folders / "noise")])
    with pytest.raises(BadOption, match=words):
        next(train("unet", sounds, folders / "never", Schedule(), preset="tiny", settings=[setting]))
    assert not (folders / "never").exists()


def test_a_run_of_another_recipe_is_refused(run):
    with pytest.raises(BadInput, match="winnow train unet"):
        next(train("denoise", Sounds([], []), run, Schedule(), resume=True))


def test_the_preset_split_is_of_16_khz_and_hears_music():
    config = UNetRunConfig.split()
    assert config.mix.rate == 16000 and config.mix.music_share > 0.5 and config.frames == 256
    recipe = UNetRecipe(replace(config, network=UNetConfig(start_fm=2)))
    noisy = torch.randn(1, 32768, generator=torch.Generator().manual_seed(0)) * 0.1
    assert recipe._spectra(noisy, noisy)[0].shape == (1, 256, 256)
    assert recipe.manifest("x", recipe.network()).settings.bins == 256


# --- bundles and the engine ---


@pytest.fixture(scope="module")
def bundles(run, tmp_path_factory):
    base = tmp_path_factory.mktemp("bundles")
    for bits in (32, 8):
        export_run(run, base / str(bits), bits=bits)
    return base


def clean(samples, rate, bundle, step=4000, **options):
    cut = (samples[:, i : i + step] for i in range(0, samples.shape[1], step))
    parts = list(separate(cut, rate, samples.shape[0], Settings(model=str(bundle), **options)))
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}


def sound(channels, length, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, (channels, length)).astype(np.float32)


def test_weights_in_eight_bits_compute_nearly_the_same(run, bundles):
    large, small = (bundles / str(bits) / "model.onnx" for bits in (32, 8))
    assert small.stat().st_size < large.stat().st_size
    a, b = (clean(sound(1, 20000), 8000, bundles / str(bits))["speech"] for bits in (32, 8))
    assert 20 * np.log10(np.linalg.norm(a) / np.linalg.norm(a - b)) > 30
    with pytest.raises(BadOption, match="8 or 32"):
        export_run(run, bundles / "x", bits=4)


@pytest.mark.parametrize(
    ("rate", "channels", "length"), [(8000, 1, 1), (8000, 2, 9000), (16000, 1, 30001), (44100, 2, 70000)]
)
def test_any_length_rate_and_number_of_channels_come_back_whole(bundles, rate, channels, length):
    samples = sound(channels, length)
    stems = clean(samples, rate, bundles / "32")
    assert stems["speech"].shape == samples.shape
    np.testing.assert_allclose(stems["speech"] + stems["background"], samples, atol=1e-6)
    unchanged = clean(samples, rate, bundles / "32", strength=0.0)
    np.testing.assert_allclose(unchanged["speech"], samples, atol=1e-5)


def test_blocks_of_any_size_give_the_same(bundles):
    samples = sound(2, 25000)
    a, b = (clean(samples, 8000, bundles / "32", step)["speech"] for step in (25000, 777))
    np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("step", [1, 63, 500])
def test_no_more_is_held_back_than_the_manifest_says(bundles, step):
    separation = Separation(8000, 1, Settings(model=str(bundles / "32")))
    samples, fed, given, most = sound(1, 12000), 0, 0, 0
    for i in range(0, 12000, step):
        fed += samples[:, i : i + step].shape[1]
        given += separation.feed(samples[:, i : i + step])["speech"].shape[1]
        most = max(most, fed - given)
    assert separation.latency * 8000 - 63 <= most <= separation.latency * 8000


def test_windows_are_cross_faded_and_every_frame_gets_one_gain(bundles, monkeypatch):
    """A network that says "all" in one window and "nothing" in the next: gains run from 1 to 0 in a straight line."""
    runner = load_bundle(bundles / "32").runner()
    calls = iter([1.0, 0.0, 0.0, 0.0, 0.0])
    monkeypatch.setattr(type(runner), "gains", lambda _, spectrum, __: np.full(spectrum.shape, next(calls), np.float32))
    masker = runner.masker()
    masks = [masker.feed(np.zeros((7, 128), np.complex64)) for _ in range(15)]
    gains = np.concatenate([*masks, masker.flush()], axis=1)[0, :, 0].real
    frames, shared = 32, 8
    assert len(gains) == 105
    np.testing.assert_allclose(gains[: frames - shared], 1)
    np.testing.assert_allclose(gains[frames - shared : frames], 1 - (np.arange(shared) + 1) / (shared + 1), atol=1e-6)
    np.testing.assert_allclose(gains[frames:], 0)


def test_the_band_above_the_model_follows_its_upper_bins(bundles, monkeypatch):
    """A network that takes half of everything takes half of 12 kHz as well, where there is sound in both bands."""
    runner = load_bundle(bundles / "32").runner()
    monkeypatch.setattr(type(runner), "gains", lambda _, spectrum, __: np.full(spectrum.shape, 0.5, np.float32))
    samples = sound(1, 96000)
    speech = clean(samples, 48000, bundles / "32")["speech"]
    np.testing.assert_allclose(speech[:, 4800:-4800], 0.5 * samples[:, 4800:-4800], atol=0.01)


# --- as published ---


def test_the_inverse_of_254_points_is_the_published_floor():
    """Finding 1: 1.6 dB on white noise; with 255 points the same functions are exact."""
    samples = sound(1, 8064)[0].astype(float)
    spectrum = UNET.forward(samples)

    def snr(transform):
        back = transform.inverse(spectrum, 8064)
        return 10 * np.log10(np.sum(samples**2) / np.sum((samples - back) ** 2))

    assert snr(published.WRONG) == pytest.approx(1.6, abs=0.4)
    assert snr(UNET) > 250


@pytest.fixture(scope="module")
def as_published(folders):
    values = ["own_reference=True", "target=noise", "mix.seconds=1.008"]
    sounds = Sounds([str(folders / "speech")], [str(folders / "noise")])
    schedule = Schedule(steps=2, device="cpu")
    list(train("unet", sounds, folders / "paper", schedule, preset="tiny", settings=values))
    export_run(folders / "paper", folders / "paper-bundle")
    return folders / "paper-bundle"


def test_published_inference_loses_the_level(as_published):
    """Finding 2: a recording 12 dB louder comes out as loud as before."""
    samples = sound(1, 3 * 8064) * 0.2
    quiet, loud = (clean(samples * gain, 8000, as_published)["speech"] for gain in (1.0, 4.0))
    assert 20 * np.log10(np.linalg.norm(loud) / np.linalg.norm(quiet)) == pytest.approx(0, abs=0.05)


def test_published_inference_loses_the_tail_and_ours_does_not(as_published, bundles):
    samples = sound(1, 8064 + 4000)
    assert not clean(samples, 8000, as_published)["speech"][:, 8064:].any()
    assert clean(samples, 8000, bundles / "32")["speech"][:, 8064:].std() > 1e-4


def test_batch_statistics_at_inference_make_a_window_depend_on_its_neighbours():
    """Finding 3: the published application never calls eval(); our graphs cannot do that."""
    network = UNet(2)
    a, b = torch.randn(2, 1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    together = network(torch.cat([a, b * 10]))[:1]
    assert (together - network(a)).abs().max() > 1e-3
    network.eval()
    torch.testing.assert_close(network(torch.cat([a, b * 10]))[:1], network(a))


def test_the_published_target_is_not_the_noise():
    """Each window relative to its own loudest bin: noise 20 dB louder than the voice hides that difference in level."""
    chance = torch.Generator().manual_seed(0)
    voice = torch.randn(1, 8064, generator=chance) * 0.01
    mixture = voice * 10
    ours, theirs = (UNetRecipe(replace(UNetRunConfig.paper(), own_reference=own)) for own in (False, True))
    pair = [spectra.hann_stft(x, 255, 63) for x in (mixture, voice)]
    assert float(ours._noise(*pair).median()) == pytest.approx(20, abs=0.1)
    assert float(theirs._noise(*pair).median()) == pytest.approx(0, abs=0.1)


def test_settings_that_make_no_sense_are_refused():
    from winnow.errors import BundleError

    good = dict(fft=255, window=255, hop=63, frames=128, bins=128, multiple=32, input="decibel", output="gain")
    SpectralSettings(**good)
    for bad in (
        {"output": "magic"},
        {"input": "magic"},
        {"hop": 0},
        {"bins": 200},
        {"frames": 100},
        {"overlap": 1.0},
        {"span": 0.0},
    ):
        with pytest.raises(BundleError):
            SpectralSettings(**(good | bad))
