"""Reading: every container and format comes out as float32 blocks on an unbroken timeline, with the exact length."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makemedia import audio_frames, clicks, make_video, offset, tones
from winnow import media
from winnow.audio import Audio
from winnow.errors import BadOption
from winnow.media.frames import Converter
from winnow.media.reader import _regroup


def save(path: Path, samples: np.ndarray, rate: int, codec: str, muxer: str | None = None, **stream: object) -> Path:
    """Encode with PyAV alone, so that reading is not tested against winnow's own writer."""
    with av.open(str(path), "w", format=muxer) as out:
        track = out.add_stream(codec, rate=rate, **stream)
        track.layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
        for frame in audio_frames(samples, rate):
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "rate", "tolerance"),
    [
        ("a.wav", "pcm_u8", 8000, 1 / 100),
        ("a.wav", "pcm_s16le", 44100, 1 / 32000),
        ("a.wav", "pcm_s24le", 48000, 1 / 8e6),
        ("a.wav", "pcm_s32le", 48000, 1 / 8e6),
        ("a.wav", "pcm_f32le", 96000, 0),
        ("a.wav", "pcm_f64le", 16000, 0),
        ("a.mov", "pcm_s32be", 16000, 1 / 8e6),
        ("a.flac", "flac", 192000, 1 / 32000),
        ("a.m4a", "alac", 44100, 1 / 32000),
        ("a.wv", "wavpack", 22050, 1 / 100),
        ("a.caf", "pcm_s16be", 11025, 1 / 32000),
        ("a.wav", "pcm_s64le", 16000, 1 / 8e6),
    ],
)
def test_lossless_samples_are_read_exactly(tmp_path, name, codec, rate, tolerance):
    samples = tones(rate // 3 + 17, rate, 2)
    got = media.read(save(tmp_path / name, samples, rate, codec))
    assert (got.rate, got.samples.shape) == (rate, samples.shape)
    assert np.abs(got.samples - samples).max() <= tolerance


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.mp3", "libmp3lame", 44100),
        ("a.mp3", "libmp3lame", 16000),
        ("a.m4a", "aac", 44100),
        ("a.mov", "aac", 48000),
        ("a.mp4", "aac", 22050),
        ("a.opus", "libopus", 48000),
        ("a.ogg", "libopus", 48000),
        ("a.webm", "libopus", 48000),
        ("a.mkv", "libmp3lame", 48000),
    ],
)
def test_delay_and_padding_of_lossy_codecs_are_cut(tmp_path, name, codec, rate):
    samples = clicks(1.7, rate)[:, : round(1.7 * rate) - 137]
    got = media.read(save(tmp_path / name, samples, rate, codec, bit_rate=96_000))
    assert got.samples.shape == samples.shape
    assert offset(got.samples, samples) == 0


def test_reader_tells_length_start_and_track(tmp_path):
    path = tmp_path / "late.mp4"
    make_video(path, [clicks(2, 48000), clicks(1, 48000, 2)], codec="aac", late=0.5, titles=("Voice", "Music"))
    with media.open_reader(path, track=1) as reader:
        assert (reader.rate, reader.channels, reader.layout) == (48000, 2, "stereo")
        assert reader.track.language == "deu"
        assert reader.start == pytest.approx(0.5, abs=0.03)  # an MP4 counts the encoder's delay as sound
        blocks = list(reader)
    assert reader.read == sum(block.shape[1] for block in blocks)
    assert all(block.shape == (2, 48000) for block in blocks[:-1])
    assert all(block.dtype == np.float32 for block in blocks)
    with pytest.raises(BadOption, match="no audio track 2"):
        media.open_reader(path, track=2)


def test_probe(tmp_path):
    path = tmp_path / "film.mkv"
    make_video(
        path,
        [clicks(2, 44100, 2)],
        44100,
        codec="flac",
        seconds=2,
        titles=["Voice"],
        chapters=True,
        tags={"title": "Film"},
    )
    info = media.probe(path)
    track = info.audio[0]
    assert (track.codec, track.rate, track.channels, track.layout, track.bits) == ("flac", 44100, 2, "stereo", 16)
    assert (track.title, track.language) == ("Voice", "eng")
    assert (info.video[0].width, info.video[0].height, info.video[0].cover) == (64, 48, False)
    assert info.has_picture
    assert (info.chapters, info.subtitles) == (3, 0)
    assert info.tags["title"] == "Film"
    assert info.seconds == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("bits", [16, 24])
