"""Pictures: that the spectrogram is on the scale it says, and that all panels are drawn."""

import struct

import numpy as np
import pytest

from speechlike import RATE, hiss, talk
from winnow.audio import Audio
from winnow.metrics.report.pictures import levels_of, pooled, scores_by_snr, spectrograms

pytest.importorskip("matplotlib")


def size_of(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_a_sine_of_full_scale_has_0_db_in_its_own_row(rate):
    sine = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).astype(np.float32)
    level = levels_of(sine, rate)
    row, _ = np.unravel_index(level.argmax(), level.shape)
    assert level.max() == pytest.approx(0, abs=0.2)
    assert row * rate / 2 / (level.shape[0] - 1) == pytest.approx(1000, abs=rate / level.shape[0])
    assert levels_of(sine / 10, rate).max() == pytest.approx(-20, abs=0.2)
    assert np.isfinite(levels_of(np.zeros(100, np.float32), rate)).all()


def test_a_long_recording_has_no_more_columns():
    assert levels_of(np.zeros(600 * RATE, np.float32), RATE).shape[1] <= 1000


def test_panels(monkeypatch):
    clean, noisy = Audio(talk(1), RATE), Audio(talk(1) + hiss(1), RATE)
    one = size_of(spectrograms({"estimate": clean}))
    four = size_of(spectrograms({"mixture": noisy, "estimate": clean, "reference": clean}))
    assert four[0] == one[0] and four[1] > 1.5 * one[1]
    other_rate = spectrograms({"estimate": Audio(talk(1, rate=48000), 48000), "reference": clean})
    assert size_of(other_rate)[0] == four[0]
    assert size_of(spectrograms({"estimate": Audio(np.zeros((1, 100)), RATE)})) == one


def test_score_against_ratio():
    lines = {"before": [(0.0, 1.0), (0.0, 2.0), (5.0, 3.0)], "after": [(0.0, 2.0), (5.0, 4.0)]}
    assert size_of(scores_by_snr("si_sdr", lines))[0] > 300


@pytest.mark.parametrize("count", [0, 1, 1800, 1801, 108_000])
def test_nothing_short_is_lost_from_a_line_of_hours(count):
    values = np.zeros(count)
    values[count // 3 : count // 3 + 1] = 1
    seen, size = pooled(values)
    assert len(seen) <= 1800 and count <= len(seen) * size < count + size
    assert seen.sum() == min(count, 1) and (not count or seen.argmax() == count // 3 // size)
