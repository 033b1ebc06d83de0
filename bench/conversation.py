"""Whole conversations: does every talker stay in one track, how many are found, and who speaks when?

    python bench/conversation.py --data DATA --models talkers-16k             rewrites docs/conversation-scores.md
    python bench/conversation.py --data DATA --models talkers-16k --long 60   and one conversation of an hour, as a file
    python bench/conversation.py --data DATA --models BUNDLE --quick          two short ones; prints only

What a network makes of each conversation is kept in .bench/ by the hash of its graph; --anew makes it again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kit import report
from kit.conversation import Conversation, Scene, compose, joined, two_streams
from kit.folders import ROOT, add_folders, need_speech
from kit.process import WINNOW, Run, watch
from kit.separating import CACHE, NO_TALKERS, Cues, Model, command
from kit.sound import RATE, Wave, read, write_wav
from winnow.engine.conversation import talkers_of
from winnow.metrics.diarisation import Diarisation, Turn, diarisation
from winnow.metrics.sdr import si_sdr
from winnow.metrics.tracks import Tracking, Tracks, tracking

PAGE = ROOT / "docs" / "conversation-scores.md"
SECONDS = 180
KITCHEN = "web-audio-samples/kitchen-true-stereo"
SCENES = (
    Scene("one person", 1, 60, 1),
    Scene("two", 2, SECONDS, 2),
    Scene("two, noise at 15 dB", 2, SECONDS, 3, snr=15.0),
    Scene("three", 3, SECONDS, 4),
    Scene("three, in a kitchen", 3, SECONDS, 5, room=KITCHEN),
    Scene("four", 4, SECONDS, 6),
)
LONG = Scene("three", 3, 3600, 7)
COLLAR = 0.25
PERFECT = "perfect separator"
PLAIN, GIVEN, FOUND = (
    "windows matched by correlation",
    "talkers followed, number given",
    "talkers followed, number found",
)
BLOCK = 20 * RATE

ABOUT = (
    f"Conversations of {SECONDS // 60} minutes made from phrases of LibriSpeech's validation speakers: turns of 1.5 to 7 s, "
    "pauses between, now and then silence of 2 to 6 s, and overlaps of up to 2.5 s; at most two speak at once. Each speaker's "
    "phrases come again in another order, so that it is known who speaks when, and what each track should hold. **Read speech with "
    "simulated turns**: people who interrupt and laugh are harder."
)
ABOUT_SYSTEMS = (
    f"*{PLAIN}*: the network's two stems, windows joined by correlation where they overlap, nothing more; who speaks when is told "
    "by level. *Talkers followed*: `winnow separate`, told how many there are, or finding it out. *Perfect separator*: two streams "
    "made with the truth known, each turn in either of them by lot; what is wrong then is not the network's fault."
)
ABOUT_MEASURES = (
    "Swap rate: share of the time in which somebody speaks that comes out in another track than that talker's own (frames of 0.5 "
    "s; tracks belong to talkers one to one, the best way; talkers without a track have all their time wrong). Swaps: changes "
    "of the track that last a second, by hour of conversation. Improvement: SI-SDR over the whole conversation against the "
    "mixture's, mean over talkers that have a track; most of it comes from turns alone, so it is also told for overlaps by "
    "themselves, where only the network can help. DER: share of speech missed + invented + given to the wrong talker, "
    f"{COLLAR:g} s around each true beginning and end not judged. People: found, of those there are."
)
HEAD = [
    "conversation",
    "separator",
    "talkers",
    "people",
    "swap rate %",
    "swaps/h",
    "SI-SDRi dB",
    "in overlaps",
    "DER %",
    "missed + invented + wrong",
]


@dataclass(frozen=True)
class Row:
    """One system on one conversation. people: found; None where it does not say; overlaps: SI-SDR improvement of each talker
    that has a track, only where somebody else speaks too, dB."""

    scene: Scene
    separator: str
    way: str
    people: int | None
    tracks: Tracks
    overlaps: list[float]
    turns: Diarisation


def main() -> None:
    """Measure, print, and rewrite the page where the run was a whole one."""
    args = arguments()
    scenes = [replace(s, seconds=40) for s in SCENES[1:4:2]] if args.quick else SCENES
    models = [Model(name) for name in args.models]
    rows = [row for scene in scenes for row in measured(compose(scene, args.data), models, args.anew)]
    long = [(model, *hour(model, args.data, args.long)) for model in models] if args.long else []
    text = page(args, rows, long)
    print(text)
    if args.models and not args.quick:
        report.rewrite("conversation", text, PAGE)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--models", nargs="*", default=["talkers-16k"], help="bundles at 16 kHz (%(default)s)")
    parser.add_argument("--long", type=int, default=0, metavar="MINUTES", help="a long conversation too, as a file")
    parser.add_argument("--quick", action="store_true", help="two conversations of 40 s; prints only")
    parser.add_argument("--anew", action="store_true", help="make kept stems again")
    args = parser.parse_args()
    need_speech(parser, args)
    return args


def measured(conversation: Conversation, models: Sequence[Model], anew: bool) -> Iterator[Row]:
    """Every separator, and every way to go on with what it gives."""
    yield from ways(conversation, PERFECT, two_streams(conversation))
    for model in models:
        yield from ways(conversation, model.title, streams(model, conversation, anew))


def ways(conversation: Conversation, separator: str, stems: Wave) -> Iterator[Row]:
    """The plain way, and the talkers followed. stems: `(streams, time)`."""
    scene = conversation.scene
    print(f"{scene.name}: {separator}", flush=True)
    yield row(conversation, separator, PLAIN, stems, by_level(stems), None)
    for way, count in ((GIVEN, scene.people), (FOUND, None)):
        tracks, timeline = talkers_of(stems[:, None], conversation.mixture[None], RATE, count)
        turns = [Turn(talker.name, *segment) for talker in timeline.talkers for segment in talker.segments]
        yield row(conversation, separator, way, tracks[:, 0], turns, len(timeline.talkers))


def row(
    conversation: Conversation, separator: str, way: str, tracks: Wave, turns: list[Turn], people: int | None
) -> Row:
    """All measures."""
    found = tracking(conversation.talkers, np.asarray(tracks, np.float32), conversation.mixture, RATE)
    judged = diarisation(conversation.turns, turns, collar=COLLAR)
    return Row(conversation.scene, separator, way, people, found, in_overlaps(conversation, tracks, found), judged)


def in_overlaps(conversation: Conversation, tracks: Wave | Sequence[Wave], found: Tracks) -> list[float]:
    """SI-SDR improvement where a talker and somebody else speak, dB: there following turns alone does not help."""
    speaking = np.zeros(conversation.talkers.shape, bool)
    for talker, begin, end in conversation.spans:
        speaking[talker, begin:end] = True
    several = speaking.sum(axis=0) > 1
    gains = []
    for talker, track in enumerate(found.tracks):
        here = several & speaking[talker]
        if track is None or not here.any():
            continue
        sounds = (tracks[track], conversation.mixture)
        after, before = (si_sdr(conversation.talkers[talker][here], sound[here]) for sound in sounds)
        if after is not None and before is not None:
            gains.append(after - before)
    return gains


def streams(model: Model, conversation: Conversation, anew: bool, cues: Cues | None = None) -> Wave:
    """The talkers' stems of a bundle, or the voice's if it is told that by cues, `(streams, time)`, kept on the disk."""
    mixture = conversation.mixture
    key = f"{model.bundle.manifest.sha256[:12]}-{zlib.crc32(mixture.tobytes()):08x}"
    for value in (cues or {}).values():
        key += f"-{zlib.crc32(value.tobytes()):08x}"
    path = CACHE / "streams" / f"{key}.npy"
    if path.exists() and not anew:
        return np.load(path)
    stems = model.stems(mixture, RATE, cues)
    found = np.stack([stem for name, stem in stems.items() if name not in NO_TALKERS]).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, found)
    return found


def by_level(stems: Wave) -> list[Turn]:
    """Who speaks when as levels tell: 20 ms within 25 dB of a stem's loud frames, and not 15 dB under another stem's."""
    frame = RATE // 50
    frames = stems[:, : stems.shape[1] // frame * frame].reshape(len(stems), -1, frame)
    power = np.square(frames).mean(axis=2)
    loud = np.percentile(power, 95, axis=1, keepdims=True) * 10**-2.5
    speaking = (power > loud) & (power > power.max(axis=0) * 10**-1.5) & (power > 1e-8)
    turns = []
    for number, flags in enumerate(speaking):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
        turns += [Turn(f"stem{number}", b / 50, e / 50) for b, e in zip(edges[::2], edges[1::2], strict=True)]
    return [turn for turn in joined(turns) if turn.end - turn.start >= 0.2]


def hour(model: Model, data: Path, minutes: int) -> tuple[Row, Run]:
    """A long conversation through the command line in a fresh process, compared block by block."""
    conversation = compose(replace(LONG, seconds=60 * minutes), data)
    with tempfile.TemporaryDirectory() as folder:
        whole, out = Path(folder) / "long.wav", Path(folder) / "out"
        out.mkdir()
        write_wav(whole, [conversation.mixture], RATE)
        run = watch([*WINNOW, "separate", str(whole), "--model", model.given, "-o", str(out), "--quiet"], cores=1)
        told = json.loads(next(out.glob("*.talkers.json")).read_text(encoding="utf-8"))["talkers"]
        tracks = [read(out / f"long.{talker['name']}.wav") for talker in told]
        turns = [Turn(talker["name"], *segment) for talker in told for segment in talker["segments"]]
    found = Tracking(len(conversation.talkers), len(tracks), RATE)
    for start in range(0, conversation.mixture.size, BLOCK):
        here = slice(start, start + BLOCK)
        found.feed(conversation.talkers[:, here], np.stack([t[here] for t in tracks]), conversation.mixture[here])
    judged, kept = diarisation(conversation.turns, turns, collar=COLLAR), found.result()
    overlaps = in_overlaps(conversation, tracks, kept)
    return Row(conversation.scene, model.title, FOUND, len(told), kept, overlaps, judged), run


def page(args: argparse.Namespace, rows: Sequence[Row], long: Sequence[tuple[Model, Row, Run]]) -> str:
    """The section."""
    rest = (f"--long {args.long}",) if args.long else ()
    parts = [
        "## Measured",
        report.facts(command("conversation", args.models, *rest), ["numpy", "onnxruntime"]),
        ABOUT,
        ABOUT_SYSTEMS,
        ABOUT_MEASURES,
        report.table(HEAD, [cells(each) for each in rows]),
        "### Over all conversations",
        summary(rows),
    ]
    if long:
        minutes = long[0][1].scene.seconds // 60
        parts += [
            f"### {minutes} minutes",
            "`winnow separate` on a file, in a fresh process on one core, number of talkers not told.",
            report.table(HEAD, [cells(each) for _, each, _ in long]),
            "\n".join(f"* {each.separator}: {costs(each, run)}" for _, each, run in long),
        ]
    return "\n\n".join(parts)


def cells(each: Row) -> list[str]:
    """A line of the table."""
    people = "-" if each.people is None else f"{each.people} of {each.scene.people}"
    gains = [gain for gain in each.tracks.improvements if gain is not None and each.scene.people > 1]
    judged = each.turns
    parts = [100 * part / judged.spoken for part in (judged.missed, judged.false_alarm, judged.confusion)]
    return [
        each.scene.name,
        each.separator,
        each.way,
        people,
        f"{100 * (each.tracks.swap_rate or 0):.1f}",
        f"{each.tracks.swaps_per_hour:.0f}",
        mean(gains),
        mean(each.overlaps),
        f"{sum(parts):.1f}",
        " + ".join(f"{part:.1f}" for part in parts),
    ]


def mean(gains: Sequence[float]) -> str:
    """In a table's cell; a dash for nothing."""
    return f"{np.mean(gains):+.1f}" if gains else "-"


