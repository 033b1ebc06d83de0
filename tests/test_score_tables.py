"""How numbers are put, what is called better, and which recordings are the worst."""

import json

import pytest

from winnow.metrics.report.comparison import compare
from winnow.metrics.report.page import page, remarks_of, speed_of, verdict_line
from winnow.metrics.report.results import Record, Results, as_json
from winnow.metrics.report.tables import Row, label, main_measure, number, rows, verdict, worst
from winnow.metrics.statistics import difference


def results(name, after, before=None):
    pairs = zip(after, before or [None] * len(after), strict=True)
    records = [
        Record(f"r{k}", seconds=2.0, values={name: a}, before={name: b} if b is not None else {})
        for k, (a, b) in enumerate(pairs)
    ]
    return Results("score", "title", {}, records)


@pytest.mark.parametrize(
    "name, value, text",
    [
        ("si_sdr", 12.345, "12.3"),
        ("stoi", 0.91234, "0.912"),
        ("pesq_wb", 2.5, "2.50"),
        ("bandwidth", 7999.6, "8000"),
        ("dropouts", 3.0, "3"),
        ("dropouts", 2.25, "2.250"),
        ("si_sdr", -0.04, "0.0"),
        ("si_sdr", None, "-"),
        ("unknown", 1.23456, "1.235"),
    ],
)
def test_numbers(name, value, text):
    assert number(name, value) == text


def test_signs():
    assert number("si_sdr", 2.0, sign=True) == "+2.0" and number("si_sdr", 0.01, sign=True) == "0.0"


@pytest.mark.parametrize(
    "name, change, word",
    [
        ("si_sdr", 1.0, "better"),
        ("si_sdr", -1.0, "worse"),
        ("wer", 1.0, "worse"),
        ("wer", -1.0, "better"),
        ("si_sdr", 0.01, "same"),
        ("lufs", 5.0, ""),
        ("si_sdr", None, ""),
        ("unknown", 5.0, ""),
    ],
)
def test_better_and_worse(name, change, word):
    assert verdict(name, change) == word


def test_chance_is_not_called_better():
    up, mixed = difference([0.0] * 8, [1.0, 2, 1, 2, 1, 2, 1, 2]), difference([0.0] * 8, [3.0, -2, 3, -2, 3, -2, 1, -2])
    assert (verdict("si_sdr", up.mean, up), verdict("wer", up.mean, up)) == ("better", "worse")
    assert verdict("si_sdr", mixed.mean, mixed) == "unclear"
    few = difference([0.0] * 3, [1.0, 2, 1])
    assert verdict("si_sdr", few.mean, few) == "too few"


def test_the_worst_come_first_whichever_direction_is_the_better():
    assert worst(results("si_sdr", [3.0, 1.0, None, 2.0]), 2) == ["r1", "r3"]
    assert worst(results("wer", [3.0, 1.0, 2.0]), 2) == ["r0", "r2"]
    assert worst(results("lufs", [3.0, 1.0]), 1) == ["r0"], "no direction: as they come"


def test_the_first_measure_has_a_direction():
    assert main_measure(["lufs", "snr", "pesq_wb"]) == "pesq_wb"
    assert main_measure(["lufs", "snr"]) == "snr"
    assert main_measure(["lufs"]) is None


def test_a_row_compares_only_what_has_both_values():
    row = Row(results("si_sdr", [5.0, None, 7.0], [1.0, 2.0, 4.0]), "si_sdr")
    assert (row.after.mean, row.by, row.change.count) == (6.0, 3.5, 2)
    assert Row(results("si_sdr", [5.0], [1.0]), "si_sdr").verdict == "better"


def test_the_sentence_of_the_page_counts_the_harmed():
    found = results("si_sdr", [5.0, 5, 5, 5, 5, 5, 0.5], [1.0] * 7)
    assert verdict_line(found, rows(found)) == (
        "SI-SDR goes from 1.0 dB to 4.4 dB (higher is better): better. It became worse on 1 of 7 recordings."
    )
    assert verdict_line(results("si_sdr", []), []) == "Nothing could be measured."
    assert "Nothing could be measured." in page(results("si_sdr", []))


def test_remarks_are_told_once():
    records = [Record(f"r{k}", notes=["resampled"] + (["short"] if k else [])) for k in range(3)]
    assert remarks_of(Results("score", "t", {}, records)) == ["resampled", "short (2 recordings)"]


def test_speed_is_that_of_all_together():
    records = [
        Record("a", seconds=10.0, enhancing=1.0),
        Record("b", seconds=20.0, enhancing=1.0),
        Record("c", seconds=5.0),
    ]
    assert speed_of(Results("evaluation", "t", {}, records)) == 15.0
    assert speed_of(Results("evaluation", "t", {}, records[2:])) is None


def test_no_infinity_reaches_the_json():
    found = results("si_sdr", [float("inf"), float("nan"), 1.0])
    document = as_json(found)
    assert [file["values"]["si_sdr"] for file in document["files"]] == [None, None, 1.0]
    assert document["summary"]["si_sdr"]["mean"] == 1.0
    json.dumps(document, allow_nan=False)


def test_comparison_is_paired_by_name_and_not_by_place():
    first = results("si_sdr", [1.0, 2.0, 3.0])
    second = Results("score", "b", {}, list(reversed(results("si_sdr", [2.0, 3.0, 4.0]).records)))
    change = compare({"a": first, "b": second}).lines[0].differences["b"]
    assert (change.mean, change.larger) == (1.0, 3)


def test_labels():
    assert (label("si_sdr"), label("snr"), label("mel_distance")) == ("SI-SDR", "SNR", "mel distance")
