"""`winnow.score`: choice, notes, refusals, no NaN, and the same figures from arrays, files and blocks."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import winnow
from winnow.audio import Audio
from winnow.errors import BadInput, BadOption, InputNotFound, MissingExtra
from winnow.metrics import choose
from winnow.metrics.groups import GROUPS
from winnow.metrics.measures import MEASURES
from winnow.metrics.score import Scores
from winnow.metrics.talkers import score_talkers

RATE = 16000
PLAIN = ["si_sdr", "si_sdr_improvement", "sdr", "sir", "sar", "snr", "segmental_snr", "lsd", "lsd_other_axis",
         "log_spectral_distance", "mel_distance", "mask_iou", "delay", "gain", "true_peak_dbtp", "rms", "peak", "clipping",
         "dropouts", "bandwidth", "noise_floor", "snr_estimate", "speech_share", "reverberation", "legacy_snr"]  # fmt: skip


def noise(channels, seconds, seed=0, rate=RATE):
    return (0.1 * np.random.default_rng(seed).standard_normal((channels, round(seconds * rate)))).astype(np.float32)


def test_the_registry_is_whole():
    grouped = [name for group in GROUPS for name in group.names]
    assert len(grouped) == len(set(grouped))
    assert set(MEASURES) == {*grouped, "si_sdr_improvement", "wer", "cer", "legacy_wer"}
    for name, measure in MEASURES.items():
        assert name == measure.name and measure.function.__doc__ and measure.source
        assert measure.explanation.endswith(".") and "\n" not in measure.explanation
        assert set(measure.needs) <= {"reference", "mixture", "words"} and measure.better in ("higher", "lower", None)


def test_what_applies_depends_on_what_is_given():
    signal = Audio(noise(1, 1), RATE)
    single = {name for name, measure in MEASURES.items() if not measure.needs}
    assert set(choose.select(None, set(), [])) <= single
    everything = {"reference", "mixture", "words"}
    assert not {"legacy_snr", "legacy_wer"} & set(choose.select(None, everything, []))
    assert choose.select(["legacy_snr"], everything, []) == ["legacy_snr"]
    assert {name for name in single if MEASURES[name].package is None} <= set(choose.select(None, set(), []))
    with pytest.raises(BadOption, match="snr needs reference"):
        winnow.score(signal, measures=["snr"])
    with pytest.raises(BadOption, match="Did you mean si_sdr"):
        winnow.score(signal, reference=signal, measures=["sisdr"])
    with pytest.raises(BadOption, match="compensating needs a reference"):
        winnow.score(signal, compensate=True)


def test_arrays_audio_and_files_have_the_same_scores(tmp_path):
    reference, estimate = noise(2, 2.3), noise(2, 2.3) + 0.3 * noise(2, 2.3, seed=1)
    for name, samples in (("clean", reference), ("result", estimate)):
        Audio(samples, RATE).save(tmp_path / f"{name}.wav", bits=32)
    names = [name for name in PLAIN if "mixture" not in MEASURES[name].needs]
    from_arrays = winnow.score((estimate, RATE), reference=(reference, RATE), measures=names)
    from_files = winnow.score(tmp_path / "result.wav", reference=str(tmp_path / "clean.wav"), measures=names)
    assert from_files.values == pytest.approx(from_arrays.values, abs=1e-3)
    assert list(from_files.values) == [name for name in MEASURES if name in names]
    assert from_files.seconds == pytest.approx(2.3)


def test_channels_are_scored_one_by_one():
    clean = noise(2, 1)
    estimate = clean.copy()
    estimate[0] += 0.1 * noise(1, 1, seed=1)[0]
    estimate[1] += 0.01 * noise(1, 1, seed=2)[0]
    values = winnow.score((estimate, RATE), reference=(clean, RATE), measures=["snr"]).values
    assert values["snr"] == pytest.approx(30, abs=0.3)  # mean of 20 and 40 dB
    with pytest.raises(BadInput, match="estimate 3, reference 2"):
        winnow.score((noise(3, 1), RATE), reference=(clean, RATE), measures=["snr"])
    mono = winnow.score((clean.mean(axis=0), RATE), reference=(clean, RATE), measures=["snr"])
    assert mono.values["snr"] > 90 and "channels differ (estimate 1, reference 2)" in mono.notes[0]


def test_lengths_are_never_cut_in_silence():
    clean = noise(1, 2)
    near = winnow.score((clean[:, :-400], RATE), reference=(clean, RATE), measures=["snr"])
    assert near.values["snr"] == 100 and "1.975 s" in near.notes[0] and "2.000 s" in near.notes[0]
    with pytest.raises(BadInput, match=r"estimate 1\.500 s, reference 2\.000 s"):
        winnow.score((clean[:, : 3 * RATE // 2], RATE), reference=(clean, RATE), measures=["snr"])
    with pytest.raises(BadInput, match="no samples"):
        winnow.score((np.zeros((1, 0)), RATE), measures=["rms"])


def test_rates_are_made_equal_and_told():
    time = np.arange(2 * 48000) / 48000
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) * np.hanning(len(time))
    low = winnow.Audio(tone, 48000).resampled(RATE)
    found = winnow.score(low, reference=(tone, 48000), measures=["snr", "bandwidth"])
    assert found.values["snr"] > 60
    assert "resampled to 48000 Hz: estimate from 16000 Hz" in found.notes


def test_delay_and_gain_are_told_and_taken_out_on_request():
    clean = np.concatenate([noise(1, 2), np.zeros((1, 800), np.float32)], axis=1)
    late = -0.5 * np.roll(clean, 100, axis=1)
    names = ["snr", "delay", "gain", "rms"]
    before = winnow.score((late, RATE), reference=(clean, RATE), measures=names)
    after = winnow.score((late, RATE), reference=(clean, RATE), measures=names, compensate=True)
    assert before.values["snr"] < 3 and after.values["snr"] > 90
    for name, expected in (("delay", 6.25), ("gain", -6.02)):
        assert before.values[name] == after.values[name] == pytest.approx(expected, abs=0.01)
    assert before.values["rms"] == after.values["rms"]
    assert "delay 6.250 ms, gain -6.02 dB, inverted" in after.notes[0]
    early = winnow.score((clean, RATE), reference=(late, RATE), measures=["snr"], compensate=True)
    assert early.values["snr"] > 90


@pytest.mark.parametrize("estimate", ["silence", "signal"])
@pytest.mark.parametrize("reference", ["silence", "signal"])
def test_silence_and_identity_never_give_nan(estimate, reference):
    kinds = {"silence": np.zeros((1, RATE), np.float32), "signal": noise(1, 1)}
    e, r = (kinds[estimate], RATE), (kinds[reference], RATE)
    found = winnow.score(e, reference=r, mixture=e, measures=PLAIN)
    for value in [*found.values.values(), *found.mixture.values()]:
        assert value is None or math.isfinite(value)
    undefined = [name for name, value in found.values.items() if value is None]
    assert any(note.endswith(", ".join(undefined)) for note in found.notes)
    assert ("the reference is silent" in found.notes) == (reference == "silence")
    assert ("the estimate is silent" in found.notes) == (estimate == "silence")
    assert "nan" not in str(found)


def test_the_mixture_stands_beside_the_result():
    clean, disturbance = noise(1, 2), noise(1, 2, seed=1)
    found = winnow.score(
        (clean + 0.1 * disturbance, RATE),
        reference=(clean, RATE),
        mixture=(clean + disturbance, RATE),
        measures=["si_sdr", "si_sdr_improvement", "sir", "lsd", "rms"],
    )
    assert found.values["si_sdr_improvement"] == pytest.approx(20, abs=0.5)
    assert found.values["si_sdr_improvement"] == found.values["si_sdr"] - found.mixture["si_sdr"]
    assert found.values["sir"] == pytest.approx(20, abs=0.5)
    lines = str(found).splitlines()
    assert lines[0].startswith("si_sdr ") and lines[0].endswith(", better")
    assert next(line for line in lines if line.startswith("lsd")).endswith(", better")
    alone = winnow.score(
        (clean + 0.1 * disturbance, RATE),
        reference=(clean, RATE),
        mixture=(clean + disturbance, RATE),
        measures=["si_sdr_improvement"],
    )
    assert list(alone.values) == ["si_sdr_improvement"] and not alone.mixture


def test_blocks_do_not_matter():
    """A file is read in blocks of its own; the same samples in one array of a hundred seconds score the same."""
    clean, estimate = noise(1, 100), noise(1, 100) + 0.2 * noise(1, 100, seed=3)
    found = winnow.score((estimate, RATE), reference=(clean, RATE), measures=["si_sdr", "rms"])
    from winnow.metrics.level import rms
    from winnow.metrics.sdr import si_sdr

    assert found.values["si_sdr"] == pytest.approx(si_sdr(clean[0], estimate[0]), abs=1e-6)
    assert found.values["rms"] == pytest.approx(rms(estimate), abs=1e-9)


def test_an_absent_package_is_noted_or_refused_with_the_install_line(monkeypatch):
    real = choose.find_spec
    monkeypatch.setattr(choose, "find_spec", lambda name: None if name == "pystoi" else real(name))
    signal = Audio(noise(1, 0.5), RATE)
    notes: list[str] = []
    names = choose.select(None, {"reference"}, notes)
    assert "stoi" not in names and "snr" in names
    assert 'left out: stoi, estoi; needs pystoi: pip install "winnow-audio[score]"' in notes
    assert len(notes) == len(set(notes))
    assert choose.install_line("pesq") == 'pip install "winnow-audio[score,pesq]"'
    with pytest.raises(MissingExtra, match="pip install"):
        winnow.score(signal, reference=signal, measures=["stoi"])


class Parrot:
    """A recogniser that says what the level tells it."""

    name, longest = "parrot", 10.0

    def hear(self, pieces):
        for piece in pieces:
            yield "quite loud here" if np.abs(piece).max() > 0.3 else "loud here"


def test_words_are_compared_with_the_text_or_the_reference(tmp_path):
    pytest.importorskip("jiwer")
    loud, soft = (np.ones(RATE), RATE), (0.1 * np.ones(RATE), RATE)
    (tmp_path / "said.txt").write_text("Quite LOUD here!", encoding="utf-8")
    for said in ("quite loud here", tmp_path / "said.txt"):
        found = winnow.score(soft, words=said, recogniser=Parrot(), measures=["wer", "cer", "legacy_wer", "rms"])
        assert found.values["legacy_wer"] == pytest.approx(
            1 if "LOUD" in str(said) or said != "quite loud here" else 1 / 3
        )
        assert found.values["wer"] == pytest.approx(100 / 3) and found.heard == "loud here"
        assert str(found.words).startswith("[-quite] loud here")
    beside = winnow.score(soft, reference=loud, mixture=soft, recogniser=Parrot(), measures=["wer"])
    assert beside.values["wer"] == beside.mixture["wer"] == pytest.approx(100 / 3)
    assert "what parrot hears in the reference" in beside.notes[0]
    with pytest.raises(InputNotFound):
        winnow.score(soft, words=tmp_path / "absent.txt", recogniser=Parrot())


def test_talkers_are_scored_in_the_order_of_their_references():
    voices = noise(2, 1)
    found = score_talkers(
        [(voices[1] + 0.1 * voices[0], RATE), (voices[0], RATE)],
        [(voices[0], RATE), (voices[1], RATE)],
        measures=["si_sdr"],
    )
    assert found.order == [1, 0]
    assert [scores.values["si_sdr"] for scores in found.scores] == [100, pytest.approx(20, abs=0.5)]
    with pytest.raises(BadInput, match="1 estimates and 2 references"):
        score_talkers([(voices[0], RATE)], [(voices[0], RATE)] * 2)


def test_scores_print_without_values():
    assert str(Scores({}, [], 0.0)) == ""


def test_importing_and_choosing_loads_nothing_heavy():
    code = (
        "import sys, winnow, winnow.metrics.measures as m; len(m.MEASURES); "
        "print([n for n in ('scipy', 'av', 'onnxruntime', 'pesq', 'pystoi', 'jiwer', 'soxr') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_page_of_measures_is_the_registry():
    page = Path(__file__).parents[1] / "docs" / "measures.md"
    if not page.exists():
        pytest.skip("docs/ is not part of this copy")
    rows = [
        f"| `{m.name}` | {m.explanation} | {m.unit or '-'} | {m.better or '-'} | {', '.join(m.needs) or '-'}"
        f"{f' ({m.package})' if m.package else ''} | {m.source} |"
        for m in MEASURES.values()
    ]
    text = page.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("| `") and line.count("|") == 7] == rows
