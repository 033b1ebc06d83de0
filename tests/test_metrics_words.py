"""Words: folding, errors against jiwer and by hand, recognisers, and the legacy figures."""

from __future__ import annotations

import math
import sys
import types

import numpy as np
import pytest

from winnow.audio import Audio
from winnow.errors import BadOption
from winnow.metrics import legacy, recognisers, words
from winnow.metrics.stream import Recording

jiwer = pytest.importorskip("jiwer")


def distance(said, heard):
    """Edit distance by the textbook's table."""
    above = list(range(len(heard) + 1))
    for row, unit in enumerate(said, 1):
        line = [row]
        for column, other in enumerate(heard, 1):
            line.append(min(above[column - 1] + (unit != other), above[column] + 1, line[-1] + 1))
        above = line
    return above[-1]


def draw(count, seed):
    return " ".join(np.random.default_rng(seed).choice(list("abcdef"), count))


@pytest.mark.parametrize(("said", "heard"), [(1, 1), (7, 12), (40, 3), (300, 310), (600, 500)])
def test_errors_agree_with_jiwer_and_the_textbook(said, heard):
    reference, hypothesis = draw(said, 1), draw(heard, 2)
    found = words.word_errors(reference, hypothesis)
    assert found.percent == pytest.approx(100 * jiwer.wer(reference, hypothesis))
    errors = found.substitutions + found.deletions + found.insertions
    assert errors == distance(reference.split(), hypothesis.split())
    assert found.said == said and found.hits + found.substitutions + found.insertions == heard
    assert [a for a, _ in found.alignment if a is not None] == reference.split()
    assert [b for _, b in found.alignment if b is not None] == hypothesis.split()
    assert words.cer(reference, hypothesis) == pytest.approx(100 * jiwer.cer(reference, hypothesis))


def test_errors_by_hand_and_as_shown():
    found = words.word_errors("the cat sat on a mat", "the bat sat on the a")
    assert (found.hits, found.substitutions, found.deletions, found.insertions) == (4, 1, 1, 1)
    assert str(found).splitlines()[0] == "the [cat>bat] sat on [+the] a [-mat]"
    assert str(found).splitlines()[1] == "1 exchanged, 1 left out, 1 added of 6: 50.0 %"


def test_an_empty_reference_is_defined():
    assert words.wer("", "") == words.cer("...", "") == 0
    assert words.wer("", "one two") == 100
    assert words.wer("one two", "") == 100


def test_folding_is_what_no_one_hears_and_can_be_switched():
    assert words.wer("So thankful for that", "so thankful for that.") == 0
    assert words.wer("So thankful for that", "so thankful for that.", case=False, punctuation=False) == 50
    assert words.fold("Don’t — stop; it’s 3,5: 'well-known' _x_") == "don't stop it's 3,5 well-known x"
    assert words.fold("STRASSE ﬁn") == words.fold("straße fin")
    assert words.fold("don’t", unicode=False) == "don t"


def test_pieces_are_cut_where_it_is_quiet_and_together_are_the_whole():
    rate = recognisers.RATE
    samples = 0.1 * np.random.default_rng(0).standard_normal(40 * rate).astype(np.float32)
    for second in (12.0, 24.5):
        samples[int(second * rate) : int((second + 0.4) * rate)] = 0
    pieces = list(recognisers._pieces(Recording(Audio(samples, rate), "estimate"), 15.0))
    assert np.array_equal(np.concatenate(pieces), samples)
    ends = np.cumsum([len(piece) / rate for piece in pieces])
    assert 12.0 < ends[0] < 12.4 and 24.5 < ends[1] < 24.9 and max(len(piece) for piece in pieces) <= 15 * rate


def test_pocketsphinx_hears_nothing_in_silence():
    pytest.importorskip("pocketsphinx")
    silence = Recording((np.zeros(16000), 16000), "estimate")
    assert recognisers.transcribe(silence, recognisers.find("pocketsphinx")) == ""


def test_whisper_takes_a_local_folder_only(tmp_path, monkeypatch):
    with pytest.raises(BadOption, match=r"model\.bin"):
        recognisers.find(f"whisper:{tmp_path}")
    with pytest.raises(BadOption, match="no recogniser"):
        recognisers.find("whisper")

    class WhisperModel:
        def __init__(self, folder, **options):
            assert options["local_files_only"] and folder == str(tmp_path)

        def transcribe(self, piece, **options):
            return iter([types.SimpleNamespace(text=" one "), types.SimpleNamespace(text=f"{len(piece)}")]), None

    (tmp_path / "model.bin").touch()
    monkeypatch.setitem(sys.modules, "faster_whisper", types.SimpleNamespace(WhisperModel=WhisperModel))
    recording = Recording((np.ones(32000), 32000), "estimate")
    assert recognisers.transcribe(recording, recognisers.find(f"whisper:{tmp_path}")) == "one 16000"


def test_legacy_snr_is_output_over_removed():
    signal = np.random.default_rng(0).standard_normal(44100)
    assert legacy.snr(signal, signal) == math.inf
    assert legacy.snr(0.99 * signal, signal) == pytest.approx(39.913, abs=1e-3)
    assert legacy.snr(0.5 * signal, signal) == pytest.approx(0)
    assert legacy.snr(0 * signal, signal) == -math.inf
    # An independent output, such as one at half the rate compared sample by sample: E/(E + E') with the longer one cut.
    other = 0.4 * np.random.default_rng(1).standard_normal(22050)
    assert legacy.snr(other, signal) == pytest.approx(10 * math.log10(0.16 / 1.16), abs=0.1)


def test_legacy_wer_wraps_at_256_and_folds_nothing():
    assert legacy.wer("So thankful for that", "so thankful for that.") == 0.5
    assert legacy.wer("a b c", "a x c d") == pytest.approx(2 / 3)
    assert legacy.wer("", "a") == math.inf
    said = " ".join(f"w{i}" for i in range(300))
    assert legacy.wer(said, "") == pytest.approx((300 - 256) / 300)  # 100 % in truth
    assert words.wer(said, "") == 100
    heard = "x " * 300
    table = np.zeros((301, 301), np.uint8)  # the script's, each sum cast as NumPy 1 did
    table[:, 0] = table[0] = np.arange(301).astype(np.uint8)
    for i in range(1, 301):
        for j in range(1, 301):
            least = min(int(table[i - 1, j - 1]), int(table[i, j - 1]), int(table[i - 1, j]))
            table[i, j] = np.array(least + 1).astype(np.uint8)
    assert legacy.wer(said, heard) == table[-1, -1] / 300 != 1
    for seed in range(5):
        reference, hypothesis = draw(60, seed), draw(55, seed + 100)
        assert 100 * legacy.wer(reference, hypothesis) == pytest.approx(words.wer(reference, hypothesis))
