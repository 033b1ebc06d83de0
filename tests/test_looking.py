"""Recipe `looking`: its losses, the order of talkers, a run from lists of recordings to tracks."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("accelerate", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("onnx", reason="needs the extra `train`: pip install winnow-audio[train]")

from speechlike import hiss, store, talk  # noqa: E402
from winnow.cli import run as command  # noqa: E402
from winnow.engine.run import Separation, Settings  # noqa: E402
from winnow.errors import BadOption  # noqa: E402
from winnow.models.bundle import load_bundle  # noqa: E402
from winnow.settings import changed, restored  # noqa: E402
from winnow.train.export import export_run  # noqa: E402
from winnow.train.recipes.looking import LookingRecipe, LookingRunConfig  # noqa: E402
from winnow.train.run import Sounds, train  # noqa: E402
from winnow.train.solver import Schedule  # noqa: E402

RATE = 8000
TINY = LookingRunConfig.tiny()


def recipe(*assignments):
    return LookingRecipe(changed(TINY, assignments))


def talkers(count=3, seed=0):
    """Mixtures `(N, time)` of a low and a high voice and the two, `(N, 2, time)`; which of them comes first is chance."""
    chance = torch.Generator().manual_seed(seed)
    time = torch.arange(RATE) / RATE
    both = torch.empty(count, 2, RATE)
    for n in range(count):
        for k, low in enumerate(torch.randperm(2, generator=chance).tolist()):
            pitch = (300 if low else 1500) * (1 + 0.3 * torch.rand(1, generator=chance))
            tone = sum(torch.sin(6.2832 * pitch * h * time + h) / h for h in (1, 2))
            slow = 0.6 + 0.4 * torch.sin(6.2832 * 3 * time + 6 * torch.rand(1, generator=chance))
            both[n, k] = 0.2 * tone * slow
    return both.sum(1), both


# --- losses and scores ---


@pytest.mark.parametrize("mask", ["none", "tanh", "sigmoid"])
@pytest.mark.parametrize("loss", ["masks", "spectra"])
def test_ideal_masks_have_no_loss_and_give_the_talkers(mask, loss):
    """Whatever the form and the loss: a network that tells the ideal masks, in another order, is right."""
    made, (mixture, both) = recipe(f"mask={mask}", f"loss={loss}"), talkers()
    seen = made._seen(lambda heard: torch.zeros(3, 2, *heard.shape[1:]), mixture, both)
    wanted = made._wanted(seen.clean, seen.heard).flip(1)
    found = made.loss(lambda heard: wanted, mixture, both)
    assert float(found.total) < 1e-4
    error = (found.estimate - found.target).square().sum(-1) / found.target.square().sum(-1)
    assert 10 * torch.log10(error.max()) < -35
    assert found.estimate.shape == found.target.shape == found.mixture.shape == (3, 2, RATE - 200)
    scores = made.score(lambda heard: wanted, mixture, both)
    assert scores["si_sdr"].min() > 35 and scores["sdr_0"].min() > 35
    torch.testing.assert_close(
        scores["si_sdr"] - scores["si_sdr_improvement"], torch.zeros(3, 2).flatten(), atol=3, rtol=0
    )


@pytest.mark.parametrize("level", ["peak", "rms"])
def test_the_level_of_a_recording_does_not_matter(level):
    made, (mixture, both) = recipe(f"level={level}"), talkers()
    torch.manual_seed(0)
    network = made.network().eval()
    quiet, loud = (made.loss(network, gain * mixture, gain * both) for gain in (1.0, 8.0))
    torch.testing.assert_close(loud.total, quiet.total, rtol=1e-4, atol=0)
    torch.testing.assert_close(loud.estimate, 8 * quiet.estimate, rtol=1e-3, atol=1e-4)
    loud, quiet = (recipe("level=none")._level(gain * mixture) for gain in (1.0, 8.0))
    assert loud.eq(quiet).all()


def test_gradients_reach_all_weights_that_are_trained():
    for values in (("loss=masks",), ("loss=spectra", "mask=sigmoid", "network.output=sigmoid"), ("fixed_order=True",)):
        made = recipe(*values)
        network = made.network()
        made.loss(network, *talkers()).total.backward()
        for parameter in network.parameters():
            assert not parameter.requires_grad or torch.isfinite(parameter.grad).all()


def trained(fixed: bool, steps: int):
    """What a small network comes to: its improvement, dB, and how alike its two estimates are, and each and the mixture, 0 to 1."""
    made = LookingRecipe(replace(TINY, mask="none", loss="spectra", fixed_order=fixed))
    torch.manual_seed(1)
    network = made.network()
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad])
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 1e-2 * (1 - step / steps)
        loss = made.loss(network, *talkers(4, step))
        optimiser.zero_grad()
        loss.total.backward()
        optimiser.step()
    held = talkers(8, 10_000)
    with torch.no_grad():
        loss = made.loss(network, *held)
    pairs = ((loss.estimate[:, 0], loss.estimate[:, 1]), (loss.estimate, loss.mixture))
    alike = [float(torch.cosine_similarity(*pair, dim=-1).abs().mean()) for pair in pairs]
    return float(made.score(network, *held)["si_sdr_improvement"].mean()), *alike


def test_a_fixed_order_teaches_the_mean_of_both_talkers_where_the_best_order_separates():
    """The defect of the published training: nothing tells which of two unknown voices is the first one."""
    improvement, alike, like_mixture = trained(fixed=True, steps=120)
    assert abs(improvement) < 1.5 and alike > 0.85 and like_mixture > 0.95  # both tracks are the mixture over again
    improvement, alike, like_mixture = trained(fixed=False, steps=60)
    assert improvement > 10 and alike < 0.3 and like_mixture < 0.85


# --- settings ---


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["mask=relu"], "none, tanh, sigmoid"),
        (["network.join=mean"], "concat, sum"),
        (["fft=256"], "network.bins=129"),
        (["network.talkers=3"], "--talkers"),
        (["network.output=sigmoid"], "mask=sigmoid"),
        (["network.kernel=4"], "odd"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values, words):
    with pytest.raises(BadOption, match=words):
        recipe(*values)


def test_presets():
    paper = LookingRecipe(LookingRunConfig.paper())
    assert paper.network().counts() == (8_026_308, 8_029_012)
    assert paper.config.mix.samples == 48000 and paper.config.transform.frames(48000) == 298
    assert paper.manifest("x", paper.network()).parameters == 8_026_308
    larger = LookingRecipe(changed(paper.config, ["network.cells=400", "network.join=sum"]))
    assert larger.network().counts()[1] == 12_280_212
    shipped = LookingRecipe(LookingRunConfig.shipped())
    assert shipped.network().counts() == (996_554, 996_814)
    again = restored(LookingRunConfig, json.loads(json.dumps(asdict(shipped.config))))
    assert again == shipped.config


# --- from recordings to tracks ---


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    base = tmp_path_factory.mktemp("looking")
    for name, rate in (("ann", 8000), ("bob", 5000), ("cy", 12000)):
        for k in range(2):
            store(base / "speech" / name / f"{k}.flac", talk(1.5, k, rate=rate)[:, :12000], RATE)
    store(base / "noise" / "hiss" / "0.flac", hiss(3.0), RATE)
    for kind in ("speech", "noise"):
        who = "--speaker-from" if kind == "speech" else "--label-from"
        scan = [
            "data",
            "scan",
            "folder",
            base / kind,
            who,
            "parent",
            "--kind",
            kind,
            "-o",
            base / f"{kind}.jsonl",
            "-q",
        ]
        assert command([str(each) for each in scan]) == 0
    return base


@pytest.fixture(scope="module")
def made(lists):
    """The folder of a tiny run that was scored on the way, and its bundle."""
    sounds = Sounds([str(lists / "speech.jsonl")], [str(lists / "noise.jsonl")])
    schedule = Schedule(steps=4, validate_steps=2, device="cpu")
    records = list(
        train("looking", sounds, lists / "run", schedule, preset="tiny", valid=sounds, settings=["mix.noise=0.5"])
    )
    export_run(lists / "run", lists / "bundle")
    return records, lists / "run", lists / "bundle"


def test_a_run_is_scored_as_the_published_one(made):
    records, folder, _ = made
    names = {"valid_si_sdr", "valid_si_sdr_improvement", "valid_sdr_0", "valid_sdr_1", "valid_loss"}
    assert names <= set(records[-1]) and all(np.isfinite(records[-1][name]) for name in names)
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="part of `train`"
    )
    tags = {"images": set(), "audio": set()}
    for place in {path.parent for path in folder.rglob("events.out*")}:
        events = accumulator.EventAccumulator(str(place))
        events.Reload()
        for kind, names in tags.items():
            names |= set(events.Tags()[kind])
    per_talker = {f"{name}{k}" for name in ("talker", "estimate", "mask") for k in (0, 1)}
    assert {f"pictures/{name}" for name in {"mixture", *per_talker}} <= tags["images"]
    assert {"sounds/mixture", "sounds/talker0", "sounds/estimate1"} <= tags["audio"]


def through(bundle, mix, rate, step=3000):
    separation = Separation(rate, len(mix), Settings(model=str(bundle)))
    parts = [separation.feed(mix[:, i : i + step]) for i in range(0, mix.shape[1], step)]
    parts.append(separation.flush())
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}


@pytest.mark.parametrize(
    ("rate", "channels", "count"), [(8000, 1, 1), (8000, 2, 150), (8000, 1, 8000), (16000, 2, 70001)]
)
def test_any_length_comes_back_whole_and_adds_up(made, rate, channels, count):
    mix = np.concatenate([talk(5, k, rate)[:, :count] + hiss(5, k, rate=rate)[:, :count] for k in range(channels)])
    stems = through(made[2], mix, rate)
    assert list(stems) == ["talker1", "talker2", "background"]
    assert all(stem.shape == mix.shape and np.isfinite(stem).all() for stem in stems.values())
    np.testing.assert_allclose(sum(stems.values()), mix, atol=1e-5)
    assert np.abs(stems["talker1"]).max() < 20 * np.abs(mix).max()  # also at the ends, where few frames meet


def test_the_runner_computes_what_training_does(made):
    """One window of the bundle, NumPy and ONNX Runtime, against the recipe in torch: 1e-4 of full scale."""
    from winnow.train.export import load_run

    trained_recipe, network = load_run(made[1])
    mix = torch.from_numpy(talk(1.0, 3, RATE) + hiss(1.0, rate=RATE))
    separator = load_bundle(made[2]).separator()
    ours = separator(mix.numpy(), RATE)[:, 0]
    wide = torch.nn.functional.pad(mix, (100, 100))  # the frames that the runner adds at the ends
    with torch.no_grad():
        loss = trained_recipe.loss(network, wide, wide[:, None].expand(-1, 2, -1))
    both = loss.estimate[0].numpy()
    order = min(([0, 1], [1, 0]), key=lambda each: np.abs(both[each] - ours).max())
    np.testing.assert_allclose(both[order], ours, atol=1e-4)


def test_the_graph_agrees_with_the_network_at_the_frames_of_three_seconds(tmp_path):
    """298 frames of 257 bins, with the published transform and masks, in a network of few maps."""
    from winnow.train.export import write_bundle

    paper = LookingRunConfig.paper()
    small = replace(paper, network=replace(paper.network, channels=2, narrow=2, cells=4, dense=8))
    torch.manual_seed(0)
    made = LookingRecipe(small)
    network = made.network().eval()
    write_bundle(tmp_path, network, made.manifest("paper", network))
    bundle = load_bundle(tmp_path)
    assert bundle.check().ok
    spectrum = torch.randn(1, 298, 257, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = network(spectrum).numpy()
    found = bundle._graph().raw({"spectrum": spectrum.numpy()})
    assert found.shape == (1, 2, 298, 257, 2)
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    settings = bundle.manifest.settings
    assert (settings.compression, settings.k, settings.c, settings.power) == ("tanh", 10.0, 0.1, 0.3)


def test_three_talkers_by_the_command_line(lists, capsys):
    options = ["--preset", "tiny", "--talkers", "3", "--steps", "1", "--track", "none", "--device", "cpu"]
    where = ["--speech", lists / "speech.jsonl", "--run", lists / "three", "--set", "mix.noise=0"]
    assert command([str(each) for each in ["train", "looking", *where, *options]]) == 0
    export_run(lists / "three", lists / "three-bundle")
    stems = through(lists / "three-bundle", talk(1.2, rate=RATE), RATE)
    assert list(stems) == ["talker1", "talker2", "talker3", "background"]
    capsys.readouterr()
    folder = ["train", "looking", "--speech", lists / "speech", "--run", lists / "none", "--preset", "tiny"]
    assert command([str(each) for each in folder]) == 2
    assert "winnow data scan" in capsys.readouterr().err
