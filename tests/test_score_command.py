"""`winnow score` as a person or a program sees it."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from recordings import run as process
from speechlike import hiss, paired, store, talk
from winnow.cli import run
from winnow.metrics.report.results import load

CHEAP = ("--measures", "si_sdr,snr,rms")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def winnow(capsys, *arguments):
    """Exit code, standard output, standard error."""
    code = run([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def score(capsys, *arguments):
    return winnow(capsys, "score", *arguments, "--jobs", 1)


def lines(out):
    """{measure: cells} of a printed table."""
    return {cells[0]: cells[1:] for line in out.splitlines() if len(cells := line.split()) > 2}


def test_one_recording_with_reference_and_mixture(here, capsys):
    store(here / "clean.wav", talk(2))
    store(here / "noisy.wav", talk(2) + hiss(2, level=0.1))
    store(here / "better.wav", talk(2) + hiss(2, level=0.01))
    code, out, err = score(capsys, "better.wav", "--reference", "clean.wav", "--mixture", "noisy.wav", *CHEAP)
    assert (code, err) == (0, "")
    table = lines(out)
    assert out.startswith("better   0:02")
    value, unit, before, change, verdict = table["si_sdr"]
    assert (unit, verdict) == ("dB", "better")
    assert float(value) - float(before) == pytest.approx(float(change), abs=0.11)
    assert float(change) == pytest.approx(20, abs=1)
    assert len(table["rms"]) == 4, "no direction is the better one for a level"


def test_worse_is_called_worse(here, capsys):
    store(here / "clean.wav", talk(1))
    store(here / "noisy.wav", talk(1) + hiss(1, level=0.02))
    store(here / "worse.wav", talk(1) + hiss(1, level=0.2))
    _, out, _ = score(capsys, "worse.wav", "--reference", "clean.wav", "--mixture", "noisy.wav", *CHEAP)
    assert lines(out)["si_sdr"][-1] == "worse"


def test_without_a_reference(here, capsys):
    store(here / "a.wav", talk(1))
    code, out, _ = score(capsys, "a.wav", "--measures", "rms,peak")
    assert code == 0 and set(lines(out)) >= {"rms", "peak"} and "mixture" not in out


def test_a_folder_and_its_reports(here, capsys, monkeypatch):
    monkeypatch.setattr("winnow.cli.scoring.drawable", lambda: False)
    paired(here, 3)
    arguments = ("noisy", "--reference", "clean", *CHEAP, "--json", "r.json", "--html", "r.html")
    code, out, err = score(capsys, *arguments)
    assert (code, err) == (0, "")
    assert "noisy against clean: 3 recordings" in out
    report = json.loads((here / "r.json").read_text())
    assert [file["name"] for file in report["files"]] == ["r0", "r1", "r2"]
    values = [file["values"]["si_sdr"] for file in report["files"]]
    assert values == sorted(values, reverse=True), "the noise grows"
    assert report["summary"]["si_sdr"]["mean"] == pytest.approx(np.mean(values))
    assert report["measures"]["si_sdr"]["unit"] == "dB" and report["measures"]["si_sdr"]["explanation"]
    assert not list(here.glob(".*part"))


def test_json_on_standard_output_is_all_there_is(here, capsys):
    store(here / "a.wav", talk(1))
    code, out, err = score(capsys, "a.wav", "--measures", "rms", "--json", "-")
    assert (code, err) == (0, "")
    assert json.loads(out)["files"][0]["values"].keys() == {"rms"}


def test_what_has_no_partner_is_named(here, capsys):
    paired(here, 2)
    store(here / "noisy/extra.wav", hiss(1))
    store(here / "clean/lonely.wav", hiss(1))
    code, out, err = score(capsys, "noisy", "--reference", "clean", *CHEAP, "--json", "r.json")
    assert code == 2
    assert err == "winnow: extra: no reference named extra in clean\n"
    assert "note: clean/lonely.wav: no recording of this name was given" in out
    report = json.loads((here / "r.json").read_text())
    assert report["unpaired"] and [file["error"] is None for file in report["files"]] == [False, True, True]


def test_a_bad_file_does_not_stop_the_others(here, capsys):
    paired(here, 2)
    (here / "noisy/r0.wav").write_bytes(b"Dear diary\n" * 50)
    code, out, err = score(capsys, "noisy", "--reference", "clean", *CHEAP)
    assert code == 2 and err.startswith("winnow: r0: no audio") and err.count("\n") == 1
    assert "1 recordings" in out or "0:01" in out


def test_a_second_run_takes_what_is_there_and_scores_what_changed(here, capsys, monkeypatch):
    from winnow.evaluation import work

    paired(here, 3)
    done = []
    measured = work.Scoring._measured
    monkeypatch.setattr(work.Scoring, "_measured", lambda self, *given: done.append(given[0]) or measured(self, *given))
    arguments = ("noisy", "--reference", "clean", *CHEAP, "--json", "r.json")
    score(capsys, *arguments)
    first = (here / "r.json").read_text()
    score(capsys, *arguments)
    assert len(done) == 3 and (here / "r.json").read_text() == first
    store(here / "noisy/r1.wav", talk(1, 1) + hiss(1, 9, 0.3))
    score(capsys, *arguments)
    assert [path for path in done[3:] if isinstance(path, str)] == ["noisy/r1.wav"]
    score(capsys, *arguments[:3], "--measures", "rms", "--json", "r.json")
    assert len(done) == 7, "other measures are another task"


def test_another_file_is_not_overwritten_by_json(here, capsys):
    store(here / "a.wav", talk(1))
    (here / "diary.json").write_text('{"dear": "diary"}')
    code, _, err = score(capsys, "a.wav", "--measures", "rms", "--json", "diary.json")
    assert code == 2 and "no report of winnow" in err
    assert (here / "diary.json").read_text() == '{"dear": "diary"}'


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["nothing.wav"], "no such file or folder"),
        (["a.wav", "--measures", "si_sd"], 'no measure named "si_sd"'),
        (["a.wav", "--measures", ""], "no measure named"),
        (["a.wav", "a.wav", "--measures", "snr"], "snr needs reference"),
        (["a.wav", "--reference", "nothing"], "no such file or folder"),
        (["a.wav", "--recogniser", "pocketsphinx"], "--recogniser needs --words FILE, what was said, or --reference"),
        (["a.wav", "--reference", "a.wav", "--recogniser", "bogus"], 'no recogniser named "bogus"'),
        (["a.wav", "--words", "nothing.txt"], "no such file"),
        (["a.wav", "--jobs", "0"], "--jobs is 1 or more"),
    ],
)
def test_mistakes_are_one_line(here, capsys, arguments, word):
    store(here / "a.wav", talk(1))
    code, out, err = winnow(capsys, "score", *arguments)
    assert (code, out) == (2, "") and err.startswith("winnow: ") and err.count("\n") == 1 and word in err


def test_a_missing_folder_is_told_before_the_work(here, capsys):
    store(here / "a.wav", talk(1))
    code, _, err = winnow(capsys, "score", "a.wav", "--html", "no/where.html")
    assert code == 1 and "no such folder" in err


def test_two_processes_give_what_one_gives(here, capsys):
    paired(here, 3)
    arguments = ("noisy", "--reference", "clean", "--mixture", "noisy", *CHEAP)
    winnow(capsys, "score", *arguments, "--json", "one.json", "--jobs", 1)
    code, _, _ = process("score", *arguments, "--json", "two.json", "--jobs", 2, cwd=here)
    assert code == 0
    one, two = load(here / "one.json"), load(here / "two.json")
    assert [(r.name, r.values, r.before) for r in one.records] == [(r.name, r.values, r.before) for r in two.records]


class Page(HTMLParser):
    """What a page holds: tags by name, and every address in it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for key, value in attrs if key in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_one_file_that_fetches_nothing(here, capsys):
    pytest.importorskip("matplotlib")
    paired(here, 2)
    store(here / "noisy" / "r1<b>&.wav", talk(1) + hiss(1))
    store(here / "clean" / "r1<b>&.wav", talk(1))
    score(capsys, "noisy", "--reference", "clean", "--mixture", "noisy", *CHEAP, "--html", "r.html")
    text = (here / "r.html").read_text()
    page = Page(text)
    assert page.open == []
    assert page.tags.count("audio") == 9 and page.tags.count("img") >= 3
    assert all(address.startswith(("data:image/png;base64,", "data:audio/ogg;base64,")) for address in page.addresses)
    assert not re.search(r"https?://", text)
    assert "r1&lt;b&gt;&amp;" in text and "r1<b>" not in text
    assert "Predicted" in text or "How much stronger" in text, "measures are explained"
    assert "NaN" not in re.sub(r"<script>.*</script>|base64,[^\"]*", "", text, flags=re.S)


