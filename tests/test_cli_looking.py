"""Help, and the commands that look: info, models, check, doctor; and what training needs."""

import json
import shlex
from pathlib import Path

import pytest

from recordings import sound, video
from winnow import __version__
from winnow.cli import run
from winnow.errors import BundleError
from winnow.models import catalog
from winnow.models.methods import METHODS

COMMANDS = [
    [],
    ["enhance"],
    ["split"],
    ["extract"],
    ["remove"],
    ["separate"],
    ["transcribe"],
    ["info"],
    ["models"],
    ["models", "show"],
    ["check"],
    ["doctor"],
    ["voices"],
    ["voices", "enrol"],
    ["voices", "list"],
    ["voices", "forget"],
    ["train"],
    ["train", "denoise"],
    ["train", "spleeter"],
    ["train", "talkers"],
    ["train", "mossformer2"],
    ["train", "looking"],
    ["train", "speaker"],
    ["train", "voicefilter"],
    ["train", "voice"],
    ["train", "show"],
    ["sweep"],
    ["sweep", "denoise"],
    ["sweep", "unet"],
    ["sweep", "show"],
    ["sweep", "trial"],
    ["export"],
    ["score"],
    ["evaluate"],
    ["compare"],
    ["benchmark"],
    ["data"],
    ["data", "list"],
    ["data", "pack"],
    ["data", "unpack"],
    ["data", "legacy"],
    ["data", "legacy", "system1"],
    ["data", "legacy", "system3"],
    ["data", "legacy", "system4"],
    ["data", "legacy", "system5"],
    ["data", "download"],
    ["data", "clips"],
    ["data", "scan"],
    ["data", "split"],
    ["data", "check"],
    ["data", "rooms"],
    ["data", "mix"],
    ["data", "verify"],
    ["data", "show"],
]


