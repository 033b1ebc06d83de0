"""New sound into films: the picture identical packet by packet, the sound in sync within a millisecond."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from makemedia import clicks, make_video, packet_hashes, packet_times, sound_offset, tones
from winnow import media
from winnow.audio import Audio
from winnow.errors import BadOption, NoAudio, OutputError, OutputIsInput


def replace(source: Path, dest: Path, *tracks: media.NewTrack, **options: object) -> media.Remuxer:
    """Put the source's own sound in as each new track."""
    with (
        media.open_reader(source, options.get("track", 0)) as reader,
        media.Remuxer(source, dest, tracks or [media.NewTrack()], **options) as remuxer,
    ):
        for block in reader:
            for index in range(max(1, len(tracks))):
                remuxer.write(index, block)
    return remuxer


CASES = [
    # container, codec in, codec out, picture, seconds late, variable frame rate, rate
    ("mp4", "aac", "aac", "libx264", 0.0, False, 48000),
    ("mp4", "aac", "aac", "libx264", 0.5, True, 44100),
    ("mp4", "aac", "aac", "mpeg4", 0.0, True, 22050),
    ("mp4", "libopus", "opus", "mpeg4", 0.25, False, 48000),
    ("mp4", "ac3", "ac3", "mpeg4", 0.0, False, 48000),
    ("mp4", "libmp3lame", "mp3", "mpeg4", 0.0, False, 44100),
    ("mp4", "alac", "alac", "mpeg4", 0.1, False, 44100),
    ("mov", "aac", "aac", "libx264", 0.0, True, 48000),
    ("mov", "pcm_s16le", "pcm_s16le", "mpeg4", 0.25, False, 48000),
    ("mov", "pcm_s24be", "pcm_s24be", "mpeg4", 0.0, False, 48000),
    ("mkv", "aac", "aac", "libx264", 0.0, True, 48000),
    ("mkv", "aac", "aac", "mpeg4", 0.7, False, 44100),
    ("mkv", "libopus", "opus", "mpeg4", 0.7, False, 48000),
    ("mkv", "flac", "flac", "libx264", 0.0, False, 44100),
    ("mkv", "libmp3lame", "mp3", "mpeg4", 0.3, False, 48000),
    ("mkv", "eac3", "eac3", "mpeg4", 0.4, False, 48000),
    ("webm", "libopus", "opus", "libvpx", 0.0, False, 48000),
    ("webm", "libopus", "opus", "libvpx", 0.5, True, 48000),
    ("ts", "aac", "aac", "libx264", 0.3, False, 48000),
    ("ts", "mp2", "mp2", "mpeg2video", 0.0, False, 48000),
    ("flv", "libmp3lame", "mp3", "flv", 0.0, False, 44100),
    ("avi", "pcm_s16le", "pcm_s16le", "mpeg4", 0.0, False, 44100),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_picture_is_identical_and_sound_in_sync(tmp_path, case):
    suffix, codec, out, picture, late, variable, rate = case
    source, dest = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    sound = clicks(3.33, rate, 2)
    make_video(source, [sound], rate, codec=codec, video=picture, late=late, variable=variable)
    remuxer = replace(source, dest)
    assert remuxer.notes == []
    assert packet_hashes(dest) == packet_hashes(source)
    before, after = np.array(packet_times(source)), np.array(packet_times(dest))
    np.testing.assert_allclose(after - after[0], before - before[0], atol=0.0011)
    assert abs(sound_offset(dest, sound, late)) < 1.0
    assert media.probe(dest).audio[0].codec == out
    with media.open_reader(source) as first, media.open_reader(dest) as second:
        counts = [sum(block.shape[1] for block in reader) for reader in (first, second)]
        ends = [reader.start + count / reader.rate for reader, count in zip((first, second), counts, strict=True)]
    # A late start in MP4, and MPEG-TS and FLV always, cannot mark the encoder's delay: it is played, as silence.
    unmarked = suffix in ("ts", "flv") or (suffix == "mp4" and late)
    assert 0 <= counts[1] - counts[0] <= (1152 if unmarked else 0)
    assert ends[1] == pytest.approx(ends[0], abs=0.03)


def test_mp3_in_avi_keeps_the_sync_it_had(tmp_path):
    source, dest, sound = tmp_path / "a.avi", tmp_path / "b.avi", clicks(3, 44100)
    make_video(source, [sound], 44100, codec="libmp3lame")
    replace(source, dest)
    assert sound_offset(dest, sound) == pytest.approx(sound_offset(source, sound), abs=0.1)


def test_pictures_reordered_by_the_codec(tmp_path):
    """H.264 with B-frames begins before zero in decoding order."""
    source, dest, sound = tmp_path / "a.mkv", tmp_path / "b.mp4", clicks(3, 48000)
    make_video(source, [sound], codec="libopus", video="libx264")
    with av.open(str(source)) as container:
        assert any(packet.pts != packet.dts for packet in container.demux(video=0) if packet.size)
    replace(source, dest)
    assert packet_hashes(dest) == packet_hashes(source)
    assert abs(sound_offset(dest, sound)) < 1.0


def film_with_everything(path: Path) -> None:
    """Two sound tracks, subtitles, chapters, tags, rotation."""
    bare = path.with_name(f"bare{path.suffix}")
    make_video(
        bare,
        [clicks(3, 48000, 2), tones(3 * 48000, 48000, 1)],
        titles=["Voice", "Music"],
        chapters=True,
        rotation=90,
        tags={"title": "Film", "comment": "Größe"},
    )
    with av.open(str(bare)) as source, av.open(str(path), "w") as out:
        streams = {
            each.index: out.add_stream_from_template(each, opaque=True)
            for each in source.streams
            if each.type != "data"
        }
        for index, stream in streams.items():
            stream.metadata.update(source.streams[index].metadata)
        streams[0].set_display_rotation(90)
        streams[1].disposition, streams[2].disposition = 1, 8  # default, comment
        text = out.add_mux_stream("mov_text" if path.suffix in (".mp4", ".mov") else "subrip")
        text.metadata["language"] = "eng"
        if path.suffix == ".mkv":
            out.add_attachment("note.txt", "text/plain", b"attached")
        out.metadata.update(source.metadata)
        out.set_chapters(source.chapters())
        for number in range(2):
            packet = av.Packet(b"Hello" if path.suffix == ".mkv" else b"\0\x05Hello")
            packet.pts = packet.dts = 500 + 1000 * number
            packet.duration, packet.time_base, packet.stream = 800, Fraction(1, 1000), text
            out.mux(packet)
        for packet in source.demux():
            if packet.size and packet.stream.index in streams:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)


