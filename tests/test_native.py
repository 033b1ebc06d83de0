"""Blocks in C++: their output and gradients against PyTorch's, in a run, and what is said where they cannot be. Needs `train`."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("accelerate", reason="needs the extra `train`: pip install winnow-audio[train]")

from winnow.train.native import library as native  # noqa: E402
from winnow.train.native.bandsplit import quicken  # noqa: E402
from winnow.train.networks.bandsplit import BandSplit, BandSplitConfig  # noqa: E402
from winnow.train.recipes.talkers import TalkersConfig, TalkersRecipe, mixed  # noqa: E402
from winnow.train.solver import Schedule, Solver  # noqa: E402

here = pytest.mark.skipif(bool(native.lacking()), reason=f"needs a processor with AMX and g++: {native.lacking()}")


@pytest.fixture(autouse=True)
def anew():
    """Accelerate keeps the precision of the first run of a process."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)


def pair(**sizes):
    """A network with weights that all matter, and its copy in C++."""
    torch.manual_seed(0)
    slow = BandSplit(BandSplitConfig(blocks=2, **sizes))
    with torch.no_grad():
        for weight in slow.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    fast = copy.deepcopy(slow)
    assert quicken(fast) == ""
    return slow, fast


def through(network, spectrum, voice, down):
    network.zero_grad()
    spectrum = spectrum.clone().requires_grad_()
    masks = network(spectrum, voice)
    (masks * down).sum().backward()
    return masks, spectrum.grad, {name: p.grad.clone() for name, p in network.named_parameters()}


def apart(a, b):
    return float((a - b).detach().norm() / b.detach().norm())


def alike(found, expected):
    """Each gradient within 3 %, or within rounding of all of them where it is zero but for that (a shift before a norm)."""
    whole = sum(float(g.norm()) ** 2 for g in expected.values()) ** 0.5
    far = {n: float((found[n] - g).norm()) for n, g in expected.items()}
    return not [n for n, g in expected.items() if far[n] > 0.03 * float(g.norm()) + 1e-5 * whole]


@here
@pytest.mark.parametrize("voice", [0, 16])
@pytest.mark.parametrize(("batch", "frames"), [(1, 1), (3, 2), (2, 15), (4, 37)])
def test_output_and_gradients_are_those_of_pytorch(batch, frames, voice):
    slow, fast = pair(voice=voice)
    x, vector = torch.randn(batch, frames, 256, 2), torch.randn(batch, voice) if voice else None
    down = torch.randn(batch, 2, frames, 256, 2)
    expected, found = through(slow, x, vector, down), through(fast, x, vector, down)
    assert apart(found[0], expected[0]) < 0.01
    assert apart(found[1], expected[1]) < 0.02
    assert alike(found[2], expected[2])


@here
def test_closer_to_pytorch_than_its_own_bfloat16():
    slow, fast = pair()
    x, down = torch.randn(2, 40, 256, 2), torch.randn(2, 2, 40, 256, 2)
    exact = through(slow, x, None, down)
    found = through(fast, x, None, down)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = through(slow, x, None, down)
    errors = [[float((each[2][n] - g).norm()) for n, g in exact[2].items()] for each in (found, rounded)]
    assert sum(errors[0]) <= 1.2 * sum(errors[1])


@here
def test_two_ways_there_before_the_first_one_back():
    slow, fast = pair()
    first, second = torch.randn(1, 9, 256, 2), torch.randn(1, 9, 256, 2)
    for network in (slow, fast):
        network.zero_grad()
        (network(first).square().sum() + 3 * network(second).square().sum()).backward()
    found, expected = ({n: p.grad for n, p in network.named_parameters()} for network in (fast, slow))
    assert alike(found, expected)


@here
def test_nothing_is_kept_of_what_needs_no_gradient_and_the_same_comes_out_each_time():
    _, fast = pair()
    x, down = torch.randn(2, 30, 256, 2), torch.randn(2, 2, 30, 256, 2)
    with torch.no_grad():
        for _ in range(3):
            fast(x)
    assert sum(len(free) for free in fast.native._free.values()) == 1
    once, again = through(fast, x, None, down), through(fast, x, None, down)
    assert all(torch.equal(once[2][name], again[2][name]) for name in once[2])


@here
def test_a_run_in_bfloat16_has_them_and_its_weights_serve_without(tmp_path):
    network = BandSplitConfig(blocks=1)
    config = TalkersConfig(batch_size=1, network=network, mix=mixed(seconds=0.3, noise=0.0, room=0.0))
    sounds = torch.randn(1, 4800) * 0.1, torch.randn(1, 2, 4800) * 0.1
    solver = Solver(TalkersRecipe(config), tmp_path, Schedule(steps=3, device="cpu", precision="bf16"), ("none",))
    losses = [record["loss"] for record in solver.run(lambda step: sounds) if "loss" in record]
    assert solver.native and '"native": true' in (tmp_path / "config.json").read_text()
    assert losses and all(loss < 100 for loss in losses)
    plain = BandSplit(network)
    plain.load_state_dict(solver.average.state_dict())
    x = torch.randn(1, 20, 256, 2)
    assert plain.native is None and apart(solver.average(x), plain(x)) < 0.01


@pytest.mark.parametrize(("precision", "network"), [("full", BandSplitConfig(blocks=1)), ("bf16", None)])
def test_a_run_in_full_precision_and_other_sizes_have_none(tmp_path, precision, network):
    config = TalkersConfig.tiny()
    config = replace(config, network=network or config.network)
    assert not Solver(TalkersRecipe(config), tmp_path, Schedule(device="cpu", precision=precision), ("none",)).native


def test_nothing_to_quicken():
    assert "no network" in quicken(torch.nn.Linear(3, 3))
    assert "no network" in quicken(BandSplit(BandSplitConfig(blocks=1)).double())


def test_why_not_is_said(monkeypatch):
    network = BandSplit(BandSplitConfig(blocks=1))
    monkeypatch.setattr(native, "NEEDED", ("no_such_thing",))
    native.library.cache_clear()
    assert quicken(network).startswith(("the processor has no", "they are for")) and network.native is None
    monkeypatch.undo()
    if not native.lacking():
        monkeypatch.setattr(native, "FLAGS", "--no-such-flag")
        native.library.cache_clear()
        assert "compiler says" in quicken(network)
    native.library.cache_clear()
