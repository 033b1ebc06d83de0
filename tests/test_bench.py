"""The benchmarks' own parts: alignment, SI-SDR, rooms, the fixed list, tables, sections."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import wave
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCH = Path(__file__).parents[1] / "bench"
if not BENCH.is_dir():
    pytest.skip("bench/ is not part of this copy", allow_module_level=True)
pytest.importorskip("scipy", reason="the benchmarks need scipy")
sys.path.insert(0, str(BENCH))

from kit import footprint, material, measures, movies, process, report, sound, timing  # noqa: E402

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def script(name: str) -> ModuleType:
    """A benchmark script as a module."""
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def noise(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(length).astype(np.float32)


def orthogonal(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Two signals of unit power, without mean, orthogonal to each other."""
    time = 2 * np.pi * np.arange(length) / length
    return np.sqrt(2) * np.sin(5 * time), np.sqrt(2) * np.cos(9 * time)


@pytest.mark.parametrize("decibels", [-10.0, 0.0, 25.0])
@pytest.mark.parametrize("gain", [0.1, -3.0])
def test_si_sdr_of_orthogonal_noise_is_its_ratio_at_any_gain(decibels: float, gain: float) -> None:
    target, error = orthogonal(16000)
    estimate = gain * (target + error * 10 ** (-decibels / 20)) + 0.5
    assert measures.si_sdr(target, estimate) == pytest.approx(decibels, abs=1e-6)


def test_si_sdr_takes_the_reference_first() -> None:
    reference, estimate = noise(4000), noise(4000) + 0.3 * noise(4000, 1)
    estimate[:2000] = 0
    assert measures.si_sdr(reference, estimate) == pytest.approx(measures.si_sdr(reference, 2 * estimate))
    assert measures.si_sdr(reference[:2000], reference[:2000]) > 120


@pytest.mark.parametrize("lag", [0, 1, 384, -25])
def test_delay_is_found_in_noise_and_taken_out(lag: int) -> None:
    clean = noise(20000)
    late = sound.shift(clean, -lag) + 0.5 * noise(20000, 1)
    assert sound.delay(clean, late.astype(np.float32)) == lag
    assert sound.delay(clean, sound.shift(late, lag)) == 0


def test_interval_holds_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        _, low, high = measures.interval(rng.normal(3.0, 1.0, 40), draws=400)
        hits += low <= 3.0 <= high
    assert 0.88 <= hits / 200 <= 0.99  # 95 % asked for; the percentile bootstrap is a little narrow at 40


def test_interval_leaves_out_what_is_no_number() -> None:
    assert measures.interval([1.0, float("nan"), 3.0, float("inf")])[0] == 2.0
    assert np.isnan(measures.interval([float("inf")])[0])


def test_room_is_split_at_the_direct_path_even_if_a_reflection_is_louder() -> None:
    response = np.zeros(4000, np.float32)
    response[300], response[500], response[300 + material.EARLY + 50] = 0.5, 0.9, 0.4
    early, whole = material.split_room(response)
    assert np.sum(early**2) == pytest.approx(1, rel=1e-5)
    assert np.flatnonzero(early).tolist() == [material.LEAD, material.LEAD + 200]
    assert len(np.flatnonzero(whole)) == 3
    speech = noise(3000)
    dry = material.convolve(speech, np.eye(1, material.LEAD + 1, material.LEAD, dtype=np.float32)[0])
    np.testing.assert_allclose(dry, speech, atol=1e-5)


def test_loop_begins_again() -> None:
    np.testing.assert_array_equal(sound.loop(np.arange(3, dtype=np.float32), 2, 5), [2, 0, 1, 2, 0])


def test_draw_is_a_function_of_the_seed_and_balanced() -> None:
    make_list = script("make_list")
    speech = [f"speech/{i}.flac" for i in range(7)]
    pools = [[f"{name}/{kind}/{i}" for kind in "ab" for i in range(3)] for name in make_list.NOISES]
    arguments = (speech, pools, ["rir/a/0", "rir/b/0", "rir/b/1"], lambda _: 200_000, lambda *_: 0.1)
    mixtures = make_list.draw(*arguments)
    random.seed(99)
    assert mixtures == make_list.draw(*arguments)
    assert len(mixtures) == 100 and len({m.id for m in mixtures}) == 100
    for snr in make_list.SNRS:
        chosen = [m for m in mixtures if m.snr == snr]
        assert len(chosen) == 20 and sum(bool(m.rir) for m in chosen) == 10
    counts = [sum(m.speech == name for m in mixtures) for name in speech]
    assert max(counts) - min(counts) <= 1


