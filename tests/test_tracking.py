"""Tracking, and runs that are stopped anywhere. Tiny networks on made-up sounds; needs the extra `train`."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("accelerate", reason="needs the extra `train`: pip install winnow-audio[train]")

from winnow.cli import run  # noqa: E402
from winnow.errors import BadInput, BadOption, MissingExtra  # noqa: E402
from winnow.train.export import load_run  # noqa: E402
from winnow.train.log import records  # noqa: E402
from winnow.train.losses import Loss  # noqa: E402
from winnow.train.recipes.denoise import DenoiseConfig, DenoiseRecipe  # noqa: E402
from winnow.train.run import Sounds, _resumed  # noqa: E402
from winnow.train.run import train as train_run  # noqa: E402
from winnow.train.schedule import Schedule, planned  # noqa: E402
from winnow.train.solver import Solver  # noqa: E402
from winnow.train.tracking import chosen, flat, mode, picture  # noqa: E402

STEPS = 10


class Small(torch.nn.Module):
    """What a resumed run can get wrong: dropout, and statistics that forward passes move."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv1d(1, 8, 9, padding=4),
            torch.nn.BatchNorm1d(8),
            torch.nn.Dropout(0.5),
            torch.nn.Conv1d(8, 1, 1),
        )

    def forward(self, x):
        return self.layers(x[:, None])[:, 0]

    def to(self, *args, **kwargs):
        kwargs.pop("memory_format", None)
        return super().to(*args, **kwargs) if args or kwargs else self


class SmallRecipe(DenoiseRecipe):
    """A recipe with its own score, pictures and best weights."""

    maximise = "iou"

    def network(self):
        return Small()

    def loss(self, network, mixture, target):
        estimate = network(mixture)
        return Loss((estimate - target).square().mean(), {"l1": (estimate - target).abs().mean()}, *[estimate] * 3)

    def score(self, network, mixture, target):
        return {"iou": float(1 / (1 + (network(mixture) - target).square().mean()))}

    def pictures(self, network, mixture, target):
        return {"noisy": mixture[0].reshape(20, -1).numpy(), "prediction": network(mixture)[0].reshape(20, -1).numpy()}


def make(step):
    rng = np.random.default_rng([7, step])
    target = rng.normal(0, 0.1, (2, 400)).astype(np.float32)
    return torch.from_numpy(target + rng.normal(0, 0.1, (2, 400)).astype(np.float32)), torch.from_numpy(target)


def recipe(cls=SmallRecipe):
    return cls(replace(DenoiseConfig.tiny(), learning_rate=1e-2, average=0.8))


def train(folder, examples=make, steps=STEPS, resume=False, track=("none",), cls=SmallRecipe, **schedule):
    solver = Solver(recipe(cls), folder, Schedule(steps=steps, device="cpu", **schedule), track)
    return list(solver.run(examples, make, resume))


def curve(folder):
    """The log without what depends on the clock."""
    return [
        {k: v for k, v in r.items() if k not in ("minutes", "times_real_time")} for r in records(folder / "log.jsonl")
    ]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    train(folder, log_steps=3, validate_steps=4)
    return folder


def stopped_before(step):
    def examples(at):
        if at == step:
            raise KeyboardInterrupt
        return make(at)

    return examples


@pytest.mark.parametrize("step", [1, 4, 5, 9])
def test_a_run_stopped_mid_epoch_resumes_to_the_same_curve(unbroken, tmp_path, step):
    options = {"log_steps": 3, "validate_steps": 4}
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", stopped_before(step), **options)
    train(tmp_path / "run", resume=True, **options)
    assert curve(tmp_path / "run") == curve(unbroken)
    for name, value in load_run_weights(unbroken).items():
        assert torch.equal(value, load_run_weights(tmp_path / "run")[name]), name


def load_run_weights(folder):
    from safetensors.torch import load_file

    return load_file(folder / "weights.safetensors")


def test_ctrl_c_within_a_step_waits_for_its_end(unbroken, tmp_path):
    class Interrupted(SmallRecipe):
        def loss(self, network, mixture, target):
            found = super().loss(network, mixture, target)
            if network.training and not torch.equal(mixture, make(0)[0]) and not sent:
                sent.append(os.kill(os.getpid(), signal.SIGINT))
            return found

    sent: list[None] = []
    options = {"log_steps": 3, "validate_steps": 4}
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", cls=Interrupted, **options)
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["progress"]["step"] == 2
    train(tmp_path / "run", resume=True, **options)
    assert curve(tmp_path / "run") == curve(unbroken)


