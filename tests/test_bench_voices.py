"""The benchmarks of talkers and voices: fixed lists, pitch, counting multiply-accumulates, simulated conversations, scores."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCH = Path(__file__).parents[1] / "bench"
if not BENCH.is_dir():
    pytest.skip("bench/ is not part of this copy", allow_module_level=True)
pytest.importorskip("scipy", reason="the benchmarks need scipy")
sys.path.insert(0, str(BENCH))

from kit import conversation, fixed, pitch, separating  # noqa: E402

RATE = 16000


def script(name: str) -> ModuleType:
    """A benchmark script as a module."""
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def noise(count: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


@pytest.mark.parametrize(("name", "kinds"), [("talkers", 4), ("voice", 5)])
def test_lists_are_balanced_and_tell_no_machine(name: str, kinds: int) -> None:
    mixtures = fixed.read_set(name)
    assert len({m.id for m in mixtures}) == len(mixtures)
    conditions = [m.condition for m in mixtures]
    assert len(set(conditions)) == kinds
    for condition in set(conditions) - {"absent", "alone"}:
        pairs = [m.pair for m in mixtures if m.condition == condition]
        assert [pairs.count(pair) for pair in ("lower", "higher", "different")] == [6, 6, 6]
    parts = [part for m in mixtures for part in m.example.parts]
    assert all(part.path.startswith("valid/") for part in parts)
    assert all(part.room.path.startswith("valid/rir/") for part in parts if part.room)
    assert not [part for part in parts if "ravdess" in part.path or "children" in part.path]


def test_reference_clips_share_no_moment_with_their_mixture() -> None:
    for mixture in fixed.read_set("voice"):
        clips, voices = mixture.example.of("reference"), mixture.example.of("voice")
        assert clips
        assert bool(voices) == (mixture.condition != "absent")
        for clip in clips:
            for voice in (v for v in voices if v.path == clip.path):
                first, second = sorted([clip, voice], key=lambda part: part.start)
                assert first.start + first.length / RATE <= second.start + 1e-3


def test_talkers_of_a_mixture_are_different_speakers() -> None:
    for name in ("talkers", "voice"):
        for mixture in fixed.read_set(name):
            roles = {part.role: Path(part.path).parent for part in mixture.example.parts if "noise" not in part.role}
            roles.pop("reference" if "voice" in roles else "", None)
            assert len(set(roles.values())) == len(roles)


@pytest.mark.skipif(not os.environ.get("WINNOW_BENCH_DATA"), reason="WINNOW_BENCH_DATA names no folder of audio")
@pytest.mark.parametrize("name", ["talkers", "voice"])
def test_lists_are_drawn_again_alike(name: str) -> None:
    assert script("make_sets").make(Path(os.environ["WINNOW_BENCH_DATA"]), name) == fixed.read_set(name)


@pytest.mark.parametrize("hertz", [85.0, 120.0, 180.0, 240.0])
def test_pitch_of_pulses(hertz: float) -> None:
    time = np.arange(2 * RATE)
    pulses = (np.diff(np.floor(time * hertz / RATE), prepend=0) > 0).astype(np.float32)
    ringing = np.exp(-np.arange(80) / 20) * np.sin(2 * np.pi * 700 * np.arange(80) / RATE)
    voice = np.convolve(pulses, ringing)[: time.size].astype(np.float32) + 0.01 * noise(time.size)
    assert pitch.median_pitch(voice) == pytest.approx(hertz, rel=0.02)
    assert pitch.side(hertz) == ("lower" if hertz < 155 else "higher")


def test_noise_has_no_pitch() -> None:
    assert np.isnan(pitch.median_pitch(noise(RATE)))


def test_multiply_accumulates_of_known_layers() -> None:
    onnx = pytest.importorskip("onnx", reason="graphs are written with onnx: the extra train")
    from kit.macs import fed, multiply_accumulates

    helper, tensor = onnx.helper, onnx.numpy_helper.from_array
    weights = [
        tensor(np.ones((6, 2, 5), np.float32), "kernel"),  # of 2 groups
        tensor(np.ones((6, 7), np.float32), "matrix"),
        tensor(np.ones((2, 12, 7), np.float32), "w"),  # LSTM both ways, 3 units
        tensor(np.ones((2, 12, 3), np.float32), "r"),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["c"], group=2, pads=[2, 2]),
        helper.make_node("Transpose", ["c"], ["t"], perm=[2, 0, 1]),
        helper.make_node("MatMul", ["t", "matrix"], ["m"]),
        helper.make_node("LSTM", ["m", "w", "r"], ["y"], hidden_size=3, direction="bidirectional"),
        helper.make_node("Einsum", ["y", "y"], ["e"], equation="tdbh,tdbk->hk"),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "g", [value("x", 1, [1, 4, 50])], [value("e", 1, [3, 3])], initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content, x = model.SerializeToString(), np.ones((1, 4, 50), np.float32)
    expected = 50 * 6 * 2 * 5 + 50 * 6 * 7 + 50 * 2 * 12 * (7 + 3) + 50 * 2 * 3 * 3
    assert multiply_accumulates(content, {"x": x}) == expected
    with fed() as seen:
        import onnxruntime

        onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    assert [multiply_accumulates(*each) for each in seen] == [expected]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("people", [1, 2, 4])
def test_two_at_most_speak_at_once_and_nobody_with_himself(seed: int, people: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = [[int(n) for n in rng.integers(RATE // 2, 5 * RATE, 4)] for _ in range(people)]
    length = 60 * RATE
    turns = conversation.placed(rng, sizes, length)
    count, mine = np.zeros(length // 16, int), np.zeros((people, length // 16), int)
    for talker, begin, parts in turns:
        end = begin + sum(sizes[talker][part] for part in parts)
        assert end <= length
        count[begin // 16 : end // 16] += 1
        mine[talker, begin // 16 : end // 16] += 1
    assert count.max() <= 2
    assert mine.max() == 1
    assert len({talker for talker, _, _ in turns}) == people


def test_streams_of_a_perfect_separator_hold_everything() -> None:
    talkers = np.stack([noise(10 * RATE, k) for k in range(3)])
    spans = [(0, 0, 30000), (1, 20000, 70000), (2, 71000, 110000), (0, 100000, 150000)]
    kept = np.zeros_like(talkers)
    for talker, begin, end in spans:
        kept[talker, begin:end] = talkers[talker, begin:end]
    scene = conversation.Scene("s", 3, 10, 0)
    made = conversation.Conversation(scene, kept, kept.sum(0), [], spans)
    streams = conversation.two_streams(made)
    np.testing.assert_allclose(streams.sum(0), made.mixture, atol=1e-6)
    np.testing.assert_array_equal(streams[:, 22000] != 0, [True, True])  # two at once are apart


def test_turns_with_short_pauses_are_one() -> None:
    from winnow.metrics.diarisation import Turn

    turns = [Turn("a", 0, 1), Turn("a", 1.3, 2), Turn("b", 0.5, 1), Turn("a", 2.6, 3)]
    expected = [Turn("a", 0, 2), Turn("a", 2.6, 3), Turn("b", 0.5, 1)]
    assert [tuple(np.round(t[1:], 6)) for t in conversation.joined(turns)] == [t[1:] for t in expected]


def test_scores_are_kept_by_sound_and_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separating, "CACHE", tmp_path)
    mixture = fixed.Sounding(fixed.read_set("talkers")[0], {"mixture": noise(100)}, RATE)
    calls: list[int] = []

    def score(_: fixed.Sounding) -> dict[str, float]:
        calls.append(1)
        return {"x": float(len(calls))}

    assert separating.scored("a b", "1", [mixture], score) == [{"x": 1.0}]
    assert separating.scored("a b", "1", [mixture], score) == [{"x": 1.0}]
    assert separating.scored("a b", "2", [mixture], score) == [{"x": 2.0}]
    other = fixed.Sounding(mixture.fixed, {"mixture": noise(100, 1)}, RATE)
    assert separating.scored("a b", "1", [other], score) == [{"x": 3.0}]
    assert separating.scored("a b", "1", [mixture], score, anew=True) == [{"x": 4.0}]


def test_cells_hold_mean_interval_and_median() -> None:
    assert separating.cell([1.0, 1.0, None, 1.0], sign="+") == "+1.0 [+1.0, +1.0], +1.0"
    assert separating.cell([float("nan")]) == "-"


def test_talkers_are_compared_in_their_best_order() -> None:
    pytest.importorskip("winnow.metrics.oracle")
    compared = script("talkers").compared
    true = [noise(RATE, 1), noise(RATE, 2)]
    mixture = true[0] + true[1]
    for estimates in (true, true[::-1], [noise(RATE, 3), *true]):
        scores = compared(true, estimates, mixture)
        assert min(scores["gain0"], scores["gain1"]) > 90
    assert max(abs(v) for k, v in compared(true, [mixture, mixture], mixture).items() if k.startswith("gain")) < 1e-9


def test_voice_is_compared_in_both_directions() -> None:
    pytest.importorskip("winnow.metrics.oracle")
    pytest.importorskip("winnow.models.voices")
    bench = script("voice")
    voice, other = noise(RATE, 1), noise(RATE, 2)
    true = {"mixture": voice + other, "voice": voice, "rest": other, "other": other}
    right = bench.compared(true, {"voice": voice, "rest": other})
    assert (right["voice_wrong"], right["rest_wrong"]) == (0.0, 0.0)
    assert min(right["voice_sdr"], right["rest_sdr"]) > 80
    wrong = bench.compared(true, {"voice": other, "rest": voice})
    assert (wrong["voice_wrong"], wrong["rest_wrong"]) == (1.0, 1.0)
    assert bench.fall(voice, 0.1 * voice) == pytest.approx(20, abs=1e-3)
    assert bench.fall(voice, 0 * voice) == 100


def test_a_bundle_is_measured_in_a_fresh_process(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="networks are made with torch: the extra train")
    pytest.importorskip("onnx", reason="graphs are written with onnx: the extra train")
    from test_complex import bundle

    made = bundle(tmp_path / "tiny", voice=5)
    stems = separating.Model(str(made.path)).stems(noise(12000), RATE, {"voice": np.eye(5, dtype=np.float32)[0]})
    assert list(stems) == ["voice", "rest"]
    np.testing.assert_allclose(stems["voice"] + stems["rest"], noise(12000), atol=1e-5)
    if sys.platform.startswith("linux"):
        from kit.running import cost

        found = cost(str(made.path), 2)
        assert found.macs > 1e5
        assert found.load > 0
        assert 0 < found.before <= found.megabytes
