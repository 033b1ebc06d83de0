"""`winnow voices`: enrol, list, forget; what is said when it cannot be done."""

import json

import numpy as np
import pytest

from voicelike import voice
from winnow import media
from winnow.audio import Audio
from winnow.cli import run
from winnow.models import catalog


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("WINNOW_VOICES", str(tmp_path / "kept"))
    monkeypatch.setattr(catalog, "names", list)  # synthesised voices: the encoder without a network
    monkeypatch.chdir(tmp_path)
    media.write("a b.wav", Audio(voice(0, 5), 16000))
    media.write("two.flac", Audio(np.concatenate([voice(0, 6, text=1), voice(5, 6)]), 16000))
    return tmp_path / "kept"


def winnow(capsys, *arguments):
    code = run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def test_enrol_list_forget(capsys, place):
    assert "no voices" in winnow(capsys, "voices", "list")[1]
    code, out, err = winnow(capsys, "voices", "enrol", "alice", "a b.wav", "two.flac@0-6")
    assert code == 0 and not err and "@alice" in out
    assert [path.name for path in place.iterdir()] == ["alice.json"]
    listed = json.loads(winnow(capsys, "voices", "list", "--json")[1])
    assert listed[0]["name"] == "alice" and listed[0]["references"] == ["a b.wav", "two.flac@0-6"]
    assert "alice" in winnow(capsys, "voices", "list")[1]
    assert winnow(capsys, "voices", "forget", "@alice")[0] == 0 and not list(place.iterdir())


def test_a_doubtful_reference_is_enrolled_with_a_warning(capsys):
    code, out, err = winnow(capsys, "voices", "enrol", "both", "two.flac", "--json")
    assert code == 0 and "two voices" in err and err.count("\n") == 1
    assert json.loads(out)["name"] == "both"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("enrol", "alice", "missing.wav"), "missing.wav"),
        (("enrol", "../alice", "a b.wav"), "name"),
        (("enrol", "alice", "a b.wav@50-60"), "outside"),
        (("enrol", "alice", "@bob"), "bob"),
        (("enrol", "alice"), "FILE"),
        (("forget", "alice"), "Enrol it first"),
    ],
)
def test_what_cannot_be_done_is_one_line(capsys, place, arguments, said):
    code, _, err = winnow(capsys, "voices", *arguments)
    assert code == 2 and said in err and err.count("\n") == 1
    assert not place.exists() or not list(place.iterdir())


def test_a_name_that_is_taken(capsys):
    assert winnow(capsys, "voices", "enrol", "alice", "a b.wav")[0] == 0
    code, _, err = winnow(capsys, "voices", "enrol", "alice", "a b.wav")
    assert code == 2 and "--replace" in err
    assert winnow(capsys, "voices", "enrol", "alice", "two.flac@0-6", "--replace")[0] == 0


def test_a_damaged_file_does_not_hide_the_others(capsys, place):
    winnow(capsys, "voices", "enrol", "alice", "a b.wav")
    (place / "bob.json").write_text("no json")
    code, out, err = winnow(capsys, "voices", "list")
    assert code == 0 and "alice" in out and "bob" in err


def test_a_folder_that_cannot_be_written_is_one_line(capsys, place):
    place.write_text("a file where the folder should be")
    code, out, err = winnow(capsys, "voices", "enrol", "alice", "a b.wav")
    assert (code, out) == (1, "") and "WINNOW_VOICES" in err and err.count("\n") == 1
