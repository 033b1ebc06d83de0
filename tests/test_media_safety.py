"""Files that are none, or that want to open others: one clear line, no connection, no second file."""

from __future__ import annotations

import io
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from makemedia import clicks, make_video, tones
from winnow import media
from winnow.audio import Audio
from winnow.errors import BadInput, InputNotFound, NoAudio, WinnowError
from winnow.media.source import _allowed_formats


class Listener:
    """A local server that counts who connects."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.connections = 0
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            client.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    yield server
    server.socket.close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A second local file, whose sound must never appear."""
    (tmp_path / "secret").mkdir()
    path = tmp_path / "secret" / "secret.ts"
    make_video(path, [tones(48000, 48000, 1)], codec="aac", seconds=1)
    media.write(tmp_path / "secret" / "secret.wav", Audio(tones(48000, 48000, 1), 48000))
    return path


def hls(target: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n".encode()


def hls_master(target: str) -> bytes:
    media_line = f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="n",URI="{target}"'
    return f'#EXTM3U\n{media_line}\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\n{target}\n'.encode()


def ffconcat(target: str) -> bytes:
    return f"ffconcat version 1.0\nfile '{target}'\n".encode()


def dash(target: str) -> bytes:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT5S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        '<AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1" codecs="mp4a.40.2">'
        f"<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ).encode()


def sdp(target: str) -> bytes:
    port = target.rpartition(":")[2].split("/")[0]
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port if port.isdigit() else 9} RTP/AVP 0\r\na=control:{target}\r\n"
    ).encode()


MAKERS = [hls, hls_master, ffconcat, dash, sdp]


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("suffix", [".m3u8", ".mp4", ".wav", ".ffconcat", ".mpd", ".sdp", ".ts"])
def test_hostile_playlists_reach_nothing(tmp_path, listener, secret, maker, suffix):
    targets = [
        f"http://127.0.0.1:{listener.port}/a.ts",
        f"tcp://127.0.0.1:{listener.port}",
        f"rtmp://127.0.0.1:{listener.port}/a",
        str(secret),
        f"file:{secret}",
        "secret/secret.ts",
        f"concat:{secret}",
        f"subfile,,start,0,end,0,,:{secret}",
        f"crypto:{secret}",
        f"data:audio/wav;base64,{'UklGR' * 9}",
    ]
    path = tmp_path / f"hostile{suffix}"
    for target in targets:
        path.write_bytes(maker(target))
        for action in (media.read, media.probe):
            with pytest.raises(NoAudio, match="no audio in this file") as caught:
                action(path)
            assert "\n" not in str(caught.value)
    assert listener.connections == 0


def test_the_baits_would_work_without_the_walls(tmp_path, listener, secret):
    """Otherwise the test above would prove nothing."""
    path = tmp_path / "hostile.m3u8"
    path.write_bytes(hls(f"http://127.0.0.1:{listener.port}/a.ts"))
    with pytest.raises(av.FFmpegError):
        av.open(str(path), options={"protocol_whitelist": "file,http,tcp"})
    assert listener.connections > 0
    path.write_bytes(hls(secret.name))
    with av.open(str(path.rename(secret.parent / path.name))) as container:
        assert len(container.streams.audio) == 1
    path = secret.parent / "hostile.ffconcat"
    path.write_bytes(ffconcat(secret.name))
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == 1


def test_demuxers_of_other_files_are_refused_by_name():
    refused = {"hls", "concat", "dash", "image2", "sdp", "rtsp", "lavfi"}
    known = {name for entry in av.formats_available for name in entry.split(",")}
    assert refused <= known
    assert not refused & _allowed_formats()
    assert {"wav", "mov", "matroska", "mp3", "flac", "ogg", "mpegts"} <= _allowed_formats()


def test_playlist_on_standard_input_reaches_nothing(listener, secret):
    code = "from winnow import errors, media\ntry: media.read('-')\nexcept errors.WinnowError as e: print('refused', e)"
    for target in (f"http://127.0.0.1:{listener.port}/a.ts", str(secret)):
        for maker in (hls, ffconcat):
            done = subprocess.run([sys.executable, "-c", code], input=maker(target), capture_output=True, check=False)
            assert done.stdout.startswith(b"refused"), done.stderr
    assert listener.connections == 0


def external_reference(path: Path, target: Path, other: str) -> None:
    """Turn a self-contained MOV into one whose sound lies in the file `other` (an Apple alias in its "dref")."""
    data = bytearray(path.read_bytes())
    entry = data.index(b"url ", data.rindex(b"dref"))
    name = other.encode() + b"\0" * (len(other) % 2)
    alias = struct.pack(">I10xB27x12xB63s16xhh16x", 0, 0, 0, b"", 0, 0)  # flags 0: not in this file
    alias += struct.pack(">hH", 2, len(other)) + name + struct.pack(">hH", -1, 0) + bytes(40)
    data[entry - 4 : entry + 8] = struct.pack(">I4s", 8 + len(alias), b"alis") + alias
    grown = 8 + len(alias) - 12
    for box in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        here = data.rindex(box, 0, entry) - 4
        data[here : here + 4] = struct.pack(">I", struct.unpack(">I", data[here : here + 4])[0] + grown)
    target.write_bytes(data)


