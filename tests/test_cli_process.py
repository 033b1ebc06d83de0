"""`winnow enhance` and `winnow split` as a person or a program sees them: lines, messages, exit codes."""

import io
import json
import os
import sys

import numpy as np
import pytest

from halves import Halves
from recordings import floats, noise, sound, video
from winnow import media
from winnow.audio import Audio
from winnow.cli import run
from winnow.cli.words import clock, one_line, times


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("winnow.engine.run.Separation", Halves)
    return tmp_path


def winnow(capsys, *arguments):
    """Exit code, standard output, standard error."""
    code = run([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def test_one_file_one_line(here, capsys):
    sound(here / "talk.wav")
    code, out, err = winnow(capsys, "enhance", "talk.wav")
    assert (code, err) == (0, "")
    assert out.startswith("talk.enhanced.wav   removed -6.0 dB · speech kept at -2")
    assert out.count("\n") == 1


def test_many_files_end_with_a_table_and_the_failures(here, capsys):
    sound(here / "in/a.wav")
    sound(here / "in/deep/b.flac")
    (here / "in/bad.wav").write_text("no sound")
    code, out, err = winnow(capsys, "enhance", "in", "-o", "out/", "--jobs", 1)
    assert code == 2
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines[:3]] == ["out/a.enhanced.wav", "in/bad.wav", "out/deep/b.enhanced.flac"]
    assert ["file", "length", "seconds", "x", "real", "time", "note"] in lines
    assert lines[-1] == ["2", "done,", "1", "failed"]
    assert lines[-3][0] == "in/bad.wav"  # failures last
    assert err.startswith("winnow: in/bad.wav: no audio in this file") and err.count("\n") == 1
    assert sorted(str(path.relative_to(here)) for path in (here / "out").rglob("*.*")) == [
        "out/a.enhanced.wav",
        "out/deep/b.enhanced.flac",
    ]


def test_a_second_run_leaves_all_alone(here, capsys):
    sound(here / "a.wav")
    winnow(capsys, "enhance", "a.wav")
    before = (here / "a.enhanced.wav").stat().st_mtime_ns
    code, out, _ = winnow(capsys, "enhance", "a.wav")
    assert code == 0 and "left alone (--force replaces it)" in out
    assert (here / "a.enhanced.wav").stat().st_mtime_ns == before
    _, out, _ = winnow(capsys, "enhance", "a.wav", "--force")
    assert "removed" in out
    assert (here / "a.enhanced.wav").stat().st_mtime_ns > before


FIELDS = {
    "input": str,
    "output": (str, list, type(None)),
    "seconds": (float, type(None)),
    "elapsed": (int, float),
    "times_real_time": (float, type(None)),
    "model": (str, type(None)),
    "error": (str, type(None)),
    "skipped": bool,
    "removed_db": (float, type(None)),
    "level_dbfs": (float, type(None)),
    "note": (str, type(None)),
}


def test_json_is_one_object_for_each_file_and_nothing_else(here, capsys):
    sound(here / "a.wav")
    video(here / "b.mp4")
    (here / "c.wav").write_bytes(b"")
    code, out, _ = winnow(capsys, "enhance", ".", "--json", "--jobs", 1)
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 2
    for row in rows:
        assert row.keys() == FIELDS.keys()
        assert all(isinstance(row[key], kind) for key, kind in FIELDS.items())
    good, film, bad = rows
    assert (good["output"], good["model"], good["error"], good["seconds"]) == ("./a.enhanced.wav", "halves", None, 1.0)
    assert film["output"] == "./b.enhanced.mp4"
    assert bad["output"] is None and "empty" in bad["error"]
    _, out, _ = winnow(capsys, "split", "a.wav", "--json")
    assert json.loads(out)["output"] == ["a.speech.wav", "a.background.wav"]
    _, out, _ = winnow(capsys, "split", "a.wav", "--json")
    assert json.loads(out)["skipped"] is True


def test_quiet_prints_errors_only(here, capsys):
    sound(here / "a.wav")
    code, out, err = winnow(capsys, "enhance", "a.wav", "missing.wav", "-q", "-o", "out/", "--jobs", 1)
    assert (code, out) == (2, "")
    assert err == "winnow: missing.wav: no such file. Check the name and the folder.\n"


NAMES = [
    "with space.wav",
    'it\'s "quoted".wav',
    "emoji 😀 [bold].wav",
    "-dash.wav",
    "new\nline.wav",
    "ünï.wav",
    "%s{}.wav",
]


@pytest.mark.parametrize("name", NAMES)
def test_odd_names(here, capsys, name):
    sound(here / name)
    code, out, err = winnow(capsys, "enhance", "--", name)
    assert (code, err) == (0, "")
    stem = name.removesuffix(".wav")
    assert (here / f"{stem}.enhanced.wav").exists()
    assert out.startswith(one_line(stem)) and out.count("\n") == 1


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="file names are Unicode there")
def test_a_name_that_is_no_text(here, capsys):
    name = os.fsdecode(b"\xff.wav")
    os.rename(sound(here / "a.wav"), here / name)
    code, out, err = winnow(capsys, "enhance", ".", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["input"] == f"./{name}"
    assert winnow(capsys, "enhance", ".")[0] == 0


def film_without_sound(folder):
    video(folder / "bad.mp4", tracks=0)
    return "bad.mp4"


def empty(folder):
    (folder / "bad.wav").write_bytes(b"")
    return "bad.wav"


def text(folder):
    (folder / "bad.wav").write_text("Dear diary\n" * 50)
    return "bad.wav"


def zipped(folder):
    (folder / "notes.docx").write_bytes(b"PK\x03\x04" + bytes(200))
    return "notes.docx"


def truncated(folder):
    path = video(folder / "bad.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return "bad.mp4"


def without_samples(folder):
    media.write(folder / "bad.wav", Audio(np.zeros((1, 0)), 16000))
    return "bad.wav"


def own_output(folder):
    sound(folder / "bad.wav")
    return "bad.wav", "-o", "bad.wav", "--force"


def good(*options):
    def make(folder):
        sound(folder / "a.wav")
        return "a.wav", *options

    return make


def two_tracks(folder):
    video(folder / "a.mkv", tracks=2)
    return "a.mkv", "--track", "2"


REFUSED = [
    ("enhance", empty, "empty"),
    ("enhance", text, "no audio in this file"),
    ("enhance", zipped, "no audio in this file (it is a zip archive)"),
    ("enhance", film_without_sound, "this video has no sound"),
    ("enhance", truncated, "bad.mp4: "),
    ("enhance", without_samples, "no samples"),
    ("enhance", own_output, "never overwritten"),
    ("enhance", lambda folder: "missing.wav", "missing.wav: no such file"),
    (
        "enhance",
        lambda folder: "https://a.b/c.mp3",
        "winnow: https://a.b/c.mp3: no such file; winnow reads no addresses",
    ),
    ("enhance", lambda folder: "", "empty name"),
    ("info", lambda folder: "", "name of the recording is empty"),
    ("enhance", good("--model", ""), "name of the model is empty"),
    ("enhance", lambda folder: ".", "no recording in this folder"),
    ("enhance", two_tracks, "a.mkv: no audio track 2, the file has tracks 0 to 1."),
    ("enhance", good("--track", "1"), "a.wav: no audio track 1, the file has only track 0."),
    ("enhance", good("--track", "-1"), "--track counts from 0"),
    ("enhance", good("--strength", "2"), "strength"),
    ("enhance", good("--strength", "nan"), "strength"),
    ("enhance", good("--strength", "much"), "--strength"),
    ("enhance", good("--max-attenuation", "-3"), "attenuation"),
    ("enhance", good("--channels", "none"), "channels"),
    ("enhance", good("--jobs", "0"), "--jobs is 1 or more"),
    ("enhance", good("--model", "denois"), "`winnow models` lists"),
    ("enhance", good("--bogus"), "`winnow enhance --help` shows how"),
    ("enhance", good("-o", "b.xyz"), "cannot write .xyz"),
    ("enhance", lambda folder: (), "missing argument"),
    ("split", good("--into-video"), "leave out --into-video"),
    ("split", good("-o", "-"), "name a folder"),
]


@pytest.mark.parametrize(("command", "make", "message"), REFUSED)
def test_what_is_wrong_is_told_in_one_line(here, capsys, command, make, message):
    arguments = make(here)
    before = sorted(here.rglob("*"))
    code, out, err = winnow(capsys, command, *([arguments] if isinstance(arguments, str) else arguments))
    assert code == 2
    assert out == ""
    assert err.startswith("winnow: ") and err.count("\n") == 1
    assert message in err
    assert sorted(here.rglob("*")) == before


def test_samples_that_are_no_numbers_are_told(here, capsys):
    samples = noise(1)
    samples[0, :2] = np.nan
    floats(here / "a.wav", samples)
    code, out, _ = winnow(capsys, "enhance", "a.wav")
    assert code == 0 and "2 samples were no numbers" in out


def test_silence_is_called_silence(here, capsys):
    floats(here / "a.wav", np.zeros((1, 16000)))
    code, out, _ = winnow(capsys, "enhance", "a.wav")
    assert code == 0 and out.startswith("a.enhanced.wav   nothing but silence · ")


def test_a_defect_is_one_line_without_a_traceback(here, capsys, monkeypatch):
    monkeypatch.setattr("winnow.engine.files.plan", lambda *_, **__: 1 / 0)
    code, _, err = winnow(capsys, "enhance", "a.wav")
    assert code == 1
    assert err.startswith("winnow: ZeroDivisionError") and "WINNOW_DEBUG=1" in err


def test_a_note_says_when_the_format_changes(here, capsys):
    os.rename(sound(here / "a.wav"), here / "a.amr")
    _, out, _ = winnow(capsys, "enhance", "a.amr")
    assert out.startswith("a.enhanced.wav") and "written as .wav: winnow cannot write .amr" in out


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_header_and_bar(here, monkeypatch):
    video(here / "talk.mp4", 2)
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setattr("winnow.engine.trade.REPORT_EVERY", 0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    assert run(["enhance", "talk.mp4"]) == 0
    shown = screen.getvalue()
    assert "talk.mp4   0:02   48 kHz mono · mpeg4 64x48, picture is copied" in shown
    assert "100 %" in shown and "x real time" in shown and "left" in shown
    assert "talk.enhanced.mp4   removed" in shown
    assert "\x1b[3" not in shown  # no colour where NO_COLOR is set


def test_words():
    assert [clock(seconds) for seconds in (None, 7.4, 754, 3723)] == ["?", "0:07", "12:34", "1:02:03"]
    assert [times(factor) for factor in (None, 3.44, 142.3)] == ["", "3.4x", "142x"]
    assert one_line("a\x1b[31m\nb") == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}b"
