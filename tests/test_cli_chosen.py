"""`winnow extract`, `winnow remove`, and the same from Python: names, films, several people, papers, errors in one line."""

from __future__ import annotations

import json
from functools import lru_cache

import av
import numpy as np
import pytest

import winnow
from chosenlike import Everything, stand_in
from recordings import floats, leftovers, sound, video
from voicelike import voice as synthesised
from winnow import media
from winnow.audio import Audio
from winnow.cli import run as command
from winnow.errors import BadInput, BadOption, InputNotFound
from winnow.models.voices import default_encoder

RATE = 16000
ALICE, BOB = 0, 7  # whose vectors differ
voice = lru_cache(maxsize=None)(synthesised)


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """The network gives 0.9 of everything for any voice; so a voice is found where the recording sounds like it."""
    stand_in(monkeypatch, Everything, size=0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WINNOW_VOICES", str(tmp_path / "store"))
    store("alice.wav", voice(ALICE, 6))
    store("bob.wav", voice(BOB, 6))
    return tmp_path


def store(name, samples, rate=RATE, **options):
    media.write(name, Audio(samples, rate), **{"bits": 24, **options})
    return name


def run(capsys, *arguments):
    code = command(list(map(str, arguments)))
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def samples(path):
    return media.read(path).samples


def packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size]


def test_one_voice_out_of_a_recording(capsys, folder):
    source = store("my talk 🎤 'a'.wav", voice(ALICE, 8, text=3))
    code, out, err = run(capsys, "extract", source, "--voice", "alice.wav")
    assert (code, err) == (0, "")
    assert out.startswith("my talk 🎤 'a'.voice.wav   the voice is there ") and "kept at -" in out
    np.testing.assert_allclose(samples("my talk 🎤 'a'.voice.wav"), 0.9 * samples(source), atol=1e-6)
    code, out, _ = run(capsys, "extract", source, "--voice", "alice.wav")
    assert code == 0 and "already there" in out
    assert not leftovers(folder)


def test_with_the_rest_both_are_the_recording(capsys):
    source = store("talk.flac", np.stack([voice(ALICE, 4), voice(BOB, 4)]), 44100)
    code, out, _ = run(capsys, "extract", source, "--voice", "alice.wav", "--rest", "-o", "parts/a.wav")
    assert code == 0 and "levels" in out
    parts = [samples(f"parts/a.{name}.wav") for name in ("voice", "rest")]
    np.testing.assert_allclose(sum(parts), samples(source), atol=2e-6)


def test_a_voice_that_is_not_there_is_told(capsys):
    source = store("talk.wav", voice(BOB, 8, text=2))
    code, out, _ = run(capsys, "extract", source, "--voice", "alice.wav")
    assert code == 0 and "the voice was not found (presence 0." in out
    code, out, _ = run(capsys, "remove", source, "--voice", "alice.wav", "--json")
    told = json.loads(out)
    assert told["voices"]["voice"]["found"] is False and told["output"] == "talk.removed.wav"


def test_a_stretch_of_the_recording_itself_and_several_references(capsys):
    source = store("talk.wav", np.concatenate([voice(ALICE, 6, text=4), voice(BOB, 6, text=4)]))
    code, out, err = run(
        capsys, "extract", source, "--voice", "talk.wav@0:00-0:05", "--voice", "alice.wav", "-o", "a.wav", "--json"
    )
    assert (code, err) == (0, "")
    found = json.loads(out)["voices"]["voice"]
    assert found["found"] and 0.3 < found["share"] < 0.7


def test_the_picture_of_a_film_is_copied(capsys, folder):
    source = video(folder / "film.mp4", 3, tracks=2)
    code, out, err = run(capsys, "remove", source, "--voice", "alice.wav")
    assert (code, err) == (0, "") and "removed part" in out
    made = folder / "film.removed.mp4"
    assert packets(made) == packets(source)
    assert len(media.probe(made).audio) == 2
    code, out, _ = run(capsys, "extract", source, "--voice", "alice.wav")
    assert code == 0 and (folder / "film.voice.wav").exists()
    code, _, _ = run(capsys, "extract", source, "--voice", "alice.wav", "-o", "alice.mp4")
    assert code == 0 and packets("alice.mp4") == packets(source)


