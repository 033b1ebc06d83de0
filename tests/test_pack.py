"""Packs: what goes in comes out, to the sample; the same bytes each time; stopped and resumed; read without PyAV."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from makemedia import offset
from recordings import leftovers
from speechlike import hiss, talk
from winnow import media
from winnow.audio import Audio
from winnow.cli import run
from winnow.data import codec, packing
from winnow.data.items import Item, read_items, write_items
from winnow.data.pack import pack
from winnow.data.packing import PackSettings, gain_for
from winnow.data.shards import read_index, read_pack
from winnow.data.unpack import unpack
from winnow.errors import BadInput, BadOption, InputNotFound

FLAC = PackSettings("flac", size=150_000)


def recording(folder, name, samples, rate=16000, kind="speech", **facts):
    """Write a 16-bit WAV; its item."""
    path = folder / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    media.write(path, Audio(samples, rate), bits=16)
    return Item(name, str(path), kind, "toy", rate, len(samples), samples.shape[1], licence="CC0", **facts)


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    """Ten recordings of about a second at several levels and rates, names that are hard to bear, and their list."""
    base = tmp_path_factory.mktemp("voices 'of' \N{SPEAKING HEAD IN SILHOUETTE}")
    items = []
    for k in range(10):
        rate = (16000, 44100, 8000)[k % 3]
        sound = (talk(0.7 + k / 20, k, rate) + hiss(0.7 + k / 20, k, 0.02, rate)) * (0.01 if k == 4 else 1)
        sound = np.concatenate([sound, -0.5 * sound]) if k == 5 else sound
        items.append(recording(base, f'who is {k}/take "{k}"', sound, rate, speaker=f"s{k % 4}"))
    write_items(items, base / "list.jsonl")
    return base / "list.jsonl"


def tree(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def decibels(wanted, found):
    return 10 * np.log10(np.sum(wanted**2) / max(np.sum((found - wanted) ** 2), 1e-20))


@pytest.mark.parametrize("reader", ["av", "soundfile"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_opus_keeps_length_and_place_of_every_sample(rate, reader, monkeypatch):
    if reader == "soundfile":
        pytest.importorskip("soundfile", reason="the second reader of packs: pip install soundfile")
    sound = talk(1.3, 1, rate) + hiss(1.3, 1, 0.01, rate)
    data = codec.encode(sound, rate, "opus", 48000)
    assert data == codec.encode(sound, rate, "opus", 48000)
    if reader == "soundfile":
        monkeypatch.setitem(sys.modules, "av", None)
    found, its_rate = codec.decode(data, "it")
    there = Audio(sound, rate).resampled(its_rate).samples
    assert abs(found.shape[1] - there.shape[1]) <= 2
    assert abs(offset(found, there)) <= 1
    assert (
        decibels(there[:, : found.shape[1]], found[:, : there.shape[1]]) > 8
    )  # at the wrong place it would be below 0


def test_packed_as_opus_a_list_comes_back_with_its_lengths_and_levels(voices, tmp_path):
    index = pack(voices, tmp_path / "shards", PackSettings(bit_rate=48000))
    assert (index.recordings, index.complete, index.skipped) == (10, True, [])
    assert index.licences == {"toy": "CC0"}
    for item, record in zip(read_items(voices), read_pack(tmp_path / "shards"), strict=True):
        wanted, found = media.read(item.path).samples, record.samples()
        assert found.shape == wanted.shape
        assert abs(offset(found, wanted)) <= 1
        level = 10 * np.log10(np.sum(found**2) / np.sum(wanted**2))
        assert abs(level) < 1, f"{item.id} is {level:.1f} dB off"
        assert record.row["id"] == item.id and record.row["speaker"] == item.speaker
        assert record.samples(rate=16000).shape[1] == round(item.samples * 16000 / item.rate)


def test_packed_as_flac_a_list_comes_back_bit_for_bit(voices, tmp_path):
    pack(voices, tmp_path / "shards", FLAC)
    assert unpack(tmp_path / "shards", tmp_path / "out") == 10
    for item, back in zip(read_items(voices), read_items(tmp_path / "out" / "items.jsonl"), strict=True):
        np.testing.assert_array_equal(media.read(back.path).samples, media.read(item.path).samples)
        assert (back.id, back.speaker, back.samples, back.rate) == (item.id, item.speaker, item.samples, item.rate)
        assert str(tmp_path / "out") in back.path


def test_shards_follow_the_webdataset_convention_and_none_is_too_large(voices, tmp_path):
    index = pack(voices, tmp_path / "s", FLAC)
    assert len(index.shards) > 1
    keys = defaultdict(list)
    for shard in index.shards:
        assert (tmp_path / "s" / shard.name).stat().st_size == shard.bytes <= 150_000
        with tarfile.open(tmp_path / "s" / shard.name) as tar:
            for name in tar.getnames():
                keys[name.partition(".")[0]].append(name.partition(".")[2])
    assert len(keys) == 10 and all(suffixes == ["json", "flac"] for suffixes in keys.values())
    assert sum(shard.records for shard in index.shards) == 10


def test_the_same_bytes_whatever_the_threads_and_the_stops(voices, tmp_path):
    pack(voices, tmp_path / "one", FLAC)

    def stop(done, whole):
        if done > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(voices, tmp_path / "two", FLAC, jobs=3, tell=stop)
    begun = read_index(tmp_path / "two")
    assert begun.shards and not begun.complete
    assert not leftovers(tmp_path / "two")
    with pytest.raises(BadInput, match="not finished"):
        list(read_pack(tmp_path / "two"))
    kept = (tmp_path / "two" / "00000.tar").stat().st_mtime_ns
    pack(voices, tmp_path / "two", FLAC, jobs=3)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert (tmp_path / "two" / "00000.tar").stat().st_mtime_ns == kept


def test_a_long_recording_lies_in_parts_and_comes_back_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "LONGEST", 1.0)
    items = [recording(tmp_path, f"r{k}", hiss(seconds, k)) for k, seconds in enumerate((0.5, 5.3, 0.4))]
    write_items(items, tmp_path / "list.jsonl")
    index = pack(tmp_path / "list.jsonl", tmp_path / "s", FLAC, jobs=2)
    records = list(read_pack(tmp_path / "s"))
    assert [record.part for record in records] == [0, 0, 1, 2, 3, 4, 5, 0]
    assert index.recordings == 3 and len(index.shards) > 1
    assert unpack(tmp_path / "s", tmp_path / "out") == 3
    back = list(read_items(tmp_path / "out" / "items.jsonl"))
    np.testing.assert_array_equal(media.read(back[1].path).samples, media.read(items[1].path).samples)
    again = pack(tmp_path / "list.jsonl", tmp_path / "slow", replace(FLAC, rate=8000))
    assert again.seconds == pytest.approx(6.2, abs=0.001)
    joined = np.concatenate([r.samples() for r in read_pack(tmp_path / "slow") if r.number == 1], axis=1)
    assert decibels(media.read(items[1].path).resampled(8000).samples, joined) > 60


def test_what_cannot_be_read_is_listed_up_to_a_limit(voices, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    bad = Item("bad", str(tmp_path / "text.wav"), "speech", "toy", 16000, 1, 16000)
    gone = Item("gone", str(tmp_path / "gone.wav"), "speech", "toy", 16000, 1, 16000)
    write_items([bad, *read_items(voices), gone], tmp_path / "list.jsonl")
    index = pack(tmp_path / "list.jsonl", tmp_path / "s", FLAC, most_bad=0.2)
    assert [each["id"] for each in index.skipped] == ["bad", "gone"] and index.recordings == 10
    assert "text" in index.skipped[0]["reason"]
    with pytest.raises(BadInput, match="2 of 12 recordings could not be read"):
        pack(tmp_path / "list.jsonl", tmp_path / "t", FLAC, most_bad=0.1)
    write_items([bad], tmp_path / "bad.jsonl")
    with pytest.raises(BadInput, match="none of the recordings"):
        pack(tmp_path / "bad.jsonl", tmp_path / "u", FLAC, most_bad=1)


def test_a_set_is_packed_with_its_stems_together_and_unpacked_as_it_was(tmp_path):
    home = tmp_path / "set"
    for k in range(3):
        for stem, sound in (("mixture", talk(1, k) + hiss(1, k)), ("speech", talk(1, k)), ("reference", talk(0.6, k))):
            recording(home / stem, f"{k:06d}", sound)
    rows = [{"number": k, "seed": 1, "rate": 16000, "samples": 16000, "parts": [], "snr": 3.5} for k in range(3)]
    (home / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (home / "set.json").write_text('{"seed": 1}')
    index = pack(home, tmp_path / "s", PackSettings("flac"))
    assert (index.kind, index.recordings, len(index.shards)) == ("set", 3, 1)
    with tarfile.open(tmp_path / "s" / "00000.tar") as tar:
        assert tar.getnames()[:4] == [
            f"00000000.{e}" for e in ("json", "mixture.flac", "reference.flac", "speech.flac")
        ]
    assert unpack(tmp_path / "s", tmp_path / "back") == 3
    assert [json.loads(line) for line in (tmp_path / "back" / "examples.jsonl").open()] == rows
    assert json.loads((tmp_path / "back" / "set.json").read_text()) == {"seed": 1}
    for path in home.rglob("*.wav"):
        other = tmp_path / "back" / path.relative_to(home)
        np.testing.assert_array_equal(media.read(other).samples, media.read(path).samples)


def test_rooms_stay_lossless_and_clean_twins_go_along(tmp_path):
    room = recording(tmp_path, "room", hiss(0.5) * np.exp(-np.arange(8000) / 900).astype(np.float32), kind="room")
    noisy = recording(tmp_path, "noisy", talk(0.5) + hiss(0.5), kind="mixture")
    clean = recording(tmp_path, "clean", talk(0.5))
    write_items([room, replace(noisy, clean=clean.path)], tmp_path / "list.jsonl")
    pack(tmp_path / "list.jsonl", tmp_path / "s", PackSettings())
    records = list(read_pack(tmp_path / "s"))
    np.testing.assert_array_equal(records[0].samples(), media.read(room.path).samples)
    assert sorted(records[1].sounds) == ["audio", "clean"] and records[1].sounds["clean"]["codec"] == "opus"
    unpack(tmp_path / "s", tmp_path / "out")
    back = list(read_items(tmp_path / "out" / "items.jsonl"))
    assert media.read(back[1].clean).samples.shape == (1, 8000)


def test_gains_are_powers_of_two_that_leave_room():
    for peak in (1e-4, 0.01, 0.3, 0.449, 1.01, 5.0):
        gain = gain_for(np.array([[0, -peak]], np.float32))
        assert np.log2(gain) % 1 == 0 and (0.45 <= peak * gain <= 0.9 or gain == 2**15)
    assert gain_for(np.zeros((1, 5), np.float32)) == gain_for(np.full((1, 5), 0.7, np.float32)) == 1


def test_what_is_wrong_with_a_pack_is_said_in_a_line(voices, tmp_path):
    folder = tmp_path / "s"
    pack(voices, folder, FLAC)
    with pytest.raises(BadOption, match="another codec"):
        pack(voices, folder, PackSettings(size=150_000))
    write_items(list(read_items(voices))[:3], tmp_path / "short.jsonl")
    with pytest.raises(BadOption, match="another list"):
        pack(tmp_path / "short.jsonl", folder, FLAC)
    with pytest.raises(InputNotFound, match="no pack there"):
        list(read_pack(tmp_path))
    shard = folder / "00001.tar"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-20000])
    with pytest.raises(BadInput, match="cut off or altered"):
        list(read_pack(folder))
    shard.unlink()
    with pytest.raises(InputNotFound, match="00001"):
        list(read_pack(folder))
    (folder / "pack.json").write_text("{}")
    with pytest.raises(BadInput, match="not the index"):
        read_index(folder)
    for wrong in ({"codec": "mp3"}, {"bit_rate": 5}, {"rate": 7}, {"size": 9}):
        with pytest.raises(BadOption):
            PackSettings(**wrong)


def test_an_id_cannot_lead_out_of_the_folder(tmp_path):
    item = recording(tmp_path, "x", talk(0.3))
    items = [replace(item, id="../../../evil", corpus=".."), replace(item, id="A b"), replace(item, id="a?b")]
    write_items(items, tmp_path / "list.jsonl")
    pack(tmp_path / "list.jsonl", tmp_path / "s", PackSettings())
    assert unpack(tmp_path / "s", tmp_path / "deep" / "out") == 3
    assert len(list((tmp_path / "deep" / "out").rglob("*.flac"))) == 3
    assert not list(tmp_path.glob("*.flac")) and not list((tmp_path / "deep").glob("*.flac"))


def test_the_commands(voices, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def winnow(*arguments):
        code = run(["data", *map(str, arguments)])
        return code, *capsys.readouterr()

    code, out, err = winnow("pack", voices, "-o", "p \N{PACKAGE}", "--rate", "16000", "--json")
    assert code == 0, err
    assert json.loads(out)["recordings"] == 10
    code, out, err = winnow("unpack", "p \N{PACKAGE}", "-o", "files")
    assert (code, out.split()) == (0, ["files", "10", "recordings"]), err
    assert {item.rate for item in read_items(tmp_path / "files" / "items.jsonl")} == {16000}
    for wrong, words in (
        (("pack", "nothing.jsonl", "-o", "x"), "cannot be read"),
        (("pack", str(tmp_path), "-o", "x"), "no set there"),
        (("pack", voices, "-o", "x", "--size", "big"), "--size big"),
        (("pack", voices, "-o", "x", "--max-bad", "7"), "--max-bad 7"),
        (("pack", voices, "-o", "x", "--codec", "mp3"), "--codec mp3"),
        (("unpack", "files", "-o", "y"), "no pack there"),
    ):
        code, out, err = winnow(*wrong)
        assert code == 2 and words in err and err.count("\n") == 1, err


BLOCKED = """
import sys
for name in ("av", "onnxruntime", "scipy", "typer", "rich"):
    sys.modules[name] = None