def rotation(path: Path) -> int:
    with av.open(str(path)) as container:
        return next(frame.rotation for frame in container.decode(video=0))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_everything_else_is_kept(tmp_path, suffix):
    source, dest = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    film_with_everything(source)
    remuxer = replace(source, dest, media.NewTrack())
    assert remuxer.notes == []
    before, after = media.probe(source), media.probe(dest)
    assert (after.subtitles, after.chapters) == (before.subtitles, before.chapters) == (1, 3)
    assert [track.language for track in after.audio] == [track.language for track in before.audio]
    tags = {key.lower(): value for key, value in after.tags.items()}
    assert (tags["title"], tags["comment"]) == ("Film", "Größe")
    assert packet_hashes(dest, "audio", 1) == packet_hashes(source, "audio", 1)
    assert packet_hashes(dest, "subtitle") == packet_hashes(source, "subtitle")
    assert packet_times(dest, "subtitle") == packet_times(source, "subtitle")
    assert rotation(dest) == rotation(source) != 0
    with av.open(str(source)) as one, av.open(str(dest)) as two:
        assert [each.disposition for each in two.streams.audio] == [each.disposition for each in one.streams.audio]
        assert suffix != ".mkv" or two.streams.audio[1].disposition == 8
        assert [each["metadata"]["title"] for each in two.chapters()] == [
            each["metadata"]["title"] for each in one.chapters()
        ]
        assert [each["start"] * each["time_base"] for each in two.chapters()] == [0, 1, 2]
        assert [each.data for each in two.streams.attachments] == [each.data for each in one.streams.attachments]
        assert len(two.streams) == len(one.streams)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
