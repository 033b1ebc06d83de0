"""Optimiser Muon: against PyTorch's, by gates and bands, and in a run that is resumed. Needs the extra `train`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("accelerate", reason="needs the extra `train`: pip install winnow-audio[train]")

from torch import nn  # noqa: E402

from winnow.errors import BadOption  # noqa: E402
from winnow.train.muon import Muon, matrices, orthogonal  # noqa: E402
from winnow.train.networks.bandsplit import BandSplit  # noqa: E402
from winnow.train.recipes.talkers import TalkersConfig, TalkersRecipe  # noqa: E402
from winnow.train.solver import Schedule, Solver  # noqa: E402

SETTINGS = {"lr": 0.01, "betas": (0.9, 0.98), "weight_decay": 0.1}


def descend(network, optimiser, steps=5):
    """Steps with gradients of very different size in different directions."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for p in network.parameters():
            p.grad = torch.randn(p.shape, generator=generator) * torch.rand(p.shape[-1], generator=generator) ** 2
        optimiser.step()


def copies(*layers):
    torch.manual_seed(0)
    network = nn.Sequential(*layers)
    other = nn.Sequential(*(type(layer)(**made(layer)) for layer in layers))
    other.load_state_dict(network.state_dict())
    return network, other


def made(layer):
    if isinstance(layer, nn.LayerNorm):
        return {"normalized_shape": layer.normalized_shape}
    return {"in_features": layer.in_features, "out_features": layer.out_features, "bias": layer.bias is not None}


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this PyTorch has no Muon to compare with")
@pytest.mark.parametrize("shape", [(40, 24), (24, 40), (16, 16)])
def test_matrices_move_as_with_pytorch(shape):
    ours, theirs = copies(nn.Linear(shape[1], shape[0], bias=False))
    descend(ours, Muon(ours, **SETTINGS))
    descend(theirs, torch.optim.Muon(theirs.parameters(), lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"))
    torch.testing.assert_close(ours[0].weight, theirs[0].weight, rtol=0, atol=1e-6)


def test_what_is_no_matrix_moves_as_with_adamw():
    ours, theirs = copies(nn.LayerNorm(12))
    descend(ours, Muon(ours, **SETTINGS))
    descend(theirs, torch.optim.AdamW(theirs.parameters(), **SETTINGS))
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 20, 50), (3, 50, 20)])
def test_steps_are_of_one_length_in_all_directions(shape):
    gradients = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    lengths = torch.linalg.svdvals(orthogonal(gradients * torch.logspace(0, -1, shape[2])))
    assert lengths.min() > 0.5
    assert lengths.max() < 1.3


def test_each_gate_and_each_band_is_a_matrix():
    config = TalkersConfig.tiny().network
    shapes = {id(weight): shape for weight, shape in matrices(BandSplit(config))}
    assert sorted(set(shapes.values())) == sorted(
        {
            (8, 2 * 32 * 2, 8),  # into the bands
            (4, 8, 8),  # of the LSTM
            (1, 8, 16),
            (1, 16, 8),
            (1, 16, 24),
            (8, 8, 16),  # widened
            (8, 16, 2 * 2 * 2 * 32),  # masks
        }
    )
    assert sorted(shape for _, shape in matrices(nn.GRU(6, 5))) == [(3, 5, 5), (3, 5, 6)]
    assert [shape for _, shape in matrices(nn.Conv2d(4, 6, (3, 5)))] == [(1, 6, 60)]


def test_gates_do_not_touch_each_other():
    lstm = nn.LSTM(6, 6)
    optimiser = Muon(lstm, 0.1, (0.9, 0.98), 0.0)
    before = lstm.weight_hh_l0.detach().clone()
    lstm.weight_hh_l0.grad = torch.cat([torch.randn(6, 6), torch.zeros(18, 6)])
    optimiser.step()
    moved = (lstm.weight_hh_l0 - before).reshape(4, -1).norm(dim=1)
    assert moved[0] > 0.1
    assert moved[1:].max() == 0


def test_a_closure_is_called_and_its_loss_returned():
    layer = nn.Linear(4, 4)
    optimiser, before = Muon(layer, **SETTINGS), layer.weight.detach().clone()

    def closure():
        loss = layer(torch.ones(1, 4)).square().sum()
        loss.backward()
        return loss.item()

    assert optimiser.step(closure) > 0
    assert (layer.weight - before).abs().min() > 0
    assert optimiser.step() is None


def run(folder, steps, resume=False, **changes):
    config = replace(TalkersConfig.tiny(), optimiser="muon", **changes)

    def make(step):
        rng = np.random.default_rng(step)
        talkers = torch.from_numpy(rng.normal(0, 0.1, (2, 2, 8000)).astype(np.float32))
        return talkers.sum(1), talkers

    solver = Solver(TalkersRecipe(config), folder, Schedule(steps=steps, device="cpu"), track=())
    return list(solver.run(make, resume=resume)), solver.average.state_dict()


def test_a_resumed_run_repeats_what_a_straight_one_does(tmp_path):
    flat = {"learning_rate": 1e-3, "final_rate": 1e-3, "warm_up": 0.0}  # the schedule follows the length of the run
    _, straight = run(tmp_path / "straight", 4, **flat)
    run(tmp_path / "parts", 2, **flat)
    _, parts = run(tmp_path / "parts", 4, resume=True, **flat)
    for name, value in straight.items():
        torch.testing.assert_close(parts[name], value, rtol=0, atol=1e-6)


def test_an_unknown_optimiser_is_refused(tmp_path):
    config = replace(TalkersConfig.tiny(), optimiser="sgd")
    with pytest.raises(BadOption, match="adamw and muon"):
        Solver(TalkersRecipe(config), tmp_path, Schedule(steps=1))
