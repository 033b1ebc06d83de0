"""Sets on disk: the same bytes on every engine, resumed where they stopped, checked against their list; examples on the fly."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from speechlike import RATE
from toycorpus import make_lists, pools_of
from winnow import media
from winnow.audio import Audio
from winnow.cli import run
from winnow.data.draw import draw
from winnow.data.engines import open_engine
from winnow.data.items import read_items, write_items
from winnow.data.loader import Loader, stem_names
from winnow.data.pools import build_pools
from winnow.data.presets import PRESETS, find_preset
from winnow.data.sets import Recipe, prepare, read_example, read_set, write
from winnow.data.writing import Writing
from winnow.errors import BadInput, BadOption, OutputError

CALM = ["seconds=1", "room=0", "on_mixture.codec=0", "on_mixture.band_limit=0"]


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    return make_lists(tmp_path_factory.mktemp("a corpus 'é'"))


@pytest.fixture(scope="module")
def pools(lists):
    return pools_of(lists)


def recipe(count=6, preset="denoise", seed=3, **facts):
    return Recipe(find_preset(preset, CALM), count, seed, **facts)


def make(folder, pools, made=None, engine="local", most_bad=20, **options):
    made = made or recipe()
    prepare(folder, made, pools)
    with open_engine(engine, **options) as ready:
        return write(folder, made, pools, ready, most_bad=most_bad)


def hashes(folder):
    """Of every file, by its name inside the folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def ready(tmp_path_factory, pools):
    """A set of six examples."""
    folder = tmp_path_factory.mktemp("sets") / "six"
    make(folder, pools)
    return folder


@pytest.fixture
def copied(ready, tmp_path):
    return Path(shutil.copytree(ready, tmp_path / "set"))


def test_a_set_holds_its_list_and_every_stem(ready):
    names = hashes(ready)
    stems = [f"{stem}/{number:06d}.wav" for stem in ("background", "mixture", "speech") for number in range(6)]
    assert sorted(names) == sorted([*stems, "examples.jsonl", "set.json"])
    sound = media.read(str(ready / "mixture" / "000003.wav"))
    assert (sound.rate, sound.samples.shape) == (RATE, (1, RATE))
    assert [example.number for example in read_set(ready)] == list(range(6))
    assert read_example(ready, 4) == list(read_set(ready))[4]


def test_several_processes_write_the_same_bytes(ready, pools, tmp_path):
    make(tmp_path / "set", pools, jobs=2)
    assert hashes(tmp_path / "set") == hashes(ready)


def test_spark_writes_the_same_bytes(ready, pools, tmp_path):
    pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
    if shutil.which("java") is None:
        pytest.skip("no Java")
    report = make(tmp_path / "set", pools, engine="spark", master="local[1]")
    assert report.count == 6 and hashes(tmp_path / "set") == hashes(ready)


@pytest.mark.parametrize("form", ["flac", "float"])
def test_other_formats_hold_the_same_sound(form, ready, pools, tmp_path):
    make(tmp_path / "set", pools, recipe(count=2, format=form))
    suffix = "flac" if form == "flac" else "wav"
    for number in range(2):
        one = media.read(str(tmp_path / "set" / "speech" / f"{number:06d}.{suffix}")).samples
        two = media.read(str(ready / "speech" / f"{number:06d}.wav")).samples
        assert np.abs(one - two).max() < 1e-4


def test_a_set_that_was_stopped_goes_on(copied, ready, pools):
    for name in ("mixture/000002.wav", "speech/000004.wav", "background/000005.wav"):
        (copied / name).unlink()
    (copied / "speech" / ".000004.wav.1234.part").write_bytes(b"half")
    before = (copied / "mixture" / "000000.wav").stat().st_mtime_ns
    assert make(copied, pools).count == 6
    assert hashes(copied) == hashes(ready)
    assert (copied / "mixture" / "000000.wav").stat().st_mtime_ns == before


def test_other_settings_are_refused(copied, pools):
    for other, message in (
        (recipe(7), "count 6"),
        (recipe(seed=4), "seed 3"),
        (recipe(preset="split"), "name denoise"),
    ):
        with pytest.raises(BadOption, match=f"made with .*{message}.* Give the same settings"):
            make(copied, pools, other)
    with pytest.raises(BadOption, match="other lists"):
        make(copied, build_pools([s.path for s in pools.speech.sources] * 2, [s.path for s in pools.noise.sources]))


def test_a_full_disk_leaves_a_set_that_goes_on(tmp_path, ready, pools, monkeypatch):
    folder, left, true = tmp_path / "set", iter(range(7)), Writing.write

    def full(self, path, samples, rate):
        if next(left, None) is None:
            raise OutputError(f"{path}: the disk is full. Free some space, or choose another folder.")
        true(self, path, samples, rate)

    monkeypatch.setattr(Writing, "write", full)
    with pytest.raises(OutputError, match="disk is full"):
        make(folder, pools)
    monkeypatch.undo()
    there = hashes(folder)
    assert 0 < sum("/" in name for name in there) < 18 and all(
        hashes(ready)[name] == value for name, value in there.items()
    )
    make(folder, pools)
    assert hashes(folder) == hashes(ready)


