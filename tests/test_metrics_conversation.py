"""Diarisation error rate and swaps of tracks: hand-made cases, and agreement with counting frame by frame."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from winnow.errors import BadInput, BadOption
from winnow.metrics.diarisation import Diarisation, Turn, diarisation
from winnow.metrics.tracks import Tracking, swaps_of, tracking

RATE = 1000


def turns(text: str) -> list[Turn]:
    """`a 0 5, b 5 9` as turns."""
    words = [each.split() for each in text.split(",") if each.strip()]
    return [Turn(name, float(start), float(end)) for name, start, end in words]


def parts(found: Diarisation) -> tuple[float, float, float, float]:
    return found.missed, found.false_alarm, found.confusion, found.spoken


@pytest.mark.parametrize(
    ("true", "found", "expected"),
    [
        ("a 0 5, b 5 9", "x 0 5, y 5 9", (0, 0, 0, 9)),
        ("a 0 5, b 5 9", "y 0 5, x 5 9", (0, 0, 0, 9)),  # names mean nothing
        ("a 0 5, b 5 9", "x 0 9", (0, 0, 4, 9)),  # one track for two
        ("a 0 5, b 5 9", "", (9, 0, 0, 9)),
        ("a 2 5", "x 0 5", (0, 2, 0, 3)),
        ("a 0 6, b 4 6", "x 0 6", (2, 0, 0, 8)),  # one of two at once is missed
        ("a 0 6", "x 0 6, y 1 3", (0, 2, 0, 6)),
        ("a 0 6, b 6 10", "x 0 3, y 3 6, x 6 10", (0, 0, 3, 10)),  # x is b (4 s) and y is a (3 s)
        ("a 0 3, a 2 6", "x 0 6", (0, 0, 0, 6)),  # overlapping turns of one talker count once
    ],
)
def test_diarisation_by_hand(true: str, found: str, expected: tuple[float, ...]) -> None:
    assert parts(diarisation(turns(true), turns(found), collar=0)) == pytest.approx(expected)


def test_what_lies_within_the_collar_is_not_judged() -> None:
    true, late = turns("a 1 5, b 6 9"), turns("x 1.2 5.2, y 6.2 9")
    assert diarisation(true, late, collar=0.25).rate == 0
    assert diarisation(true, late, collar=0.25).spoken == pytest.approx(3.5 + 2.5)
    assert diarisation(true, late, collar=0.1).missed == pytest.approx(0.1 + 0.1)
    assert diarisation(true, late, collar=0.1).false_alarm == pytest.approx(0.1)


def drawn(rng: np.random.Generator, names: str) -> list[Turn]:
    """Turns on a grid of a tenth of a second."""
    begins = rng.integers(0, 200, (12, 2))
    return [Turn(str(rng.choice(list(names))), b / 10, (b + n % 40 + 1) / 10) for b, n in begins]


def by_frames(true: list[Turn], found: list[Turn]) -> float:
    """DER by counting tenths of a second, over all ways to match."""
    names, others = sorted({t.talker for t in true}), sorted({t.talker for t in found})

    def grid(side: list[Turn], who: list[str]) -> np.ndarray:
        cells = np.zeros((len(who), 300), int)
        for talker, start, end in side:
            cells[who.index(talker), round(start * 10) : round(end * 10)] = 1
        return cells

    speaking, heard = grid(true, names), grid(found, others)
    most = max(len(names), len(others))
    heard = np.pad(heard, ((0, most - len(others)), (0, 0)))
    speaking = np.pad(speaking, ((0, most - len(names)), (0, 0)))
    wrong = np.maximum(speaking.sum(0), heard.sum(0))
    return min(
        (wrong - (speaking * heard[list(order)]).sum(0)).sum() / speaking.sum() for order in permutations(range(most))
    )


@pytest.mark.parametrize("seed", range(25))
def test_diarisation_agrees_with_counting_over_all_permutations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true, found = drawn(rng, "abcd"[: rng.integers(1, 5)]), drawn(rng, "wxyz"[: rng.integers(1, 5)])
    assert diarisation(true, found, collar=0).rate == pytest.approx(by_frames(true, found), abs=1e-9)


def test_diarisation_refuses_what_is_no_turn() -> None:
    with pytest.raises(BadInput, match="before it begins"):
        diarisation([Turn("a", 2, 1)], [])
    with pytest.raises(BadOption, match="collar"):
        diarisation([], [], collar=-1)
    with pytest.raises(BadInput, match="16 a side"):
        diarisation([Turn(str(k), k, k + 1) for k in range(17)], [])
    assert diarisation([], turns("x 0 1")).rate is None


def voices(count: int, seconds: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, seconds * RATE)).astype(np.float32)


def test_no_swap_where_tracks_are_the_voices_in_another_order() -> None:
    true = voices(3, 20)
    found = tracking(true, 0.5 * true[[2, 0, 1]], true.sum(0), RATE)
    assert found.tracks == [1, 2, 0]
    assert (found.swap_rate, found.swaps_per_hour) == (0.0, 0.0)
    assert all(gain is not None and gain > 60 for gain in found.improvements)


def test_a_quarter_of_the_time_swapped_is_a_quarter() -> None:
    true = voices(2, 40)
    out = true.copy()
    out[:, 20 * RATE : 30 * RATE] = out[::-1, 20 * RATE : 30 * RATE].copy()
    found = tracking(true, out, true.sum(0), RATE)
    assert found.tracks == [0, 1]
    assert found.swap_rate == pytest.approx(0.25)
    assert found.swaps_per_hour == pytest.approx(4 * 90)  # there and back, two talkers, 40 s


def test_only_active_time_counts() -> None:
    true = voices(2, 40)
    true[0, 10 * RATE :] = 0
    out = true.copy()
    out[:, 20 * RATE :] = out[::-1, 20 * RATE :].copy()  # the first voice is silent there
    assert tracking(true, out, true.sum(0), RATE).swap_rate == pytest.approx(20 / 50)


def test_two_voices_in_one_track_are_not_apart() -> None:
    true = voices(2, 20)
    out = np.stack([true.sum(0), 0.01 * voices(1, 20, 5)[0]])
    found = tracking(true, out, true.sum(0), RATE)
    assert found.swap_rate == pytest.approx(0.5)
    assert tracking(true, out[:1], true.sum(0), RATE).tracks.count(None) == 1


def test_blocks_change_nothing() -> None:
    true = voices(2, 11)
    out = 0.3 * true[::-1] + true
    whole = tracking(true, out, true.sum(0), RATE)
    pieces = Tracking(2, 2, RATE)
    for start in range(0, true.shape[1], 777):
        cut = np.s_[:, start : start + 777]
        pieces.feed(true[cut], out[cut], true.sum(0)[start : start + 777])
    result = pieces.result()
    assert (result.tracks, result.swap_rate) == (whole.tracks, whole.swap_rate)
    assert result.improvements == pytest.approx(whole.improvements)


def test_silence_and_wrong_shapes() -> None:
    nothing = np.zeros((2, 5 * RATE), np.float32)
    found = tracking(nothing, nothing, nothing[0], RATE)
    assert (found.swap_rate, found.swaps_per_hour, found.improvements) == (None, 0.0, [None, None])
    assert tracking(nothing[:, :100], nothing[:, :100], nothing[0, :100], RATE).swap_rate is None
    with pytest.raises(BadInput, match="references are"):
        tracking(nothing, nothing[:, 1:], nothing[0], RATE)
    with pytest.raises(BadInput, match="1 to 16"):
        Tracking(0, 1, RATE)


@pytest.mark.parametrize(
    ("heard", "swaps"),
    [
        ("", 0),
        ("0", 0),
        ("0000", 0),
        ("0010", 0),
        ("0011", 1),
        ("001100", 2),
        ("01010101", 0),
        ("00120", 0),
        ("1100", 1),
    ],
)
def test_swaps_last_a_second(heard: str, swaps: int) -> None:
    assert swaps_of([int(track) for track in heard]) == swaps
