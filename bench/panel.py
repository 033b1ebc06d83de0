"""One voice out of a conversation of several people: by the reference alone, and with what the recording tells of its voices.

    python bench/panel.py --data DATA                    rewrites its part of docs/voice-scores.md
    python bench/panel.py --data DATA --quick            the conversations of two people; prints only

What a network makes of each conversation is kept in .bench/ by the hash of its graph; --anew makes it again.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from conversation import SCENES, streams
from kit import report
from kit.conversation import Conversation, Scene, compose, voices
from kit.folders import add_folders, need_speech
from kit.separating import Model
from kit.sound import RATE, Wave, rms
from presence import PAGE, setting
from winnow.engine.chosen import DEFAULT, TELLER, Person, encoder_for, find_bundle, told_of
from winnow.engine.conversation import talkers_of, wanted
from winnow.metrics.sdr import si_sdr
from winnow.models.voices import VoiceEncoder

REFERENCE = 4.0  # seconds
HALF = RATE // 2
ROOM = "web-audio-samples/cardiod-true-stereo-15-8"
PITCHES = (1.14, 0.89, 0.87, 1.17)
CONDITIONS: tuple[tuple[float | None, str | None], ...] = ((None, None), (15.0, None), (None, ROOM))
LENGTHS = ((2, 20), (2, 36), (2, 60), (3, 60), (3, 110), (4, 110))
HELD_OUT, TRAINING = "held-out", "training"
TURN = 3  # seconds: turns, turns that overlap by half, both at once

TOLD, ALONE, OTHERS, ENROLLED, NOW, SEPARATE, BEST = (
    f"{TELLER} by itself",
    "by the vector of the reference alone",
    "heard again, nothing clustered",
    "heard again, as winnow does of an enrolled voice",
    f"as winnow does: with what {TELLER} says",
    "`winnow separate`, number given, the most like track",
    "the best that these stems allow",
)
ABOUT = (
    "Conversations as in [conversation-scores.md](conversation-scores.md#measured): two to four people, 20 to 180 s, clean, in "
    "noise at 15 dB, in a room. Each person is extracted by 4 s of the same recording, SI-SDR improvement over all of it, "
    "dB, mean over people; in brackets how many of them it makes worse. *Held-out voices* were never heard in training; what "
    "winnow takes for granted was chosen on the *training voices at another pitch*. The last row gives each stem to whoever it is "
    "most of, every half second, and knows the truth."
)
Scores = dict[tuple[str, int], list[float]]


def main() -> None:
    """Measure, print, and rewrite the section where the run was a whole one."""
    args = arguments()
    model, teller, encoder = Model(args.model), Model(TELLER), encoder_for(find_bundle(args.model))
    found: dict[str, Scores] = defaultdict(lambda: defaultdict(list))
    for kind, conversation, references in drawn(args):
        stems = streams(model, conversation, args.anew)
        told = [told_of(person(teller, each), teller.bundle.manifest) for each in references]
        estimates = [streams(teller, conversation, args.anew, cues) for cues in told]
        vectors = [encoder(reference, RATE) for reference in references]
        key = (kind, len(vectors))
        for way, tracks in ways(stems, estimates, conversation, vectors, encoder):
            found[way][key] += improvements(conversation, tracks)
        print(kind, conversation.scene.name, conversation.scene.people, flush=True)
    text = page(args, found)
    print(text)
    if not args.quick:
        report.rewrite("panel", text, PAGE)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--model", default=DEFAULT, help="bundle that takes talkers apart (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="two people; prints only")
    parser.add_argument("--anew", action="store_true", help="make kept stems again")
    args = parser.parse_args()
    need_speech(parser, args)
    return args


def drawn(args: argparse.Namespace) -> Iterator[tuple[str, Conversation, list[Wave]]]:
    """Which voices, a conversation, and a reference of each who talks."""
    scenes = [(HELD_OUT, scene) for scene in SCENES if scene.people > 1]
    for number, (snr, room) in enumerate(CONDITIONS):
        for people, seconds in LENGTHS:
            seed, pitch = 7000 + 100 * number + 10 * people + seconds, PITCHES[(number + people) % len(PITCHES)]
            scenes.append((TRAINING, Scene(f"{seconds} s", people, seconds, seed, snr, room, "train", pitch)))
    for kind, scene in scenes:
        if not args.quick or scene.people == 2:
            yield kind, compose(scene, args.data), [microphone(each) for each in voices(scene, args.data, REFERENCE)]
            if scene.people == 2 and (scene.seconds == 36 or kind == HELD_OUT):
                yield kind, *at_once(scene, args)


def at_once(scene: Scene, args: argparse.Namespace) -> tuple[Conversation, list[Wave]]:
    """36 s of two people: in turns, in turns that overlap by half, and both at once for 12 s."""
    conversation = compose(replace(scene, snr=None, room=None, seconds=180), args.data)
    sounds = [np.resize(track[np.abs(track) > 0], 12 * TURN * RATE) for track in conversation.talkers]
    turns = np.array([[1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1], [0, 1, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1]], np.float32)
    talkers = np.stack(sounds) * np.repeat(turns, TURN * RATE, axis=1)
    made = replace(
        conversation, scene=replace(scene, name="36 s, 15 s at once"), talkers=talkers, mixture=talkers.sum(0)
    )
    return made, [microphone(each) for each in voices(scene, args.data, REFERENCE)]


def person(model: Model, reference: Wave) -> Person:
    """Whose voice a network is told by a reference."""
    vector = encoder_for(model.bundle)(reference, RATE)
    return Person("voice", tuple(vector.tolist()), tuple(reference.tolist()))


def microphone(sound: Wave) -> Wave:
    """The same through another microphone: a little brighter, with faint noise."""
    rng = np.random.default_rng(0)
    brighter = np.asarray(sound - 0.4 * np.concatenate([sound[:1], sound[:-1]]), np.float32)
    noise = rng.standard_normal(sound.size, np.float32) * (rms(brighter) * 10 ** (-25 / 20))
    return np.asarray(brighter + noise, np.float32)


def ways(
    stems: Wave, estimates: list[Wave], conversation: Conversation, vectors: list[Wave], encoder: VoiceEncoder
) -> Iterator[tuple[str, list[Wave]]]:
    """A track for every person, in every way; estimates: of each by a network that is told the voice, `(1, time)`."""
    mixture = conversation.mixture
    yield TOLD, [estimate[0] for estimate in estimates]
    with setting(wanted, "ENOUGH", np.inf):
        yield ALONE, [extracted(stems, mixture, vector, encoder) for vector in vectors]
    with setting(wanted, "CLEARER", np.inf):
        yield OTHERS, [extracted(stems, mixture, vector, encoder) for vector in vectors]
    yield ENROLLED, [extracted(stems, mixture, vector, encoder) for vector in vectors]
    both = zip(vectors, estimates, strict=True)
    yield NOW, [extracted(stems, mixture, vector, encoder, estimate) for vector, estimate in both]
    tracks = talkers_of(stems[:, None], mixture[None], RATE, len(vectors), encoder)[0][:, 0]
    likeness = np.stack([encoder(track[: 60 * RATE], RATE) for track in tracks]) @ np.stack(vectors).T
    yield SEPARATE, [tracks[k] for k in likeness.argmax(axis=0)]
    yield BEST, list(shared(stems, conversation.talkers))


def extracted(stems: Wave, mixture: Wave, vector: Wave, encoder: VoiceEncoder, estimate: Wave | None = None) -> Wave:
    """The wanted voice, as it streams through; estimate: see `ways`."""
    body = wanted.Wanted(1, len(stems), RATE, vector[None], encoder, estimate is not None)
    if estimate is not None:
        stems = np.concatenate([stems, estimate])
    parts = [body.feed(mixture[None], stems[:, None]), body.flush(stems[:, None, :0])]
    return np.concatenate([part.stems[0, 0] for part in parts])


def shared(stems: Wave, talkers: Wave) -> Wave:
    """What the stems hold of each talker, `(talkers, time)`, if it is known who that is."""
    out = np.zeros_like(talkers)
    for begin in range(0, stems.shape[1], HALF):
        here = slice(begin, begin + HALF)
        power = np.sqrt(np.square(talkers[:, here]).sum(axis=1)) + 1e-6
        for stem in stems:
            out[int((np.abs(talkers[:, here] @ stem[here]) / power).argmax()), here] += stem[here]
    return out


def improvements(conversation: Conversation, tracks: list[Wave]) -> list[float]:
    """SI-SDR improvement of each, dB."""
    gains = []
    for talker, track in zip(conversation.talkers, tracks, strict=True):
        after, before = (si_sdr(talker, sound) for sound in (track, conversation.mixture))
        assert before is not None
        gains.append(-30.0 if after is None else max(after - before, -30.0))
    return gains


def page(args: argparse.Namespace, found: dict[str, Scores]) -> str:
    """The section."""
    keys = sorted(next(iter(found.values())))
    rows = [
        [way, *(f"{np.mean(scores[key]):.1f} ({sum(np.array(scores[key]) < 0)})" for key in keys)]
        for way, scores in found.items()
    ]
    counts = {key: len(values) for key, values in next(iter(found.values())).items()}
    return "\n\n".join(
        [
            "## Out of conversations",
            report.facts(f"python bench/panel.py --data DATA --model {args.model}", ["numpy", "onnxruntime"]),
            ABOUT,
            report.table(["", *(f"{kind}: {people} ({counts[kind, people]})" for kind, people in keys)], rows),
        ]
    )


if __name__ == "__main__":
    main()