def test_a_disk_that_is_full_while_the_list_is_written_leaves_no_list(tmp_path, pools, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="disk is full"):
        prepare(tmp_path / "set", recipe(), pools)
    assert hashes(tmp_path / "set") == {}


@pytest.fixture
def damaged(lists, tmp_path):
    """Lists of which one recording of speech is gone, and another one is text."""
    rows = list(read_items(lists["speech"]))
    text = tmp_path / "text.wav"
    text.write_text("no sound here")
    changed = [
        type(row)(**{**row.__dict__, "path": str(text if k == 5 else tmp_path / "gone.wav")}) if k in (5, 8) else row
        for k, row in enumerate(rows)
    ]
    write_items(changed, tmp_path / "damaged.jsonl")
    return build_pools([str(tmp_path / "damaged.jsonl")], [lists["noise"]])


def test_unusable_recordings_are_listed_and_their_examples_drawn_again(tmp_path, damaged):
    folder = tmp_path / "set"
    report = make(folder, damaged, recipe(20))
    bad = [json.loads(line) for line in (folder / "unreadable.jsonl").read_text().splitlines()]
    assert (
        {Path(row["path"]).name for row in bad} == {"gone.wav", "text.wav"} == {Path(p).name for p in report.unreadable}
    )
    examples = list(read_set(folder))
    again = [example for example in examples if example.attempt]
    assert report.redrawn == len(again) > 0 and report.count == 20
    assert not [
        part for example in examples for part in example.parts if Path(part.path).name in ("gone.wav", "text.wav")
    ]
    assert again[0] == draw(again[0].number, recipe().config, damaged, 3, again[0].attempt)
    make(tmp_path / "two", damaged, recipe(20), jobs=2)
    assert hashes(tmp_path / "two") == hashes(folder)
    assert run(["data", "verify", str(folder), "--quiet"]) == 0


def test_too_many_unusable_recordings_fail_the_run(tmp_path, damaged):
    with pytest.raises(
        BadInput, match=r"2 recordings cannot be used, and --max-bad allows 1; .*unreadable.jsonl lists them"
    ):
        make(tmp_path / "set", damaged, recipe(20), most_bad=1)
    assert len((tmp_path / "set" / "unreadable.jsonl").read_text().splitlines()) == 2


# --- the commands


