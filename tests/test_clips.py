"""Clips of AVSpeech and AudioSet: their lists, and cutting them from a server on this machine and from local files."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from makemedia import clicks, make_video, offset, packet_times
from winnow.audio import Audio
from winnow.cli import run
from winnow.data import clips, fetching
from winnow.data.corpora import find_corpus
from winnow.data.corpora.segments import CLASSES, parse_name, parse_rows, read_segments
from winnow.data.items import read_items
from winnow.errors import BadInput, BadOption, InputNotFound, MissingExtra
from winnow.media import open_reader, probe, read, write
from winnow.media.excerpt import sound, write_film
from winnow.media.source import Source

IDS = ["aaaaaaaaaa0", "-bb_bbbbbb1", "cc-ccccccc2", "dddddddddd3", "eeeeeeeeee4"]
AUDIOSET = [
    "# Segments csv created Sun Mar  5 10:54:31 2017",
    "# num_ytids=2, num_segs=2, num_unique_labels=3, num_positive_labels=3",
    "# YTID, start_seconds, end_seconds, positive_labels",
    f'{IDS[0]}, 1.000, 4.000, "/m/09x0r,/t/dd00088"',
    f'{IDS[1]}, 0.000, 3.000, "/m/032s66"',
]


def text(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def avspeech(folder: Path, *rows: str) -> Path:
    whole = rows or [f"{name},1.5,5.5,0.25,0.5" for name in IDS]
    return text(folder / "avspeech_test.csv", *whole)


# ---------------------------------------------------------------- lists


def test_a_list_of_avspeech(tmp_path):
    path = avspeech(tmp_path, "abc_-12345X,90.010000,93.010000,0.5,0.25", "", "xyzxyzxyzxy,0,4.2,0.1,0.9")
    first, second = read_segments(path)
    assert (first.corpus, first.number, first.youtube, first.start, first.end) == (
        "avspeech",
        0,
        "abc_-12345X",
        90.01,
        93.01,
    )
    assert (first.x, first.y, second.number) == (0.5, 0.25, 1)
    assert first.name(False) == "0:abc_-12345X" and first.name(True) == "0_abc_-12345X"
    assert {parse_name(first.name(form)) for form in (True, False)} == {(0, "abc_-12345X")}


def test_a_list_of_audioset_and_its_classes(tmp_path):
    path = text(tmp_path / "eval_segments.csv", *AUDIOSET)
    speech, other = read_segments(path)
    assert (speech.number, other.number) == (0, 1), "lines of # are no rows"
    assert speech.labels == ("/m/09x0r", "/t/dd00088") and speech.facts()["speech"] is True
    assert (other.start, other.end, other.facts()["speech"]) == (0.0, 3.0, False)
    text(tmp_path / CLASSES, "index,mid,display_name", "0,/m/09x0r,Speech", '1,/t/dd00088,"Gargling, deep"')
    assert read_segments(path)[0].labels == ("Speech", "Gargling, deep")
    assert read_segments(path)[0].facts()["speech"] is True


def test_rows():
    assert [parse_rows(rows) for rows in (None, "0:10", "5:", ":7", "3")] == [
        (0, None),
        (0, 10),
        (5, None),
        (0, 7),
        (3, 4),
    ]
    for rows in ("a:b", "3:3", "5:2", "-1:4", "1:2:3", ""):
        with pytest.raises(BadOption, match="--rows"):
            parse_rows(rows)


def test_numbers_are_those_of_the_list_whatever_rows_are_chosen(tmp_path):
    assert [each.number for each in read_segments(avspeech(tmp_path), "2:4")] == [2, 3]
    for rows in ("0:6", "5:", "9"):
        with pytest.raises(BadOption, match="rows 0 to 4"):
            read_segments(avspeech(tmp_path), rows)


BAD = [
    (["youtube_id,start,end,x,y", "a,1,2,0,0"], "its first row has 5 fields"),
    (["1,2,3"], "its first row has 3 fields"),
    (["hello"], "its first row has 1 fields"),
    ([""], "there is no row"),
    (["../../etc/pw,0,1,0,0"], "is no YouTube id"),
    (["abcdefghijk,3,3,0,0"], "cannot be"),
    (["abcdefghijk,5,3,0,0"], "row 0: a clip from 5 s to 3 s cannot be"),
    (["abcdefghijk,-1,3,0,0"], "cannot be"),
    (["abcdefghijk,0,nan,0,0"], "cannot be"),
    (["abcdefghijk,0,3,0,0", "abcdefghijk,0,3"], "row 1: expected"),
    ([*AUDIOSET[:3], 'abcdefghijk, 0, x, "/m/1"'], "its first row has 4 fields"),
]


@pytest.mark.parametrize(("rows", "message"), BAD)
def test_what_is_wrong_with_a_list_is_one_line(tmp_path, rows, message):
    with pytest.raises(BadInput, match=message) as error:
        read_segments(text(tmp_path / "list.csv", *rows))
    assert "\n" not in str(error.value)


def test_no_list_a_folder_and_sound_in_place_of_a_list(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputNotFound):
            read_segments(path)
    write(tmp_path / "a.wav", Audio(clicks(0.1, 8000), 8000))
    with pytest.raises(BadInput):
        read_segments(tmp_path / "a.wav")


# ---------------------------------------------------------------- cutting


@pytest.fixture(scope="module")
def signal48():
    return clicks(14, 48000, seed=1)


FORMS = [
    ("a.wav", None),
    ("a.flac", None),
    ("a.m4a", None),
    ("a.mp3", None),
    ("a.ogg", None),
    ("a.mp4", "aac"),
    ("a.webm", "libopus"),
]


@pytest.fixture(scope="module", params=FORMS, ids=[name for name, _ in FORMS])
def recording(request, tmp_path_factory, signal48):
    """The same sound in every form."""
    name, codec = request.param
    path = tmp_path_factory.mktemp("forms") / name
    if codec:
        make_video(path, [signal48], seconds=14, codec=codec, video="libvpx" if name == "a.webm" else "libx264")
    else:
        write(path, Audio(signal48, 48000))
    return path


@pytest.mark.parametrize("start", [0.0, 1.25, 7.123])
def test_a_stretch_is_exact_to_the_sample(recording, signal48, start):
    """WebM counts in milliseconds: half of one, and one of rounding, is as near as it comes."""
    path, name = recording, recording.name
    begin = round(start * 48000)
    wanted = signal48[:, begin : begin + 3 * 48000]
    with Source(path) as source:
        made, there = sound(source, start, 3.0, 48000)
    assert made.samples.shape == (1, 144000) and there >= 3.0
    assert abs(offset(made.samples, wanted)) <= (48 if name == "a.webm" else 0)
    if name in ("a.wav", "a.flac"):
        assert np.abs(made.samples - read(path).samples[:, begin : begin + 144000]).max() == 0
    with Source(path) as source:
        low, _ = sound(source, start, 3.0, 16000)
    assert low.samples.shape == (1, 48000)
    assert abs(offset(low.samples, Audio(wanted, 48000).resampled(16000).samples)) <= (16 if name == "a.webm" else 0)


def test_resampling_a_stretch_is_a_stretch_of_the_resampled(tmp_path):
    """The filter sees what lies before and after: at the edges, too, both are the same to -60 dB."""
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.standard_normal((1, 10 * 44100))).astype(np.float32)
    write(tmp_path / "a.wav", Audio(noise, 44100), bits=32)
    with Source(tmp_path / "a.wav") as source:
        made, _ = sound(source, 4.0, 2.0, 16000)
    wanted = Audio(noise, 44100).resampled(16000).samples[:, 64000:96000]
    assert np.abs(made.samples - wanted).max() < 1e-4


def test_the_end_of_a_recording_is_told_and_stereo_becomes_its_mean(tmp_path):
    left = np.linspace(-0.5, 0.5, 16000, dtype=np.float32)
    write(tmp_path / "a.wav", Audio(np.stack([left, np.zeros_like(left)]), 16000), bits=32)
    with Source(tmp_path / "a.wav") as source:
        made, there = sound(source, 0.5, 1.0, 16000)
    assert there == pytest.approx(0.5)
    assert np.allclose(made.samples[0, :8000], left[8000:] / 2, atol=1e-7) and not made.samples[0, 8000:].any()
    with Source(tmp_path / "a.wav") as source:
        assert sound(source, 5.0, 1.0, 16000)[1] <= 0


@pytest.mark.parametrize("start", [0.0, 3.34, 9.01])
def test_a_film_begins_with_the_picture_of_its_stretch(tmp_path, signal48, start):
    make_video(tmp_path / "a.mp4", [signal48], seconds=14, video="libx264")
    with Source(tmp_path / "a.mp4") as source:
        audio, _ = sound(source, start, 3.0, 16000)
    with Source(tmp_path / "a.mp4") as source:
        write_film(source, tmp_path / "b.mp4", start, 3.0, audio)
    info = probe(tmp_path / "b.mp4")
    assert info.has_picture and (info.video[0].width, info.video[0].height) == (64, 48)
    times = packet_times(tmp_path / "b.mp4")
    assert times[0] == 0 and times[-1] < 3.0 and len(times) in (75, 76)
    ends = np.array(times[1:]) + start
    assert np.allclose(ends, np.round(ends * 25) / 25, atol=2e-3), "frames stay where they were"
    made = read(tmp_path / "b.mp4")
    assert made.samples.shape == (1, 48000) and offset(made.samples, audio.samples) == 0


# ---------------------------------------------------------------- a server on this machine


class Server(ThreadingHTTPServer):
    """Files by name with byte ranges.

    `broken` maps names to the statuses of the next requests (0: all is well), `count` how often each was asked for.
    """

    daemon_threads = True

    def __init__(self, folder: Path, ranges: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, self))
        self.folder, self.ranges = folder, ranges
        self.broken: dict[str, list[int]] = {}
        self.count: dict[str, int] = {}
        self.sent = 0
        self.delay = 0.0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_) -> None:
        """Someone who hangs up is no error."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{{id}}.mp4"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, server: Server, *rest) -> None:
        self.site = server
        super().__init__(*rest)

    def do_GET(self) -> None:
        site, name = self.site, self.path.strip("/")
        site.count[name] = site.count.get(name, 0) + 1
        time.sleep(site.delay)
        path = site.folder / name
        statuses = site.broken.get(name, [])
        status = statuses.pop(0) if statuses else 0
        if status or not path.is_file():
            self.send_error(status or 404)
            return
        data = path.read_bytes()
        asked = self.headers.get("Range")
        begin, end = 0, len(data) - 1
        if asked and site.ranges:
            low, high = asked.removeprefix("bytes=").split("-")
            begin, end = int(low), min(int(high or end), end)
        part = data[begin : end + 1]
        self.send_response(206 if asked and site.ranges else 200)
        if asked and site.ranges:
            self.send_header("Content-Range", f"bytes {begin}-{end}/{len(data)}")
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        try:
            self.wfile.write(part)
            site.sent += len(part)
        except OSError:
            pass

    def log_message(self, *_) -> None:
        pass


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film of 6 s, and its sound."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    samples = clicks(6, 16000, seed=3)
    make_video(path, [samples], 16000, seconds=6, video="libx264")
    return path, samples