def test_what_was_logged_after_the_last_checkpoint_comes_again_once(unbroken, tmp_path):
    """A run that was killed: its checkpoint is older than its log, whose last line is torn."""
    options = {"log_steps": 3, "validate_steps": 4}
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", stopped_before(5), **options)
    with (tmp_path / "run" / "log.jsonl").open("a") as file:
        file.write('{"step": 6, "loss": 1.0}\n{"step": 8, "lo')
    train(tmp_path / "run", resume=True, **options)
    assert curve(tmp_path / "run") == curve(unbroken)


def test_the_log_holds_means_scores_and_nothing_is_validated_twice(unbroken):
    log = records(unbroken / "log.jsonl")
    assert [r["step"] for r in log if "loss" in r] == [3, 6, 9, 10]
    assert [r["step"] for r in log if "valid_iou" in r] == [4, 8, 10]
    assert all("valid_loss" in r for r in log if "valid_iou" in r)
    assert not any("valid_si_sdr" in r for r in log)


def test_the_best_weights_are_kept_and_are_what_a_run_gives(tmp_path, monkeypatch):
    values = iter([0.3, 0.9, 0.5])
    weights = []

    def validation(recipe, network, valid, batches):
        weights.append({name: value.clone() for name, value in network.state_dict().items()})
        return {"valid_iou": next(values)}

    monkeypatch.setattr("winnow.train.solver.validation", validation)
    train(tmp_path / "run", log_steps=3, validate_steps=4)
    from safetensors.torch import load_file

    best = load_file(tmp_path / "run" / "best.safetensors")
    assert all(torch.equal(best[name], value) for name, value in weights[1].items())
    assert not torch.equal(best["layers.0.weight"], load_run_weights(tmp_path / "run")["layers.0.weight"])
    monkeypatch.setattr("winnow.train.export.find_recipe", lambda name: SmallRecipe)
    network = load_run(tmp_path / "run")[1]
    assert torch.equal(network.state_dict()["layers.0.weight"], best["layers.0.weight"])


def test_tensorboard_gets_losses_scores_parameters_and_pictures(tmp_path):
    train(tmp_path / "run", steps=4, track=("tensorboard",))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(tmp_path / "run" / "tensorboard" / "winnow"))
    board.Reload()
    tags = board.Tags()
    assert {"loss", "l1", "learning_rate", "valid_iou"} <= set(tags["scalars"])
    assert {tag.partition("/")[2] for tag in tags["images"]} >= {"noisy", "prediction"}
    assert list((tmp_path / "run" / "tensorboard" / "winnow").glob("*/hparams.yml"))


def test_wandb_works_offline_and_keeps_everything_in_the_run_folder(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="needs the extra `wandb`: pip install winnow-audio[wandb]")
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "my 'run' 🎧"
    train(run, steps=4, track=("wandb", "tensorboard"))
    (kept,) = (run / "wandb").glob("offline-run-*")
    assert kept.name.endswith((run / "wandb" / "id.txt").read_text())
    wanted = (b"valid_iou", b"batch_size", b"weights.safetensors")
    until = time.monotonic() + 60  # another process of W&B writes it
    while not all(word in next(kept.glob("*.wandb")).read_bytes() for word in wanted) and time.monotonic() < until:
        time.sleep(0.2)
    assert all(word in next(kept.glob("*.wandb")).read_bytes() for word in wanted)
    assert list(kept.rglob("*.png"))
    assert {path.name for path in tmp_path.iterdir()} == {run.name, "home"}


