"""Examples: what is drawn, that it is a plain record, and that the sound is what the record says."""

import itertools
import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlike import RATE, hiss, talk
from toycorpus import item, make_lists, pools_of
from winnow.data.augment import EFFECTS
from winnow.data.draw import draw
from winnow.data.example import Example, Part, Target, is_background, parse_example
from winnow.data.items import write_items
from winnow.data.level import active_rms, speech_to_noise
from winnow.data.pools import build_pool, build_pools
from winnow.data.presets import PRESETS, Chances, find_preset
from winnow.data.recordings import Kept, Recordings, Unusable
from winnow.data.render import LIMIT, looped, measured_snr, render
from winnow.data.schedule import overlap_share, staggered, stretches
from winnow.errors import BadInput, BadOption, InputNotFound

NAMES = sorted(PRESETS)


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    return make_lists(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def pools(lists):
    return pools_of(lists)


@pytest.fixture(scope="module")
def recordings():
    return Recordings()


@pytest.fixture(scope="module")
def others():
    """Another store of recordings."""
    return Recordings()


def preset(name, *assignments):
    """A preset with shorter examples, of no more talkers than the corpus has."""
    usual = [] if name == "unet" else ["seconds=2"]
    return find_preset(name, [*usual, *(["talkers=2,4"] if name == "talkers" else []), *assignments])


def drawn(config, pools, count, seed=1):
    return [draw(number, config, pools, seed) for number in range(count)]


def voices(example):
    return [role for role in example.roles if not is_background(role)]


# --- the record


@pytest.mark.parametrize("name", NAMES)
def test_a_record_comes_back_from_json_as_it_was_and_gives_the_same_samples(name, pools, recordings, others):
    examples = drawn(preset(name), pools, 30)
    assert [parse_example(example.to_json(), "row") for example in examples] == examples
    for example in examples[:4]:
        stems, more = render(example, recordings), render(parse_example(example.to_json(), "row"), others)
        assert list(stems) == list(more) == example.stems
        for stem, samples in stems.items():
            assert samples.dtype == np.float32 and np.array_equal(samples, more[stem])
            assert samples.size == (example.reference if stem == "reference" else example.samples)


def test_another_process_makes_the_same_samples(lists, pools, recordings):
    config = preset("denoise", "on_mixture.codec=0.5")
    code = (
        "import sys, hashlib; from winnow.data.example import parse_example; from winnow.data.render import render; "
        "from winnow.data.recordings import Recordings\n"
        "for line in sys.stdin: print(hashlib.sha256(b''.join(x.tobytes() "
        "for x in render(parse_example(line, 'x'), Recordings()).values())).hexdigest())"
    )
    import hashlib

    examples = drawn(config, pools, 5)
    rows = "".join(f"{example.to_json()}\n" for example in examples)
    there = subprocess.run([sys.executable, "-c", code], input=rows, capture_output=True, text=True, check=True)
    here = [
        hashlib.sha256(b"".join(x.tobytes() for x in render(example, recordings).values())).hexdigest()
        for example in examples
    ]
    assert there.stdout.split() == here


def test_a_draw_depends_on_number_and_seed_alone(pools):
    config = preset("voice")
    first = drawn(config, pools, 6)
    assert drawn(config, pools, 6) == first
    assert draw(3, config, pools, 1) == first[3]
    assert draw(3, config, pools, 2) != first[3]
    assert draw(3, config, pools, 1, attempt=1) != first[3]


def test_what_is_no_record_is_refused():
    for line in ("", "[]", "{}", '{"parts": 3}', '{"number": 1, "parts": [], "targets": {}, "effects": [], "more": 1}'):
        with pytest.raises(BadInput, match="row 7: this is no record"):
            parse_example(line, "row 7")


# --- ratios and levels


def independent_ratio(speech, noise, frame=RATE // 50):
    """Over the frames of speech within 30 dB of the loudest, sample by sample in double precision."""
    power = [float(np.sum(speech[k : k + frame].astype(float) ** 2)) for k in range(0, speech.size - frame + 1, frame)]
    chosen = [k for k, p in enumerate(power) if 10 * np.log10(max(p, 1e-30) / max(power)) >= -30]
    under = [float(np.sum(noise[k * frame : (k + 1) * frame].astype(float) ** 2)) for k in chosen]
    return 10 * np.log10(sum(power[k] for k in chosen) / sum(under))


@pytest.mark.parametrize("name", ["denoise", "split", "talkers"])
def test_the_ratio_is_the_one_asked_for(name, pools, recordings):
    config = preset(name, "room_target=whole", "on_mixture.clip=0", "on_mixture.codec=0", "on_mixture.band_limit=0")
    tried = 0
    for example in drawn(config, pools, 16):
        if example.snr is None:
            continue
        stems = render(example, recordings)
        speech = sum(stems[stem] for stem in example.targets if stem != "background")
        assert independent_ratio(speech, stems["background"]) == pytest.approx(example.snr, abs=0.1)
        assert measured_snr(example, recordings) == pytest.approx(example.snr, abs=0.01)
        tried += 1
    assert tried > 5


def test_the_level_is_the_one_asked_for(pools, recordings):
    for example in drawn(preset("denoise", "room=0", "level=-40,-30", "on_mixture.clip=0"), pools, 5):
        stems = render(example, recordings)
        loud = stems["speech"] if voices(example) else stems["background"]
        assert 20 * np.log10(active_rms(loud, RATE)) == pytest.approx(example.level, abs=0.05)


def test_noise_that_stands_still_while_somebody_speaks_counts_with_its_own_level():
    speech, noise = np.zeros(RATE, np.float32), np.zeros(RATE, np.float32)
    speech[: RATE // 2] = 0.1
    noise[RATE // 2 :] = 0.2
    assert speech_to_noise(speech, noise, RATE) == pytest.approx(20 * np.log10(0.1 / 0.2), abs=0.01)
    assert speech_to_noise(speech, noise * 0, RATE) is None and speech_to_noise(speech * 0, noise, RATE) is None


def test_amplitude_mode_adds_noise_times_u_to_the_recordings_as_they_are(pools, recordings):
    config = preset("unet")
    assert (config.rate, config.samples) == (8000, 8064)
    seen = []
    for example in drawn(config, pools, 20):
        stems = render(example, recordings)
        noise = next(part for part in example.parts if part.role == "noise1")
        seen.append(noise.gain)
        if not noise.loop and np.abs(stems["mixture"]).max() < LIMIT:
            kept = recordings.recording(noise.path, 8000)
            raw = kept.stretch(round(noise.start * 8000), 8064)
            assert stems["background"] == pytest.approx(noise.gain * raw, abs=1e-6)
            speech = recordings.recording(example.of("speech")[0].path, 8000)
            peak = float(np.abs(stems["speech"]).max())
            assert peak <= 32767 * speech.step + 1e-6  # not made louder
    assert 0.2 <= min(seen) < 0.3 and 0.7 < max(seen) <= 0.8


def test_system_3_is_each_voice_at_its_maximum_and_noise_at_three_tenths(pools, recordings):
    for example in drawn(preset("looking"), pools, 4):
        stems = render(example, recordings)
        top = {stem: float(np.abs(samples).max()) for stem, samples in stems.items()}
        assert top["talker1"] == pytest.approx(top["talker2"], rel=1e-4)
        assert top["background"] == pytest.approx(0.3 * top["talker1"], rel=1e-3)


def test_system_4_is_two_equal_voices_over_1_1_times_the_maximum(pools, recordings):
    for example in drawn(preset("voicefilter"), pools, 4):
        stems = render(example, recordings)
        assert np.abs(stems["mixture"]).max() == pytest.approx(1 / 1.1, rel=1e-5)
        assert active_rms(stems["voice"], RATE) == pytest.approx(active_rms(stems["rest"], RATE), rel=0.06)


@pytest.mark.parametrize("name", NAMES)
def test_stems_add_up_and_nothing_clips(name, pools, recordings):
    for example in drawn(preset(name, "level=-3,0"), pools, 5):
        stems = render(example, recordings)
        assert max(float(np.abs(x).max()) for stem, x in stems.items() if stem != "reference") <= LIMIT + 1e-6
        if not example.effects and name != "rest":
            total = sum(stems[stem] for stem in example.targets)
            assert np.abs(stems["mixture"] - total).max() <= 1e-6


# --- who speaks, and when


def share_of(examples, condition):
    return sum(map(condition, examples)) / len(examples)


def test_the_voice_is_absent_and_alone_as_often_as_asked(pools):
    examples = drawn(preset("voice"), pools, 800)
    absent = share_of(examples, lambda e: "voice" not in e.roles)
    assert absent == pytest.approx(0.2, abs=0.045)
    assert all(len(e.roles) > 0 and e.of("reference") for e in examples)
    sure = drawn(preset("voice", "talkers=2,3", "noise=1.0"), pools, 800)
    assert share_of(sure, lambda e: e.roles == ["voice"]) == pytest.approx(0.15, abs=0.04)


def test_an_absent_voice_is_silence_and_its_reference_is_not(pools, recordings):
    for example in drawn(preset("voice", "alone=0.0", "absent=1.0"), pools, 3):
        stems = render(example, recordings)
        assert not stems["voice"].any() and np.array_equal(stems["rest"], stems["mixture"])
        assert active_rms(stems["reference"], RATE) == pytest.approx(0.05, rel=0.2)


def test_everything_but_the_voice(pools, recordings):
    for example in drawn(preset("rest", "absent=0.0", "alone=0.0", "talkers=2,2"), pools, 3):
        whole = replace(example, targets={"voice": Target(("voice",)), "rest": Target(None)})
        assert list(example.targets) == ["rest"]
        reverse, straight = render(example, recordings), render(whole, recordings)
        assert reverse["rest"] == pytest.approx(straight["rest"], abs=1e-6)


def test_a_reference_is_another_stretch_of_the_same_talker(lists, pools):
    for example in drawn(preset("voice", "reference=1.0", "speed=0.7,1.4", "speed_chance=0.5"), pools, 150):
        same = [part for part in example.parts if part.role in ("voice", "reference")]
        assert len({part.item.split("/")[0] for part in same}) == 1
        assert len({part.speed for part in same}) == 1  # faster is higher: somebody else
        others = {part.item.split("/")[0] for part in example.parts if part.role.startswith("talker")}
        assert not {part.item.split("/")[0] for part in same} & others
        assert not overlaps(example)


def overlaps(example):
    """Whether a stretch of the reference is also used by the voice."""
    spans = [(p.role, p.item, p.start, p.start + p.length * p.speed / example.rate) for p in example.parts]
    clip = [s for s in spans if s[0] == "reference"]
    voice = [s for s in spans if s[0] == "voice"]
    return any(a[1] == b[1] and min(a[3], b[3]) - max(a[2], b[2]) > 1e-3 for a in clip for b in voice)


def test_one_long_recording_serves_voice_and_reference_apart(tmp_path, lists):
    samples = talk(7.0)
    rows = [item(tmp_path / f"{k}.wav", f"x{k}/0", "speech", samples, speaker=f"x{k}") for k in range(2)]
    write_items(rows, tmp_path / "two.jsonl")
    pools = build_pools([str(tmp_path / "two.jsonl")], [lists["noise"]])
    config = preset("voice", "talkers=1,2", "room=0", "reference=4.0")
    pools.check(config)
    examples = drawn(config, pools, 60)
    assert not any(map(overlaps, examples)) and {e.of("reference")[0].start == 0 for e in examples} == {True, False}
    faster = preset("voice", "talkers=1,2", "room=0", "reference=4.0", "speed=0.8,1.1", "speed_chance=1")
    assert not any(map(overlaps, drawn(faster, pools, 60)))
    for need in (
        ["reference=6.0"],
        ["reference=4.0", "speed=0.8,1.25", "speed_chance=0.5"],
    ):  # 8 s; 6 s at 1.25 times the speed
        with pytest.raises(BadInput, match="of 2 speakers 0 have two recordings"):
            pools.check(preset("voice", "room=0", *need))


@given(talkers=st.integers(2, 5), share=st.floats(0.05, 0.9))
@settings(max_examples=60, deadline=None)
def test_staggered_talkers_overlap_as_much_as_asked(talkers, share):
    length = 10000
    made = staggered(talkers, length, share)
    assert overlap_share([[each] for each in made], length) == pytest.approx(share, abs=0.002)
    assert made[0][0] == 0 and max(sum(each) for each in made) >= length - talkers
    assert all(begin >= 0 and begin + each <= length for begin, each in made)


@pytest.mark.parametrize("talkers", [2, 3, 5])
def test_a_conversation_takes_turns(talkers):
    config = preset("talkers", "overlap=conversation", "seconds=20")
    shares = []
    for seed in range(20):
        who = stretches(np.random.default_rng(seed), talkers, config)
        assert len(who) == talkers and all(who)
        shares.append(overlap_share(who, config.samples))
        for mine in who:
            assert all(a + b <= c for (a, b), (c, _) in itertools.pairwise(mine))
        assert max(begin + length for mine in who for begin, length in mine) <= config.samples
    assert 0.005 < np.mean(shares) < 0.3


def test_two_to_five_different_talkers_each_with_a_stem(pools):
    config = preset("talkers", "talkers=2,4")
    counts = set()
    for example in drawn(config, pools, 60):
        talkers = [{part.item.split("/")[0] for part in example.of(role)} for role in voices(example)]
        assert all(len(each) == 1 for each in talkers) and len(set.union(*talkers)) == len(talkers)
        assert list(example.targets) == [*voices(example), "background"]
        counts.add(len(talkers))
    assert counts == {2, 3, 4}


def test_nothing_of_a_recording_is_heard_twice_in_one_role(pools):
    for example in drawn(preset("talkers", "talkers=2,3", "seconds=8"), pools, 40):
        for role in voices(example):
            spans = sorted((p.item, p.start, p.start + p.length * p.speed / RATE) for p in example.of(role))
            assert all(a[0] != b[0] or a[2] <= b[1] + 1e-3 for a, b in itertools.pairwise(spans))


# --- rooms, effects, loops


def test_targets_of_a_room_are_dry_early_or_whole(pools, recordings):
    made = {}
    for kind in ("dry", "early", "whole"):
        config = preset("denoise", "room=1.0", f"room_target={kind}", "absent=0.0", "alone=1.0")
        config = replace(config, on_speech=Chances(), on_mixture=Chances())
        made[kind] = render(draw(4, config, pools, 1), recordings)
    assert np.array_equal(made["dry"]["mixture"], made["whole"]["mixture"])
    assert np.abs(made["whole"]["background"]).max() == 0
    late = [np.sum(made[kind]["background"].astype(float) ** 2) for kind in ("dry", "early", "whole")]
    assert late[0] > late[1] > late[2] == 0
    # The direct sound of the target is that of the mixture: neither is delayed.
    a, b = made["dry"]["speech"].astype(float), made["whole"]["mixture"].astype(float)
    lags = [float(np.dot(a[100:-100], np.roll(b, -k)[100:-100])) for k in range(-20, 21)]
    assert int(np.argmax(lags)) == 20


def test_effects_on_the_mixture_leave_the_target_alone(pools, recordings):
    config = preset("denoise", "absent=0.0", "alone=0.0")
    config = replace(config, on_speech=Chances(), on_noise=Chances(), on_mixture=Chances(clip=1.0))
    example = draw(2, config, pools, 1)
    plain = render(replace(example, effects=()), recordings)
    damaged = render(example, recordings)
    assert [effect["name"] for effect in example.effects] == ["clip"]
    assert not np.allclose(damaged["mixture"], plain["mixture"])
    ratio = damaged["speech"][1000] / plain["speech"][1000]
    assert damaged["speech"] == pytest.approx(plain["speech"] * ratio, abs=1e-5)


def test_every_effect_but_speed_has_a_chance():
    assert {f.name for f in fields(Chances)} == set(EFFECTS) - {"speed"}


def test_a_short_noise_is_repeated_without_a_click():
    time = np.arange(5000) / RATE
    tone = np.sin(2 * np.pi * 203.7 * time) * 0.5  # does not fit the length: plain repetition would jump
    kept = Kept(np.round(tone * 32767).astype(np.int16), np.float32(1 / 32767))
    out = looped(kept, 1234, 40000, 800)
    steepest = float(np.abs(np.diff(tone)).max())
    assert out.size == 40000 and np.abs(np.diff(out)).max() < 1.6 * steepest
    assert np.abs(np.diff(np.resize(tone, 40000))).max() > 3 * steepest
    noise = Kept(np.random.default_rng(0).integers(-9000, 9000, 5000).astype(np.int16), np.float32(1 / 32767))
    power = np.square(looped(noise, 99, 40000, 800)).reshape(-1, 400).mean(axis=1)
    assert power.min() > 0.7 * power.mean() and power.max() < 1.4 * power.mean()  # neither a hole nor a bump
    assert np.array_equal(looped(Kept(kept.samples[:1], kept.step), 0, 5, 3), np.repeat(kept.stretch(0, 1), 5))


def test_a_part_faster_than_recorded_uses_more_of_it(pools, recordings):
    example = draw(0, preset("denoise", "speed_chance=1.0", "speed=1.1,1.1", "noise=1.0"), pools, 1)
    assert {part.speed for part in example.parts} == {1.1}
    assert all(part.length <= example.samples for part in example.parts)
    assert render(example, recordings)["mixture"].size == example.samples


# --- what can go wrong


def speech_part(path, **facts):
    return Part("speech", "x", str(path), **({"start": 0.0, "at": 0, "length": RATE} | facts))


def example_of(*parts):
    return Example(
        0,
        0,
        "denoise",
        RATE,
        RATE,
        "snr",
        parts,
        {"speech": Target(("speech",)), "background": Target(None)},
        level=-20.0,
    )


def test_recordings_that_cannot_be_used_say_why(tmp_path, recordings):
    from speechlike import store

    text = tmp_path / "text 'é'.wav"
    text.write_text("no sound")
    short = store(tmp_path / "short.wav", talk(0.5))
    still = store(tmp_path / "still.wav", hiss(1.0) * 0)
    pause = np.concatenate([talk(1.0), np.zeros((1, RATE), np.float32)], axis=1)
    half = store(tmp_path / "half.wav", pause)
    for path, start, message, once in (
        (tmp_path / "none.wav", 0.0, "no such file", False),
        (text, 0.0, "text", False),
        (short, 0.0, "it ends after 0.50 s", False),
        (still, 0.0, "nothing but silence", False),
        (half, 1.0, "silence from 1.00 s on", True),
    ):
        with pytest.raises(Unusable, match=message) as caught:
            render(example_of(speech_part(path, start=start)), recordings)
        assert caught.value.path == str(path) and caught.value.once == once
        assert "\n" not in str(caught.value)


def test_settings_that_make_no_sense_are_refused():
    for assignment, message in (
        ("snr=5,-5", "lower one first"),
        ("absent=1.5", "a chance"),
        ("absent=0.95", "together"),
        ("talkers=0,2", "whole numbers"),
        ("mode=loud", "amplitude"),
        ("rate=10", "rate"),
        ("snrr=1", "did you mean snr"),
        ("on_mixture.clipp=1.0", "did you mean clip"),
    ):
        with pytest.raises(BadOption, match=message):
            find_preset("voice", [assignment])
    with pytest.raises(BadOption, match="Did you mean denoise"):
        find_preset("denois")


def test_lists_that_do_not_fit_are_refused(tmp_path, lists, pools):
    from winnow.data.pools import Pools

    bare = Pools(pools.speech)
    for name, role in (("denoise", "noise"), ("split", "noise"), ("dereverb", "noise")):
        with pytest.raises(BadOption, match=f"needs {role}: give --{role} LIST"):
            bare.check(preset(name))
    with pytest.raises(BadOption, match="needs music"):
        Pools(pools.speech, pools.noise).check(preset("split"))
    with pytest.raises(BadInput, match="4 speakers, and 5 talk"):
        pools.check(preset("talkers", "talkers=2,5"))
    with pytest.raises(BadInput, match="4 speakers"):
        drawn(preset("talkers", "talkers=5,5"), pools, 1)
    with pytest.raises(BadInput, match="of kind 'speech'"):
        build_pool([lists["noise"]], "speech")
    with pytest.raises(InputNotFound, match="cannot be read"):
        build_pool([str(tmp_path / "nowhere.jsonl")], "speech")
    with pytest.raises(BadOption, match="no list of speech"):
        build_pools([])
    (tmp_path / "bad.jsonl").write_text('{"id": "x"}\n')
    with pytest.raises(BadInput, match="missing"):
        build_pool([str(tmp_path / "bad.jsonl")], "speech")
    nameless = [json.loads(line) for line in Path(lists["speech"]).read_text(encoding="utf-8").splitlines()]
    rows = "".join(json.dumps({k: v for k, v in row.items() if k != "speaker"}) + "\n" for row in nameless)
    (tmp_path / "nameless.jsonl").write_text(rows)
    unnamed = build_pools([str(tmp_path / "nameless.jsonl")], [lists["noise"]])
    unnamed.check(preset("denoise", "room=0"))
    with pytest.raises(BadInput, match="no row names its speaker"):
        unnamed.check(preset("voice", "room=0"))


def test_a_pool_finds_its_rows_again(lists):
    pool = build_pool([lists["speech"], lists["speech"]], "speech")
    assert (
        len(pool) == 24
        and pool.groups == 4
        and pool.hours == pytest.approx(2 * sum((1.2, 2.5, 6.0, 0.45)) * 4 / 3600, rel=0.01)
    )
    for row in (0, 5, 12, 23):
        assert pool.item(row).id == f"t{row % 12 // 3}/{row % 3}"
    assert [pool.item(int(row)).speaker for row in pool.members(2)] == ["s2"] * 6
    rng = np.random.default_rng(0)
    rows = [pool.by_length(rng) for _ in range(4000)]
    counted = np.bincount(rows, minlength=24) / 4000
    assert counted == pytest.approx(pool.seconds / pool.seconds.sum(), abs=0.02)


def test_what_is_kept_in_memory_is_bounded(pools):
    recordings = Recordings(megabytes=0.5)
    for row in range(12):
        recordings.recording(pools.speech.item(row).path, RATE)
        assert recordings.size <= 500_000
    assert recordings.size > 100_000