def test_several_people(capsys, folder):
    source = store("panel.wav", np.concatenate([voice(ALICE, 6, text=5), voice(BOB, 6, text=5)]))
    people = ["--person", "alice=alice.wav", "--person", "bob b.=bob.wav"]
    code, _, err = run(capsys, "extract", source, *people)
    assert code == 2 and "name of a voice" in err
    people[-1] = "bob b=bob.wav"
    code, out, _ = run(capsys, "extract", source, *people, "--rest")
    assert code == 0 and "alice is there" in out and "bob b is there" in out
    parts = [samples(f"panel.{name}.wav") for name in ("alice.voice", "bob b.voice", "rest")]
    np.testing.assert_allclose(sum(parts), samples(source), atol=2e-6)
    code, _, _ = run(capsys, "remove", source, *people, "--sure", "0", "-o", "none.wav")
    np.testing.assert_allclose(samples("none.wav"), -0.8 * samples(source), atol=1e-4)
    code, out, _ = run(capsys, "extract", source, *people[:2])
    assert code == 0 and "already there" in out  # one name: the same file
    code, _, _ = run(capsys, "extract", folder, "--voice", "alice.wav", "-o", "out/", "--jobs", "1")
    assert code == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "alice.voice.wav", "bob.voice.wav", "none.voice.wav", "panel.voice.wav",
    ]  # fmt: skip