from winnow.train.bank import build_bank
import winnow.train.run
bank = build_bank(sys.argv[1:], 16000, use="speech")
print(len(bank.length), int(bank.length.sum()), "winnow.media" in sys.modules)
"""


def test_a_bank_is_made_of_shards_where_there_is_no_pyav(voices, tmp_path):
    for needed in ("torch", "accelerate", "soundfile"):
        pytest.importorskip(needed, reason="training from packs needs it: pip install winnow-audio[train] soundfile")
    pack(voices, tmp_path / "s", PackSettings(rate=16000))
    code = [sys.executable, "-c", BLOCKED, str(tmp_path / "s"), f"{tmp_path / 's'}=2"]
    done = subprocess.run(code, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    samples = sum(round(item.samples * 16000 / item.rate) for item in read_items(voices))
    assert done.stdout.split() == ["20", str(2 * samples), "False"]


def test_banks_of_folders_lists_and_packs_are_the_same(voices, tmp_path):
    torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
    from winnow.train.bank import build_bank

    items = [replace(item, kind="noise") for item in read_items(voices) if item.channels == 1]
    room = recording(tmp_path, "room", hiss(0.2), kind="room")
    write_items([*items, room], tmp_path / "mixed.jsonl")
    pack(tmp_path / "mixed.jsonl", tmp_path / "s", FLAC)
    listed = build_bank([str(tmp_path / "mixed.jsonl")], 16000, use="noise", cache=tmp_path / "kept")
    packed = build_bank([str(tmp_path / "s")], 16000, use="noise", cache=tmp_path / "kept")
    assert len(listed.length) == len(items)
    assert torch.equal(listed.samples, packed.samples) and torch.equal(listed.length, packed.length)
    assert len(list((tmp_path / "kept").iterdir())) == 2
    again = build_bank([f"{tmp_path / 's'}=3", str(voices)], 16000, cache=tmp_path / "kept")
    assert len(again.length) == len(items) + 1 + 10  # without a use all is taken
    weighted = build_bank([f"{tmp_path / 's'}=3", f"{tmp_path / 'mixed.jsonl'}=1"], 16000, use="noise")
    assert weighted.chance[: len(items)].sum() == pytest.approx(0.75)
    with pytest.raises(BadInput, match="serve as speech; it holds 9 noise, 1 room"):
        build_bank([str(tmp_path / "mixed.jsonl")], 16000, use="speech")
    with pytest.raises(BadInput, match="serve as speech; it holds"):
        build_bank([str(tmp_path / "s")], 16000, use="speech")
    assert len(build_bank([str(tmp_path / "s")], 16000, use="rooms").length) == 1
    high = build_bank([str(tmp_path / "s")], 16000, use="noise", lowest_rate=32000)
    assert len(high.length) == sum(item.rate >= 32000 for item in items)