@pytest.mark.parametrize("track", [0, 1])
def test_three_named_tracks(tmp_path, suffix, track):
    source, dest = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    make_video(
        source,
        [clicks(3, 48000, 2), clicks(3, 48000, 1, seed=5)],
        titles=["Voice", "Music"] if suffix == ".mkv" else (),
    )
    replace(
        source,
        dest,
        media.NewTrack("Speech"),
        media.NewTrack("Background", language="und"),
        track=track,
        keep_original=True,
    )
    key = "title" if suffix == ".mkv" else "handler_name"
    with av.open(str(dest)) as container:
        streams = container.streams.audio
        names = [each.metadata.get(key) for each in streams]
        default = [bool(each.disposition & 1) for each in streams]
    assert names[track + 1 : track + 3] == ["Speech", "Background"]
    assert names[track] == (("Voice", "Music")[track] if suffix == ".mkv" else "Original")
    assert default.index(True) == 0
    assert sum(default) <= 2
    assert packet_hashes(dest, "audio", track) == packet_hashes(source, "audio", track)
    sound = clicks(3, 48000, 2 - track, seed=5 * track)
    for index in range(track, track + 3):
        assert abs(sound_offset(dest, sound, track=index)) < 1.0


def test_what_the_container_cannot_hold_is_left_out_and_told(tmp_path):
    source, dest = tmp_path / "a.mkv", tmp_path / "b.mp4"
    film_with_everything(source)
    remuxer = replace(source, dest)
    assert any("attachment" in note and "left out" in note for note in remuxer.notes)
    assert packet_hashes(dest) == packet_hashes(source)


def test_a_picture_that_does_not_fit_is_refused(tmp_path):
    source, dest = tmp_path / "a.mkv", tmp_path / "b.webm"
    make_video(source, [clicks(1, 48000)], seconds=1)
    with pytest.raises(BadOption, match=r"the picture, video track 0 \(mpeg4\), does not fit into webm.*\.mkv"):
        replace(source, dest)
    assert not dest.exists()


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_names_of_copied_tracks_are_kept(tmp_path, suffix):
    source, dest = tmp_path / "a.mp4", tmp_path / f"b.{suffix}"
    make_video(source, [clicks(1, 48000)] * 2, seconds=1, titles=["Main", "Comments"])
    replace(source, dest)
    assert [track.title for track in media.probe(dest).audio] == ["Main", "Comments"]


def test_bit_rate_and_codec_of_the_new_track(tmp_path):
    source = tmp_path / "a.mp4"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 4 * 48000)).astype(np.float32)
    make_video(source, [noise], seconds=4)
    replace(source, tmp_path / "b.mp4")
    assert media.probe(tmp_path / "b.mp4").audio[0].bit_rate >= 128_000
    replace(source, tmp_path / "c.mkv", media.NewTrack(codec="flac"))
    assert media.probe(tmp_path / "c.mkv").audio[0].codec == "flac"
    replace(source, tmp_path / "d.mp4", media.NewTrack(bit_rate=256_000))
    assert media.probe(tmp_path / "d.mp4").audio[0].bit_rate > 200_000


