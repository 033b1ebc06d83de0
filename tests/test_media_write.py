"""Writing: exact length and place of every sample, nothing under the final name until all of it is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from makemedia import clicks, offset, tone, tones
from winnow import media
from winnow.audio import Audio
from winnow.errors import BadAudio, BadOption, OutputError
from winnow.media.encode import to_format
from winnow.media.frames import to_float

LOSSLESS = ["a.wav", "a.flac", "a.aiff", "a.caf", "a.au", "a.mka", "a.wv", "a.tta"]
LOSSY = ["a.mp3", "a.m4a", "a.opus", "a.ogg", "a.mp4", "a.mov", "a.webm", "a.mkv"]


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("bits", [16, 24])
def test_lossless_round_trip_to_the_last_bit(tmp_path, name, bits):
    steps = np.random.default_rng(0).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (2, 9001))
    samples = (steps / 2 ** (bits - 1)).astype(np.float32)
    media.write(tmp_path / name, Audio(samples, 44100), bits=bits)
    got = media.read(tmp_path / name)
    assert got.rate == 44100
    np.testing.assert_array_equal(got.samples, samples)


def test_float_wav_keeps_what_exceeds_full_scale(tmp_path):
    samples = 3 * tones(5000, 48000, 1)
    samples[0, 7] = 123.5
    media.write(tmp_path / "a.wav", Audio(samples, 48000), bits=32)
    np.testing.assert_array_equal(media.read(tmp_path / "a.wav").samples, samples)


@pytest.mark.parametrize("name", LOSSY)
@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_lossy_start_and_length_are_exact(tmp_path, name, rate):
    samples = clicks(1.3, rate)[:, :-77]
    media.write(tmp_path / name, Audio(samples, rate), tags={"title": "Ünïcode", "artist": "A"})
    got = media.read(tmp_path / name)
    assert got.samples.shape[1] == round(samples.shape[1] * got.rate / rate)
    wanted = soxr.resample(samples.T, rate, got.rate).T
    assert abs(offset(got.samples, wanted)) <= 1
    tags = {key.lower(): value for key, value in media.probe(tmp_path / name).tags.items()}
    assert (tags["title"], tags["artist"]) == ("Ünïcode", "A")


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.m4a", "a.opus"])
def test_each_channel_stays_where_it_is(tmp_path, name, channels):
    samples = tones(24000, 48000, channels)
    media.write(tmp_path / name, Audio(samples, 48000), bit_rate=64_000 * channels if name == "a.m4a" else None)
    got = media.read(tmp_path / name).samples[:, 4000:20000]
    assert got.shape[0] == channels
    peaks = np.abs(np.fft.rfft(got * np.hanning(16000))).argmax(axis=1) * 3
    np.testing.assert_allclose(peaks, [tone(k) for k in range(channels)], atol=6)


@pytest.mark.parametrize("rate", [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.m4a", "a.opus"])
def test_every_rate_is_written_at_that_rate_or_resampled(tmp_path, name, rate):
    samples = clicks(0.4, rate)
    media.write(tmp_path / name, Audio(samples, rate))
    got = media.read(tmp_path / name)
    most = {"a.mp3": 48000, "a.m4a": 96000, "a.opus": 48000}.get(name)
    assert got.rate == (48000 if name == "a.opus" else min(rate, most or rate))
    assert got.samples.shape[1] == round(samples.shape[1] * got.rate / rate)


@pytest.mark.parametrize("name", ["a.m4a", "a.mp4", "a.mov"])
def test_mp4_tells_its_length_to_the_sample(tmp_path, name):
    media.write(tmp_path / name, Audio(clicks(1, 44100)[:, :44003], 44100))
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.audio[0]
        assert stream.duration * stream.time_base == Fraction(44003, 44100)


def test_layout_is_kept(tmp_path):
    for layout in ("5.1", "5.1(side)", "5.0"):
        media.write(
            tmp_path / "a.wav", Audio(tones(3000, 48000, int(layout[0]) + int(layout[2])), 48000), layout=layout
        )
        assert media.probe(tmp_path / "a.wav").audio[0].layout == layout


@pytest.mark.parametrize(
    ("name", "channels", "options", "message"),
    [
        ("a.mp3", 6, {}, "6 channels do not fit into mp3"),
        ("a.xyz", 1, {}, 'no output format named "xyz"'),
        ("a", 1, {}, "no suffix"),
        ("a.wav", 1, {"bits": 20}, "20 bits"),
        ("a.flac", 1, {"bits": 32}, "does not hold 32 bits"),
        ("a.wav", 1, {"codec": "flux"}, 'no encoder named "flux"'),
        ("a.wav", 2, {"layout": "nonsense"}, 'no channel layout named "nonsense"'),
        ("a.webm", 1, {"codec": "aac"}, "cannot hold aac"),
        ("a.wav", 0, {}, "at least 1"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_in_one_line(tmp_path, name, channels, options, message):
    with pytest.raises(BadOption, match=message) as caught:
        media.Writer(tmp_path / name, 48000, channels, **options)
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_blocks_of_another_shape_are_refused(tmp_path):
    with pytest.raises(BadAudio, match="shape"), media.Writer(tmp_path / "a.wav", 48000, 2) as writer:
        writer.write(np.zeros((3, 10), np.float32))
    assert os.listdir(tmp_path) == []


def test_clipping_is_limited_and_counted(tmp_path):
    samples = np.array([[0.5, 1.5, -2.0, 1.0, -1.0, np.nan, np.inf]], np.float32)
    with media.Writer(tmp_path / "a.wav", 48000, 1) as writer:
        writer.write(samples)
    assert writer.clipped == 2
    got = media.read(tmp_path / "a.wav").samples
    np.testing.assert_allclose(got, [[0.5, 1, -1, 1, -1, 0, 0]], atol=1 / 32000)


def test_the_callers_block_is_not_changed(tmp_path):
    samples = 2 * tones(3000, 48000, 2)
    before = samples.copy()
    with media.Writer(tmp_path / "a.flac", 48000, 2) as writer:
        writer.write(samples)
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_exception_leaves_nothing_and_keeps_what_was(tmp_path, error):
    path = tmp_path / "a.flac"
    path.write_bytes(b"the old one")
    with pytest.raises(error), media.Writer(path, 48000, 1) as writer:
        writer.write(np.zeros((1, 200_000), np.float32))
        assert len(os.listdir(tmp_path)) == 2
        assert path.read_bytes() == b"the old one"
        raise error
    assert os.listdir(tmp_path) == ["a.flac"]
    assert path.read_bytes() == b"the old one"


def test_missing_folder_and_folder_as_file(tmp_path):
    with pytest.raises(OutputError, match="no such folder"):
        media.Writer(tmp_path / "none" / "a.wav", 48000, 1)
    (tmp_path / "b.wav").mkdir()
    with pytest.raises(OutputError, match="this is a folder"):
        media.Writer(tmp_path / "b.wav", 48000, 1)


def test_no_permission(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("winnow.media.sink.open", refuse, raising=False)
    with pytest.raises(OutputError, match="no permission"):
        media.Writer(tmp_path / "a.wav", 48000, 1)


LIMITED = """
import resource, signal, sys
import numpy as np
from winnow import media
from winnow.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with media.Writer(sys.argv[1], 48000, 2) as writer:
        for _ in range(int(sys.argv[3])):
            writer.write(np.random.default_rng(0).standard_normal((2, 48000)).astype(np.float32) / 9)
