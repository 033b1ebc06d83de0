"""`winnow benchmark`: the table, the page, what is refused; with a stand-in for the recogniser and for a method."""

from __future__ import annotations

import csv
import json
import math
import re
import shutil

import numpy as np
import pytest

from speechlike import RATE, hiss, store, talk
from winnow.audio import Audio
from winnow.cli import run
from winnow.errors import BadInput, BadOption, InputNotFound
from winnow.evaluation import benchmark, methods
from winnow.evaluation.benchmark import cases, energies, runs
from winnow.evaluation.methods import separate_with
from winnow.models import catalog
from winnow.models.methods import BLIND

SAID = "One, two: three four"


class Parrot:
    """Hears three of four words in whatever is not silent."""

    name, longest = "parrot", 15.0

    def hear(self, pieces):
        for _ in pieces:
            yield "one two five"


def halves(audio):
    half = Audio(audio.samples / 2, audio.rate)
    return {"speech": half, "background": half}


def refused(audio):
    raise BadInput("one channel is not enough; take neighbour")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("winnow.metrics.recognisers.find", lambda name: Parrot())
    monkeypatch.setattr(methods, "METHODS", {"none": methods.METHODS["none"], "halves": halves, "blind": refused})
    for k, name in enumerate(("simple", "crowd é")):
        store(tmp_path / f"{name}.wav", talk(2, k) + hiss(2, k))
        store(tmp_path / f"clean/{name}.flac", talk(2, k))
        (tmp_path / "texts").mkdir(exist_ok=True)
        (tmp_path / f"texts/{name}.txt").write_text(SAID)
    return tmp_path


