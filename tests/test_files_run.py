"""What becomes of recordings: lengths, bits, sums, tracks, and what happens when something is wrong."""

import math
import os
import wave

import numpy as np
import pytest

from halves import Halves
from recordings import floats, leftovers, noise, sound, video
from winnow import media
from winnow.audio import Audio
from winnow.engine.files import plan, run_job, run_jobs
from winnow.engine.run import Settings


@pytest.fixture(autouse=True)
def halves(monkeypatch):
    monkeypatch.setattr("winnow.engine.run.Separation", Halves)


def do(source, output=None, **options):
    """The result of one job."""
    (job,) = plan([source], output, **options)
    return run_job(job, Settings())


def decibels(part, whole):
    return 10 * math.log10(max(float(np.sum(part.astype(float) ** 2)), 1e-30) / float(np.sum(whole.astype(float) ** 2)))


@pytest.mark.parametrize("samples", [1, 48, 16000, 40001])
def test_the_length_is_exact(tmp_path, samples):
    source = sound(tmp_path / "a.wav", samples / 16000)
    result = do(source)
    with wave.open(str(tmp_path / "a.enhanced.wav")) as file:
        assert (file.getnframes(), file.getframerate()) == (samples, 16000)
    assert result.error is None
    assert result.seconds == pytest.approx(samples / 16000)


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_the_bits_of_a_sample_are_kept(tmp_path, bits):
    source = sound(tmp_path / "a.wav", rate=44100, channels=2, bits=bits)
    assert do(source).error is None
    before, after = (media.probe(path).audio[0] for path in (source, tmp_path / "a.enhanced.wav"))
    assert (before.bits, before.codec, before.rate, before.channels) == (
        after.bits,
        after.codec,
        after.rate,
        after.channels,
    )
    # Each of the two roundings is off by half a step at most.
    step = 2.0 ** (1 - min(bits, 24))
    assert (
        np.abs(media.read(tmp_path / "a.enhanced.wav").samples - media.read(source).samples / 2).max()
        <= step / 2 + 1e-7
    )


def test_facts_of_the_result(tmp_path):
    result = do(sound(tmp_path / "a.wav", 3))
    assert result.output == (str(tmp_path / "a.enhanced.wav"),)
    assert result.model == "halves"
    assert result.removed == pytest.approx(20 * math.log10(0.5), abs=0.01)
    assert result.level == pytest.approx(20 * math.log10(0.05), abs=0.1)
    assert result.times_real_time == pytest.approx(result.seconds / result.elapsed)


@pytest.mark.parametrize("suffix", [".mp3", ".opus", ".ogg", ".m4a", ".flac"])
def test_every_format_for_sound_can_be_chosen(tmp_path, suffix):
    result = do(sound(tmp_path / "a.wav", 2, 48000, 2), tmp_path / f"b{suffix}")
    assert result.error is None
    assert media.read(tmp_path / f"b{suffix}").seconds == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("level", [0.1, 1.5])
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_split_sums_to_the_original(tmp_path, level, suffix):
    original = np.clip(noise(2, 48000, 2, level=level), -1, 1)
    media.write(tmp_path / "a.wav", Audio(original, 48000), bits=24)
    assert do(tmp_path / "a.wav", tmp_path / f"b{suffix}", task="split").error is None
    parts = [media.read(tmp_path / f"b.{stem}{suffix}") for stem in ("speech", "background")]
    assert [media.probe(tmp_path / f"b.{stem}{suffix}").audio[0].bits for stem in ("speech", "background")] == [24, 24]
    total = parts[0].samples + parts[1].samples
    assert total.shape == original.shape
    assert decibels(total - original, original) < -90