def test_probe_bits_and_samples(tmp_path, bits):
    for name in ("a.wav", "a.flac", "a.m4a"):
        codec = "alac" if name == "a.m4a" else None
        media.write(tmp_path / name, Audio(tones(5000, 48000, 1), 48000), bits=bits, codec=codec)
        track = media.probe(tmp_path / name).audio[0]
        assert (track.bits, track.samples) == (bits, 5000), name


def test_change_of_rate_and_layout_in_the_middle(tmp_path):
    """Two AC-3 streams joined: 48 kHz stereo, then 44.1 kHz mono; all is heard at 48 kHz stereo."""
    first = save(tmp_path / "1.ac3", tones(48000, 48000, 2), 48000, "ac3", bit_rate=192_000)
    second = save(tmp_path / "2.ac3", tones(44100, 44100, 1), 44100, "ac3", bit_rate=96_000)
    joined = tmp_path / "joined.ac3"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    got = media.read(joined)
    assert (got.rate, got.channels) == (48000, 2)
    assert got.seconds == pytest.approx(2.0, abs=0.06)
    tail = got.samples[0, -30000:-6000]
    peak = np.argmax(np.abs(np.fft.rfft(tail * np.hanning(tail.size)))) * 48000 / tail.size
    assert peak == pytest.approx(200, abs=3)


