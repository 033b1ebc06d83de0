"""`winnow separate`, and the methods without a network in `split` and `enhance`."""

from __future__ import annotations

import json

import numpy as np
import pytest

import winnow
from recordings import video
from winnow.audio import Audio
from winnow.cli import run as command
from winnow.engine.run import Settings, separate
from winnow.errors import BadInput
from winnow.media import read, write
from winnow.metrics.sdr import si_sdr

RATE = 16000


def run(capsys, *arguments):
    code = command(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def sources():
    rng = np.random.default_rng(0)
    time = np.arange(6 * RATE) / RATE
    voice = np.sin(2 * np.pi * 180 * time) * (np.sin(2 * np.pi * 1.3 * time) > 0)
    return np.stack([0.3 * voice + 0.001 * rng.normal(size=time.size), 0.1 * rng.laplace(size=time.size)])


@pytest.fixture
def recording(tmp_path, sources):
    mixed = np.array([[1.0, 0.6], [0.5, 1.0]]) @ sources
    write(tmp_path / "two mics 🎤.wav", Audio(mixed.astype(np.float32), RATE), bits=24)
    return tmp_path / "two mics 🎤.wav"


def test_a_file_for_each_source_and_together_the_recording(capsys, recording, sources):
    code, out, err = run(capsys, "separate", str(recording), "--method", "ica")
    assert code == 0, err
    assert "two mics 🎤.source1.wav" in out and "levels" in out
    parts = [read(recording.with_name(f"two mics 🎤.source{k}.wav")).samples for k in (1, 2)]
    np.testing.assert_allclose(sum(parts), read(recording).samples, atol=2e-6)
    best = [max(si_sdr(source, part[0]) for part in parts) for source in sources]
    assert min(best) > 15
    again, out, _ = run(capsys, "separate", str(recording), "--method", "ica")
    assert again == 0 and "already there" in out


def test_what_is_too_short_says_so(capsys, tmp_path):
    noise = np.random.default_rng(0).standard_normal((8, 2 * RATE)).astype(np.float32)
    write(tmp_path / "a.wav", Audio(0.1 * noise, RATE))
    code, out, _ = run(capsys, "separate", str(tmp_path / "a.wav"), "--sources", "3")
    assert code == 0 and out.rstrip().endswith("too short to be separated, all of it is in source1")


def test_json_has_the_level_of_each_source(capsys, recording):
    code, out, _ = run(
        capsys, "separate", str(recording), "--method", "ica", "--json", "-o", str(recording.parent / "out")
    )
    record = json.loads(out)
    assert code == 0 and list(record["levels_dbfs"]) == ["source1", "source2"] and len(record["output"]) == 2


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--sources", "3"], "3 sources cannot be separated from 2 channels"),
        (["--sources", "1"], "--sources is 2 or more"),
        (["--method", "magic"], "auxiva"),
        (["--track", "4", "--method", "ica"], "no audio track 4"),
    ],
)
def test_what_cannot_be_is_one_line(capsys, recording, more, words):
    code, _, err = run(capsys, "separate", str(recording), *more)
    assert code == 2 and words in err and err.count("\n") == 1


def test_a_video_without_sound_is_called_that(capsys, tmp_path):
    video(tmp_path / "silent.mkv", tracks=0)
    code, _, err = run(capsys, "split", str(tmp_path / "silent.mkv"), "--method", "blind")
    assert code == 2 and "this video has no sound" in err and err.count("\n") == 1


@pytest.mark.parametrize("channels", [1, 2])
def test_one_microphone_is_refused_with_the_reason(capsys, tmp_path, sources, channels):
    write(tmp_path / "mono.wav", Audio(np.repeat(sources[:1], channels, 0).astype(np.float32), RATE))
    code, _, err = run(capsys, "separate", str(tmp_path / "mono.wav"), "--method", "ica")
    assert code == 2 and err.count("\n") == 1 and "winnow split" in err
    assert ("one channel" if channels == 1 else "copies of each other") in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mono.wav"]


def test_split_by_neighbours_adds_up_and_blind_gives_sources(capsys, recording):
    assert run(capsys, "split", str(recording), "--method", "neighbour")[0] == 0
    parts = [read(recording.with_name(f"two mics 🎤.{name}.wav")).samples for name in ("speech", "background")]
    np.testing.assert_allclose(sum(parts), read(recording).samples, atol=2e-6)
    code, _, err = run(capsys, "split", str(recording), "--method", "blind", "--into-video")
    assert code == 2 and "--into-video" in err
    code, _, err = run(capsys, "split", str(recording), "--method", "neighbour", "--model", "denoise-16k")
    assert code == 2 and "leave out --model" in err
    code, _, err = run(capsys, "enhance", str(recording), "--method", "magic")
    assert code == 2 and "wpe" in err


def test_methods_work_from_python_and_in_blocks_of_any_size(recording):
    samples = read(recording).samples
    whole = winnow.split(recording, model="neighbour")
    blocks = (samples[:, i : i + 777] for i in range(0, samples.shape[1], 777))
    parts = list(separate(blocks, RATE, 2, Settings(model="neighbour")))
    speech = np.concatenate([part["speech"] for part in parts], axis=1)
    np.testing.assert_allclose(speech, whole["speech"].samples, atol=1e-6)
    unchanged = winnow.enhance(recording, model="neighbour", strength=0.0)
    np.testing.assert_allclose(unchanged.samples, samples, atol=1e-6)
    with pytest.raises(BadInput):
        list(separate([samples[:1]], RATE, 1, Settings(model="ica")))