def winnow(capsys, *arguments):
    code = run(["data", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def sources(lists):
    return ("--speech", lists["speech"], "--noise", lists["noise"])


def test_mix_writes_a_set_and_says_so(capsys, lists, tmp_path, ready):
    given = [word for value in CALM for word in ("--set", value)]
    line = (
        "mix",
        *sources(lists),
        "--music",
        lists["noise"],
        "--rooms",
        lists["rooms"],
        *given,
        "--seed",
        3,
        "--jobs",
        1,
    )
    code, out, err = winnow(capsys, *line, "--count", 6, "-o", tmp_path / "set", "--list-only")
    assert (code, err) == (0, "") and sorted(hashes(tmp_path / "set")) == ["examples.jsonl", "set.json"]
    code, out, err = winnow(capsys, *line, "--hours", 6 / 3600, "-o", tmp_path / "set")
    assert (code, err) == (0, "") and out.splitlines()[-1].endswith("6 examples, 0.1 minutes")
    assert hashes(tmp_path / "set") == hashes(ready)


def test_mix_refuses_in_one_line(capsys, lists, tmp_path):
    given = ("mix", *sources(lists), "-o", tmp_path / "set")
    (tmp_path / "file").write_text("x")
    for arguments, message in (
        ((*given, "--count", 5), "needs rooms: give --rooms LIST"),
        ((*given, "--hours", 1, "--count", 5), "one of them"),
        ((*given,), "--hours H or --count N"),
        ((*given, "--count", 0), "--count is 1 or more"),
        ((*given, "--count", 1, "--preset", "splitt"), "Did you mean split"),
        ((*given, "--count", 1, "--jobs", 0), "--jobs is 1 or more"),
        ((*given, "--count", 1, "--format", "mp3"), "there are wav, flac, float"),
        ((*given, "--count", 1, "--engine", "abacus", "--set", "room=0"), "there are local, spark"),
        (("mix", "--speech", tmp_path, "--count", 1, "-o", tmp_path / "x"), "cannot be read"),
        (("mix", *sources(lists), "--count", 1, "--set", "room=0", "-o", tmp_path / "file"), "cannot be made"),
        (("show", tmp_path, 1), "no set of `winnow data mix`"),
        (("verify", tmp_path / "nowhere"), "no set of `winnow data mix`"),
    ):
        code, _, err = winnow(capsys, *arguments)
        assert code in (1, 2) and message in err and err.count("\n") == 1, err


def test_verify_finds_what_was_changed(capsys, copied):
    assert winnow(capsys, "verify", copied)[:2] == (0, f"{copied}   6 of 6 examples are what their records say\n")
    path = str(copied / "speech" / "000002.wav")
    samples = media.read(path).samples.copy()
    samples[0, 500] += 2 / 32768
    media.write(path, Audio(samples, RATE), bits=16)
    (copied / "mixture" / "000005.wav").unlink()
    code, out, err = winnow(capsys, "verify", copied)
    assert code == 1 and "4 of 6" in out
    assert "example 2: " in err and "differs by -84 dB" in err and "example 5: " in err and "is missing" in err
    assert "6 of 6" not in winnow(capsys, "verify", copied, "--sample", 2)[1]


def test_show_tells_what_an_example_is(capsys, ready, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need the extra `data`")
    code, out, err = winnow(capsys, "show", ready, 1, "-o", tmp_path / "seen")
    example = read_example(ready, 1)
    assert (code, err) == (0, "")
    assert example.parts[0].item in out and f"asked {example.snr:g} dB, measured {example.snr:.1f} dB" in out
    names = {path.name for path in (tmp_path / "seen").iterdir()}
    assert names == {f"000001{end}" for end in ("-mixture.wav", "-speech.wav", "-background.wav", ".png", ".txt")}
    assert (tmp_path / "seen" / "000001-speech.wav").read_bytes() == (ready / "speech" / "000001.wav").read_bytes()
    assert json.loads(winnow(capsys, "show", ready, 1, "--json")[1]) == json.loads(example.to_json())
    assert "has the examples 0 to 5, and no 6" in winnow(capsys, "show", ready, 6)[2]


def test_evaluate_can_read_a_set(ready):
    from winnow.evaluation.pairing import pair_folders

    pairs = pair_folders(str(ready / "speech"), str(ready / "mixture"))
    assert len(pairs.items) == 6 and not pairs.alone


def test_ctrl_c_leaves_a_set_that_goes_on(lists, tmp_path):
    import signal
    import sys
    import time

    folder = tmp_path / "set"
    words = ["data", "mix", *sources(lists), "--set", "room=0", "--count", "3000", "--jobs", "1", "-o", str(folder)]
    code = f"import sys; from winnow.cli import run; sys.exit(run({words!r}))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as child:
        while child.poll() is None and len(list(folder.glob("mixture/0*.wav"))) < 3:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        message = child.communicate()[1]
    *progress, last = message.splitlines()  # a busy machine takes long enough for a line of progress
    assert child.returncode == 130 and "the same command goes on" in last
    assert all(line.startswith(("drawing: ", "mixing: ")) for line in progress)
    assert not list(folder.rglob("*.part")) and (folder / "set.json").exists()
    assert sum(1 for _ in read_set(folder)) == 3000


# --- on the fly


@pytest.mark.parametrize("name", ["denoise", "talkers", "voice"])
def test_batches_are_the_same_whatever_the_workers(name, pools):
    config = find_preset(name, [*CALM, *(["talkers=1,3"] if name == "talkers" else [])])
    with Loader(config, pools, 3, seed=3) as alone, Loader(config, pools, 3, seed=3, workers=2, prefetch=2) as ahead:
        for step in (0, 1, 5, 2):
            one, two = alone(step), ahead(step)
            assert list(one) == list(two) == stem_names(config)
            assert all(np.array_equal(one[stem], two[stem]) and one[stem].shape[0] == 3 for stem in one)
        assert not np.array_equal(alone(0)["mixture"], alone(1)["mixture"])


def test_batches_hold_the_examples_that_a_set_holds(pools, ready):
    config = recipe().config
    batch = Loader(config, pools, 3, seed=3)(1)
    for place in range(3):
        for stem in ("mixture", "speech", "background"):
            stored = media.read(str(ready / stem / f"{3 + place:06d}.wav")).samples[0]
            assert np.abs(batch[stem][place] - stored).max() <= 1 / 32768


def test_a_loader_draws_again_and_gives_up_at_the_limit(damaged):
    config = recipe().config
    loader = Loader(config, damaged, 20, seed=3)
    first = loader(0)
    assert len(loader.bad) == 2 and np.abs(first["mixture"]).max(axis=1).min() > 0
    with pytest.raises(BadInput, match="2 recordings cannot be used, 1 are allowed"):
        Loader(config, damaged, 20, seed=3, workers=2, most_bad=1)(0)


def test_stems_of_every_preset_are_known(pools):
    for name, config in PRESETS.items():
        example = draw(0, find_preset(name, ["seconds=1", *(["talkers=2,3"] if name == "talkers" else [])]), pools, 0)
        assert set(example.stems) <= set(stem_names(config))


def test_a_refused_mix_announces_no_set(lists, tmp_path, capsys):
    code = run(["data", "mix", "--speech", str(lists["speech"]), "--count", "3", "-o", str(tmp_path / "set")])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "") and "needs noise" in err
    assert not (tmp_path / "set").exists()