except OutputError as error:
    print(error)
    sys.exit(7)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX")
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.m4a", "a.opus"])
@pytest.mark.parametrize("blocks", [1, 12])
def test_disk_that_fills_up(tmp_path, name, blocks):
    """A true failure of the system call, in the middle (12 blocks) or in the very last flush (1 block)."""
    (tmp_path / name).write_bytes(b"the old one")
    command = [sys.executable, "-c", LIMITED, str(tmp_path / name), "12000", str(blocks)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert "larger than this system allows" in done.stdout
    assert done.stderr == ""
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == b"the old one"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs the full device of Linux")
@pytest.mark.parametrize("count", [10, 500_000])
def test_full_device(count):
    with (
        pytest.raises(OutputError, match="the disk is full"),
        media.Writer("/dev/full", 48000, 1, format="wav") as writer,
    ):
        writer.write(np.zeros((1, count), np.float32))
    assert os.path.exists("/dev/full")


def test_a_symbolic_link_is_written_through(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.wav").symlink_to(tmp_path / "real" / "a.wav")
    media.write(tmp_path / "link.wav", Audio(tones(100, 48000, 1), 48000))
    assert (tmp_path / "link.wav").is_symlink()
    assert (tmp_path / "real" / "a.wav").exists()


PIPE = """
import sys, numpy as np
from winnow import media
with media.Writer("-", 16000, 1, format=sys.argv[1] if len(sys.argv) > 1 else None) as writer:
    for k in range(5):
        writer.write(0.1 * k * np.sin(np.arange(16000) / 5)[None].astype(np.float32))
"""


@pytest.mark.parametrize("form", [None, "wav", "flac", "mp3", "opus"])
def test_standard_output(tmp_path, form):
    done = subprocess.run([sys.executable, "-c", PIPE, *([form] if form else [])], capture_output=True, check=True)
    path = tmp_path / f"out.{form or 'wav'}"
    path.write_bytes(done.stdout)
    got = media.read(path)
    extra = 0 if form != "mp3" else 4000  # without going back, an MP3 cannot tell its padding
    assert 0 <= got.samples.shape[1] - 5 * got.rate <= extra
    assert got.samples[0, int(4.2 * got.rate) : int(4.8 * got.rate)].max() == pytest.approx(0.4, abs=0.03)


def test_reader_of_the_pipe_goes_away():
    code = PIPE.replace("range(5)", "range(500)").replace(
        "import sys,", "import sys; from winnow.errors import OutputError\nimport"
    )
    code = "try:\n" + "\n".join("    " + line for line in code.strip().splitlines())
    code += (
        "\nexcept OutputError as error:\n    sys.stderr.write(str(error)); sys.stderr.flush(); import os; os._exit(7)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(1000)
        process.stdout.close()
        assert process.wait(60) == 7
        assert process.stderr.read() == b"standard output: the reader of the pipe has closed it."


def test_no_samples_make_an_empty_file(tmp_path):
    with media.Writer(tmp_path / "a.wav", 48000, 1):
        pass
    with av.open(str(tmp_path / "a.wav")) as container:
        assert container.streams.audio[0].rate == 48000


def test_a_wav_may_grow_beyond_4_gb(tmp_path):
    """The header has room for RF64's sizes; filling 4 GB takes too long for a test."""
    media.write(tmp_path / "a.wav", Audio(tones(100, 8000, 1), 8000))
    assert (tmp_path / "a.wav").read_bytes()[12:16] == b"JUNK"


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["u8", "u8p", "s16", "s16p", "s32", "s32p", "flt", "fltp", "dbl", "dblp"]),
    st.integers(1, 8),
    st.integers(1, 70),
)
def test_sample_formats_agree_both_ways(name, channels, count):
    samples = np.random.default_rng(count).uniform(-1, 0.99, (channels, count)).astype(np.float32)
    layout = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}[channels]
    frame = av.AudioFrame(name, layout, count)
    for plane, row in zip(frame.planes, to_format(samples, name), strict=False):
        plane.update(row)
    step = {"u": 1 / 128, "s1": 1 / 32768, "s3": 1 / 2**23}.get(name[:2] if name[0] == "s" else name[0], 0)
    assert np.abs(to_float(frame) - samples).max() <= 0.51 * step


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=12), st.sampled_from(["flac", "m4a", "opus", "mp3"]))
def test_block_sizes_do_not_matter(tmp_path_factory, sizes, form):
    total = sum(sizes) + 60
    path = Path(tmp_path_factory.mktemp("blocks")) / f"a.{form}"
    samples = tones(total, 44100, 1)
    with media.Writer(path, 44100, 1) as writer:
        for part in np.split(samples, np.cumsum(sizes), axis=1):
            writer.write(part)
    got = media.read(path)
    assert got.samples.shape[1] == round(total * got.rate / 44100)