@pytest.fixture
def site(tmp_path, film):
    pytest.importorskip("yt_dlp", reason="clips are fetched with yt-dlp, of the extra data")
    folder = tmp_path / "web"
    folder.mkdir()
    for name in IDS[:3]:
        (folder / f"{name}.mp4").write_bytes(film[0].read_bytes())
    server = Server(folder)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def hasty(monkeypatch):
    """No waiting between tries."""
    plain = clips.Order.__init__
    monkeypatch.setattr(clips.Order, "__init__", lambda self, *a, **k: plain(self, *a, **{"patience": (0.0, 0.0)} | k))


def winnow(capsys, *arguments):
    code = run(["data", "clips", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def report(folder: Path) -> dict[int, dict]:
    return {row["row"]: row for row in map(json.loads, (folder / "report.jsonl").read_text().splitlines())}


def nothing_half_written(folder: Path) -> bool:
    return not [path.name for path in folder.iterdir() if path.name.endswith(".part")]


@pytest.mark.parametrize("names", ["published", "portable"])
def test_from_a_server_resumed_and_counted(tmp_path, capsys, site, film, hasty, names):
    if names == "published" and sys.platform == "win32":
        pytest.skip("Windows has no colon in names")
    out = tmp_path / "some clips"
    command = [
        avspeech(tmp_path),
        "-o",
        out,
        "--length",
        3,
        "--jobs",
        2,
        "--pause",
        0,
        "--base-url",
        site.url,
        "--names",
        names,
    ]
    code, told, err = winnow(capsys, *command)
    assert (code, err) == (0, "")
    assert told.splitlines()[0].split()[:2] == ["fetched", "3"] and "removed 2" in told.splitlines()[1]
    mark = ":" if names == "published" else "_"
    wav = out / f"1{mark}{IDS[1]}.wav"
    sound_ = read(wav)
    assert sound_.rate == 16000 and sound_.samples.shape == (1, 48000)
    assert offset(sound_.samples, film[1][:, 24000:72000]) == 0
    items = list(read_items(out / "items.jsonl"))
    assert [item.id for item in items] == [f"{k}-{IDS[k]}" for k in range(3)]
    first = items[1]
    assert (first.kind, first.speaker, first.samples, first.corpus) == ("speech", IDS[1], 48000, "avspeech")
    assert first.extra == {"row": 1, "start": 1.5, "end": 5.5, "x": 0.25, "y": 0.5} and os.path.samefile(
        first.path, wav
    )
    assert first.non_commercial and first.source == f"youtube-{IDS[1]}"
    assert {row: each["status"] for row, each in report(out).items()} == {
        **dict.fromkeys(range(3), "fetched"),
        **dict.fromkeys((3, 4), "vanished"),
    }
    assert nothing_half_written(out)
    assert {each.speaker for each in find_corpus("avspeech").walk(out)} == set(IDS[:3])

    (out / wav.name).unlink()
    asked = dict(site.count)
    code, told, _ = winnow(capsys, *command, "--json")
    assert code == 0 and json.loads(told) == {
        "present": 2,
        "fetched": 1,
        "vanished": 2,
        "reasons": {"vanished": {"removed": 2}},
        "hours": round(9 / 3600, 4),
    }
    assert {name for name, count in site.count.items() if count > asked.get(name, 0)} == {f"{IDS[1]}.mp4"}
    (site.folder / f"{IDS[3]}.mp4").write_bytes(film[0].read_bytes())
    assert json.loads(winnow(capsys, *command, "--again", "--json")[1])["fetched"] == 1


def test_audioset_has_labels_and_its_own_length(tmp_path, capsys, site):
    out = tmp_path / "noise"
    path = text(tmp_path / "eval_segments.csv", *AUDIOSET)
    assert winnow(capsys, path, "-o", out, "--rate", 8000, "--pause", 0, "--base-url", site.url, "--quiet") == (
        0,
        "",
        "",
    )
    speech, other = read_items(out / "items.jsonl")
    assert (speech.kind, speech.label, speech.speaker, speech.rate, speech.samples) == (
        "noise",
        "/m/09x0r",
        None,
        8000,
        24000,
    )
    assert speech.extra["speech"] is True and other.extra["labels"] == ["/m/032s66"]
    walked = {each.path.name: each for each in find_corpus("audioset").walk(out)}
    assert walked[Path(other.path).name].label == "/m/032s66"


def test_video(tmp_path, capsys, site, film):
    out = tmp_path / "films"
    command = [
        avspeech(tmp_path),
        "-o",
        out,
        "--rows",
        "0:1",
        "--length",
        2,
        "--video",
        "--pause",
        0,
        "--base-url",
        site.url,
    ]
    assert winnow(capsys, *command, "--names", "portable")[0] == 0
    path = out / f"0_{IDS[0]}.mp4"
    info = probe(path)
    assert info.has_picture and info.audio[0].rate == 16000
    assert packet_times(path)[-1] < 2.0
    with open_reader(path) as reader:
        samples = np.concatenate(list(reader), axis=1)
    assert samples.shape == (1, 32000) and offset(samples, film[1][:, 24000:56000]) == 0
    assert next(read_items(out / "items.jsonl")).samples == 32000


def test_only_the_stretch_is_asked_for(tmp_path, capsys, site, hasty):
    """Of 5 MB of sound, one block here and one there; a server that fails in between is asked again."""
    rng = np.random.default_rng(0)
    big = site.folder / f"{IDS[3]}.mp4"
    write(
        tmp_path / "big.m4a",
        Audio((0.1 * rng.standard_normal((2, 180 * 48000))).astype(np.float32), 48000),
        bit_rate=256_000,
    )
    big.write_bytes((tmp_path / "big.m4a").read_bytes())
    path = avspeech(tmp_path, f"{IDS[3]},120,123,0.5,0.5")
    site.broken[big.name] = [0, 0, 503]
    # yt-dlp reads the first bytes itself to see what it is; FFmpeg the index and the place.
    assert winnow(capsys, path, "-o", tmp_path / "c", "--pause", 0, "--base-url", site.url, "--quiet")[0] == 0
    assert big.stat().st_size > 4_500_000 and site.sent < 8 * fetching.BLOCK and not site.broken[big.name]


def test_a_server_without_ranges(tmp_path, capsys, site, film):
    site.ranges = False
    assert (
        winnow(capsys, avspeech(tmp_path), "--rows", 0, "-o", tmp_path / "c", "--pause", 0, "--base-url", site.url)[0]
        == 0
    )
    (made,) = (tmp_path / "c").glob("*.wav")
    assert offset(read(made).samples, film[1][:, 24000:88000]) == 0


def test_what_fails_for_now_is_tried_again_what_is_unusable_is_not(tmp_path, capsys, site, hasty):
    site.broken = {f"{IDS[0]}.mp4": [503], f"{IDS[1]}.mp4": [503] * 50}
    (site.folder / f"{IDS[2]}.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(5000))
    make_video(site.folder / f"{IDS[3]}.mp4", [clicks(2, 16000)], 16000, seconds=2, video="libx264")
    make_video(site.folder / f"{IDS[4]}.mp4", [], 16000, seconds=6, video="libx264")
    command = [avspeech(tmp_path), "-o", tmp_path / "c", "--jobs", 1, "--pause", 0, "--base-url", site.url]
    code, told, err = winnow(capsys, *command)
    assert (code, err) == (1, "")
    rows = report(tmp_path / "c")
    assert [(rows[k]["status"], rows[k].get("reason")) for k in range(5)] == [
        ("fetched", None),
        ("failed", "server"),
        ("unusable", "damaged"),
        ("unusable", "short"),
        ("unusable", "no sound"),
    ]
    assert "the same command tries them again" in told
    site.broken, asked = {}, dict(site.count)
    assert winnow(capsys, *command)[0] == 0
    assert {name for name, count in site.count.items() if count > asked[name]} == {f"{IDS[1]}.mp4"}


def test_no_network_is_one_line_and_not_a_hundred(tmp_path, capsys, hasty):
    pytest.importorskip("yt_dlp", reason="clips are fetched with yt-dlp, of the extra data")
    rows = [f"abcdefg{k:04},0,3,0,0" for k in range(100)]
    code, out, err = winnow(
        capsys,
        avspeech(tmp_path, *rows),
        "-o",
        tmp_path / "c",
        "--pause",
        0,
        "--base-url",
        "http://127.0.0.1:9/{id}.mp4",
    )
    assert (code, out) == (1, "") and err.count("\n") == 1
    assert err.startswith("winnow: 127.0.0.1:9 cannot be reached") and "--source DIR" in err
    assert len(report(tmp_path / "c")) < 10


def test_a_server_that_has_enough_of_us(tmp_path, capsys, site, hasty):
    for name in IDS:
        site.broken[f"{name}.mp4"] = [429] * 50
    code, _, err = winnow(
        capsys, avspeech(tmp_path), "-o", tmp_path / "c", "--jobs", 1, "--pause", 0, "--base-url", site.url
    )
    assert code == 1 and "wait some hours" in err and len(report(tmp_path / "c")) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_being_stopped_leaves_whole_clips_and_goes_on(tmp_path, capsys, site, film, number):
    rows = [f"abcdefg{k:04},1,4,0,0" for k in range(30)]
    for row in rows:
        (site.folder / f"{row[:11]}.mp4").write_bytes(film[0].read_bytes())
    site.delay = 0.1
    out = tmp_path / "c"
    options = [
        avspeech(tmp_path, *rows),
        "-o",
        out,
        "--jobs",
        "3",
        "--pause",
        "0",
        "--base-url",
        site.url,
        "--length",
        "2",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "winnow", "data", "clips", *map(str, options)], stderr=subprocess.PIPE, text=True
    )
    while len(list(out.glob("*.wav"))) < 4 and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number and "stopped" in err and "Traceback" not in err, err
    made = sorted(out.glob("*.wav"))
    assert 4 <= len(made) < 30 and nothing_half_written(out)
    assert all(read(path).samples.shape == (1, 32000) for path in made)
    listed = len(list(read_items(out / "items.jsonl")))
    assert listed >= len(made) - 3, "what the last threads finished may be missing from the list"
    site.delay = 0.0
    told = json.loads(winnow(capsys, *options, "--json")[1])
    assert told["present"] == len(made) and told["fetched"] == 30 - len(made)
    assert len(list(read_items(out / "items.jsonl"))) == 30


# ---------------------------------------------------------------- local videos


def test_local_videos_of_every_name(tmp_path, capsys, film):
    mine = tmp_path / "my videos"
    mine.mkdir()
    whole, samples = film[0].read_bytes(), film[1]
    (mine / f"{IDS[0]}.mp4").write_bytes(whole)
    (mine / f"A talk 🎤 [{IDS[1]}].mp4").write_bytes(whole)
    write(mine / f"2_{IDS[2]}.flac", Audio(samples[:, 24000:88000], 16000))
    write(mine / f"Y{IDS[3]}.wav", Audio(samples[:, 24000:88000], 16000))
    text(mine / f"{IDS[4]}.txt", "no sound at all")
    out = tmp_path / "c"
    code, told, err = winnow(capsys, avspeech(tmp_path), "-o", out, "--source", mine, "--names", "portable")
    assert (code, err) == (0, "")
    for k in range(4):
        made = read(out / f"{k}_{IDS[k]}.wav").samples
        assert made.shape == (1, 64000) and offset(made, samples[:, 24000:88000]) == 0, k
    assert report(out)[4]["reason"] == "damaged" and "fetched         4" in told
    (mine / f"{IDS[4]}.txt").unlink()
    code, told, _ = winnow(capsys, avspeech(tmp_path), "-o", out, "--source", mine, "--names", "portable", "--video")
    assert code == 0 and report(out)[4]["status"] == "missing"
    assert report(out)[2]["reason"] == "damaged", "a clip of sound alone has no picture"


REFUSED = [
    (["--rows", "0:9"], "rows 0 to 4"),
    (["--jobs", "0"], "--jobs is 1 to 16"),
    (["--jobs", "99"], "--jobs is 1 to 16"),
    (["--rate", "10"], "--rate is 8000"),
    (["--length", "0"], "--length is"),
    (["--pause", "-1"], "--pause is"),
    (["--video", "--rate", "10000"], "does not fit into an MP4"),
    (["--names", "short"], "--names is"),
    (["--base-url", "http://x/"], "with {id} in it"),
    (["--base-url", "http://x/{id}", "--source", "."], "not both"),
    (["--source", "nowhere"], "no such folder"),
    (["--source", "."], "no file in it is named by one of the ids"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_wrong_options_are_one_line(tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = winnow(capsys, avspeech(tmp_path), *options, "-o", "c")
    assert (code, out, err.count("\n")) == (2, "", 1) and message in err


def test_without_yt_dlp_the_install_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    with pytest.raises(MissingExtra):
        fetching.need_library()
    code, _, err = winnow(capsys, avspeech(tmp_path), "-o", tmp_path / "c")
    assert code == 1 and 'pip install "winnow-audio[data]"' in err and "--source DIR" in err


@pytest.mark.skipif(
    sys.platform == "win32" or getattr(os, "geteuid", lambda: 0)() == 0, reason="no permissions to deny"
)
def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "locked").mkdir(mode=0o500)
    code, _, err = winnow(capsys, avspeech(tmp_path), "-o", tmp_path / "locked" / "c", "--source", tmp_path)
    assert code == 1 and err.count("\n") == 1


def test_the_folder_is_a_file(tmp_path, capsys):
    text(tmp_path / "c", "a file")
    code, _, err = winnow(capsys, avspeech(tmp_path), "-o", tmp_path / "c", "--source", tmp_path)
    assert code == 1 and err.count("\n") == 1 and "Choose another folder" in err
    (tmp_path / "d" / "report.jsonl").mkdir(parents=True)
    (tmp_path / f"{IDS[0]}.mp4").touch()
    code, _, err = winnow(capsys, avspeech(tmp_path), "-o", tmp_path / "d", "--source", tmp_path)
    assert code == 1 and err.count("\n") == 1 and "report.jsonl" in err


MEANINGS = [
    ("ERROR: [youtube] abc: Private video. Sign in if you've been granted access", fetching.Gone, "private"),
    ("ERROR: [youtube] abc: Video unavailable. This video has been removed by the uploader", fetching.Gone, "removed"),
    (
        "ERROR: [youtube] abc: This video is no longer available because the account has been terminated",
        fetching.Gone,
        "removed",
    ),
    ("ERROR: [youtube] abc: The uploader has not made this video available in your country", fetching.Gone, "blocked"),
    ("ERROR: [youtube] abc: Sign in to confirm your age. This video may be inappropriate", fetching.Gone, "blocked"),
    ("ERROR: [youtube] abc: Join this channel to get access to members-only content", fetching.Gone, "members only"),
    ("ERROR: [youtube] abc: Sign in to confirm you’re not a bot. Use --cookies", fetching.Unreached, "refused"),
    ("ERROR: [youtube] abc: Unable to extract player response; please report this issue", fetching.Unreached, "server"),
]


@pytest.mark.parametrize(("message", "kind", "reason"), MEANINGS)
def test_what_yt_dlp_says_is_understood(message, kind, reason):
    library = pytest.importorskip("yt_dlp", reason="clips are fetched with yt-dlp, of the extra data")
    error = fetching.explained(library.utils.DownloadError(message))
    assert type(error) is kind and error.reason == reason and not str(error).startswith("ERROR")


def test_a_remote_file_reads_like_a_file():
    rng = np.random.default_rng(0)
    data = rng.bytes(3 * fetching.BLOCK + 777)
    asked = []

    class Part:
        def __init__(self, part: bytes) -> None:
            self.read = lambda *size: part[: size[0]] if size else part

    def ask(begin, end):
        asked.append(begin)
        end = min(end, len(data) - 1)
        return 206, {"Content-Range": f"bytes {begin}-{end}/{len(data)}"}, Part(data[begin : end + 1])

    file = fetching.RemoteFile(ask)
    place = 0
    for _ in range(300):
        if rng.random() < 0.5:
            place = int(rng.integers(0, len(data) + 10))
            assert file.seek(place) == place
        size = int(rng.integers(0, 70_000))
        got = file.read(size)
        assert got == data[place : place + len(got)] and (got or size == 0 or place >= len(data))
        place += len(got)
        assert file.tell() == place
    assert file.seek(-5, 2) == len(data) - 5 and file.read() == data[-5:] and file.read() == b""
    assert len(asked) == 4, "each block is asked for once"