def test_timeline_and_spectrograms_lie_beside_the_output(capsys, folder):
    pytest.importorskip("matplotlib", reason="pictures: the extra demo")
    source = store("talk.wav", np.concatenate([voice(ALICE, 6, text=1), 0.001 * voice(ALICE, 6)]))
    code, out, err = run(capsys, "extract", source, "--voice", "alice.wav", "--timeline", "--plot")
    assert (code, err) == (0, "")
    assert out.startswith("talk.voice.wav, talk.presence.json, talk.presence.png, talk.spectrograms.png   ")
    told = json.loads((folder / "talk.presence.json").read_text())
    assert told["seconds"] == 12 and told["step"] == 0.1 and told["source"] == "talk.wav"
    one = told["voices"]["voice"]
    assert len(one["presence"]) == 120 and one["found"] and one["stretches"][0][1] == pytest.approx(6, abs=0.5)
    for name in ("talk.presence.png", "talk.spectrograms.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    before = (folder / "talk.voice.wav").stat().st_mtime_ns
    (folder / "talk.presence.json").unlink()
    assert run(capsys, "extract", source, "--voice", "alice.wav", "--timeline")[0] == 0
    assert (folder / "talk.presence.json").exists()
    assert (folder / "talk.voice.wav").stat().st_mtime_ns == before
    assert not leftovers(folder)


def test_sure_leaves_the_other_voice_to_the_rest(capsys):
    source = store("talk.wav", np.concatenate([voice(ALICE, 9, text=7), voice(BOB, 9, text=7)]))
    code, _, _ = run(capsys, "remove", source, "--voice", "alice.wav", "--sure", "0.6")
    rest, before = samples("talk.removed.wav")[0], samples(source)[0]
    assert code == 0
    np.testing.assert_allclose(rest[13 * RATE :], before[13 * RATE :], atol=1e-6)
    np.testing.assert_allclose(rest[RATE : 5 * RATE], 0.1 * before[RATE : 5 * RATE], atol=1e-4)


def test_standard_output_holds_the_sound(capsysbinary):
    store("talk.wav", voice(ALICE, 2))
    assert command(["extract", "talk.wav", "--voice", "alice.wav", "-o", "-", "-q"]) == 0
    assert capsysbinary.readouterr().out[:4] == b"RIFF"


def test_silence_and_odd_numbers_are_no_harm(capsys, folder):
    store("silent.wav", np.zeros((2, RATE), np.float32))
    code, out, _ = run(capsys, "extract", "silent.wav", "--voice", "alice.wav")
    assert code == 0 and "silence" in out
    odd = voice(ALICE, 3)[None].copy()
    odd[0, 100:110] = np.nan
    floats(folder / "odd.wav", odd)
    code, out, _ = run(capsys, "remove", "odd.wav", "--voice", "alice.wav")
    assert code == 0 and "10 samples were no numbers" in out


ERRORS = [
    (["--voice", "nobody.wav"], "nobody.wav"),
    (["--voice", "alice.wav@0:10-0:20"], "outside the recording"),
    (["--voice", "alice.wav@0:05-0:02"], "ends before it begins"),
    (["--voice", "@alcie"], "alcie"),
    (["--voice", "silent.wav"], "silent"),
    (["--voice", "notes.wav"], "notes.wav"),
    ([], "say whose voice"),
    (["--voice", "alice.wav", "--person", "a=alice.wav"], "not both"),
    (["--person", "alice.wav"], "NAME=REFERENCE"),
    (["--person", "rest=alice.wav"], "another name"),
    (["--person", "a/b=alice.wav"], "name of a voice"),
    (["--person", "a=alice.wav", "--person", "A=bob.wav"], "capitals"),
    (["--voice", "alice.wav", "--model", "plain"], "those that can: halves"),
    (["--voice", "alice.wav", "--model", "neighbour"], "those that can: halves"),
    (["--voice", "alice.wav", "--model", "bogus"], "bogus"),
    (["--voice", "alice.wav", "--sure", "2"], "between 0 and 1"),
    (["--voice", "alice.wav", "--factor", "0"], "factor"),
    (["--voice", "alice.wav", "--mask", "org"], "leave out --mask"),
    (["--voice", "alice.wav", "--encoder", "bogus"], "bogus"),
    (["--voice", "alice.wav", "--strength", "3"], "strength"),
    (["--voice", "alice.wav", "--channels", "none"], "channels"),
    (["--voice", "alice.wav", "-o", "-", "--timeline"], "name a file"),
    (["--voice", "alice.wav", "--jobs", "0"], "--jobs"),
    (["--voice", "alice.wav", "--track", "3"], "track"),
    (["--person", "a=-", "--person", "b=-"], "read once"),
]


@pytest.mark.parametrize("what", ["extract", "remove"])
@pytest.mark.parametrize(("more", "words"), ERRORS, ids=[" ".join(more) or "nothing" for more, _ in ERRORS])
def test_what_cannot_be_is_one_line(capsys, folder, what, more, words):
    store("talk.wav", voice(ALICE, 1))
    store("silent.wav", np.zeros((1, 3 * RATE), np.float32))
    (folder / "notes.wav").write_text("Dear diary\n" * 30)
    before = sorted(path.name for path in folder.iterdir())
    code, out, err = run(capsys, what, "talk.wav", *more)
    assert (code, out) == (2, "") and words in err and err.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == before


def test_standard_input_is_not_both_recording_and_reference(capsys):
    code, out, err = run(capsys, "extract", "-", "--voice", "-", "-o", "out.wav")
    assert (code, out) == (2, "") and "read once" in err and err.count("\n") == 1


def test_recordings_that_cannot_be_read_are_told_like_those_of_enhance(capsys, folder):
    (folder / "notes.wav").write_text("Dear diary\n" * 30)
    code, _, err = run(capsys, "extract", "notes.wav", "--voice", "alice.wav")
    assert code == 2 and "no audio" in err and err.count("\n") == 1
    assert run(capsys, "remove", "--voice", "alice.wav")[0] == 2
    assert not leftovers(folder)


def test_from_python(folder):
    talk = Audio(voice(ALICE, 5, text=2), RATE)
    reference = voice(ALICE, 5)
    for given in ("alice.wav", folder / "alice.wav", (reference, RATE), ["alice.wav", Audio(reference, RATE)]):
        one = winnow.extract(talk, voice=given)
        assert one.rate == RATE
        np.testing.assert_allclose(one.samples, 0.9 * talk.samples, atol=1e-6)
    rest = winnow.remove(talk, voice="alice.wav", strength=0.5)
    np.testing.assert_allclose(rest.samples, 0.55 * talk.samples, atol=1e-6)
    with pytest.raises(InputNotFound):
        winnow.extract(talk, voice="nobody.wav")
    with pytest.raises(BadOption):
        winnow.extract(talk, voice="alice.wav", model="plain")
    with pytest.raises(BadInput):
        winnow.extract(talk, voice=(np.zeros(RATE), RATE))
    with pytest.warns(UserWarning, match="only"):
        winnow.extract(talk, voice=(voice(ALICE, 2.5), RATE))


def test_a_network_in_several_processes(capsys, folder, monkeypatch):
    pytest.importorskip("torch", reason="networks are made with torch: the extra train")
    pytest.importorskip("onnx", reason="graphs are written with onnx: the extra train")
    from test_complex import bundle

    monkeypatch.undo()
    monkeypatch.chdir(folder)
    model = bundle(folder / "tiny", voice=default_encoder().size).path
    for name, rate, channels in (("a", 8000, 1), ("b", 44100, 2)):
        sound(folder / "in" / f"{name}.wav", 3, rate, channels, bits=24)
    given = ["--voice", "alice.wav", "--model", model, "--rest", "--jobs", "2", "--sure", "0"]
    code, out, err = run(capsys, "extract", "in", *given, "-o", "out")
    assert (code, err) == (0, "") and "2 done" in out
    for name in "ab":
        parts = [samples(f"out/{name}.{part}.wav") for part in ("voice", "rest")]
        np.testing.assert_allclose(sum(parts), samples(f"in/{name}.wav"), atol=2e-6)
        assert min(np.abs(part).max() for part in parts) > 1e-3
    code, _, err = run(capsys, "remove", "in/a.wav", "--voice", "alice.wav", "--model", model, "--mask", "org")
    assert code == 2 and "leave out --mask" in err
    assert winnow.extract("in/a.wav", voice="alice.wav", model=model).samples.shape == (1, 24000)


def test_a_reference_is_never_overwritten(capsys, folder):
    store("talk.wav", voice(ALICE, 6, text=3))
    before = (folder / "alice.wav").read_bytes()
    for reference in ("alice.wav", "alice.wav@0-4"):
        code, _, err = run(capsys, "extract", "talk.wav", "--voice", reference, "-o", "alice.wav", "--force")
        assert code == 2 and "never overwritten" in err and err.count("\n") == 1
    assert (folder / "alice.wav").read_bytes() == before
