"""`winnow evaluate` and `winnow compare`, with a stand-in for the network."""

import json
import os
import signal
import time

import numpy as np
import pytest

from halves import Halves
from recordings import start
from speechlike import hiss, paired, store, talk
from winnow.cli import run
from winnow.evaluation.mixtures import LIST, make
from winnow.evaluation.sets import open_set
from winnow.metrics.report.comparison import canonical
from winnow.metrics.report.results import Record, Results, load, save

CHEAP = ("--measures", "si_sdr,snr,rms", "--jobs", "1")
MODEL = "denoise-16k"


class Quarter(Halves):
    """A stand-in that is a worse network: it takes away more."""

    @staticmethod
    def _halve(samples):
        return {"speech": samples * np.float32(0.25), "background": samples * np.float32(0.75)}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("winnow.engine.run.Separation", Halves)
    monkeypatch.setattr("winnow.cli.scoring.drawable", lambda: False)  # pictures take time, and have tests of their own
    return tmp_path


def winnow(capsys, *arguments):
    """Exit code, standard output, standard error."""
    code = run([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def sources(folder, seconds=1.5):
    """`speech/` and `noise/`."""
    for k in range(3):
        store(folder / f"speech/s{k}.flac", talk(seconds, k))
        store(folder / f"noise/n{k}.flac", hiss(seconds, k))
    return "--speech", "speech", "--noise", "noise", "--snr", "0,10", "--seed", "3"


def test_a_paired_set(here, capsys):
    paired(here, 3)
    code, out, err = winnow(capsys, "evaluate", MODEL, "--clean", "clean", "--noisy", "noisy", "-o", "res", *CHEAP)
    assert (code, err) == (0, "")
    assert out.startswith(f"{MODEL}: 3 recordings   0:03   network ")
    results = load(here / "res" / f"{MODEL}.json")
    assert [record.name for record in results.records] == ["r0", "r1", "r2"]
    assert results.task["model"] == MODEL and len(results.task["sha256"]) == 64
    for record in results.records:
        assert record.enhancing > 0
        assert record.values["si_sdr"] == pytest.approx(record.before["si_sdr"], abs=0.01), "a gain changes nothing"
        assert record.values["rms"] == pytest.approx(record.before["rms"] - 6.02, abs=0.01)
    page = (here / "res" / f"{MODEL}.html").read_text()
    assert page.count("<audio") == 9 and "the network ran" in page


def test_made_mixtures_are_listed_and_made_again(here, capsys):
    options = sources(here)
    code, out, _ = winnow(capsys, "evaluate", MODEL, *options, "--count", 4, *CHEAP)
    assert code == 0 and "4 recordings" in out
    first, second, *_ = open_set(here / "evaluation").items
    assert (first.made.snr, second.made.snr) == (0, 10)
    noisy, clean = (sound.samples for sound in make(first.made))
    ratio = 10 * np.log10(np.sum(clean**2) / np.sum((noisy - clean) ** 2))
    record = load(here / "evaluation" / f"{MODEL}.json").records[0]
    assert record.before["snr"] == pytest.approx(ratio, abs=0.01) and record.facts["snr"] == 0
    kept = (here / "evaluation" / LIST).read_bytes()
    winnow(capsys, "evaluate", MODEL, *options, "--count", 4, *CHEAP)
    assert (here / "evaluation" / LIST).read_bytes() == kept
    code, _, err = winnow(capsys, "evaluate", MODEL, *options, "--count", 5, *CHEAP)
    assert code == 2 and "drawn with other settings (count 4)" in err


def test_json_alone(here, capsys):
    paired(here, 2)
    code, out, _ = winnow(capsys, "evaluate", MODEL, "--clean", "clean", "--noisy", "noisy", "--json", "-", *CHEAP)
    assert code == 0 and json.loads(out)["kind"] == "evaluation"
    assert sorted(os.listdir(here)) == ["clean", "noisy"], "nothing else is written"


@pytest.mark.parametrize(
    "arguments, word",
    [
        ([MODEL], "give a paired set"),
        ([MODEL, "--clean", "clean"], "give a paired set"),
        ([MODEL, "--clean", "clean", "--noisy", "noisy", "--speech", "clean"], "give a paired set"),
        ([MODEL, "--clean", "clean", "--noisy", "noisy", "--snr", "3"], "are for mixtures that are made"),
        ([MODEL, "--speech", "clean", "--noise", "noisy", "--snr", "loud"], "--snr loud"),
        ([MODEL, "--speech", "clean", "--noise", "noisy", "--count", "0"], "--count is 1 or more"),
        ([MODEL, "--speech", "clean", "--noise", "nothing"], "nothing: no such file or folder"),
        (["denois", "--clean", "clean", "--noisy", "noisy"], 'no model named "denois"'),
    ],
)
def test_mistakes_are_one_line(here, capsys, arguments, word):
    paired(here, 1)
    code, out, err = winnow(capsys, "evaluate", *arguments)
    assert (code, out) == (2, "") and err.startswith("winnow: ") and err.count("\n") == 1 and word in err


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(here, capsys):
    command = ("evaluate", MODEL, *sources(here), "--count", "8", "-o", "ev", *CHEAP)
    running = start(*command, cwd=here, env={"HALVES_DELAY": "0.3"})
    while not (here / "ev" / LIST).exists() and running.poll() is None:
        time.sleep(0.05)
    time.sleep(2)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert err.decode() == f"winnow: stopped; what is done is in ev/{MODEL}.json, the same command goes on from there\n"
    done = len(load(here / "ev" / f"{MODEL}.json").records)
    assert 0 < done < 8
    assert not list((here / "ev").glob(".*part"))
    code, out, _ = winnow(capsys, *command)
    assert code == 0 and "8 recordings" in out
    assert len(load(here / "ev" / f"{MODEL}.json").good) == 8


def table(path, names, **columns):
    """A CSV as another tool would write it."""
    rows = [",".join(["file", *columns])]
    rows += [",".join([name, *(str(column[k]) for column in columns.values())]) for k, name in enumerate(names)]
    path.write_text("\n".join(rows) + "\n")


def test_compare_a_network_with_a_table(here, capsys):
    options = sources(here)
    winnow(capsys, "evaluate", MODEL, *options, "--count", 8, "-o", "ev", *CHEAP)
    ours = load(here / "ev" / f"{MODEL}.json").column("si_sdr")
    table(
        here / "peer.csv", [f"mix{k:04d}.wav" for k in range(7)], si_sdr=[value - 1 for value in ours[:7]], tool="x" * 7
    )
    arguments = ("compare", MODEL, "peer.csv", "--on", "ev", "--json", "c.json", "--html", "c.html")
    code, out, err = winnow(capsys, *arguments)
    assert (code, err) == (0, "")
    assert out.startswith(f"{MODEL} | peer: 7 recordings") and f"{MODEL}: 1 of 8 recordings are left out" in out
    measure = json.loads((here / "c.json").read_text())["measures"]["si_sdr"]
    change = measure["minus_first"]["peer"]
    assert (change["mean"], change["smaller"], change["verdict"]) == (pytest.approx(-1), 7, "worse")
    assert measure["means"].keys() == {"mixture", MODEL, "peer"}
    page = (here / "c.html").read_text()
    assert "peer is worse than denoise-16k by SI-SDR: -1.0 dB on average" in page


def test_compare_runs_what_was_not_run(here, capsys, monkeypatch):
    from winnow.models import catalog

    paired(here / "valid", 6, level=0.005)
    bundle = catalog.find(MODEL)
    other = here / "other"
    other.mkdir()
    for file in bundle.path.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    before = {path.name for path in (here / "valid").iterdir()}
    winnow(capsys, "evaluate", MODEL, "--clean", "valid/clean", "--noisy", "valid/noisy", "--json", "a.json", *CHEAP)
    monkeypatch.setattr("winnow.engine.run.Separation", Quarter)
    code, out, err = winnow(capsys, "compare", "a.json", "./other", "--on", "valid", "--jobs", 1)
    assert (code, err) == (0, "")
    cells = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    assert cells["snr"][-1] == "worse" and cells["si_sdr"][-1] == "same"
    assert {path.name for path in (here / "valid").iterdir()} == before, "a set of the person's own is left as it is"


@pytest.mark.parametrize(
    "arguments, word",
    [
        ([MODEL], "give two systems at least"),
        (["good.csv", "good.csv"], "named twice"),
        ([MODEL, "x.csv"], "x.csv: no such file"),
        ([MODEL, "good.csv"], "must be run: add --on FOLDER"),
        ([MODEL, "good.csv", "--on", "."], "no evaluation set"),
        (["good.csv", "ragged.csv"], "line 3: 2 fields under 3 heads"),
        (["good.csv", "words.csv"], "line 2: a measure has no number"),
        (["good.csv", "others.csv"], "no recording in common"),
        (["good.csv", "diary.json"], "no report of winnow"),
        (["good.csv", "denois", "--on", "."], 'no model named "denois"'),
    ],
)
def test_mistakes_of_compare(here, capsys, arguments, word):
    table(here / "good.csv", ["a", "b"], si_sdr=[1, 2], snr=[1, 2])
    table(here / "words.csv", ["a", "b"], si_sdr=["good", 2])
    table(here / "others.csv", ["c"], si_sdr=[1])
    (here / "ragged.csv").write_text("file,si_sdr,snr\na,1,2\nb,1\n")
    (here / "diary.json").write_text("[]")
    code, out, err = winnow(capsys, "compare", *arguments)
    assert (code, out) == (2, "") and err.startswith("winnow: ") and err.count("\n") == 1 and word in err


def test_results_come_back_from_json_as_they_were(here):
    record = Record(
        "a", {"estimate": "a.wav"}, 1.5, {"snr": 3.0, "stoi": None}, {}, ["note"], ["w"], 0.1, None, {"snr": 5}
    )
    results = Results("score", "title", {"measures": None}, [record], ["b: alone"])
    save(results, here / "r.json")
    assert load(here / "r.json") == results


@pytest.mark.parametrize(
    "name, expected", [("mix1.wav", "mix1"), ("./a/b.flac", "a/b"), ("v1.2", "v1.2"), (" x ", "x")]
)
def test_names_of_other_tools(name, expected):
    assert canonical(name) == expected