@pytest.mark.parametrize("past", [0, 1, 23, 46, 47, 48, 1151])
def test_mp3_ends_where_the_recording_does(tmp_path, past):
    """LAME pads to 1152 samples and up to 46 more, and MP3's header speaks of the last packet only."""
    samples = tones(9 * 1152 + past, 44100, 1)
    media.write(tmp_path / "a.mp3", Audio(samples, 44100))
    got = media.read(tmp_path / "a.mp3").samples
    assert got.shape == samples.shape
    assert np.std((got - samples)[:, -60:]) < 0.15 * np.std(samples[:, -60:])  # heard to the end


INTERRUPTED = """
import sys, numpy as np
from winnow import media
print("ready", flush=True)
with media.open_reader("-") as reader, media.Writer(sys.argv[1], reader.rate, reader.channels) as writer:
    for block in reader:
        writer.write(block)
        print("block", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("ending", [True, False], ids=["at its end", "while nothing comes"])
def test_ctrl_c_while_a_pipe_is_read(tmp_path, ending):
    """The interrupt arrives under FFmpeg, which waits for data: it must not pass for the end of the recording."""
    media.write(tmp_path / "in.wav", Audio(tones(320_000, 16000, 1), 16000))
    data = (tmp_path / "in.wav").read_bytes()
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "out.wav")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        guard = threading.Timer(50, process.kill)
        guard.start()
        process.stdin.write(data[:500_000])
        process.stdin.flush()
        assert [process.stdout.readline() for _ in range(2)] == [b"ready\n", b"block\n"]
        process.send_signal(signal.SIGINT)
        if ending:
            process.stdin.close()
        assert process.wait(60) != 0
        guard.cancel()
        assert b"KeyboardInterrupt" in process.stderr.read()
    assert os.listdir(tmp_path) == ["in.wav"]
