"""Kind `complex`: band-split networks, their export, and how they are run over recordings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from winnow.engine.run import Separation, Settings
from winnow.errors import BadOption, BundleError
from winnow.models.bundle import load_bundle
from winnow.models.manifest import ComplexSettings, Cue

torch = pytest.importorskip("torch", reason="networks are made with torch: the extra train")
pytest.importorskip("onnx", reason="graphs are written with onnx: the extra train")

RATE = 16000


def bundle(folder: Path, voice: int = 0):
    """A tiny untrained bundle, with a voice cue where `voice` is its size."""
    from winnow.train.export import write_bundle
    from winnow.train.networks.bandsplit import BandSplit
    from winnow.train.recipes.talkers import TalkersConfig, TalkersRecipe

    config = TalkersConfig.tiny()
    torch.manual_seed(0)
    network = BandSplit(replace(config.network, voice=voice, stems=1 if voice else 2)).eval()
    with torch.no_grad():
        for film in network.film:
            film.to_scale.weight.normal_()
    manifest = TalkersRecipe(config).manifest("tiny", network)
    settings = replace(manifest.settings, samples=8000)
    manifest = replace(manifest, settings=settings)
    if voice:
        manifest = replace(manifest, stems=("voice", "rest"), ordered=True, cues=(Cue("voice", size=voice),))
    folder.mkdir()
    write_bundle(folder, network, manifest)
    return load_bundle(folder)


def noise(seconds: float, channels: int = 1) -> np.ndarray:
    chance = np.random.default_rng(0)
    return (0.1 * chance.standard_normal((channels, round(seconds * RATE)))).astype(np.float32)


def through(model: Path, mix: np.ndarray, rate: int) -> dict[str, np.ndarray]:
    separation = Separation(rate, len(mix), Settings(model=str(model)))
    parts = [separation.feed(mix[:, i : i + 3000]) for i in range(0, mix.shape[1], 3000)]
    parts.append(separation.flush())
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}


@pytest.mark.parametrize(("rate", "channels", "seconds"), [(16000, 1, 1.3), (44100, 2, 1.3), (8000, 1, 0.01)])
def test_stems_keep_length_and_add_up(tmp_path, rate, channels, seconds):
    made = bundle(tmp_path / "tiny")
    chance = np.random.default_rng(1)
    mix = (0.1 * chance.standard_normal((channels, round(seconds * rate)))).astype(np.float32)
    stems = through(made.path, mix, rate)
    assert list(stems) == ["talker1", "talker2", "background"]
    assert all(stem.shape == mix.shape for stem in stems.values())
    np.testing.assert_allclose(sum(stems.values()), mix, atol=1e-5)


def test_check_compares_at_three_lengths(tmp_path):
    report = bundle(tmp_path / "tiny", voice=5).check()
    assert len(report.differences) == 3
    assert report.ok


def test_runner_computes_what_training_does(tmp_path):
    """Spectrum, level, masks and their use agree between NumPy with ONNX Runtime and torch, to 1e-5 of full scale."""
    from winnow.train.recipes.talkers import TalkersConfig, TalkersRecipe
    from winnow.train.spectra import compressed, masked, root_hann_stft

    made = bundle(tmp_path / "tiny")
    config = TalkersConfig.tiny()
    torch.manual_seed(0)
    network = TalkersRecipe(config).network().eval()
    mix = noise(0.5)
    found = made.separator()(mix, RATE)[:, 0]
    with torch.no_grad():
        x = torch.from_numpy(mix)
        spectrum = root_hann_stft(x, config.window)
        masks = network(compressed(spectrum, config.power)[..., : config.network.bins, :])
        expected = masked(masks, spectrum, config.window, x.shape[-1])[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_all_channels_get_the_same_masks(tmp_path):
    separator = bundle(tmp_path / "tiny").separator()
    mono = noise(0.5)
    stereo = np.concatenate([1.5 * mono, 0.5 * mono])
    stems, alone = separator(stereo, RATE), separator(mono, RATE)
    np.testing.assert_allclose(stems[:, 0], 1.5 * alone[:, 0], atol=1e-5)
    np.testing.assert_allclose(stems[:, 1], 0.5 * alone[:, 0], atol=1e-5)


def test_level_does_not_matter(tmp_path):
    separator = bundle(tmp_path / "tiny").separator()
    mix = noise(0.5)
    np.testing.assert_allclose(separator(0.01 * mix, RATE), 0.01 * separator(mix, RATE), atol=1e-6)


def test_voice_steers(tmp_path):
    made = bundle(tmp_path / "tiny", voice=5)
    mix = noise(0.5)
    one, other = (made.separator({"voice": np.eye(5, dtype=np.float32)[k]})(mix, RATE) for k in (0, 1))
    assert np.abs(one - other).max() > 1e-4


def test_cues_are_asked_for(tmp_path):
    with pytest.raises(BadOption, match="needs to be told the voice"):
        bundle(tmp_path / "with", voice=5).separator()
    with pytest.raises(BadOption, match="takes no voice"):
        bundle(tmp_path / "without").separator({"voice": np.zeros(5, np.float32)})


def test_silence_stays_silent(tmp_path):
    separator = bundle(tmp_path / "tiny").separator()
    stems = separator(np.zeros((1, 8000), np.float32), RATE)
    assert np.abs(stems).max() == 0


@pytest.mark.parametrize("wrong", [{"hop": 0}, {"shape": "kaiser"}, {"power": 0.0}, {"share": 0.7}, {"bins": 300}])
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(BundleError, match="make no sense"):
        ComplexSettings(**({"fft": 512, "window": 512, "hop": 256, "bins": 257} | wrong))


def test_a_model_without_speech_is_refused_for_speech(tmp_path):
    for voice, use in ((0, "winnow separate"), (5, "winnow extract")):
        settings = Settings(model=str(bundle(tmp_path / f"tiny{voice}", voice=voice).path))
        with pytest.raises(BadOption, match=use):
            settings.check_speech()
    with pytest.raises(BadOption, match="only tells voices apart"):
        Settings(model="speaker-16k").check_speech()
