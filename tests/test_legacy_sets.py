"""The file sets of the published systems: names, dimensions, and values worked out another way."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recordings import leftovers, video
from speechlike import hiss, talk
from winnow import media
from winnow.audio import Audio
from winnow.cli import run
from winnow.data.items import Item, write_items
from winnow.data.legacy import system1, system3, system4, system5
from winnow.dsp import crm
from winnow.dsp.published import LOOKING
from winnow.errors import BadInput, BadOption


def recording(folder, name, samples, rate=16000, kind="speech", **facts):
    path = folder / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    media.write(path, Audio(samples, rate), bits=16)
    return Item(name, str(path), kind, "toy", rate, 1, samples.shape[1], **facts)


@pytest.fixture(scope="module")
def noises(tmp_path_factory):
    base = tmp_path_factory.mktemp("noises")
    return [recording(base, f"noise {k}", hiss(2.2 + k, k), 16000, "noise") for k in range(2)]


@pytest.fixture(scope="module")
def talkers(tmp_path_factory):
    """Six talkers with three utterances each, with silence at both ends."""
    base = tmp_path_factory.mktemp("talkers")
    made = []
    for who in range(6):
        for take in range(3):
            sound = np.pad(talk(4.5, 3 * who + take), ((0, 0), (3000, 5000)))
            made.append(recording(base / f"s{who}", f"{who}-{take}", sound, speaker=f"s{who}"))
    return made


def librosa_db(window):
    """What librosa 0.7 computes of a window: amplitude_to_db(abs(stft(n_fft=255, hop=63)), ref=np.max), one bin after the other."""
    x = np.pad(window.astype(np.float64), 127, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(255) / 255)
    basis = np.exp(-2j * np.pi * np.outer(np.arange(128), np.arange(255)) / 255)
    spectrum = np.stack([basis @ (x[t * 63 : t * 63 + 255] * hann) for t in range(128)], axis=1)
    power = np.maximum(1e-10, np.abs(spectrum) ** 2)
    db = 10 * np.log10(power / power.max())
    return np.maximum(db, db.max() - 80), spectrum


def test_system_1_has_its_files_and_the_values_of_librosa(talkers, noises, tmp_path):
    assert system1.write_system1(talkers[:4], noises, tmp_path / "d", count=5, seed=3) == {}
    names = {str(p.relative_to(tmp_path / "d")) for p in (tmp_path / "d").rglob("*") if p.is_file()}
    signals = ("voice", "noise", "noisy_voice")
    wanted = {f"sound/{s}_long.wav" for s in signals} | {f"time_serie/{s}_timeserie.npy" for s in signals}
    wanted |= {f"spectrogram/{s}_{what}_db.npy" for s in signals for what in ("amp", "pha")}
    assert names == wanted | {"winnow.json"}
    for s in signals:
        time = np.load(tmp_path / "d" / "time_serie" / f"{s}_timeserie.npy")
        db, phase = (np.load(tmp_path / "d" / "spectrogram" / f"{s}_{what}_db.npy") for what in ("amp", "pha"))
        assert (time.shape, db.shape, phase.shape) == ((5, 8064), (5, 128, 128), (5, 128, 128))
        sound = media.read(tmp_path / "d" / "sound" / f"{s}_long.wav")
        assert sound.rate == 8000
        np.testing.assert_array_equal(sound.samples[0], time.ravel())
        reference, spectrum = librosa_db(time[2])
        np.testing.assert_allclose(db[2], reference, atol=1e-4)
        loud = np.abs(spectrum) > 1e-3 * np.abs(spectrum).max()
        np.testing.assert_allclose(phase[2][loud], spectrum[loud] / np.abs(spectrum[loud]), atol=1e-4)


def test_system_1_blends_by_amplitude_between_its_bounds(talkers, noises, tmp_path):
    system1.write_system1(talkers, noises, tmp_path / "d", count=12, seed=1)
    system1.write_system1(talkers, noises, tmp_path / "e", count=12, seed=1)
    voice, noise, noisy = (np.load(tmp_path / "d" / "time_serie" / f"{s}_timeserie.npy") for s in system1.SIGNALS)
    np.testing.assert_array_equal(noisy, voice + noise)
    levels = noise.std(axis=1) / 0.05 / np.sqrt(0.5)  # half the band of the noise is left at 8 kHz
    assert (levels > 0.18).all() and (levels < 0.82).all() and np.ptp(levels) > 0.2
    for path in (tmp_path / "d").rglob("*.npy"):
        assert path.read_bytes() == (tmp_path / "e" / path.relative_to(tmp_path / "d")).read_bytes()
    with pytest.raises(BadOption, match="in another way"):
        system1.write_system1(talkers, noises, tmp_path / "d", count=13, seed=1)
    short = [recording(tmp_path, "short", talk(0.5))]
    with pytest.raises(BadInput, match=r"1\.008 s"):
        system1.write_system1(short, noises, tmp_path / "f")


def clips_of(talkers, folder):
    """Clips named as the downloader names them."""
    names = ("7:dQw4w9WgXcQ", "12_a-b_c1", "plain name")
    made = []
    for k, name in enumerate(names):
        made.append(recording(folder, name, talk(3.2 if k else 2.0, k), speaker=f"s{k}"))
    return made


def test_system_3_has_its_names_and_dimensions(talkers, noises, tmp_path):
    clips = clips_of(talkers, tmp_path / "clips")
    made, bad = system3.write_system3(clips, noises[:1], tmp_path / "d", system3.Looking())
    assert (made, bad) == (1, {})
    mix = "7:dQw4w9WgXcQ.12:a-b_c1.n:0:noise-0"
    arrays = {str(p.relative_to(tmp_path / "d")): np.load(p) for p in (tmp_path / "d").rglob("*.npy")}
    assert set(arrays) == {
        "clean/7:dQw4w9WgXcQ.npy",
        "clean/12:a-b_c1.npy",
        f"mix/{mix}.npy",
        f"crm/clean:7:dQw4w9WgXcQ mix:{mix}.npy",
        f"crm/clean:12:a-b_c1 mix:{mix}.npy",
    }
    for values in arrays.values():
        assert values.shape == (298, 257, 2) and values.dtype == np.float32
    mixture = crm.as_complex(arrays[f"mix/{mix}.npy"])
    for name in ("7:dQw4w9WgXcQ", "12:a-b_c1"):
        small = arrays[f"crm/clean:{name} mix:{mix}.npy"]
        assert np.abs(small).max() <= 10
        clean = crm.as_complex(arrays[f"clean/{name}.npy"])
        found = crm.as_complex(crm.expand_mask(small)) * mixture
        fits = (np.abs(small) < 9.99).all(axis=-1)  # beyond, single precision ends
        assert fits.mean() > 0.99
        np.testing.assert_allclose(found[fits], clean[fits], atol=2e-3)


def test_system_3_mixes_each_voice_over_its_peak_with_three_tenths_of_noise(talkers, noises, tmp_path):
    clips = clips_of(talkers, tmp_path / "clips")
    system3.write_system3(clips, noises[:1], tmp_path / "d", system3.Looking(portable=True))
    (path,) = (tmp_path / "d" / "mix").iterdir()
    assert path.name == "7_dQw4w9WgXcQ.12_a-b_c1.n_0_noise-0.npy"
    assert {p.name for p in (tmp_path / "d" / "crm").iterdir()} == {
        f"clean_{name}+mix_{path.stem}.npy" for name in ("7_dQw4w9WgXcQ", "12_a-b_c1")
    }
    total = np.zeros(48000)
    for item, share in ((clips[0], 1), (clips[1], 1), (noises[0], 0.3)):
        sound = media.read(item.path).samples[0]
        whole = np.tile(sound, 2)[:48000] if item.kind == "noise" else np.pad(sound, (0, 48000))[:48000]
        total += share * whole / np.abs(whole).max()
    spectrum = LOOKING.forward(total)
    wanted = np.abs(spectrum) ** 0.3 * np.exp(1j * np.angle(spectrum))
    np.testing.assert_allclose(crm.as_complex(np.load(path)), wanted, atol=2e-3)


def test_system_3_as_published_expands_the_waveform_instead(talkers, tmp_path):
    clips = clips_of(talkers, tmp_path / "clips")
    system3.write_system3(clips, [], tmp_path / "d", system3.Looking(as_published=True))
    found = crm.as_complex(np.load(tmp_path / "d" / "clean" / "12:a-b_c1.npy"))
    sound = media.read(clips[1].path).samples[0][:48000].astype(np.float64)
    sound = sound / np.abs(sound).max()
    np.testing.assert_allclose(found, LOOKING.forward(np.sign(sound) * np.abs(sound) ** (10 / 3)), atol=1e-4)


def test_system_3_combines_in_order_or_all_with_all_and_never_a_voice_with_itself(talkers):
    names = lambda settings: [  # noqa: E731
        [clip.name for clip in group] for group in system3.groups(system3.clips(talkers), settings)
    ]
    assert names(system3.Looking())[:2] == [["0:0-0", "3:1-0"], ["4:1-1", "6:2-0"]]
    assert len(names(system3.Looking(mode="cp"))) == 18 * 15 // 2
    assert len(names(system3.Looking(talkers=3, mode="cp"))) == 20 * 27
    assert len(names(system3.Looking(mode="cp", limit=7))) == 7
    with pytest.raises(BadOption):
        system3.Looking(mode="all")
    with pytest.raises(BadInput, match="different speakers"):
        system3.write_system3(talkers[:3], [], Path("unused"), system3.Looking())


@pytest.mark.parametrize("with_torch", [True, False])
def test_system_4_has_its_files_and_dimensions(talkers, tmp_path, with_torch, monkeypatch):
    if with_torch:
        torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")
    else:
        monkeypatch.setitem(sys.modules, "torch", None)
    settings = system4.VoiceFilter(train=3, test=2, seed=1)
    assert system4.write_system4(talkers, tmp_path / "d", settings) == {}
    suffix = "pt" if with_torch else "npy"
    kinds = ("target.wav", "mixed.wav", f"target.{suffix}", f"mixed.{suffix}", "dvec.txt")
    for side, count in (("train", 3), ("test", 2)):
        found = {p.name for p in (tmp_path / "d" / side).iterdir()}
        assert found == {f"{n:06d}-{kind}" for n in range(count) for kind in kinds}
    stem = tmp_path / "d" / "train" / "000001-mixed"
    values = torch.load(f"{stem}.pt").numpy() if with_torch else np.load(f"{stem}.npy")
    assert values.shape == (301, 601) and values.dtype == np.float32
    mixed = media.read(f"{stem}.wav").samples[0]
    assert mixed.shape == (48000,) and np.abs(mixed).max() == pytest.approx(1 / 1.1, abs=1e-6)
    x = np.pad(mixed.astype(np.float64), 600, mode="reflect")[100 * 160 :][:1200]  # frame 100
    window = np.pad(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400), 400)
    decibels = 20 * np.log10(np.maximum(1e-5, np.abs(np.fft.rfft(x * window))))
    np.testing.assert_allclose(values[100], np.clip((decibels - 20) / 100, -1, 0) + 1, atol=1e-5)
    reference = (tmp_path / "d" / "train" / "000001-dvec.txt").read_text()
    assert Path(reference).is_file()


def test_system_4_keeps_talkers_apart_and_reverses(talkers, tmp_path):
    settings = system4.VoiceFilter(train=4, test=4, seed=2)
    sides = system4.split_talkers(talkers, settings)
    assert set(sides["train"]) | set(sides["test"]) == {f"s{k}" for k in range(6)}
    assert not set(sides["train"]) & set(sides["test"]) and len(sides["test"]) == 2
    given = [replace(item, split="test" if item.speaker in ("s1", "s4") else "train") for item in talkers]
    assert set(system4.split_talkers(given, settings)["test"]) == {"s1", "s4"}
    system4.write_system4(talkers, tmp_path / "d", settings)
    for side in sides:
        for text in (tmp_path / "d" / side).glob("*-dvec.txt"):
            assert Path(text.read_text()).parent.name in sides[side]
    system4.write_system4(talkers, tmp_path / "r", replace(settings, reverse=True))
    for n in range(4):
        own, other, mixed = (
            media.read(tmp_path / where / "train" / f"{n:06d}-{what}.wav").samples
            for where, what in (("d", "target"), ("r", "target"), ("d", "mixed"))
        )
        np.testing.assert_allclose(own + other, mixed, atol=1e-6)
        assert np.abs(own - other).max() > 0.01


def test_system_4_goes_on_where_it_was_stopped(talkers, tmp_path):
    settings = system4.VoiceFilter(train=3, test=1)

    def stop(done, whole):
        if done > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        system4.write_system4(talkers, tmp_path / "d", settings, stop)
    kept = (tmp_path / "d" / "train" / "000000-mixed.wav").stat().st_mtime_ns
    assert not (tmp_path / "d" / "test").exists() and not leftovers(tmp_path)
    system4.write_system4(talkers, tmp_path / "d", settings)
    system4.write_system4(talkers, tmp_path / "e", settings)
    assert (tmp_path / "d" / "train" / "000000-mixed.wav").stat().st_mtime_ns == kept
    for path in (tmp_path / "e").rglob("*.wav"):
        assert path.read_bytes() == (tmp_path / "d" / path.relative_to(tmp_path / "e")).read_bytes()


def test_system_4_needs_talkers_with_two_long_utterances(talkers, tmp_path):
    with pytest.raises(BadInput, match="need"):
        system4.write_system4(talkers[::3], tmp_path / "a", system4.VoiceFilter())
    with pytest.raises(BadInput, match="have no speaker"):
        system4.write_system4([replace(talkers[0], speaker=None)], tmp_path / "b", system4.VoiceFilter())
    short = [recording(tmp_path, f"{k}", talk(1.0, k), speaker=f"s{k % 2}") for k in range(4)]
    with pytest.raises(BadInput, match="two utterances of 3 s"):
        system4.write_system4(short, tmp_path / "c", system4.VoiceFilter(test=0))


def test_trimming_cuts_what_is_20_db_below_the_loudest_frame():
    sound = np.concatenate([np.full(10000, 0.005), np.full(20000, 0.1), np.full(10000, 0.02), np.full(10000, 0.005)])
    kept = system4.trim(sound.astype(np.float32))
    begin, end = 10000, 40000  # 14 dB below stays, 26 dB goes, to the precision of frames of 2048
    assert abs(len(kept) - (end - begin)) < 2 * 2048
    assert kept[0] == np.float32(0.005) or kept[0] == np.float32(0.1)


def test_system_5_has_its_folders_and_the_sound_as_mp3(tmp_path):
    film = video(tmp_path / "crowd \N{BUSTS IN SILHOUETTE}.mp4", 2.0)
    film.with_suffix(".txt").write_text("so thankful for that")
    (made,) = system5.write_system5([film], tmp_path / "project")
    for part in ("voices", "background"):
        assert {p.name for p in (tmp_path / "project" / "data" / part).iterdir()} == {
            "baseline",
            "cocktail",
            "spleeter",
        }
    assert {p.name for p in (tmp_path / "project").iterdir()} == {"data", "report", "src"}
    raw = tmp_path / "project" / "data" / "raw"
    assert {p.name for p in raw.iterdir()} == {"video", "audio", "transcripts"}
    assert (raw / "video" / film.name).read_bytes() == film.read_bytes()
    assert (raw / "transcripts" / f"{film.stem}.txt").read_text() == "so thankful for that"
    track = media.probe(made).audio[0]
    assert (track.codec, track.rate, track.channels) == ("mp3", 44100, 2)
    assert made.stat().st_size * 8 / 2 == pytest.approx(160_000, rel=0.05)
    assert media.read(made).seconds == pytest.approx(2.0, abs=0.05)
    with pytest.raises(BadInput, match="two videos"):
        system5.write_system5([film, film], tmp_path / "p")


def test_six_channels_become_two_as_ffmpeg_does_it():
    import av

    rng = np.random.default_rng(0)
    block = (0.1 * rng.standard_normal((6, 1000))).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(block, "fltp", "5.1")
    frame.sample_rate = 44100
    wanted = av.AudioResampler("fltp", "stereo", 44100).resample(frame)[0].to_ndarray()
    np.testing.assert_allclose(system5.to_stereo(block), wanted, atol=1e-3)
    assert system5.to_stereo(block[:1]).tolist() == [block[0].tolist()] * 2


def test_the_commands(talkers, noises, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_items(talkers, tmp_path / "s.jsonl")
    write_items(noises, tmp_path / "n.jsonl")
    speech, noise = ("--speech", "s.jsonl"), ("--noise", "n.jsonl")
    film = video(tmp_path / "a film.mp4")
    for name, arguments, wanted in (
        ("system1", (*speech, *noise, "--count", "3"), "3 windows"),
        ("system3", (*speech, *noise, "--limit", "2", "--portable"), "2 mixtures"),
        ("system4", (*speech, "--train-size", "1", "--test-size", "1", "--reverse-data"), "1 for training, 1 for test"),
        ("system5", (film,), "1 videos"),
    ):
        code = run(["data", "legacy", name, *map(str, arguments), "-o", name])
        out, err = capsys.readouterr()
        assert (code, out) == (0, f"{name}   {wanted}\n"), err
    assert json.loads((tmp_path / "system4" / "winnow.json").read_text())["reverse"] is True
    for arguments, words in (
        (("system1", *speech, "--noise", "s.jsonl", "-o", "x"), "no recordings of kind noise"),
        (("system1", *speech, *noise, "-o", "x", "--count", "0"), "--count"),
        (("system3", *speech, "-o", "x", "--mode", "both"), "--mode both"),
        (("system5", "gone.mp4", "-o", "x"), "gone.mp4"),
    ):
        code, err = run(["data", "legacy", *arguments]), capsys.readouterr().err
        assert code == 2 and words in err and err.count("\n") == 1, err