def test_the_page_without_matplotlib_says_so(here, capsys, monkeypatch):
    monkeypatch.setattr("winnow.cli.scoring.drawable", lambda: False)
    store(here / "a.wav", talk(1))
    code, _, _ = score(capsys, "a.wav", "--measures", "rms", "--html", "r.html")
    text = (here / "r.html").read_text()
    assert code == 0 and "Pictures are left out" in text and "<img" not in text and "<audio" in text


def test_a_long_recording_is_cut_on_the_page(here, capsys, monkeypatch):
    lengths = []
    monkeypatch.setattr(
        "winnow.metrics.report.sound.audio_uri", lambda sound: lengths.append(sound.seconds) or "data:,"
    )
    monkeypatch.setattr("winnow.cli.scoring.drawable", lambda: False)
    store(here / "a.wav", talk(32))
    score(capsys, "a.wav", "--measures", "rms", "--html", "r.html")
    assert lengths == [30.0]
    assert "The first 30 s; the scores are of the whole." in (here / "r.html").read_text()


class Parrot:
    """A recogniser that hears "one two three", and for silence nothing."""

    name, longest = "parrot", 10.0

    def hear(self, pieces):
        return ("one two three" for _ in pieces)


def test_words_are_shown_with_their_errors(here, capsys, monkeypatch):
    pytest.importorskip("jiwer")
    monkeypatch.setattr("winnow.metrics.recognisers.find", lambda name: Parrot())
    store(here / "a.wav", talk(1))
    (here / "said.txt").write_text("One, four three!")
    options = ("--words", "said.txt", "--recogniser", "parrot", "--measures", "wer", "--html", "r.html")
    code, out, _ = score(capsys, "a.wav", *options)
    assert code == 0 and "one [four>two] three" in out and lines(out)["wer"][0] == "33.3"
    assert "one [four&gt;two] three" in (here / "r.html").read_text()