def summary(rows: Sequence[Row]) -> str:
    """Means by separator and way; conversations of one person aside, who cannot be swapped."""
    lines = []
    for separator, way in dict.fromkeys((each.separator, each.way) for each in rows):
        mine = [each for each in rows if (each.separator, each.way) == (separator, way)]
        several = [each for each in mine if each.scene.people > 1]
        gains = [g for each in several for g in each.tracks.improvements if g is not None]
        right = [each.people == each.scene.people for each in mine if way == FOUND]
        lines.append(
            [
                f"{separator}, {way}",
                f"{100 * np.mean([each.tracks.swap_rate or 0 for each in several]):.1f}",
                f"{np.mean([each.tracks.swaps_per_hour for each in several]):.0f}",
                mean(gains),
                mean([g for each in several for g in each.overlaps]),
                f"{100 * np.mean([each.turns.rate or 0 for each in several]):.1f}",
                f"{sum(right)} of {len(right)}" if right else "-",
            ]
        )
    head = [
        "two and more people",
        "swap rate %",
        "swaps/h",
        "SI-SDRi dB",
        "in overlaps",
        "DER %",
        "number right, one person too",
    ]
    return report.table(head, lines)


def costs(each: Row, run: Run) -> str:
    """Time and memory of a long run."""
    share = run.seconds / each.scene.seconds
    return f"{run.seconds:.0f} s, {share:.2f} of the length, {run.megabytes:.0f} MB at most"


if __name__ == "__main__":
    main()