def test_a_split_beyond_full_scale_still_sums(tmp_path, monkeypatch):
    """A network may put more into the speech than there was: 24-bit samples would clip, and the sum with them."""

    def overdone(samples):
        return {"speech": samples * np.float32(1.8), "background": samples - samples * np.float32(1.8)}

    monkeypatch.setattr(Halves, "_halve", staticmethod(overdone))
    original = np.clip(noise(1, level=0.6), -1, 1)
    media.write(tmp_path / "a.wav", Audio(original, 16000), bits=24)
    assert do(tmp_path / "a.wav", task="split").error is None
    total = sum(media.read(tmp_path / f"a.{stem}.wav").samples for stem in ("speech", "background"))
    assert decibels(total - original, original) < -90


def test_long_names_do_not_share_a_place_while_being_written(tmp_path):
    name = "A talk about the weather, recorded in the garden behind the house on a windy day in early spring"
    source = sound(tmp_path / f"{name}.wav")
    assert do(source, task="split").error is None
    parts = [media.read(tmp_path / f"{name}.{stem}.wav").samples for stem in ("speech", "background")]
    assert np.abs(sum(parts) - media.read(source).samples).max() < 1e-6


def test_floating_point_keeps_what_exceeds_full_scale(tmp_path):
    original = noise(1, level=1.0)
    media.write(tmp_path / "a.wav", Audio(original, 16000), bits=32)
    assert do(tmp_path / "a.wav", task="split").error is None
    parts = [media.read(tmp_path / f"a.{stem}.wav").samples for stem in ("speech", "background")]
    assert np.abs(parts[0]).max() > 1
    assert np.abs(sum(parts) - original).max() < 1e-6


def test_what_exists_is_left_alone(tmp_path):
    source = sound(tmp_path / "a.wav")
    (tmp_path / "a.enhanced.wav").write_text("mine")
    result = do(source)
    assert result.skipped and "left alone" in result.note and result.exit_code == 0
    assert (tmp_path / "a.enhanced.wav").read_text() == "mine"
    assert not do(source, force=True).skipped
    assert media.read(tmp_path / "a.enhanced.wav").seconds == pytest.approx(1)


def test_a_split_writes_what_is_missing_only(tmp_path):
    source = sound(tmp_path / "a.wav")
    (tmp_path / "a.speech.wav").write_text("mine")
    result = do(source, task="split")
    assert "a.speech.wav was there and is left alone" in result.note
    assert (tmp_path / "a.speech.wav").read_text() == "mine"
    assert media.read(tmp_path / "a.background.wav").seconds == pytest.approx(1)


def test_progress_rises_to_the_length(tmp_path, monkeypatch):
    monkeypatch.setattr("winnow.engine.trade.REPORT_EVERY", 0)
    seen = []
    (job,) = plan([sound(tmp_path / "a.wav", 5)])
    run_job(job, Settings(), lambda job, seconds, whole: seen.append((seconds, whole)))
    assert [whole for _, whole in seen] == [5.0] * len(seen)
    assert sorted(seconds for seconds, _ in seen) == [seconds for seconds, _ in seen]
    assert seen[-1][0] == pytest.approx(5)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
def test_a_film_stays_a_film(tmp_path, suffix):
    source = video(tmp_path / f"a{suffix}")
    assert do(source).error is None
    before, after = media.probe(source), media.probe(tmp_path / f"a.enhanced{suffix}")
    assert [track.codec for track in after.video] == [track.codec for track in before.video]
    assert len(after.audio) == 1


def test_sound_alone_out_of_a_film(tmp_path):
    assert do(video(tmp_path / "a.mp4"), tmp_path / "b.mp3").error is None
    info = media.probe(tmp_path / "b.mp3")
    assert not info.video and len(info.audio) == 1


def test_parts_as_tracks_of_a_film(tmp_path):
    assert do(video(tmp_path / "a.mkv"), task="into-video").error is None
    info = media.probe(tmp_path / "a.split.mkv")
    assert info.has_picture
    assert [track.title for track in info.audio][1:] == ["Speech", "Background"]
    parts = [media.read(tmp_path / "a.split.mkv", track).samples for track in (1, 2)]
    assert np.sqrt(np.mean(parts[0] ** 2)) == pytest.approx(0.05, rel=0.3)  # AAC drops some of the noise


