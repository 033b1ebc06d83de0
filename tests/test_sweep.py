"""Sweeps: what may be searched, trials that end in every way, resuming, the page. Most trials are a script that only logs."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("accelerate", reason="needs the extra `train`: pip install winnow-audio[train]")
pytest.importorskip("optuna", reason="needs the extra `sweep`: pip install winnow-audio[sweep]")

from winnow.audio import Audio  # noqa: E402
from winnow.cli import run as winnow  # noqa: E402
from winnow.errors import BadInput, BadOption, WinnowError  # noqa: E402
from winnow.media import write  # noqa: E402
from winnow.train.recipes.denoise import DenoiseConfig  # noqa: E402
from winnow.train.recipes.unet import UNetRunConfig  # noqa: E402
from winnow.train.sweep import plan as plans  # noqa: E402
from winnow.train.sweep import trial as trials  # noqa: E402
from winnow.train.sweep.page import best, page, rows, shares  # noqa: E402
from winnow.train.sweep.space import Choice, Range, space  # noqa: E402
from winnow.train.sweep.work import ALIVE, Work  # noqa: E402

# Logs a score that depends on the learning rate alone, at five steps; PACE is the pause between them.
SCRIPT = """
import json, os, pathlib, sys, time
words = sys.argv[1:]
run = pathlib.Path(words[words.index("--run") + 1])
values = dict(word.split("=") for before, word in zip(words, words[1:]) if before == "--set")
rate = float(values["learning_rate"])
if os.environ.get("BREAK") and rate > float(os.environ["BREAK"]):
    print("winnow: too fast"); sys.exit(int(os.environ.get("CODE", "1")))
log, done = run / "log.jsonl", 0
if "--resume" in words:
    done = len(log.read_text().splitlines())
for step in range(done + 1, 6):
    with log.open("a") as file:
        file.write(json.dumps({"step": step, "loss": rate, os.environ.get("KEY", "valid_iou"): rate * step}) + "\\n")
    (run / "state.pt").touch()
    time.sleep(float(os.environ.get("PACE", "0")))