def test_reference_tracks_reach_nothing(tmp_path, listener, secret):
    media.write(tmp_path / "own.mov", Audio(np.zeros((1, 9000), np.float32), 48000), codec="pcm")
    hostile, bait = tmp_path / "hostile.mov", str(secret.with_suffix(".wav"))
    external_reference(tmp_path / "own.mov", hostile, bait)
    with av.open(str(hostile), container_options={"enable_drefs": "1", "use_absolute_path": "1"}) as container:
        assert any(frame.to_ndarray().any() for frame in container.decode(audio=0))  # the bait works
    for other in (bait, f"http://127.0.0.1:{listener.port}/a.wav"):
        external_reference(tmp_path / "own.mov", hostile, other)
        try:
            assert not media.read(hostile).samples.any()  # its own bytes at most, never those of the other file
        except WinnowError as error:
            assert "\n" not in str(error)
    assert listener.connections == 0


def test_names_that_look_like_addresses_are_files(tmp_path, listener, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        f"http://127.0.0.1:{listener.port}/a.wav",
        f"tcp://127.0.0.1:{listener.port}",
        "concat:a|b",
        "pipe:0",
        "data:x",
    ):
        with pytest.raises(InputNotFound, match="no such file"):
            media.read(name)
    assert listener.connections == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.wav", b"", "this file is empty"),
        ("a.wav", b"Dear reader,\nthis is a letter.\n" * 30, "it looks like text"),
        ("a.mp3", "Größe, naïve, 日本語\n".encode() * 300, "it looks like text"),
        ("a.mp4", b"{}", "it looks like text"),
        ("notes.docx", b"PK\x03\x04" + bytes(300), "it is a zip archive"),
        ("a.wav", b"%PDF-1.7\n" + bytes(300), "it is a PDF document"),
        ("a.mp3", b"\x7fELF" + bytes(3000), "it is a program"),
        ("a.gz", b"\x1f\x8b\x08" + bytes(300), "it is a gzip archive"),
        ("a.wav", bytes(5000), "unknown or damaged"),
        ("a.wav", b"RIFF", "unknown or damaged|it looks like text"),
        ("a.flac", b"fLaC" + bytes(100), "no audio|no samples"),
    ],
)
def test_what_is_no_recording_is_told_in_one_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NoAudio, match=message) as caught:
        media.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_folder_and_device(tmp_path):
    with pytest.raises(InputNotFound, match="no such file"):
        media.probe(tmp_path / "none.wav")
    with pytest.raises(BadInput, match="this is a folder"):
        media.probe(tmp_path)
    if os.path.exists("/dev/zero"):
        with pytest.raises(BadInput, match="not a regular file"):
            media.probe("/dev/zero")


def test_no_permission(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    media.write(tmp_path / "a.wav", Audio(tones(100, 8000, 1), 8000))
    monkeypatch.setattr("winnow.media.source.open", refuse, raising=False)
    with pytest.raises(InputNotFound, match="no permission"):
        media.read(tmp_path / "a.wav")


def test_disk_that_fails_while_reading(tmp_path, monkeypatch):
    class Bad(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            if 8_000_000 < self.tell() < 9_000_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    media.write(tmp_path / "a.wav", Audio(tones(4_800_000, 8000, 1), 8000))
    monkeypatch.setattr("winnow.media.source.open", lambda path, *_, **__: Bad(path), raising=False)
    with media.open_reader(tmp_path / "a.wav") as reader:
        count = sum(block.shape[1] for block in reader)
    assert 1_000_000 < count < 4_800_000
    assert "cut off" in reader.warning


def test_picture_and_silent_video(tmp_path):
    with av.open(str(tmp_path / "a.png"), "w", format="image2") as out:
        track = out.add_stream("png", rate=1)
        track.width, track.height, track.pix_fmt = 16, 16, "rgb24"
        out.mux(track.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))))
        out.mux(track.encode(None))
    with pytest.raises(NoAudio, match="it is a picture"):
        media.read(tmp_path / "a.png")
    make_video(tmp_path / "silent.mp4", [], seconds=1)
    assert media.probe(tmp_path / "silent.mp4").audio == ()
    with pytest.raises(NoAudio, match="this video has no sound"):
        media.read(tmp_path / "silent.mp4")


def test_truncated_mp4_without_index(tmp_path):
    make_video(tmp_path / "a.mp4", [clicks(4, 48000)])
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(NoAudio, match="cut off or damaged") as caught:
        media.read(tmp_path / "cut.mp4")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff"])
def test_a_valid_header_without_samples(tmp_path, name):
    with media.Writer(tmp_path / name, 48000, 1):
        pass
    with pytest.raises(NoAudio, match="holds no samples"):
        media.read(tmp_path / name)


def test_random_bytes_and_random_damage_never_crash(tmp_path):
    rng = np.random.default_rng(0)
    whole: dict[str, bytes] = {}
    for name in ("a.wav", "a.flac", "a.mp3", "a.m4a", "a.opus"):
        media.write(tmp_path / name, Audio(clicks(0.6, 16000), 16000))
        whole[name] = (tmp_path / name).read_bytes()
    for name, data in whole.items():
        for _ in range(25):
            bad = np.frombuffer(data, np.uint8).copy()
            bad[rng.integers(0, bad.size, 1 + bad.size // 400)] = rng.integers(0, 256)
            (tmp_path / name).write_bytes(bad.tobytes()[: rng.integers(1, bad.size + 1)])
            try:
                assert np.isfinite(media.read(tmp_path / name).samples).all()
            except WinnowError as error:
                assert "\n" not in str(error)


@pytest.mark.parametrize("size", [50, 1000])
def test_a_lossless_file_cut_off_in_its_first_block_is_no_crash(tmp_path, size):
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 48000)).astype(np.float32)
    media.write(tmp_path / "whole.wv", Audio(noise, 48000))
    cut = tmp_path / "cut.wv"
    cut.write_bytes((tmp_path / "whole.wv").read_bytes()[:size])
    assert media.probe(cut).audio[0].bits is None
    with pytest.raises(WinnowError):
        media.read(cut)