def test_no_sample_is_lost_at_a_change():
    """Three changes in a row: what a resampler still holds comes out before the next one begins."""

    def frames(rate, layout):
        samples = tones(rate // 10, rate, {"mono": 1, "stereo": 2}[layout])
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate = rate
        return frame

    converter = Converter(frames(48000, "stereo"))
    parts = [(48000, "stereo"), (44100, "mono"), (32000, "stereo"), (48000, "stereo"), (48000, "mono")]
    counts = [sum(piece.shape[1] for piece in converter.convert(frames(*part))) for part in parts]
    counts.append(sum(piece.shape[1] for piece in converter.flush()))
    assert sum(counts) == pytest.approx(5 * 4800, abs=4)
    assert sum(counts[:4]) == pytest.approx(4 * 4800, abs=3)


def test_gap_in_timestamps_becomes_silence(tmp_path):
    rate, samples = 48000, tones(48000, 48000, 1)
    path = tmp_path / "gap.mkv"
    with av.open(str(path), "w") as out:
        track = out.add_stream("pcm_s16le", rate=rate)
        track.layout = "mono"
        for part, start in ((samples[:, :24000], 0), (samples[:, 24000:], 24000 + 12000)):
            for frame in audio_frames(part, rate, start):
                out.mux(track.encode(frame))
        out.mux(track.encode(None))
    got = media.read(path).samples
    assert got.shape == (1, 60000)
    assert np.abs(got[:, 24000:36000]).max() == 0
    assert np.abs(got[:, :24000] - samples[:, :24000]).max() < 1e-4
    assert np.abs(got[:, 36000:] - samples[:, 24000:]).max() < 1e-4


def test_damaged_packets_leave_silence_and_a_warning(tmp_path):
    rate, samples = 44100, tones(88200, 44100, 1)
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w") as out:
        track = out.add_stream("alac", rate=rate)
        track.layout = "mono"
        packets = [packet for frame in audio_frames(samples, rate, size=4096) for packet in track.encode(frame)]
        packets += track.encode(None)
        for number, packet in enumerate(packets):
            if number == 8:
                bad = av.Packet(b"\x12\x34" * 40)
                bad.pts, bad.dts, bad.duration, bad.time_base = (
                    packet.pts,
                    packet.dts,
                    packet.duration,
                    packet.time_base,
                )
                bad.stream = track
                out.mux(bad)
            else:
                out.mux(packet)
    with media.open_reader(path) as reader:
        got = np.concatenate(list(reader), axis=1)
    assert reader.damaged == 1
    assert "1 damaged packet" in reader.warning
    assert got.shape == samples.shape
    assert np.abs(got[:, 8 * 4096 : 9 * 4096]).max() == 0
    assert np.abs(got[:, 9 * 4096 :] - samples[:, 9 * 4096 :]).max() < 1e-4


def test_truncated_file_gives_what_there_is_and_a_warning(tmp_path):
    path = save(tmp_path / "a.wav", tones(96000, 48000, 1), 48000, "pcm_s16le")
    path.write_bytes(path.read_bytes()[: 44 + 2 * 30000])
    with media.open_reader(path) as reader:
        count = sum(block.shape[1] for block in reader)
    assert abs(count - 30000) < 64
    assert "cut off" in reader.warning


@pytest.mark.parametrize("name", ["a.flac", "a.mp3"])
def test_a_file_that_ends_early_is_told_to_be_cut_off(tmp_path, name):
    """Where it was cut a packet is damaged too, and there is no silence in its place."""
    path = tmp_path / name
    media.write(path, Audio(clicks(4, 44100), 44100))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    with media.open_reader(path) as reader:
        seconds = sum(block.shape[1] for block in reader) / 44100
    assert 1 < seconds < 3.5
    assert reader.warning.endswith(f"the file is cut off, its first {seconds:.1f} s could be read")


def test_whole_file_gives_no_warning(tmp_path):
    with media.open_reader(save(tmp_path / "a.flac", tones(50000, 48000, 1), 48000, "flac")) as reader:
        assert sum(block.shape[1] for block in reader) == reader.samples == 50000
    assert (reader.warning, reader.repaired, reader.damaged) == (None, 0, 0)


def test_nan_and_inf_are_replaced_and_counted(tmp_path):
    samples = tones(20000, 16000, 2)
    samples[0, 100], samples[1, 7000], samples[1, 7001] = np.nan, np.inf, -np.inf
    path = save(tmp_path / "a.wav", samples, 16000, "pcm_f32le")
    with media.open_reader(path) as reader:
        got = np.concatenate(list(reader), axis=1)
    assert reader.repaired == 3
    assert got[0, 100] == got[1, 7000] == got[1, 7001] == 0
    keep = np.isfinite(samples)
    np.testing.assert_array_equal(got[keep], samples[keep])


@pytest.mark.parametrize(
    "name",
    [
        "a b.wav",
        "ü😀.wav",
        'it\'s "q".wav',
        "-x.wav",
        "50%03d.wav",
        "a#b?c=d.wav",
        "http:a.wav",
        "pipe:0.wav",
        "concat:a|b.wav",
    ],
)
def test_odd_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    media.write(name, Audio(tones(2000, 16000, 1), 16000))
    assert media.read(name).samples.shape == (1, 2000)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("count", [1, 48, 160])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.m4a", "a.opus", "a.mp3"])
def test_very_short_recordings(tmp_path, name, count):
    media.write(tmp_path / name, Audio(tones(count, 48000, 1), 48000))
    got = media.read(tmp_path / name).samples.shape[1]
    # An MP3 decoder cannot drop more than a frame, so 47 samples are the fewest.
    assert got == (max(count, 47) if name.endswith("mp3") else count)


PIPE = """
from winnow import media
with media.open_reader("-") as reader:
    print(reader.rate, reader.samples, sum(block.shape[1] for block in reader))
"""


@pytest.mark.parametrize("unknown_length", [False, True])
def test_standard_input(tmp_path, unknown_length):
    data = bytearray(save(tmp_path / "a.wav", tones(40000, 16000, 1), 16000, "pcm_s16le").read_bytes())
    if unknown_length:  # what ffmpeg and sox write into a pipe
        data[4:8] = b"\xff" * 4
        at = data.index(b"data") + 4
        data[at : at + 4] = b"\xff" * 4
        (tmp_path / "unknown.wav").write_bytes(data)
        with media.open_reader(tmp_path / "unknown.wav") as reader:
            assert sum(block.shape[1] for block in reader) == 40000
        assert reader.warning is None
    done = subprocess.run([sys.executable, "-c", PIPE], input=bytes(data), capture_output=True, check=True)
    assert done.stdout.split()[0] == b"16000"
    assert done.stdout.split()[2] == b"40000"


def test_standard_input_held_in_memory(tmp_path, monkeypatch):
    data = save(tmp_path / "a.flac", tones(40000, 16000, 1), 16000, "flac").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert media.read("-").samples.shape == (1, 40000)


def test_import_does_not_load_pyav():
    code = "import sys, winnow.media; sys.exit('av' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 40))
def test_regrouping_keeps_every_sample(lengths, size):
    whole = np.arange(sum(lengths), dtype=np.float32)[None]
    pieces = np.split(whole, np.cumsum(lengths)[:-1], axis=1) if lengths else []
    blocks = list(_regroup(pieces, 1, size))
    assert all(block.shape[1] == size for block in blocks[:-1])
    np.testing.assert_array_equal(np.concatenate([*blocks, np.zeros((1, 0), np.float32)], axis=1), whole)


def test_late_start_in_matroska_is_told_to_the_millisecond(tmp_path):
    path = tmp_path / "late.mkv"
    make_video(path, [clicks(2, 48000)], codec="libopus", late=0.7)
    with media.open_reader(path) as reader:
        assert abs(reader.origin - Fraction(7, 10)) < Fraction(1, 1000)