def test_silent_noise_is_drawn_again() -> None:
    make_list = script("make_list")
    name, _ = make_list.draw_noise(
        random.Random(0), ["a/quiet", "a/loud"], 100, lambda _: 1000, lambda f, *_: 0.1 if "loud" in f else 0.0
    )
    assert name == "a/loud"


def test_list_is_what_the_seed_gives_from_the_data(tmp_path: Path) -> None:
    folder = os.environ.get("WINNOW_BENCH_DATA")
    if not folder:
        pytest.skip("needs the audio: WINNOW_BENCH_DATA is not set")
    make_list = script("make_list")
    make_list.write(make_list.make(Path(folder)), tmp_path / "list.csv")
    assert (tmp_path / "list.csv").read_bytes() == material.LIST.read_bytes()


def test_list_survives_writing_and_names_no_machine(tmp_path: Path) -> None:
    mixtures = material.read_list(material.LIST)
    script("make_list").write(mixtures, tmp_path / "list.csv")
    assert material.read_list(tmp_path / "list.csv") == mixtures
    for mixture in mixtures:
        assert not any(str(value).startswith(("/", "~", ".")) for value in asdict(mixture).values())


def test_rendered_mixture_has_the_ratio_and_level_of_its_line(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, scale in (("speech", 0.1), ("noise", 0.3)):
        sound.write_wav(tmp_path / f"{name}.wav", [scale * rng.standard_normal(48000) / 4], 16000)
    bare = material.Mixture("m", 5, "speech.wav", 100, 40000, "noise.wav", 30000, "", 1.0, 1.0)
    mixture = script("make_list").set_gains(bare, tmp_path)
    clip = material.render(mixture, tmp_path)
    added = clip.noisy - clip.reference
    assert 20 * np.log10(sound.rms(clip.reference) / sound.rms(added)) == pytest.approx(5, abs=0.01)
    assert 20 * np.log10(sound.rms(clip.reference)) == pytest.approx(-25, abs=0.01)


def test_section_is_replaced_and_the_rest_kept() -> None:
    page = report.replace_section("# Page\n\nbefore\n", "speed", "one")
    page = report.replace_section(page + "\nafter\n", "quality", "two \\1")
    page = report.replace_section(page, "speed", "three \\1")
    assert page.index("before") < page.index("three \\1") < page.index("after") < page.index("two \\1")
    assert "one" not in page and page.count("<!-- speed:begin -->") == 1
    assert report.replace_section(page, "speed", "three \\1") == page


def test_table_has_even_columns() -> None:
    lines = report.table(["system", "dB"], [["a", "1.0"], ["longer name", "-10.25"]]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert [line.count("|") for line in lines] == [3] * 4


def test_figures_are_met_on_the_right_side() -> None:
    figure = script("speed").Figure
    assert figure("load", 0.01, "", 0.017, 0.008).met() == "yes"
    assert figure("load", 0.02, "", 0.017, 0.008).met() == "no"
    assert figure("speed", 90, "", 25, 80, higher=True).met() == "aim"
    assert figure("start", 0.6, "s", 0.5).met() == "no"


def test_bundles_of_one_name_are_told_apart() -> None:
    title = script("quality").title
    models = ["runs/a/best", "runs/b/best", "denoise-16k"]
    assert [title(model, models) for model in models] == ["winnow a/best", "winnow b/best", "winnow denoise-16k"]


def test_difference_is_taken_clip_by_clip() -> None:
    quality = script("quality")
    clips = [material.Clip(str(i), "paired", None, False, noise(1), noise(1)) for i in range(20)]
    theirs = [(clip, {"pesq": float(i)}) for i, clip in enumerate(clips)]
    mine = [(clip, {"pesq": i + 0.25}) for i, clip in enumerate(clips)]
    assert quality.difference(mine, theirs, "paired", "pesq", 2) == "+0.25 [+0.25, +0.25]"
    results = {"winnow x": mine, "RNNoise": theirs, "noisereduce": [(c, {"pesq": 99.0}) for c in clips]}
    assert quality.above(results, "winnow x", ("RNNoise", "DTLN"), "paired") == "not measured: DTLN"


def test_state_is_fed_back_from_step_to_step() -> None:
    class Graph:
        seen: list[float]

        def __init__(self) -> None:
            self.seen = []

        def get_inputs(self) -> list[object]:
            return [Node("spectrum", [1, "T", 3, 2]), Node("memory", [1])]

        def run(self, _: None, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            self.seen.append(float(feed["memory"][0]))
            assert feed["spectrum"].shape == (1, 1, 3, 2)
            return [feed["spectrum"], feed["memory"] + 1]

    class Node:
        def __init__(self, name: str, shape: list[int | str]) -> None:
            self.name, self.shape = name, shape

    graph = Graph()
    step = timing.loop(graph)  # type: ignore[arg-type]
    for _ in range(4):
        step()
    assert graph.seen == [0, 1, 2, 3]


@linux
def test_peak_memory_counts_what_the_process_held_and_not_ours() -> None:
    keep = np.ones(30_000_000)  # 240 MB in this process, which must not be counted
    code = "import time; held = b'x' * {}; time.sleep(0.2); del held; time.sleep(0.2)"
    small, large = (process.watch([sys.executable, "-c", code.format(size)]).megabytes for size in (1, 200_000_000))
    assert large - small == pytest.approx(200, rel=0.05)
    assert small < 100 < keep.nbytes / 1e6


def test_footprint_counts_packages_and_leaves_pip_out(tmp_path: Path) -> None:
    for name, size in (("pip", 9_000_000), ("numpy", 3_000_000), ("numpy/core", 1_000_000)):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "data.bin").write_bytes(os.urandom(size))
    assert footprint.entries(tmp_path) == {"numpy": pytest.approx(4.0, rel=0.02)}


def test_long_files_have_their_length(tmp_path: Path) -> None:
    samples = movies.synthetic()
    movies.long_wav(tmp_path / "long.wav", samples, 1.5)
    movies.long_mp4(tmp_path / "long.mp4", samples, 1.5)
    assert len(sound.read(tmp_path / "long.wav")) == 90 * 16000
    video = sound.read(tmp_path / "long.mp4")
    assert len(video) == pytest.approx(90 * 16000, abs=1024)
    assert sound.delay(samples[:480000], video[:480000]) == pytest.approx(0, abs=400)


def test_repeated_recordings_have_their_length_and_channels(tmp_path: Path) -> None:
    hours, stereo = script("hours"), 0.1 * np.stack([noise(1000), noise(1000, 1)])
    hours.repeated(tmp_path / "long.wav", stereo, 0.01)
    with wave.open(str(tmp_path / "long.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 16000, 9600)
        samples = np.frombuffer(file.readframes(9600), "<i2").reshape(-1, 2)
    assert np.array_equal(samples[3000:4000], samples[:1000]) and np.array_equal(samples[9000:], samples[:600])
    assert np.abs(samples[:1000] / 32767 - stereo.T).max() < 1e-4


def test_memory_that_grows_with_the_length_is_told_apart() -> None:
    hours = script("hours")
    cells = hours.row("ica", process.Run(3.0, 300.0), process.Run(12.0, 340.0), 60)
    assert cells == ["ica", "2", "0.20", "300", "340", "+40"]


def test_one_microphone_beside_random_numbers_gains_nothing() -> None:
    talkers = np.stack([noise(32000) ** 3, noise(32000, 1) ** 3]).astype(np.float32) * 0.01
    assert np.abs(script("blind").one_microphone(talkers)).max() < 0.2
    assert min(script("blind").from_desk([noise(32000) ** 3, noise(32000, 1) ** 3], 2)) > 10


def test_rumble_is_no_part_of_the_speech(tmp_path: Path) -> None:
    time = np.arange(32000) / 16000
    high, rumble = np.sin(2 * np.pi * 300 * time), 2 * np.sin(2 * np.pi * 12 * time)
    sound.write_wav(tmp_path / "hum.wav", [0.3 * (high + rumble)], 16000)
    assert measures.si_sdr(high, script("system5").voice(tmp_path / "hum.wav")) > 40