def winnow(capsys, *arguments):
    code = run([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits_a_screen_and_begins_with_an_example(capsys, command):
    code, out, _ = winnow(capsys, *command, "--help")
    lines = out.splitlines()
    assert code == 0
    assert len(lines) <= 40 and max(map(len, lines)) <= 80
    assert lines[0].startswith(" ".join(["winnow", *command]))
    assert not {"TODO", "None", "<list[str]>"} & set(out.split())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_examples_of_the_help_are_understood(capsys, monkeypatch, tmp_path, command):
    """They run up to the work itself: what they name does not exist here, and that is all that is wrong with them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WINNOW_VOICES", str(tmp_path))
    for work in ("winnow.cli.train._need_torch", "winnow.data.rooms.library"):
        monkeypatch.setattr(work, lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    _, out, _ = winnow(capsys, *command, "--help")
    for line in out.partition("\n\n")[0].splitlines():
        example = shlex.split(line.partition("   ")[0])
        if "|" in example:
            continue
        code, _, err = winnow(capsys, *example[1:])
        assert "--help` shows how" not in err
        assert code in (0, 1, 2, 130)


def test_no_arguments_print_the_help(capsys):
    assert winnow(capsys)[1] == winnow(capsys, "--help")[1]


def test_version(capsys):
    assert winnow(capsys, "--version") == (0, f"winnow {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments", [["bogus"], ["models", "bogus"], ["train"], ["enhance", "a", "--bogus"], ["info"]]
)
def test_a_wrong_command_line_is_one_line(capsys, arguments):
    code, out, err = winnow(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("winnow: ") and err.count("\n") == 1 and "--help` shows how" in err


def test_info_of_a_film(tmp_path, capsys):
    path = video(tmp_path / "talk.mkv", 2, tracks=2)
    code, out, _ = winnow(capsys, "info", path)
    assert code == 0
    assert out.splitlines()[0].endswith("0:02")
    assert "audio 0: aac, 48 kHz, mono" in out and "audio 1: aac" in out
    assert "video 0: mpeg4, 64x48, 25 frames/s" in out
    assert f"enhance: network {catalog.choose(48000)}, output .mkv" in out


def test_info_shows_what_describes_the_recording(tmp_path, capsys):
    """Neither FFmpeg's name for a family of containers nor the container's own marks."""
    code, out, _ = winnow(capsys, "info", video(tmp_path / "talk.mp4", 1))
    assert code == 0
    assert out.splitlines()[0].split()[-2:] == ["mp4", "0:01"]
    assert "major_brand" not in out and "Lavf" not in out


def test_info_as_json(tmp_path, capsys):
    code, out, _ = winnow(capsys, "info", sound(tmp_path / "a.wav", 1, 16000, tags={"title": "Tea"}), "--json")
    found = json.loads(out)
    assert code == 0
    assert found["audio"][0]["rate"] == 16000 and found["seconds"] == 1.0
    assert found["tags"]["title"] == "Tea"
    assert found["model"] == catalog.choose(16000)


def test_info_of_no_recording(tmp_path, capsys):
    (tmp_path / "a.wav").write_text("Dear diary\n" * 30)
    code, out, err = winnow(capsys, "info", tmp_path / "a.wav")
    assert (code, out) == (2, "") and "no audio" in err


def test_models(capsys):
    code, out, _ = winnow(capsys, "models")
    assert code == 0
    networks, methods = (part.splitlines()[1:] for part in out.split("\n\n"))
    assert [line.split()[0] for line in networks] == catalog.names()
    assert [line.split()[0] for line in methods] == list(METHODS)
    rows = json.loads(winnow(capsys, "models", "--json")[1])
    assert [row["name"] for row in rows] == catalog.names()
    for row in rows:  # for programs: numbers in hertz, seconds and bytes
        bundle = catalog.find(row["name"])
        assert (row["rate"], row["latency"], row["size"]) == (
            bundle.manifest.rate,
            bundle.manifest.latency,
            bundle.size,
        )
        assert row["stems"] == list(bundle.manifest.stems)
    for name in catalog.names():
        assert winnow(capsys, "models", "show", name)[1].strip()
        assert winnow(capsys, "check", name)[0] == 0


@pytest.mark.parametrize("command", [["models", "show"], ["check"]])
def test_an_unknown_model_is_told(capsys, command):
    code, _, err = winnow(capsys, *command, "denois")
    assert code == 2 and "denois" in err and err.count("\n") == 1


def test_doctor_finds_all_in_place(capsys):
    code, out, _ = winnow(capsys, "doctor")
    assert code == 0, out
    for what in ("Python", "numpy", "onnxruntime", "FFmpeg", *catalog.names()):
        assert f"ok   {what} " in out
    assert "CPUExecutionProvider" in out and "GPL" in out


def test_doctor_goes_on_after_what_is_bad(capsys, monkeypatch):
    def broken(name):
        raise BundleError("the network is damaged")

    monkeypatch.setattr("winnow.models.catalog.find", broken)
    code, out, _ = winnow(capsys, "doctor")
    assert code == 1
    assert f"BAD  {catalog.names()[0]} " in out and "damaged" in out and "free disk" in out


TRAIN = ["train", "denoise", "--speech", "s", "--speech", "t", "--noise", "n", "--minutes", "5"]


def test_training_without_its_extra_tells_the_install_line(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for command in (TRAIN, ["export", "runs/x", "-o", "bundle"]):
        code, _, err = winnow(capsys, *command)
        assert code == 1 and 'pip install "winnow-audio[train]"' in err and err.count("\n") == 1


def test_training_hands_over_what_was_typed(capsys, monkeypatch):
    pytest.importorskip("torch")
    got = {}

    def trained(*positional, **named):
        got.update(named, positional=positional)
        yield {
            "step": 7,
            "minutes": 0.5,
            "hours_heard": 0.1,
            "times_real_time": 61.7,
            "learning_rate": 1e-3,
            "loss": 0.25,
        }

    monkeypatch.setattr("winnow.train.run.train", trained)
    code, out, _ = winnow(capsys, *TRAIN, "--set", "batch_size=32", "--set", "mix.snr=-5,20", "--run", "runs/x")
    assert code == 0
    name, sounds, folder, schedule = got["positional"]
    assert (name, sounds.speech, sounds.noise, sounds.rooms) == ("denoise", ["s", "t"], ["n"], [])
    assert folder == Path("runs/x") and got["valid"] is None
    assert schedule.minutes == 5
    assert got["settings"] == ["batch_size=32", "mix.snr=-5,20"] and got["core"] is None
    assert "0.5 of 5 min · step 7 · 62x real time · loss 0.250" in out
    assert "winnow export runs/x" in out


def test_training_that_is_stopped_says_how_to_go_on(capsys, monkeypatch):
    pytest.importorskip("torch")

    def stopped(*_, **__):
        yield {"step": 7, "minutes": 0.5, "times_real_time": 61.7}
        raise KeyboardInterrupt

    monkeypatch.setattr("winnow.train.run.train", stopped)
    code, _, err = winnow(capsys, *TRAIN)
    assert code == 130 and "--resume --run runs/denoise" in err
