"""The command in real processes: pipes, several workers, and being stopped in the middle."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from halves import DEADLY
from recordings import leftovers, noise, run, sound, start
from winnow import media
from winnow.audio import Audio
from winnow.cli import main

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")


def test_pipes(tmp_path):
    source = sound(tmp_path / "a.wav", 3, 22050, 2)
    code, out, err = run("enhance", "-", "-o", "-", cwd=tmp_path, data=source.read_bytes())
    assert code == 0
    assert err.startswith("standard output   removed")
    (tmp_path / "b.wav").write_bytes(out)
    before, after = media.read(source), media.read(tmp_path / "b.wav")
    assert (after.rate, after.samples.shape) == (22050, before.samples.shape)
    assert np.abs(after.samples - before.samples / 2).max() < 2**-15


def test_a_pipe_into_a_file_and_out_of_one(tmp_path):
    source = sound(tmp_path / "a.flac")
    assert run("enhance", "-", "-o", "b.mp3", "-q", cwd=tmp_path, data=source.read_bytes()) == (0, b"", "")
    assert media.probe(tmp_path / "b.mp3").audio[0].codec.startswith("mp3")
    code, out, _ = run("enhance", "a.flac", "-o", "-", "--json", cwd=tmp_path)
    assert code == 0
    assert out[:4] == b"RIFF"
    assert len(media_of(out, tmp_path)) == 16000


def media_of(data, folder):
    (folder / "out.wav").write_bytes(data)
    return media.read(folder / "out.wav").samples[0]


def test_json_goes_to_standard_error_beside_a_recording(tmp_path):
    source = sound(tmp_path / "a.wav")
    _, _, err = run("enhance", "-", "-o", "-", "--json", cwd=tmp_path, data=source.read_bytes())
    assert json.loads(err)["output"] == "-"


def test_what_is_no_recording_is_told_of_a_pipe_too(tmp_path):
    code, out, err = run("enhance", "-", "-o", "-", cwd=tmp_path, data=b"Dear diary\n" * 100)
    assert (code, out) == (2, b"")
    assert err.startswith("winnow: standard input: no audio") and err.count("\n") == 1


def test_a_film_that_a_pipe_cannot_hold_is_told(tmp_path):
    source = sound(tmp_path / "a.m4a", 30, 48000)
    code, out, err = run("enhance", "-", "-o", "-", cwd=tmp_path, data=source.read_bytes())
    assert (code, out) == (2, b"")
    assert "whose index comes last" in err and "Give the file itself" in err


@POSIX
def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    code, _, err = run("enhance", "a.wav", cwd=tmp_path, data=b"")
    assert code == 2 and "a.wav: not a regular file" in err


@POSIX
def test_a_reader_that_leaves_is_no_error(tmp_path):
    source = sound(tmp_path / "a.wav", 60, 48000)
    process = start("enhance", source, "-o", "-", "-q", cwd=tmp_path)
    process.stdout.read(100)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(30) == 128 + signal.SIGPIPE


def test_workers_do_all_and_one_bad_file_does_not_stop_them(tmp_path):
    for name in ("a.wav", "sub/b.wav", "sub/d.flac"):
        sound(tmp_path / "in" / name)
    (tmp_path / "in/c.wav").write_text("no sound")
    code, out, err = run("enhance", "in", "-o", "out/", "--jobs", 2, "--json", cwd=tmp_path)
    rows = {row["input"]: row for row in map(json.loads, out.decode().splitlines())}
    assert code == 2
    assert {name for name, row in rows.items() if row["error"]} == {"in/c.wav"}
    assert len(rows) == 4 and all(row["model"] == "halves" for row in rows.values() if not row["error"])
    assert (tmp_path / "out/sub/d.enhanced.flac").exists()
    assert "winnow: in/c.wav: no audio" in err


@POSIX
def test_a_worker_that_dies_fails_its_file_only(tmp_path):
    for name in ("a.wav", "c.wav", "d.wav", "e.wav"):
        sound(tmp_path / "in" / name)
    samples = noise(1)
    samples[0, 0] = DEADLY
    media.write(tmp_path / "in/b.wav", Audio(samples, 16000))
    code, out, err = run("enhance", "in", "-o", "out/", "--jobs", 2, cwd=tmp_path)
    assert code == 1
    assert "4 done, 1 failed" in out.decode()
    assert leftovers(tmp_path) == []
    assert re.fullmatch(r"winnow: in/b\.wav: its process was killed, most likely because memory ran out; .*\n", err)


def wait_for(condition, process=None, patience=30.0):
    end = time.monotonic() + patience
    while not condition():
        assert process is None or process.poll() is None, "the command ended before it could be stopped"
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def any_of(group):
    """Whether a process of the group is still there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@POSIX
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_then_resumed(tmp_path, jobs, number):
    folder, out = tmp_path / "in", tmp_path / "out"
    for index, seconds in enumerate([1, 1, 30, 30]):
        sound(folder / f"{index}.wav", seconds)
    process = start(
        *("enhance", folder, "-o", out, "--jobs", jobs),
        cwd=tmp_path,
        env={"HALVES_DELAY": "0.2"},
        start_new_session=True,
    )
    done = [out / "0.enhanced.wav", out / "1.enhanced.wav"]
    wait_for(lambda: all(path.exists() for path in done) and leftovers(out), process)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # a terminal sends Ctrl-C to all processes in the foreground
    else:
        process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert err.decode() == (
        "winnow: stopped; nothing half-written is left, finished files are kept; run the same command to go on\n"
    )
    assert sorted(path.name for path in out.iterdir()) == ["0.enhanced.wav", "1.enhanced.wav"]
    wait_for(lambda: not any_of(process.pid))
    code, again, _ = run("enhance", folder, "-o", out, "--jobs", 1, cwd=tmp_path)
    assert code == 0 and "2 done, 2 already there" in again.decode()
    assert [media.read(out / f"{index}.enhanced.wav").seconds for index in range(4)] == [1, 1, 30, 30]


def test_help_loads_nothing_heavy(tmp_path):
    script = (
        "import sys; from winnow.cli import run; run(['--help']); "
        "print(sorted({'av', 'numpy', 'onnxruntime', 'torch', 'rich'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    ).stdout
    assert out.splitlines()[-1] == "[]"


def test_output_of_a_pipe_is_a_plain_wave_file(tmp_path):
    source = sound(tmp_path / "a.wav")
    _, out, _ = run("enhance", "-", "-o", "-", "-q", cwd=tmp_path, data=source.read_bytes())
    with wave.open(io.BytesIO(out)) as file:
        assert file.getframerate() == 16000
        assert len(file.readframes(10**6)) == 2 * 16000
    assert Path(source).exists()


def test_an_interrupt_before_anything_is_loaded_is_one_line(monkeypatch, capsys):
    def stopped(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("winnow.cli.run", stopped)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130 and capsys.readouterr().err == "winnow: stopped\n"
