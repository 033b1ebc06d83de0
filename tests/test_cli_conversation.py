"""`winnow separate` by network: files out, the timeline, what is there already, refusals, being stopped."""

import json
import sys

import numpy as np
import pytest

from conversing import RATE, conversation, network
from recordings import leftovers, video
from winnow.audio import Audio
from winnow.cli import run as command
from winnow.dsp.resample import resample
from winnow.media import read, write

WORK = "winnow.engine.conversation.work"


def run(capsys, *arguments):
    code = command([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


@pytest.fixture
def meeting(tmp_path, monkeypatch):
    """A recording of two, and a network that knows them."""
    sources, known = conversation(2, 15.0, 0)
    monkeypatch.setattr(f"{WORK}.open_network", lambda model: network(known))
    path = tmp_path / "in" / "it's a 🎤 $meeting$.wav"
    path.parent.mkdir()
    write(path, Audio(sources.sum(axis=0), RATE), bits=24)
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_track_for_each_talker_found_and_who_speaks_when(capsys, meeting, tmp_path):
    pytest.importorskip("matplotlib", reason="draws the timeline")
    code, out, err = run(capsys, "separate", meeting, "-o", tmp_path / "out/")
    assert code == 0, err
    assert "2 talkers" in out and "talker1 -" in out
    base = tmp_path / "out" / meeting.stem
    ends = [".talker1.wav", ".talker2.wav", ".background.wav", ".talkers.json", ".talkers.png"]
    assert names(tmp_path / "out") == sorted(meeting.stem + end for end in ends)
    parts = [read(f"{base}{end}").samples for end in ends[:3]]
    np.testing.assert_allclose(sum(parts), read(meeting).samples, atol=2e-6)
    timeline = json.loads((tmp_path / "out" / f"{meeting.stem}.talkers.json").read_text())
    assert [talker["name"] for talker in timeline["talkers"]] == ["talker1", "talker2"]
    assert timeline["seconds"] == 15 and 0 <= timeline["overlap_seconds"] < 5 and timeline["number"] == "found"
    assert (tmp_path / "out" / f"{meeting.stem}.talkers.png").read_bytes().startswith(b"\x89PNG")
    again = run(capsys, "separate", meeting, "-o", tmp_path / "out/")
    assert again[0] == 0 and "already there" in again[1]


def test_a_part_of_an_earlier_run_is_neither_mixed_in_nor_lost(capsys, meeting):
    folder = meeting.parent
    stale = folder / f"{meeting.stem}.talker3.wav"
    write(stale, Audio(np.zeros(100, np.float32), RATE))
    code, _, err = run(capsys, "separate", meeting, "--speakers", 2)
    assert code == 1 and "talker3.wav is there" in err and "--force" in err
    code, out, _ = run(capsys, "separate", meeting, "--speakers", 2, "--force", "--no-timeline")
    assert code == 0 and "talker3.wav is of an earlier run" in out and stale.exists()
    ends = (".wav", ".talker1.wav", ".talker2.wav", ".talker3.wav", ".background.wav")
    assert names(folder) == sorted(meeting.stem + end for end in ends)


def test_json_and_flac_and_a_film(capsys, tmp_path, monkeypatch):
    sources, known = conversation(2, 15.0, 0)
    spoken = resample(sources.sum(axis=0, keepdims=True)[:, : 3 * RATE], RATE, 48000)
    film = video(tmp_path / "debate.mp4", 3.0, 48000, sound=spoken)
    monkeypatch.setattr(f"{WORK}.open_network", lambda model: network(known[:, : 3 * RATE]))
    code, out, err = run(capsys, "separate", film, "--speakers", 2, "--json", "-o", tmp_path / "parts.flac")
    assert code == 0, err
    record = json.loads(out)
    assert list(record["talkers"]) == ["talker1", "talker2"] and record["model"] == "oracle"
    assert list(record["levels_dbfs"]) == ["talker1", "talker2", "background"]
    assert {"parts.talker1.flac", "parts.background.flac", "parts.talkers.json"} <= set(names(tmp_path))
    made = read(tmp_path / "parts.talker1.flac")
    assert (made.rate, made.samples.shape) == (48000, read(film).samples.shape)


def test_without_matplotlib_the_data_is_written_and_that_is_said(capsys, meeting, monkeypatch):
    monkeypatch.setattr(f"{WORK}._drawable", lambda: False)
    code, out, _ = run(capsys, "separate", meeting, "--speakers", 2)
    assert code == 0 and "matplotlib" in out
    assert f"{meeting.stem}.talkers.json" in names(meeting.parent)
    assert f"{meeting.stem}.talkers.png" not in names(meeting.parent)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--speakers", "0"], "from 1 to 20"),
        (["--speakers", "-3"], "from 1 to 20"),
        (["--speakers", "21"], "at most two at once"),
        (["--method", "network", "--sources", "2"], "--speakers"),
        (["--method", "ica", "--speakers", "2"], "--method network"),
        (["--jobs", "0"], "--jobs is 1 or more"),
        (["--track", "3"], "track"),
    ],
)
def test_what_cannot_be_is_one_line(capsys, meeting, more, words):
    code, _, err = run(capsys, "separate", meeting, *more)
    assert code == 2 and words in err and err.count("\n") == 1
    assert names(meeting.parent) == [meeting.name]