def winnow(capsys, *arguments):
    code = run(["benchmark", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def test_table_page_and_files(here, capsys):
    files = ["simple.wav", "crowd é.wav"]
    code, out, err = winnow(capsys, *files, "--transcripts", "texts", "--references", "clean", "-o", "report")
    assert (code, err) == (0, "")
    document = json.loads((here / "report/table.json").read_text())
    rows = {(row["recording"], row["method"]): row for row in document["rows"]}
    assert list(rows) == [(name, how) for name in ("simple", "crowd é") for how in ("none", "halves", "blind")]
    none, half = rows["simple", "none"]["values"], rows["simple", "halves"]["values"]
    # "one two five" for "one two three four": one exchanged, one left out
    assert none["wer"] == 50.0 and none["legacy_wer"] == 1.0
    assert none["si_sdr"] == pytest.approx(half["si_sdr"], abs=1e-3)  # the level does not matter
    assert none["legacy_snr"] is None and half["legacy_snr"] == pytest.approx(0, abs=1e-3)
    assert none["energy_removed"] is None and none["energy_kept"] == 0
    assert half["energy_removed"] == pytest.approx(-20 * math.log10(2), abs=1e-3)
    assert not any(name.startswith("dnsmos") for name in none)
    assert rows["simple", "blind"]["error"].startswith("one channel is not enough")
    assert out.count("blind refused: one channel") == 2
    assert "infinite" in document["columns"]["legacy_snr"]["meaning"]
    with open(here / "report/table.csv", newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [(line["recording"], line["method"]) for line in lines] == list(rows)
    assert (
        float(lines[1]["energy_kept"]) == pytest.approx(half["energy_kept"], abs=1e-4) and lines[0]["legacy_snr"] == ""
    )


def test_the_page_is_one_file_with_every_track(here, capsys):
    pytest.importorskip("matplotlib", reason="the extra score is not installed")
    assert winnow(capsys, "simple.wav", "--references", "clean", "--methods", "none,halves", "-o", "r", "-q")[1] == ""
    page = (here / "r/benchmark.html").read_text()
    assert re.findall(r"<figcaption>(.*?)</figcaption>", page) == ["mixture", "voice", "mixture", "voice", "background"]
    assert page.count("data:image/png") == 2 and page.count("data:audio/ogg") == 5
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "No measure of quality" in page and "as system 5" in page
    assert "counts as what was said" in page  # no transcript was given, the reference was


def test_without_a_reference_opinions_are_predicted_and_energies_told(here, capsys):
    pytest.importorskip("speechmos", reason="the extra score is not installed")
    assert winnow(capsys, "simple.wav", "--methods", "halves", "-o", "r")[0] == 0
    values = json.loads((here / "r/table.json").read_text())["rows"][0]["values"]
    assert 1 <= values["dnsmos_ovrl"] <= 5 and "si_sdr" not in values and "wer" not in values


def test_recordings_find_their_partners(here):
    store(here / "alone.wav", talk(1))
    simple, alone = cases(["simple.wav", "alone.wav"], "texts", "clean")
    assert simple.words.endswith("simple.txt") and simple.reference.endswith("simple.flac")
    assert alone.words is None and alone.reference is None
    found = next(runs([alone], ["none"], Parrot())).row
    assert "wer" not in found.values and "alone: no transcript" in found.notes[0]


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((["nothing.wav"],), InputNotFound, "no such file"),
        ((["simple.wav"], "nowhere"), InputNotFound, "no such folder"),
        ((["simple.wav"], "clean"), BadInput, r"holds no simple\.txt"),
        ((["simple.wav"], None, "texts"), BadInput, "no recording in this folder"),
        ((["simple.wav", "clean/simple.flac"],), BadOption, "two recordings are named simple"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        cases(*arguments)


def test_mistakes_are_one_line(here, capsys):
    (here / "bad.wav").write_text("no sound")
    (here / "file").write_text("")
    for arguments, message in (
        (["simple.wav", "--methods", "magic", "-o", "r"], 'no method named "magic"'),
        (["bad.wav", "-o", "r"], "no audio"),
        (["simple.wav"], "--help` shows how"),
        (["simple.wav", "-o", "file"], "cannot be made"),
    ):
        code, out, err = winnow(capsys, *arguments)
        assert code in (1, 2) and message in err and err.count("\n") == 1 and out == ""
    assert not list(here.rglob("table*")) and not list(here.rglob("*.part"))


def test_the_network_sums_to_the_recording(monkeypatch):
    monkeypatch.undo()
    audio = Audio(talk(1, 2) + hiss(1, 2), RATE)
    tracks = separate_with("network", audio)
    assert list(tracks) == ["speech", "background"]
    assert np.allclose(tracks["speech"].samples + tracks["background"].samples, audio.samples, atol=1e-6)
    with pytest.raises(BadOption, match="There are none, network"):
        separate_with("magic", audio)


def test_any_network_by_name_or_folder_is_a_method(here, capsys):
    shutil.copytree(catalog.ZOO / "unet-8k", here / "my, bundle")
    arguments = [
        "simple.wav",
        "--methods",
        "none,none",
        "--method",
        "denoise-16k",
        "--method",
        "my, bundle/",
        "-o",
        "r",
    ]
    code, out, err = winnow(capsys, *arguments)
    assert (code, err) == (0, "") and "my, bundle" in out
    rows = json.loads((here / "r/table.json").read_text())["rows"]
    assert [row["method"] for row in rows] == ["none", "denoise-16k", "my, bundle"]
    assert all(row["error"] is None for row in rows)
    kept = [row["values"]["energy_kept"] for row in rows]
    assert kept[0] == 0 and kept[1] != kept[2]


def test_what_is_no_method_is_refused_before_any_work(here, capsys):
    (here / "empty").mkdir()
    for name in ("damaged", "voice"):
        shutil.copytree(catalog.ZOO / "unet-8k", here / name)
    (here / "damaged/model.onnx").write_bytes(b"no graph")
    path = here / "voice/manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"cues": [{"name": "voice", "rate": None}]}))
    for name, message in (
        ("denoise-61k", "Did you mean denoise-16k"),
        ("ilrmaa", "Did you mean ilrma"),
        ("./nowhere", "no such bundle folder"),
        ("empty", "no manifest.json"),
        ("damaged", "was changed since it was exported"),
        ("voice", "wants a voice beside the recording"),
        ("", 'no method named ""'),
    ):
        code, out, err = winnow(capsys, "simple.wav", "--method", name, "-o", "r")
        assert code == 2 and message in err and err.count("\n") == 1 and out == ""
    assert not (here / "r").exists()


def test_the_other_blind_methods_are_there_by_name():
    assert {name: separate.args for name in BLIND if (separate := methods.find_method(name))} == {
        name: (name,) for name in BLIND
    }


def test_of_blind_sources_the_voice_is_the_one_with_speech(monkeypatch):
    monkeypatch.undo()
    time = np.arange(6 * RATE) / RATE
    voice = np.concatenate([talk(2, 1), np.zeros((1, RATE)), talk(3, 2)], axis=1)[0]
    hum = 0.2 * np.sign(np.sin(2 * np.pi * 50 * time))
    mixture = Audio(np.stack([voice + 0.5 * hum, 0.6 * voice - hum]), RATE)
    sources = {"source1": Audio(np.stack([hum, hum]), RATE), "source2": Audio(np.stack([voice, 0.6 * voice]), RATE)}
    monkeypatch.setattr("winnow.api.split", lambda audio, model: dict(sources))
    monkeypatch.setattr("winnow.metrics.activity.silero_file", lambda: None)
    tracks = separate_with("blind", mixture)
    assert tracks["speech"] is sources["source2"] and list(tracks)[2:] == ["source1", "source2"]
    assert np.allclose(tracks["speech"].samples + tracks["background"].samples, mixture.samples, atol=1e-6)


def test_one_channel_is_refused_by_blind_methods(monkeypatch):
    monkeypatch.undo()
    with pytest.raises(BadInput):
        separate_with("blind", Audio(talk(1), RATE))


def test_energies_of_silence_are_not_defined():
    silent = Audio(np.zeros((2, 100)), RATE)
    assert energies(silent, {"speech": silent, "background": silent}) == {"energy_kept": None, "energy_removed": None}


def test_energies_do_not_depend_on_channels():
    stereo = Audio(np.tile(talk(1), (2, 1)), RATE)
    assert energies(stereo, {"speech": stereo.mono()})["energy_kept"] == pytest.approx(0, abs=1e-5)


def test_columns_are_explained():
    assert all(title and meaning.endswith(".") for title, _, meaning in benchmark.COLUMNS.values())