def test_one_of_several_tracks(tmp_path):
    source = video(tmp_path / "a.mkv", tracks=2)
    assert do(source, tmp_path / "b.wav", track=1).error is None
    wanted, got = media.read(source, 1).samples / 2, media.read(tmp_path / "b.wav").samples
    count = min(wanted.shape[1], got.shape[1])
    assert decibels(wanted[:, :count] - got[:, :count], wanted) < -60
    result = do(source, track=2, force=True)
    assert result.exit_code == 2 and "no audio track 2" in result.error


def garbage(path):
    path.write_bytes(bytes(range(256)) * 20)


def truncated(path):
    video(path)
    path.write_bytes(path.read_bytes()[:2000])


BAD = {
    "empty.wav": (lambda path: path.write_bytes(b""), "empty"),
    "text.wav": (
        lambda path: path.write_text("Dear diary, today nothing was recorded.\n" * 20),
        "no audio in this file",
    ),
    "garbage.mp3": (garbage, "no audio in this file"),
    "silent film.mp4": (lambda path: video(path, tracks=0), "this video has no sound"),
    "cut.mp4": (truncated, ""),
    "no samples.wav": (lambda path: media.write(path, Audio(np.zeros((1, 0)), 16000)), "no samples"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_fails_in_one_line_and_leaves_nothing(tmp_path, name):
    make, message = BAD[name]
    make(tmp_path / name)
    result = do(tmp_path / name)
    assert result.exit_code == 2
    assert message in result.error and "\n" not in result.error
    assert not result.error.startswith(str(tmp_path))
    assert os.listdir(tmp_path) == [name]


def test_samples_that_are_no_numbers_become_silence_and_are_told(tmp_path):
    samples = noise(1)
    samples[0, 100:103] = [np.nan, np.inf, -np.inf]
    result = do(floats(tmp_path / "a.wav", samples))
    assert "3 samples were no numbers" in result.note
    after = media.read(tmp_path / "a.enhanced.wav").samples
    assert np.all(after[0, 100:103] == 0) and np.abs(after).max() > 0.1


def test_silence_stays_silent(tmp_path):
    media.write(tmp_path / "a.wav", Audio(np.zeros((1, 16000)), 16000))
    result = do(tmp_path / "a.wav")
    assert result.error is None and result.removed is None and result.level is None
    assert not media.read(tmp_path / "a.enhanced.wav").samples.any()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_a_failure_of_the_machine(tmp_path):
    os.symlink("/dev/full", tmp_path / "b.wav")
    result = do(sound(tmp_path / "a.wav", 5), tmp_path / "b.wav", force=True)
    assert result.exit_code == 1
    assert "disk is full" in result.error


def test_a_folder_in_the_place_of_the_output(tmp_path):
    (tmp_path / "a.enhanced.wav").mkdir()
    result = do(sound(tmp_path / "a.wav"), force=True)
    assert result.exit_code == 1 and "is a folder" in result.error


def test_an_output_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    result = do(sound(tmp_path / "a.wav"), tmp_path / "file" / "deep/")
    assert result.exit_code == 1 and "cannot be made" in result.error


def test_a_defect_is_told_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(Halves, "feed", lambda self, block: 1 / 0)
    result = do(sound(tmp_path / "a.wav"))
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.error and "bug in winnow" in result.error
    assert os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_and_leaves_nothing(tmp_path, monkeypatch, stop):
    def stopped(self, block):
        raise stop

    source = sound(tmp_path / "a.wav")
    monkeypatch.setattr(Halves, "feed", stopped)
    with pytest.raises(stop):
        do(source)
    assert os.listdir(tmp_path) == ["a.wav"]


def test_one_bad_file_does_not_stop_the_others(tmp_path):
    for name in ("a.wav", "c.wav"):
        sound(tmp_path / name)
    (tmp_path / "b.wav").write_text("no sound")
    results = list(run_jobs(plan([tmp_path]), Settings()))
    assert [result.exit_code for result in results] == [0, 2, 0]
    assert leftovers(tmp_path) == []