def test_a_network_that_does_something_else_is_refused(capsys, tmp_path):
    write(tmp_path / "a.wav", Audio(np.zeros(RATE, np.float32), RATE))
    code, _, err = run(capsys, "separate", tmp_path / "a.wav", "--model", "denoise-16k")
    assert code == 2 and "does not tell talkers apart" in err and "speech, background" in err and err.count("\n") == 1


def test_a_bundle_of_the_kind_that_is_shipped(capsys, tmp_path):
    """Untrained, so that what it hears is chance; all the same length, rate, channels and sum stay."""
    pytest.importorskip("torch", reason="makes the network")
    pytest.importorskip("onnx", reason="writes the network")
    from test_complex import bundle

    bundle(tmp_path / "tiny")
    sources = conversation(2, 15.0, 0)[0].sum(axis=0)[: 3 * RATE]
    write(tmp_path / "a.wav", Audio(resample(np.stack([sources, 0.5 * sources]), RATE, 44100), 44100), bits=24)
    options = ["--model", tmp_path / "tiny", "--speakers", 2, "--no-timeline", "-o", tmp_path / "out/"]
    code, _, err = run(capsys, "separate", tmp_path / "a.wav", *options)
    assert code == 0, err
    parts = [read(path).samples for path in (tmp_path / "out").iterdir()]
    assert len(parts) == 3
    np.testing.assert_allclose(sum(parts), read(tmp_path / "a.wav").samples, atol=2e-6)


def test_silence_and_noise_are_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(f"{WORK}.open_network", lambda model: network(np.zeros((2, RATE), np.float32), noise=1e-5))
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    for name, samples in (("silence", 0 * noise), ("noise", noise)):
        write(tmp_path / f"{name}.wav", Audio(samples, RATE))
        code, _, err = run(capsys, "separate", tmp_path / f"{name}.wav")
        assert code == 2 and "no speech found" in err and "winnow split" in err and err.count("\n") == 1
    assert names(tmp_path) == ["noise.wav", "silence.wav"]


def test_standard_input_is_refused(capsys, meeting, monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    code, _, err = run(capsys, "separate", "-", "-o", meeting.parent)
    assert code == 2 and "read twice" in err and err.count("\n") == 1


@pytest.mark.parametrize("where", [f"{WORK}.Listening.feed", f"{WORK}.found_in", f"{WORK}._pass_on"])
def test_stopped_anywhere_nothing_is_left(capsys, meeting, monkeypatch, where):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(where, stop)
    code, _, err = run(capsys, "separate", meeting)
    assert code == 130 and "nothing half-written" in err
    assert names(meeting.parent) == [meeting.name] and not leftovers(meeting.parent)
