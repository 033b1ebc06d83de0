"""A U-Net in Spleeter's shape, and the synthesised music it is trained against."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("accelerate", reason="needs the extra `train`: pip install winnow-audio[train]")

import winnow  # noqa: E402
from winnow.audio import Audio  # noqa: E402
from winnow.media import write  # noqa: E402
from winnow.train.export import export_run  # noqa: E402
from winnow.train.music import synthetic_music  # noqa: E402
from winnow.train.networks.spleeter import Spleeter, SpleeterConfig  # noqa: E402
from winnow.train.recipes.spleeter import SpleeterRecipe, SpleeterRunConfig  # noqa: E402
from winnow.train.run import Sounds, train  # noqa: E402
from winnow.train.solver import Schedule  # noqa: E402


def test_the_published_size():
    network = Spleeter(SpleeterConfig(channels=2))
    assert sum(p.numel() for p in network.parameters()) == 19_647_498
    assert network.eval()(torch.rand(1, 2, 64, 128)).shape == (1, 2, 64, 128)


def test_ratio_masks_of_all_stems_add_up_to_one():
    network = Spleeter(SpleeterConfig(maps=(2, 2, 2, 2, 2, 2))).eval()
    x = torch.rand(1, 64, 128, generator=torch.Generator().manual_seed(0))
    soft = network.soft(x)
    first = network(x)
    network.stems = torch.nn.ModuleList(reversed(network.stems))
    torch.testing.assert_close(first + network(x), torch.ones_like(x))
    torch.testing.assert_close(first, (soft[0] ** 2 / (soft**2).sum(0))[:, 0], atol=1e-5, rtol=1e-4)


def test_a_perfect_mask_costs_least():
    recipe = SpleeterRecipe(SpleeterRunConfig.tiny())
    chance = torch.Generator().manual_seed(0)
    voice = torch.randn(1, 4096, generator=chance) * 0.1
    wrong, right = (
        float(recipe.loss(lambda size, g=gain: torch.full_like(size, g), voice, voice).total) for gain in (0.5, 1.0)
    )
    assert right == pytest.approx(0, abs=1e-6) and wrong > 0.5


def test_trained_exported_and_run(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("speech", "noise"):
        (tmp_path / kind).mkdir()
        write(tmp_path / kind / "a.wav", Audio(rng.normal(0, 0.1, (1, 16000)).astype(np.float32), 8000))
    sounds = Sounds([str(tmp_path / "speech")], [str(tmp_path / "noise")])
    list(train("spleeter", sounds, tmp_path / "run", Schedule(steps=2, device="cpu"), preset="tiny"))
    export_run(tmp_path / "run", tmp_path / "bundle")
    samples = rng.normal(0, 0.1, (2, 30001)).astype(np.float32)
    stems = winnow.split(Audio(samples, 16000), model=tmp_path / "bundle")
    np.testing.assert_allclose(stems["speech"].samples + stems["background"].samples, samples, atol=1e-6)
    assert 0.1 < stems["speech"].samples.std() / samples.std() < 0.9


def test_music_holds_its_pitch_and_differs_from_piece_to_piece():
    pieces = synthetic_music(8, 32000, 8000, torch.Generator().manual_seed(3)).numpy()
    assert pieces.shape == (8, 32000) and np.isfinite(pieces).all()
    np.testing.assert_allclose(np.abs(pieces).max(1), 1, atol=1e-5)
    again = synthetic_music(8, 32000, 8000, torch.Generator().manual_seed(3)).numpy()
    np.testing.assert_array_equal(pieces, again)
    assert np.abs(np.corrcoef(pieces) - np.eye(8)).max() < 0.5
    # over 0.25 s most of the energy of tones lies in few bins, that of noise in many
    spectra = np.abs(np.fft.rfft(pieces.reshape(8, 16, 2000) * np.hanning(2000))) ** 2
    share = np.sort(spectra, axis=-1)[..., -50:].sum(-1) / spectra.sum(-1).clip(1e-9)
    assert np.median(share) > 0.5