"""


def searched(config, *texts):
    return space(config, texts)


def test_ranges_and_lists_as_they_are_written():
    config = UNetRunConfig.tiny()
    found = searched(config, "start_fm=2,4", "lr=5e-5..2e-4", "dropout=0.25..0.85", "batch_size=1..32", "target=gain")
    assert found.parameters == (
        Choice("network.start_fm", (2, 4)),
        Range("learning_rate", 5e-5, 2e-4, False, False),
        Range("network.dropout", 0.25, 0.85, False, False),
        Range("batch_size", 1, 32, True, True),
    )
    assert found.fixed == ("target=gain",)
    assert searched(config, "lr=5e-5..2e-4:log").parameters[0].log
    assert not searched(config, "lr=1e-5..1:linear").parameters[0].log
    assert searched(config, "mix.snr=(-5, 15),(0, 20)").parameters[0].values == ("(-5, 15)", "(0, 20)")
    assert searched(config, "target=gain,noise,gain").parameters[0].values == ("gain", "noise")
    assert searched(config, "own_reference=True,False").parameters[0].values == (True, False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("lr", "write key"),
        ("lr=", "write key"),
        ("lr=2e-3..1e-3", "impossible range"),
        ("lr=1e-3..1e-3", "impossible range"),
        ("lr=1e-3..nan", "impossible range"),
        ("lr=1e-3..fast", "two numbers"),
        ("lr=0..1:log", "above 0"),
        ("lr=1..2:cubic", "log or linear"),
        ("batch_size=1..2.5", "whole number"),
        ("start_fm=red,2", "not a value"),
        ("target=1..2", "is no number"),
        ("target=gain,colour", "no target named"),
        ("dropout=0.2..1.5", "dropout is from 0"),
        ("colour=1..2", "no such setting; there are epoch, optimiser, learning_rate"),
        ("target=gain", "nothing to search"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_one_line(text, why):
    with pytest.raises(BadOption, match=re.escape(why)) as error:
        searched(UNetRunConfig.tiny(), text)
    assert "\n" not in str(error.value)


def test_ambiguous_and_repeated_settings_are_refused():
    with pytest.raises(BadOption, match=r"which one\? There are loss.magnitude|twice"):
        searched(DenoiseConfig(), "learning_rate=1e-3..1e-2", "lr=1e-3,1e-2")


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A sweep of the script, in a folder with a difficult name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT)
    monkeypatch.setattr(trials, "command", lambda words, _: [sys.executable, "-S", str(tmp_path / "script.py"), *words])
    monkeypatch.setattr(trials, "LOOK", 0.05)
    plan = plans.Plan(
        recipe="unet",
        key="valid_iou",
        maximise=True,
        keep="best",
        space=searched(UNetRunConfig.tiny(), "lr=1e-4..1e-2", "start_fm=2,4", "target=gain"),
        passed=("--speech", "a b/"),
        length=("--steps", "5"),
    )
    folder = plans.folder_of("what? 100% 'it' 🎧 #1")
    plans.write(folder, plan)
    return folder, plan


def work(script, count, **more):
    folder, plan = script
    return Work(folder, replace(plan, **more), plans.open_study(folder, plan), count)


def ended(run):
    return [done for done in run if done is not None]


def states(script):
    folder, plan = script
    return sorted(row.state for row in rows(plan, plans.open_study(folder, plan)))


def test_trials_are_run_counted_and_kept(script):
    folder, plan = script
    found = ended(work(script, 3).run(1))
    assert [done.number for done in found] == [0, 1, 2]
    for done in found:
        assert done.outcome.value == pytest.approx(5 * done.parameters["learning_rate"])
        assert done.run.parent == folder and (done.run / "log.jsonl").exists()
    assert plans.read(folder) == plan
    assert len(ended(work(script, 5).run(2))) == 2  # the same sweep goes on, two at once
    assert states(script) == ["done"] * 5
    assert ended(work(script, 5).run(1)) == []
    assert len({done.parameters["learning_rate"] for done in found}) == 3


def test_a_command_trains_with_the_settings_of_a_trial(script):
    _, plan = script
    words = plan.command("runs/x", {"learning_rate": 1e-3, "network.start_fm": 4})
    assert words[:4] == ["train", "unet", "--speech", "a b/"] and words[-4:] == ["--steps", "5", "--run", "runs/x"]
    assert [words[k + 1] for k, word in enumerate(words) if word == "--set"] == [
        "target=gain",
        "learning_rate=0.001",
        "network.start_fm=4",
    ]


def test_a_loss_is_minimised_by_its_last_value(script):
    found = ended(work(script, 2, key="loss", maximise=False, keep="last").run(1))
    assert all(done.outcome.value == done.parameters["learning_rate"] for done in found)


def test_trials_worse_than_most_are_given_up(script, monkeypatch):
    folder, plan = script
    study = plans.open_study(folder, plan)
    for rate in (5e-3, 6e-3, 7e-3, 8e-3, 2e-4):
        study.enqueue_trial({"learning_rate": rate, "network.start_fm": 2})
    monkeypatch.setenv("PACE", "0.3")
    found = ended(work(script, 5).run(1))
    assert [done.outcome.state for done in found] == ["done"] * 4 + ["pruned"]
    assert len((found[-1].run / "log.jsonl").read_text().splitlines()) < 5


def test_a_stopped_sweep_goes_on_with_the_trial_that_was_stopped(script, monkeypatch):
    monkeypatch.setenv("PACE", "0.5")
    run = work(script, 1).run(1)
    for _ in run:
        if (script[0] / "trial-0000" / "state.pt").exists():
            break
    run.close()
    assert states(script) == ["stopped", "to come"]
    monkeypatch.setenv("PACE", "0")
    (done,) = ended(work(script, 1).run(1))
    assert done.run.name == "trial-0000" and done.number == 1
    assert (done.run / "log.jsonl").read_text().count('"step": 1,') == 1  # not begun anew
    assert states(script) == ["done", "stopped"]


def test_a_trial_whose_sweep_was_killed_is_tried_again(script):
    folder, plan = script
    study = plans.open_study(folder, plan)
    trial = study.ask()
    for each in plan.space.parameters:
        each.suggest(trial)
    trial.set_user_attr(ALIVE, time.time() - 3600)
    (done,) = ended(work(script, 1).run(1))
    assert done.parameters == trial.params and done.run.name == "trial-0001"
    assert states(script) == ["done", "failed"]


def test_another_process_s_trial_is_left_alone_and_counted(script):
    folder, plan = script
    trial = plans.open_study(folder, plan).ask()
    trial.set_user_attr(ALIVE, time.time())
    assert len(ended(work(script, 2).run(1))) == 1
    assert states(script) == ["done", "running"]


def test_failures_are_told_and_three_in_a_row_end_the_sweep(script, monkeypatch):
    monkeypatch.setenv("BREAK", "0")
    with pytest.raises(WinnowError, match=r"3 trials in a row failed, the last with: too fast"):
        ended(work(script, 9).run(1))
    assert states(script) == ["failed"] * 3
    monkeypatch.setenv("CODE", "2")
    with pytest.raises(BadOption, match=r"trial-0003: too fast"):
        ended(work(script, 9).run(1))


def test_a_score_that_no_run_has_is_named_with_those_there_are(script, monkeypatch):
    monkeypatch.setenv("KEY", "valid_si_sdr")
    monkeypatch.setenv("PACE", "9")
    with pytest.raises(BadOption, match="record no valid_iou: search for one of valid_si_sdr"):
        ended(work(script, 9).run(1))


def test_the_page_shows_history_importance_and_all_trials_and_fetches_nothing(script):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    folder, plan = script
    ended(work(script, 6).run(1))
    found = rows(plan, plans.open_study(folder, plan))
    text = page(folder, plan, found)
    assert [text.count(f'alt="{name}"') for name in ("history", "importance", "parallel coordinates")] == [1, 1, 1]
    assert not re.search(r'(?:src|href)="(?!data:)', text)
    winner = best(found)
    assert winner.value == max(row.value for row in found)
    assert f"learning_rate={winner.parameters['learning_rate']!r}" in text
    share = shares(plan, found)
    assert share["learning_rate"] > 0.5 > share["network.start_fm"] or len(found) < 6


def test_importance_is_the_variance_that_a_setting_explains():
    plan = plans.Plan(
        "unet", "valid_iou", True, "last", searched(UNetRunConfig.tiny(), "lr=1e-4..1e-2", "start_fm=2,4"), (), ()
    )
    rng = np.random.default_rng(0)
    rates, maps = rng.uniform(1e-4, 1e-2, 400), rng.choice([2, 4], 400)

    class Known:
        def __init__(self, rate, start, value):
            self.parameters, self.value = {"learning_rate": rate, "network.start_fm": int(start)}, value

    by_maps = shares(plan, [Known(r, m, float(m)) for r, m in zip(rates, maps, strict=True)])
    assert by_maps["network.start_fm"] == pytest.approx(1) and by_maps["learning_rate"] < 0.05
    by_rate = shares(plan, [Known(r, m, r) for r, m in zip(rates, maps, strict=True)])
    assert by_rate["learning_rate"] == pytest.approx(15 / 16, abs=0.03)  # four groups of a uniform distribution


def test_the_file_for_wandb_holds_what_wandb_asks_for(script):
    yaml = pytest.importorskip("yaml", reason="reads the file as W&B does")
    folder, _ = script
    kept = yaml.safe_load((folder / plans.WANDB).read_text(encoding="utf-8"))
    assert set(kept) == {"program", "method", "metric", "parameters", "command"}
    assert kept["metric"] == {"name": "valid_iou", "goal": "maximize"}
    assert kept["parameters"]["learning_rate"] == {"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-2}
    assert kept["parameters"]["network.start_fm"] == {"values": [2, 4]}
    assert kept["command"][-2:] == [str(folder), "${args_no_hyphens}"]


def test_a_trial_for_wandb_is_a_run_with_its_settings(script, monkeypatch, capsys):
    folder, _ = script
    asked = []
    monkeypatch.setenv("WANDB_RUN_ID", "abc")
    from winnow import cli

    real = cli.run
    monkeypatch.setattr(cli, "run", lambda words: asked.append(words) or 0)
    assert real(["sweep", "trial", folder.name, "learning_rate=0.002"]) == 0
    assert (
        asked[0][-4:] == ["--run", str(folder / "wandb-abc"), "--track", "wandb"] and "learning_rate=0.002" in asked[0]
    )
    assert real(["sweep", "trial", folder.name, "colour=1"]) == 2
    assert "keys are learning_rate, network.start_fm" in capsys.readouterr().err


def test_several_processes_are_torchrun_s():
    words = trials.command(["train", "unet"], 2)
    assert (
        words[1:3] == ["-m", "torch.distributed.run"]
        and "--nproc-per-node=2" in words
        and words[-2:] == ["train", "unet"]
    )


def test_no_sweep_of_that_name(tmp_path, monkeypatch, capsys, script):
    with pytest.raises(BadInput, match=r"no sweep. There are what\?"):
        plans.read(plans.folder_of("nix"))
    (script[0] / "sweep.db").write_text("not a database, and longer than a hundred bytes" * 9)
    assert winnow(["sweep", "show", script[0].name]) == 2
    assert "cannot be read as a sweep's trials" in capsys.readouterr().err


# --- the command line ---


@pytest.fixture
def sounds(tmp_path):
    rng = np.random.default_rng(0)
    for kind in ("speech", "noise"):
        (tmp_path / kind).mkdir()
        for i in range(2):
            samples = rng.normal(0, 0.1, (1, 16000)) * (np.sin(np.arange(16000) / 900 * (i + 1)) > 0)
            write(tmp_path / kind / f"{i}.wav", Audio(samples.astype(np.float32), 16000))
    return ["--speech", "speech", "--noise", "noise", "--preset", "tiny", "--device", "cpu", "--track", "none"]


HELD_OUT = ["--valid-speech", "speech", "--valid-noise", "noise"]


def test_a_real_sweep_from_the_first_trial_to_the_page(tmp_path, monkeypatch, capsys, sounds):
    monkeypatch.chdir(tmp_path)
    begin = [
        "sweep",
        "unet",
        "--set",
        "lr=1e-3,2e-3",
        "--steps",
        "2",
        "--trials",
        "1",
        "--threads",
        "1",
        *sounds,
        *HELD_OUT,
    ]
    assert winnow(begin) == 0
    out = capsys.readouterr().out
    assert (
        re.search(r"^trial 0   valid_iou [0-9.]+   learning_rate=0.00[12]", out, re.M)
        and "--set learning_rate=0.00" in out
    )
    assert winnow(["sweep", "show", "unet"]) == 0
    assert "sweep.html" in capsys.readouterr().out and (tmp_path / "sweeps" / "unet" / "sweep.html").exists()
    assert winnow(["sweep", "show", "unet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "done"
    assert winnow([*begin[:3], "lr=1e-3,3e-3", *begin[4:]]) == 2
    assert "was begun with other options" in capsys.readouterr().err
    assert winnow(["sweep", "denoise", "--name", "unet"]) == 2
    assert "is a sweep of unet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--set", "lr=2..1"], "impossible range"),
        (["--set", "lr=1..2", "--maximise", "iou"], "add --valid-speech"),
        (["--set", "lr=1..2", "--maximise", "iou", "--minimise", "loss"], "contradict"),
        (["--set", "lr=1..2", "--sampler", "grid"], "no sampler named grid"),
        (["--set", "lr=1..2", "--steps", "2", "--epochs", "2"], "give one of"),
        (["--set", "lr=1..2", "--steps", "0"], "Give more"),
        (["--set", "lr=1..2", "--trials", "0"], "give 1 or more"),
        (["--set", "lr=1..2", "--run", "x"], "--run is not for a sweep"),
        (["--set", "lr=1..2", "--minutes", "3"], "say --minutes-per-trial"),
        (["--set", "lr=1..2", "--bogus", "3"], "--bogus"),
        (["--set", "lr=1..2", "--preset", "huge"], "no preset named huge"),
    ],
)
def test_wrong_sweeps_are_refused_in_one_line_and_leave_nothing(tmp_path, monkeypatch, capsys, sounds, more, why):
    monkeypatch.chdir(tmp_path)
    assert winnow(["sweep", "unet", *sounds, *more]) == 2
    said = capsys.readouterr().err
    assert why in said and said.count("\n") == 1 and said.startswith("winnow: ")
    assert not (tmp_path / "sweeps").exists()


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_stops_a_sweep_that_can_be_gone_on_with(script, monkeypatch, capsys):
    folder, _ = script
    monkeypatch.setenv("PACE", "0.5")

    def press() -> None:
        while not (folder / "trial-0000" / "state.pt").exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    assert winnow(["sweep", "unet", "--name", folder.name, "--trials", "2"]) == 130
    presser.join()
    assert "goes on with it" in capsys.readouterr().err
    monkeypatch.setenv("PACE", "0")
    assert winnow(["sweep", "unet", "--name", folder.name, "--trials", "2"]) == 0
    assert states(script) == ["done", "done", "stopped"]
