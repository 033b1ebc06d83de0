"""`winnow data scan`: what is measured, what is left out, and a scan that goes on."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from recordings import sound
from winnow import media
from winnow.cli import run
from winnow.data.corpora import find_corpus
from winnow.data.corpora.folder import Folder
from winnow.data.items import read_items
from winnow.data.measure import measure
from winnow.data.scan import Limit, Options, scan
from winnow.errors import BadAudio, BadInput, BadOption, NoAudio, OutputError

PLAIN = find_corpus("folder")
FORMATS = ["wav", "flac", "ogg", "opus", "mp3", "m4a", "mka", "webm", "aiff", "caf", "wv", "au"]


def winnow(capsys, *arguments):
    code = run(["data", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


@pytest.fixture
def voices(tmp_path):
    """Five recordings of two people, in folders with names that are no names of shells."""
    top = tmp_path / "my 'voices' 🎧"
    for k in range(5):
        sound(top / f"{'anna' if k < 3 else 'bob b'}/take {k}.wav", 0.2 + k / 10, 16000 if k else 8000)
    return top


def stopping(after):
    """Called as a scan goes on; interrupts it."""

    def tell(summary):
        if summary.good + summary.bad >= after:
            raise KeyboardInterrupt

    return tell


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("seconds", [0.3, 2.7])
def test_the_number_of_samples_is_what_decoding_gives(tmp_path, suffix, seconds):
    path = sound(tmp_path / f"a.{suffix}", seconds, 16000, 2)
    measured = measure(str(path))
    decoded = media.read(path)
    assert (measured.rate, measured.channels, measured.samples) == (decoded.rate, *decoded.samples.shape)
    assert measured.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_headers_are_believed_and_recordings_not_decoded(tmp_path, monkeypatch):
    paths = [sound(tmp_path / f"a.{suffix}", 1) for suffix in ("wav", "flac", "opus", "mp3", "m4a")]
    monkeypatch.setattr("winnow.data.measure._counted", lambda reader: pytest.fail("decoded"))
    assert {measure(str(path)).samples / measure(str(path)).rate for path in paths} == {1.0}


@pytest.mark.parametrize("suffix", ["wav", "flac", "opus", "mp3", "m4a", "mka", "au", "aiff"])
@pytest.mark.parametrize("part", [0.3, 0.7, 0.9])
def test_a_file_that_is_cut_off_is_no_recording(tmp_path, suffix, part):
    path = sound(tmp_path / f"a.{suffix}", 4)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises((BadAudio, NoAudio)):
        measure(str(path))


def test_a_recording_that_cannot_be_sought_in_is_whole(tmp_path, monkeypatch):
    """FFmpeg fails to seek in some FLACs."""
    import winnow.data.measure as measuring

    real = measuring._reaches
    monkeypatch.setattr(measuring, "_reaches", lambda path, seconds, seek: not seek and real(path, seconds, seek))
    assert measure(str(sound(tmp_path / "a.flac", 2))).samples == 32000


def test_a_row_for_each_recording(voices, tmp_path, capsys):
    goal = tmp_path / "mine.jsonl"
    code, out, err = winnow(
        capsys,
        "scan",
        "folder",
        voices,
        "--speaker-from",
        "parent",
        "--label-from",
        "name",
        "--licence",
        "CC BY-NC 4.0",
        "-o",
        goal,
    )
    assert (code, err) == (0, "")
    assert out == f"{goal}   5 recordings, 0.00 h\n"
    items = list(read_items(goal))
    assert [item.speaker for item in items] == ["anna"] * 3 + ["bob b"] * 2
    assert [(item.rate, item.samples) for item in items[:2]] == [(8000, 1600), (16000, 4800)]
    assert items[0].label == "take 0" and items[0].id == "anna/take%200.wav"
    assert items[0].non_commercial and items[0].licence == "CC BY-NC 4.0"
    assert all(Path(item.path).is_absolute() and len(item.sha256) == 64 for item in items)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.jsonl", voices.name]


def test_several_processes_write_the_same_list(tmp_path):
    top = tmp_path / "in"
    for k in range(40):
        sound(top / f"{k:02}.wav", 0.05)
    (top / "17.wav").write_text("not sound\n" * 20)
    for jobs in (1, 2):
        summary = scan(PLAIN, top, tmp_path / f"{jobs}.jsonl", Options(jobs=jobs))
        assert (summary.total, summary.good, summary.bad) == (40, 39, 1)
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
    assert (tmp_path / "1.bad.txt").read_text() == (tmp_path / "2.bad.txt").read_text()


def test_relative_paths_move_with_the_corpus(voices, tmp_path, capsys, monkeypatch):
    goal = voices.parent / "list.jsonl"
    assert winnow(capsys, "scan", "folder", voices, "--relative", "--no-checksum", "-o", goal)[0] == 0
    first = json.loads(goal.read_text(encoding="utf-8").splitlines()[0])
    assert first["path"] == os.path.join(voices.name, "anna", "take 0.wav") and "sha256" not in first
    monkeypatch.chdir(tmp_path)
    assert all(Path(item.path).is_file() for item in read_items("list.jsonl"))


def spoil(top):
    """Three files that are no recordings, and what each is called in complaints."""
    (top / "anna/empty.wav").touch()
    (top / "anna/text.wav").write_text("Dear diary\n" * 30)
    whole = sound(top / "bob b/zz cut.flac", 3)
    whole.write_bytes(whole.read_bytes()[:20000])
    return {"empty.wav": "this file is empty", "text.wav": "looks like text", "zz cut.flac": "cut off"}


def test_bad_recordings_are_listed_and_left_out(voices, tmp_path, capsys):
    reasons = spoil(voices)
    goal = tmp_path / "mine.jsonl"
    code, out, err = winnow(capsys, "scan", "folder", voices, "-o", goal)
    assert code == 0 and "5 recordings" in out
    assert err == "winnow: 3 left out, they cannot be read: mine.bad.txt says why\n"
    lines = (tmp_path / "mine.bad.txt").read_text(encoding="utf-8").splitlines()
    for line, (name, reason) in zip(lines, reasons.items(), strict=True):
        path, _, told = line.partition(": ")
        assert path.endswith(name) and reason in told
    for path in lines:
        Path(path.partition(": ")[0]).unlink()
    assert winnow(capsys, "scan", "folder", voices, "-o", goal)[0] == 0
    assert not (tmp_path / "mine.bad.txt").exists()


def test_a_list_that_is_a_folder_is_no_question_of_room(voices, tmp_path, capsys):
    code, out, err = winnow(capsys, "scan", "folder", voices, "-o", tmp_path)
    assert (code, out) == (1, "") and err.count("\n") == 1 and "Choose another -o." in err


def test_too_many_bad_recordings_fail_the_run(voices, tmp_path, capsys):
    spoil(voices)
    goal = tmp_path / "mine.jsonl"
    code, out, err = winnow(capsys, "scan", "folder", voices, "--max-bad", 2, "-o", goal)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert "3 of the first 8 recordings cannot be read, --max-bad allows 2" in err and "mine.bad.txt" in err
    assert not goal.exists() and len((tmp_path / "mine.bad.txt").read_text().splitlines()) == 3


def test_nothing_but_bad_recordings(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.wav").write_text("x" * 50)
    with pytest.raises(BadInput, match=r"not one of 1 recordings can be read; .*a\.bad\.txt says why"):
        scan(PLAIN, tmp_path / "in", tmp_path / "a.jsonl", Options())


def test_limits():
    assert Limit.parse("20").of(10**6) == 20 and Limit.parse("1%").of(10**6) == 10**4
    assert Limit.parse("1%").of(50) == 10 and Limit.parse("0").of(50) == 0
    for text in ("many", "-1", "1.5", "101%"):
        with pytest.raises(BadOption, match="--max-bad"):
            Limit.parse(text)


@pytest.mark.parametrize("after", [1, 4, 7])
def test_a_scan_that_was_stopped_goes_on(voices, tmp_path, monkeypatch, after):
    spoil(voices)
    goal, straight = tmp_path / "mine.jsonl", tmp_path / "straight.jsonl"
    scan(PLAIN, voices, straight, Options())
    with pytest.raises(KeyboardInterrupt):
        scan(PLAIN, voices, goal, Options(), stopping(after))
    assert not goal.exists()
    opened = []
    monkeypatch.setattr("winnow.data.scan.attempt", lambda *given: opened.append(given[0]) or attempted(*given))
    summary = scan(PLAIN, voices, goal, Options())
    assert len(opened) == 8 - after == 8 - summary.kept
    assert goal.read_bytes() == straight.read_bytes()
    assert (tmp_path / "mine.bad.txt").read_bytes() == (tmp_path / "straight.bad.txt").read_bytes()
    assert not list(tmp_path.glob(".*"))


def attempted(*given):
    from winnow.data.measure import attempt

    return attempt(*given)


def test_what_changed_meanwhile_is_measured_again(voices, tmp_path):
    goal = tmp_path / "mine.jsonl"
    with pytest.raises(KeyboardInterrupt):
        scan(PLAIN, voices, goal, Options(), stopping(4))
    second = sorted(voices.glob("anna/*"))[1]
    sound(second, 1.5)
    os.utime(second, (2e9, 2e9))
    assert scan(PLAIN, voices, goal, Options()).kept == 1
    assert next(item for item in read_items(goal) if item.path == str(second)).samples == 24000


def test_other_options_do_not_take_over_the_rows(voices, tmp_path):
    goal = tmp_path / "mine.jsonl"
    for first, then in ((Options(), Options(checksum=False)), (Options(checksum=False), Options())):
        with pytest.raises(KeyboardInterrupt):
            scan(PLAIN, voices, goal, first, stopping(4))
        assert scan(PLAIN, voices, goal, then).kept == 0
    from dataclasses import replace

    with pytest.raises(KeyboardInterrupt):
        scan(PLAIN, voices, goal, Options(), stopping(4))
    named = replace(PLAIN, walk=Folder(speaker="parent").walk)
    assert scan(named, voices, goal, Options()).kept == 0
    assert all(item.speaker for item in read_items(goal))


def test_half_a_row_is_forgotten(voices, tmp_path):
    goal, straight = tmp_path / "mine.jsonl", tmp_path / "straight.jsonl"
    scan(PLAIN, voices, straight, Options())
    part = tmp_path / ".mine.jsonl.part"
    lines = straight.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(lines[:2]) + lines[2][:40])
    assert scan(PLAIN, voices, goal, Options()).kept == 2
    assert goal.read_bytes() == straight.read_bytes()


def test_a_full_disk_leaves_a_scan_that_goes_on(voices, tmp_path, monkeypatch):
    from winnow.data.journal import Journal

    real, count = Journal.add, []

    def full(self, row):
        count.append(row)
        if len(count) == 3:
            raise self._failed(OSError(28, "No space left on device"))
        real(self, row)

    goal = tmp_path / "mine.jsonl"
    monkeypatch.setattr(Journal, "add", full)
    with pytest.raises(OutputError, match=r"No space left on device\). The same command goes on"):
        scan(PLAIN, voices, goal, Options())
    assert scan(PLAIN, voices, goal, Options()).kept == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["librispeech", "{}", "-o", "a.jsonl"], "expected a subset such as train-clean-100/"),
        (["librispech", "{}", "-o", "a.jsonl"], "Did you mean librispeech"),
        (["folder", "{}/nowhere", "-o", "a.jsonl"], "cannot be read (No such file or directory)"),
        (["folder", "{}", "-o", "nowhere/a.jsonl"], "no such folder"),
        (["folder", "{}", "--speaker-from", "mother", "-o", "a.jsonl"], "'mother' is no place to take a name from"),
        (["folder", "{}", "--kind", "jazz", "-o", "a.jsonl"], "--kind is one of speech, noise, music, room"),
        (["librispeech", "{}", "--kind", "noise", "-o", "a.jsonl"], "are for plain folders"),
        (["librispeech", "{}", "--licence", "mine", "-o", "a.jsonl"], "--licence is for plain folders"),
        (["folder", "{}", "--jobs", "0", "-o", "a.jsonl"], "--jobs is 1 or more"),
        (["folder", "{}", "--max-bad", "x", "-o", "a.jsonl"], "--max-bad is a number"),
    ],
)
def test_what_is_wrong_is_one_line(voices, tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = winnow(capsys, "scan", *(word.format(voices) for word in arguments))
    assert code in (1, 2) and out == "" and err.count("\n") == 1
    assert message in err


def test_the_summary_as_json(voices, tmp_path, capsys):
    code, out, _ = winnow(capsys, "scan", "folder", voices, "--json", "-o", tmp_path / "a.jsonl")
    summary = json.loads(out)
    assert code == 0 and summary["good"] == 5 and summary["seconds"] == pytest.approx(2.0)


def test_the_table_of_corpora_fits_a_terminal(capsys):
    code, out, _ = winnow(capsys, "list")
    assert code == 0 and max(map(len, out.splitlines())) <= 80
    assert "librispeech" in out and "CC BY 4.0" in out


def test_one_corpus_in_full(capsys):
    code, out, _ = winnow(capsys, "list", "librispeech")
    assert code == 0
    for word in ("982 hours", "SPEAKERS.TXT", "Panayotov", "dev-clean", "0.34 GB", "md5", "https://www.openslr.org/12"):
        assert word in out
    assert all(len(line) <= 80 or "https://" in line for line in out.splitlines())


def test_corpora_as_json(capsys):
    every = json.loads(winnow(capsys, "list", "--json")[1])
    one = json.loads(winnow(capsys, "list", "daps", "--json")[1])
    assert one in every and one["non_commercial"] and one["downloads"][0]["url"].startswith("https://zenodo.org")