def test_trackers_are_chosen_by_name(monkeypatch):
    assert chosen(["wandb", "wandb"]) == ("wandb",) and chosen(["none"]) == ()
    for wrong in (["excel"], ["none", "tensorboard"]):
        with pytest.raises(BadOption):
            chosen(wrong)
    monkeypatch.setattr("winnow.train.tracking.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r'pip install "winnow-audio\[wandb\]"'):
        chosen(["wandb"])


def test_nothing_leaves_the_machine_unasked():
    assert mode({}) == "offline"
    assert mode({"WANDB_API_KEY": "x"}) == "online"
    assert mode({"WANDB_API_KEY": "x", "WANDB_MODE": "offline"}) == "offline"


def test_pictures_show_80_db_with_low_frequencies_below():
    level = np.array([[0.0, -200.0], [-40.0, -80.0]], np.float32)
    drawn = picture(level)
    assert drawn.shape == (2, 2, 3) and drawn.dtype == np.uint8
    assert drawn[1, 0].tolist() == [252, 253, 191] and drawn[0, 0].tolist() == [183, 55, 121]
    assert drawn[1, 1].tolist() == drawn[0, 1].tolist() == [0, 0, 4]


def test_parameters_are_flat_and_plain():
    values = flat(DenoiseConfig.tiny())
    assert (
        values["batch_size"] == 2 and values["network.bands"] == 8 and values["mix.snr"] == str(DenoiseConfig().mix.snr)
    )
    assert all(isinstance(value, (bool, int, float, str)) for value in values.values())


def test_schedules_by_epochs_steps_and_minutes(tmp_path, unbroken):
    assert Schedule(epochs=3).of(DenoiseConfig.tiny()).steps == 12  # 3 epochs of 8 examples, 2 a step
    assert Schedule(epochs=3).of(DenoiseConfig.tiny()).validate_steps == 4
    assert Schedule(steps=200).of(DenoiseConfig()).validate_steps == 20
    assert Schedule().of(DenoiseConfig()).log_steps == 50
    assert planned(tmp_path, False, minutes=10).validate_every == 1
    assert planned(tmp_path, False).minutes == 60
    for wrong in ({"minutes": 1, "steps": 2}, {"steps": 0}, {"epochs": -1}, {"minutes": 0}):
        with pytest.raises(BadOption):
            planned(tmp_path, False, **wrong)


def test_a_resumed_run_keeps_the_schedule_that_is_not_given_again(unbroken):
    assert planned(unbroken, True, device="cpu") == Schedule(steps=STEPS, device="cpu", log_steps=3, validate_steps=4)
    assert planned(unbroken, True, minutes=5, seed=3).steps is None


def test_a_run_of_another_recipe_is_refused(unbroken, tmp_path, monkeypatch):
    monkeypatch.setattr("winnow.train.export.find_recipe", lambda name: SmallRecipe)
    with pytest.raises(BadInput, match="train denoise`, not of unet"):
        _resumed("unet", unbroken)
    assert _resumed("denoise", unbroken).config == recipe().config
    assert json.loads((unbroken / "config.json").read_text())["schedule"]["steps"] == STEPS


@pytest.mark.parametrize("asked", [[], ["--track", "tensorboard"]])
def test_without_tensorboard_a_run_goes_on_unless_it_was_asked_for(tmp_path, capsys, monkeypatch, asked):
    begun = []
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setattr("winnow.train.run._recipe", lambda *_: begun.append(1) or recipe())
    code = run(["train", "denoise", "--run", str(tmp_path / "r"), "--speech", "x", "--noise", "y", *asked])
    told = capsys.readouterr().err.splitlines()
    assert code == (1 if asked else 2) and len(begun) == (not asked)
    assert told[0].startswith("winnow: --track tensorboard needs" if asked else "winnow: no TensorBoard here")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--precision", "fp16"], "full and bf16"),
        (["--device", "gpu"], "auto and cpu"),
        (["--threads", "0"], "1 or more"),
        (["--batch-size", "0"], "above 0"),
        (["--lr", "-1"], "not below"),
        (["--valid-speech", "x"], "--valid-noise"),
    ],
)
def test_values_that_cannot_be_are_refused_and_leave_no_run(tmp_path, capsys, wrong, words):
    assert run(["train", "unet", "--run", str(tmp_path / "r"), "--speech", "x", "--noise", "y", *wrong]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_a_resumed_run_keeps_its_settings_and_its_precision(tmp_path, unbroken, monkeypatch):
    monkeypatch.setattr("winnow.train.export.find_recipe", lambda name: SmallRecipe)
    with pytest.raises(BadOption, match="other settings"):
        list(
            train_run(
                "denoise", Sounds([], []), unbroken, planned(unbroken, True), settings=["batch_size=97"], resume=True
            )
        )
    (tmp_path / "config.json").write_text(json.dumps({"schedule": {"precision": "bf16", "minutes": 3.0}}))
    assert planned(tmp_path, True).precision == planned(tmp_path, True, steps=5).precision == "bf16"
    assert planned(tmp_path, True, precision="full").precision == "full"
