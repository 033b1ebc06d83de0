"""Sets of rooms: as listed, the same whatever the number of processes, going on after a stop."""

import json
import math

import numpy as np
import pytest

from winnow.audio import Audio
from winnow.cli import run
from winnow.data.items import read_items
from winnow.data.response import measure
from winnow.data.rooms import Simulation, sabine_absorption
from winnow.errors import BadOption
from winnow.media import read

pra = pytest.importorskip("pyroomacoustics", reason="rooms are simulated with it")
pytest.importorskip("scipy", reason="altering responses needs scipy")

QUICK = ["--t60", "0.15..0.25", "--rate", "8000"]


def winnow(capsys, *arguments):
    code = run(["data", "rooms", *(str(argument) for argument in arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def responses(folder, count=3, rate=8000):
    """Measured rooms, as far as a test has any: a click and decaying noise, and one file without any decay."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        time = np.arange(rate) / rate
        h = 0.1 * rng.standard_normal(rate) * 10 ** (-3 * time / (0.4 + 0.2 * number))
        h[0] = 0.9
        Audio(h, rate).save(folder / f'hall "{number}" 🎻.wav', bits=32)
    Audio(0.1 * rng.standard_normal(rate), rate).save(folder / "noise.wav")
    return folder


def test_simulated_rooms_are_as_listed(tmp_path, capsys):
    code, out, _ = winnow(capsys, "--count", 3, "--seed", 5, "-o", tmp_path / "my rooms", *QUICK, "--format", "float")
    assert code == 0 and "3 rooms" in out
    items = list(read_items(tmp_path / "my rooms" / "rooms.jsonl"))
    assert [item.kind for item in items] == ["room"] * 3 and len({item.room for item in items}) == 3
    for item in items:
        audio, drawn = read(item.path), item.extra["draw"]
        assert (
            (audio.rate, audio.samples.shape) == (8000, (1, item.samples)) == (item.rate, (item.channels, item.samples))
        )
        found = measure(audio.samples[0], 8000)
        assert item.extra["t60"] == pytest.approx(found.t60, rel=1e-3)
        assert item.extra["drr"] == pytest.approx(found.drr, abs=1e-3)
        assert found.t60 == pytest.approx(drawn["wanted_t60"], rel=0.5)  # Sabine's formula is for diffuse fields
        assert math.dist(drawn["source"], drawn["microphones"][0]) == pytest.approx(drawn["distance"], abs=2e-3)
        assert all(0.4 <= x <= side - 0.4 for x, side in zip(drawn["source"], drawn["size"], strict=True))


def test_the_same_rooms_whatever_the_processes_and_after_a_stop(tmp_path, capsys):
    one, two, again = (tmp_path / name for name in ("one", "two", "again"))
    winnow(capsys, "--count", 4, "-o", one, *QUICK, "--jobs", 1)
    winnow(capsys, "--count", 4, "-o", two, *QUICK, "--jobs", 2)
    assert files(one) == files(two)
    winnow(capsys, "--count", 2, "-o", again, *QUICK, "--jobs", 1)
    (again / "rooms.jsonl").rename(again / ".rooms.jsonl.rows")  # as a run leaves it that was stopped
    with (again / ".rooms.jsonl.rows").open("a") as file:
        file.write('{"id": "room0000')
    (again / "room000001.wav").write_bytes(b"half a file")
    code, out, _ = winnow(capsys, "--count", 4, "-o", again, *QUICK, "--jobs", 1)
    assert code == 0 and "1 of them kept" in out
    assert files(again) == files(one)


def test_other_options_make_other_rooms(tmp_path, capsys):
    winnow(capsys, "--count", 1, "-o", tmp_path, *QUICK)
    first = (tmp_path / "room000000.wav").read_bytes()
    _, out, _ = winnow(capsys, "--count", 1, "--seed", 1, "-o", tmp_path, *QUICK)
    assert "kept" not in out and (tmp_path / "room000000.wav").read_bytes() != first


def test_a_line_of_microphones(tmp_path, capsys):
    code, _, _ = winnow(capsys, "--count", 1, "--microphones", 4, "--spacing", 0.1, "-o", tmp_path, *QUICK)
    (item,) = read_items(tmp_path / "rooms.jsonl")
    assert code == 0 and item.channels == 4 == read(item.path).channels
    places, source = np.array(item.extra["draw"]["microphones"]), item.extra["draw"]["source"]
    np.testing.assert_allclose(np.linalg.norm(np.diff(places, axis=0), axis=1), 0.1, atol=1e-3)
    peaks = [measure(channel, 8000).onset for channel in read(item.path).samples]
    travel = [math.dist(source, place) / 343 * 8000 for place in places]
    np.testing.assert_allclose(np.array(peaks) - peaks[0], np.array(travel) - travel[0], atol=1.5)


def test_sabine_agrees_with_pyroomacoustics():
    for number in range(20):
        record = Simulation(3).draw(number)
        wanted, _ = pra.inverse_sabine(record["wanted_t60"], record["size"])
        assert sabine_absorption(record["size"], record["wanted_t60"]) == pytest.approx(wanted, rel=1e-3)


def test_a_draw_is_of_its_number_alone():
    maker = Simulation(3)
    assert maker.draw(7) == maker.draw(7) == json.loads(json.dumps(maker.draw(7)))
    assert maker.draw(7) != maker.draw(8)
    with pytest.raises(BadOption, match="no room with a decay time"):
        Simulation(3, t60=(0.001, 0.002)).draw(0)


def test_measured_responses_are_altered(tmp_path, capsys):
    source = responses(tmp_path / "halls")
    options = ["--from", source, "--count", 4, "--t60", "0.3..0.8", "--drr", "-3..9", "--format", "float"]
    code, _, _ = winnow(capsys, *options, "-o", tmp_path / "out", "--jobs", 1)
    assert code == 0
    for item in read_items(tmp_path / "out" / "rooms.jsonl"):
        drawn = item.extra["draw"]
        assert item.extra["t60"] == pytest.approx(drawn["wanted_t60"], rel=0.05)
        assert item.extra["drr"] == pytest.approx(drawn["wanted_drr"], abs=0.1)
        assert item.extra["altered_from"].startswith("hall") and "hall" in item.room
    code, out, _ = winnow(capsys, *options, "-o", tmp_path / "out")
    assert code == 0 and "4 of them kept" in out


def test_nothing_that_can_be_altered(tmp_path, capsys):
    source = responses(tmp_path / "halls", count=0)
    code, _, err = winnow(capsys, "--from", source, "--count", 1, "-o", tmp_path / "out")
    assert code == 2 and "none of 1 responses could be altered" in err and "too little of a decay" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--count", 0], "--count is 1 or more"),
        (["--t60", "fast"], "--t60 is two numbers"),
        (["--t60", "2..1"], "--t60 rises"),
        (["--format", "mp3"], "--format is wav, flac, float"),
        (["--drr", "0..3"], "--drr is for --from"),
        (["--microphones", 20, "--spacing", 1], "at most 2 m long"),
        (["--rate", 10], "--rate is 4000"),
        (["--from", "no such folder"], "no such folder"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, capsys, options, words):
    code, _, err = winnow(capsys, "-o", tmp_path / "out", *options)
    assert code == 2 and words in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()
