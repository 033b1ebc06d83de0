"""References of voices: how they are written, what is refused, what is warned about; and the store of enrolled ones."""

import json

import numpy as np
import pytest

from conversing import network
from voicelike import voice
from winnow import media
from winnow.audio import Audio
from winnow.dsp.resample import resample
from winnow.engine import voicestore
from winnow.engine.conversation import passes, together
from winnow.engine.reference import RATE, active, like_speech, parse, speech_of, two_voices, voice_of
from winnow.errors import BadAudio, BadInput, BadOption, InputNotFound
from winnow.models.voices import JoinedVoice, SpectralVoice, default_encoder, network_encoder

ENCODER = SpectralVoice()


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("WINNOW_VOICES", str(tmp_path / "kept voices"))
    return tmp_path / "kept voices"


def write(path, *parts, rate=RATE, channels=1):
    media.write(path, Audio(np.tile(np.concatenate(parts), (channels, 1)), rate))
    return str(path)


def silence(seconds):
    return np.zeros(round(seconds * RATE), np.float32)


@pytest.mark.parametrize(
    ("text", "path", "begin", "end"),
    [
        ("a.wav", "a.wav", 0, None),
        ("interview.mp4@00:12-00:20", "interview.mp4", 12, 20),
        ("a b@c.wav@1:02:03.5-1:02:10", "a b@c.wav", 3723.5, 3730),
        ("x.wav@3-4.25", "x.wav", 3, 4.25),
        ("x.wav@3-", "x.wav", 3, None),
        ("me@home.wav", "me@home.wav", 0, None),
    ],
)
def test_how_references_are_written(text, path, begin, end):
    found = parse(text)
    assert (found.path, found.begin, found.end, found.enrolled) == (path, begin, end, None)


def test_a_name_and_a_file_that_looks_like_a_stretch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse("@alice").enrolled == "alice"
    (tmp_path / "take@1-2").touch()
    assert parse("take@1-2").path == "take@1-2"


@pytest.mark.parametrize("text", ["", "@", " ", "x.wav@5-3", "x.wav@0:70:90-1", "x.wav@1..2-3"])
def test_references_that_make_no_sense(text):
    with pytest.raises(BadOption):
        voice_of([text], ENCODER)


@pytest.mark.parametrize("span", ["a-b", "0:02", "1-2-3"])
def test_a_stretch_that_is_no_time_is_told(tmp_path, span):
    path = tmp_path / "alice.wav"
    path.touch()
    with pytest.raises(BadOption, match=f"{span}' is no stretch of time. Write it as FILE@0:12-0:20"):
        parse(f"{path}@{span}")
    with pytest.raises(BadOption, match="no such file, and 'a-b' is no stretch"):
        parse("nobody@a-b")


def test_music_and_noise_are_told_from_speech(tmp_path):
    time = np.arange(6 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * hertz * time) for hertz in (220, 277, 330)) * (1 - 0.8 * (2 * time % 1))
    found = voice_of([write(tmp_path / "chord.wav", (0.1 * chord).astype(np.float32))], ENCODER)
    assert "music or noise" in found.warnings[0]
    assert all(like_speech(active(voice(who, 4))) for who in range(6))
    hiss = 0.1 * np.random.default_rng(0).standard_normal(5 * RATE).astype(np.float32)
    with pytest.raises(BadAudio, match=r"no speech found in it\. Give a recording in which the person speaks"):
        voice_of([write(tmp_path / "hiss.wav", hiss)], ENCODER)


def test_only_speech_counts(tmp_path):
    speech = voice(1, 4)
    path = write(tmp_path / "pauses.wav", silence(2), speech, silence(3))
    found = voice_of([path], ENCODER)
    assert 2.5 < found.seconds < 4.3 and not found.warnings and found.encoder == ENCODER.identity
    assert found.vector @ ENCODER(speech, RATE) > 0.99


@pytest.mark.parametrize("rate", [8000, 48000])
def test_a_stretch_in_a_stereo_recording(tmp_path, rate):
    both = np.concatenate([voice(0, 6), voice(5, 6)])
    path = write(tmp_path / "two 'people' 🎤.flac", resample(both[None], RATE, rate)[0], rate=rate, channels=2)
    first, second = (voice_of([f"{path}@{at}"], ENCODER).vector for at in ("0-6", "0:06-0:12"))
    assert first @ ENCODER(voice(0, 4, text=1), RATE) > first @ second + 0.2
    assert second @ ENCODER(voice(5, 4, text=1), RATE) > first @ second + 0.2


def test_two_voices_in_one_reference_are_noticed(tmp_path):
    assert two_voices(np.concatenate([voice(0, 6), voice(5, 6)]), ENCODER)
    assert not any(two_voices(voice(who, 12), ENCODER) for who in range(6))
    path = write(tmp_path / "both.wav", voice(0, 6), voice(5, 6))
    assert "two voices" in voice_of([path], ENCODER).warnings[0]


@pytest.mark.parametrize(
    ("who", "gain", "expected"), [(5, 1.0, True), (5, 0.5, True), (5, 0.3, False), (0, 0.7, False)]
)
def test_two_voices_at_once_are_noticed(tmp_path, monkeypatch, who, gain, expected):
    known = np.stack([voice(0, 6), gain * voice(who, 6)])
    opened = network(np.concatenate([known, known], axis=1))
    assert together.together(known.sum(axis=0)[None], RATE, ENCODER, opened) == expected
    monkeypatch.setattr(passes, "network_of", lambda bundle: network(known))
    found = voice_of([write(tmp_path / "a.wav", known.sum(axis=0))], ENCODER)
    assert [("two voices" in line) for line in found.warnings] == [True] * expected