@pytest.mark.parametrize(("suffix", "codec"), [("mp3", "libmp3lame"), ("m4a", "aac"), ("flac", "flac")])
def test_cover_of_an_album_is_kept(tmp_path, suffix, codec):
    source, dest = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    with av.open(str(source), "w", format="mp4" if suffix == "m4a" else None) as out:
        sound = out.add_stream(codec, rate=44100, layout="mono")
        cover = out.add_stream("mjpeg", rate=1, width=16, height=16, pix_fmt="yuvj420p")
        cover.disposition = 1024
        out.metadata["title"] = "Song"
        packets = cover.encode(av.VideoFrame(16, 16, "yuvj420p")) + cover.encode(None)
        frame = av.AudioFrame.from_ndarray(clicks(1, 44100), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 44100, 0, Fraction(1, 44100)
        for packet in [*packets, *sound.encode(frame), *sound.encode(None)]:
            out.mux(packet)
    assert not media.probe(source).has_picture
    assert replace(source, dest).notes == []
    info = media.probe(dest)
    assert (info.video[0].cover, info.tags["title"]) == (True, "Song")
    assert packet_hashes(dest) == packet_hashes(source)
    assert media.read(dest).samples.shape == (1, 44100)


@pytest.mark.parametrize("suffix", ["m4a", "m4b"])
def test_sound_in_an_mp4_is_marked_as_sound(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    media.write(path, Audio(clicks(1, 44100), 44100))
    assert path.read_bytes()[4:12] == b"ftyp" + suffix.upper().encode() + b" "


def test_wrong_use_is_told(tmp_path):
    source = tmp_path / "a.mp4"
    make_video(source, [clicks(1, 48000)], seconds=1)
    make_video(tmp_path / "silent.mp4", [], seconds=1)
    os.symlink(source, tmp_path / "link.mp4")
    for dest in (source, tmp_path / "link.mp4"):
        with pytest.raises(OutputIsInput):
            media.Remuxer(source, dest, [media.NewTrack()])
    for one, two in (("-", tmp_path / "b.mp4"), (source, "-")):
        with pytest.raises(BadOption, match="pipe"):
            media.Remuxer(one, two, [media.NewTrack()])
    with pytest.raises(BadOption, match="no audio track 3"):
        media.Remuxer(source, tmp_path / "b.mp4", [media.NewTrack()], track=3)
    with pytest.raises(NoAudio, match="no sound"):
        media.Remuxer(tmp_path / "silent.mp4", tmp_path / "b.mp4", [media.NewTrack()])
    with pytest.raises(OutputError, match="no such folder"):
        media.Remuxer(source, tmp_path / "none" / "b.mp4", [media.NewTrack()])
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "link.mp4", "silent.mp4"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_exception_leaves_nothing(tmp_path, error):
    source = tmp_path / "a.mkv"
    make_video(source, [clicks(4, 48000)])
    with pytest.raises(error), media.Remuxer(source, tmp_path / "b.mkv", [media.NewTrack()]) as remuxer:
        remuxer.write(0, clicks(1, 48000))
        raise error
    assert os.listdir(tmp_path) == ["a.mkv"]


def test_source_that_is_cut_off(tmp_path):
    source, dest = tmp_path / "a.mkv", tmp_path / "b.mkv"
    make_video(source, [clicks(4, 48000)])
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    replace(source, dest)
    copied, original = packet_hashes(dest), packet_hashes(source)
    assert copied == original[: len(copied)]
    assert len(copied) >= len(original) - 1


MEMORY = """
import resource, sys
import numpy as np
from winnow import media
from winnow.audio import Audio
source, dest = sys.argv[1:]
with media.open_reader(source) as reader, media.Remuxer(source, dest, [media.NewTrack(codec="pcm_s16le")]) as remuxer:
    for block in reader:
        remuxer.write(0, block)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the measure is POSIX")
def test_memory_does_not_grow_with_the_film(tmp_path):
    """A film of 8 s and one of 40 s with 100 kB per picture: 20 MB and 100 MB."""
    peaks = []
    for seconds in (8, 40):
        source = tmp_path / f"{seconds}.mkv"
        with av.open(str(source), "w") as out:
            picture = out.add_stream("rawvideo", rate=25, width=256, height=256, pix_fmt="yuv420p")
            sound = out.add_stream("pcm_s16le", rate=16000, layout="mono")
            for second in range(seconds):
                for number in range(25):
                    frame = av.VideoFrame(256, 256, "yuv420p")
                    frame.pts, frame.time_base = second * 25 + number, Fraction(1, 25)
                    out.mux(picture.encode(frame))
                part = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), format="s16", layout="mono")
                part.sample_rate, part.pts, part.time_base = 16000, second * 16000, Fraction(1, 16000)
                out.mux(sound.encode(part))
        command = [sys.executable, "-c", MEMORY, str(source), str(tmp_path / f"{seconds}.out.mkv")]
        peaks.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        assert packet_hashes(tmp_path / f"{seconds}.out.mkv") == packet_hashes(source)
    assert peaks[1] - peaks[0] < 30


def test_a_program_stream_becomes_a_film_of_exact_length(tmp_path):
    """MP2, whose encoder keeps its last samples to itself, is not encoded again."""
    source, dest, sound = tmp_path / "a.mpg", tmp_path / "b.mkv", clicks(3, 44100)
    make_video(source, [sound], 44100, codec="mp2", video="mpeg2video")
    replace(source, dest)
    assert packet_hashes(dest) == packet_hashes(source)
    assert media.read(dest).samples.shape == media.read(source).samples.shape
    assert sound_offset(dest, sound) == pytest.approx(sound_offset(source, sound), abs=1.0)


def test_names_of_tracks_are_read_back(tmp_path):
    source, dest = tmp_path / "a.mp4", tmp_path / "b.mp4"
    make_video(source, [clicks(2, 48000)])
    assert media.probe(source).audio[0].title is None  # "SoundHandler" is no name
    replace(source, dest, media.NewTrack("Speech"), media.NewTrack("Background"), keep_original=True)
    assert [track.title for track in media.probe(dest).audio] == ["Original", "Speech", "Background"]