def test_several_references_are_averaged(tmp_path):
    one, two = write(tmp_path / "1.wav", voice(0, 5)), write(tmp_path / "2.wav", voice(0, 5, text=1))
    other = write(tmp_path / "3.wav", voice(7, 5))
    both = voice_of([one, two], ENCODER)
    mean = voice_of([one], ENCODER).vector + voice_of([two], ENCODER).vector
    assert np.allclose(both.vector, mean / np.linalg.norm(mean), atol=1e-6) and not both.warnings
    assert "do not sound like one person" in voice_of([one, two, other], ENCODER).warnings[-1]


def test_the_clip_is_the_beginning_of_the_longest_reference(tmp_path, store):
    short, long = write(tmp_path / "1.wav", voice(0, 3)), write(tmp_path / "2.wav", voice(0, 8, text=1))
    speech = speech_of(parse(long))
    both = voice_of([short, long], ENCODER)
    np.testing.assert_array_equal(both.clip, speech[: 5 * RATE])
    assert len(voice_of([short], ENCODER).clip) < 3.1 * RATE
    voicestore.save("alice", both)
    assert voice_of(["@alice"], ENCODER).clip is None
    assert len(voice_of(["@alice", short], ENCODER).clip) < 3.1 * RATE


def test_what_is_refused_and_why(tmp_path):
    short = write(tmp_path / "short.wav", voice(1, 0.7))
    mute = write(tmp_path / "mute.wav", silence(3))
    fine = write(tmp_path / "fine.wav", voice(1, 4))
    (tmp_path / "text.wav").write_text("not sound")
    (tmp_path / "empty.wav").touch()
    for text, error, said in (
        (short, BadAudio, "s of speech"),
        (mute, BadAudio, "silent"),
        (str(tmp_path / "no.wav"), InputNotFound, "no.wav"),
        (str(tmp_path / "text.wav"), BadInput, "text.wav"),
        (str(tmp_path / "empty.wav"), BadInput, "empty.wav"),
        (f"{fine}@3-9", BadOption, "outside"),
        (f"{fine}@30-39", BadOption, "outside"),
        (f"{tmp_path / 'no.wav'}@1-2", InputNotFound, "no.wav"),
        ("@nobody", BadOption, "nobody"),
    ):
        with pytest.raises(error, match=said) as found:
            voice_of([text], ENCODER)
        assert "\n" not in str(found.value)
    with pytest.raises(BadOption):
        voice_of([], ENCODER)


def test_a_short_reference_is_used_with_a_warning(tmp_path):
    found = voice_of([write(tmp_path / "two seconds.wav", voice(1, 2))], ENCODER)
    assert len(found.warnings) == 1 and "only" in found.warnings[0]


def test_noise_is_no_speech():
    noise = 0.1 * np.random.default_rng(0).standard_normal(5 * RATE).astype(np.float32)
    assert len(active(noise)) < 0.1 * len(noise)


def test_an_enrolled_voice_comes_back(tmp_path, store):
    made = voice_of([write(tmp_path / "a.wav", voice(3, 5))], ENCODER)
    voicestore.save("Zoë B", made, ("/some/where/a.wav",))
    found = voice_of(["@Zoë B"], ENCODER)
    assert np.allclose(found.vector, made.vector, atol=1e-6) and found.seconds == pytest.approx(made.seconds, abs=0.01)
    kept = json.loads((store / "Zoë B.json").read_text(encoding="utf-8"))
    assert kept["references"] == ["a.wav"] and len(kept["vector"]) == ENCODER.size
    assert (store / "Zoë B.json").stat().st_size < 10000 and voicestore.names() == ["Zoë B"]


def test_names_that_are_none(tmp_path):
    made = voice_of([write(tmp_path / "a.wav", voice(3, 3.5))], ENCODER)
    for name in ("", "../evil", "a/b", "a\\b", ".hidden", "-x", "a\nb", "x" * 80, "con", "NUL.txt"):
        with pytest.raises(BadOption):
            voicestore.save(name, made)
    voicestore.save("@alice", made)
    with pytest.raises(BadOption, match="--replace"):
        voicestore.save("alice", made)
    voicestore.save("alice", made, replace=True)
    with pytest.raises(BadOption, match="Did you mean alice"):
        voicestore.read("alcie")
    voicestore.forget("alice")
    with pytest.raises(BadOption, match="Enrol it first"):
        voicestore.forget("alice")


def test_a_voice_enrolled_with_both_encoders_serves_for_each(tmp_path, store):
    path = write(tmp_path / "a.wav", voice(3, 3.5))
    voicestore.save("alice", voice_of([path], default_encoder()))
    for encoder in (default_encoder(), network_encoder(), ENCODER):
        found = voice_of(["@alice"], encoder)
        assert found.encoder == encoder.identity and found.vector.shape == (encoder.size,)
        assert found.vector @ voice_of([path], encoder).vector > 0.9999


def test_another_encoder_and_a_damaged_file_are_refused(tmp_path, store):
    made = voice_of([write(tmp_path / "a.wav", voice(3, 3.5))], ENCODER)
    voicestore.save("alice", made)
    with pytest.raises(BadOption, match="Enrol it again"):
        voicestore.load("alice", JoinedVoice(ENCODER, ENCODER, 0.5))
    for text in ("{", "[]", '{"schema": 9}', '{"schema": 1, "vector": []}'):
        (store / "alice.json").write_text(text)
        with pytest.raises(BadInput, match="alice"):
            voice_of(["@alice"], ENCODER)
