"""How many people talk: what the model that counts them takes for granted, chosen on training voices.

    python bench/counting.py --data DATA                    forty conversations; rewrites its part of docs/conversation-scores.md
    python bench/counting.py --data DATA --rounds 1         twenty; prints only

Voices are played 11 % lower to 17 % higher than recorded, so that the encoder knows them no better than people it never heard.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from conversation import PAGE, streams
from kit import report
from kit.conversation import Scene, compose
from kit.folders import add_folders, need_speech
from kit.separating import Model
from kit.sound import RATE
from winnow.engine.conversation import count
from winnow.engine.conversation.levels import FRAME, active, measured
from winnow.engine.conversation.voices import Voices, heard
from winnow.models.voices import default_encoder

TRIED: dict[str, tuple[float, ...]] = {
    "CAUTION": (0.005, 0.0065, 0.008, 0.01, 0.012, 0.016),
    "EVIDENCE": (0.1, 0.12, 0.14, 0.16, 0.2),
    "VARIANCE": (0.006, 0.0065, 0.007, 0.0075, 0.008),
    "SPREAD": (0.4, 0.5, 0.6, 0.7, 0.84),
    "STAYS": (0.9, 0.99, 0.999),
    "RETURNS": (0.5, 0.7, 0.9),
    "FIRST": (8, 12, 16, 20),
}
PITCHES = (1.14, 0.89, 1.0, 1.17)
ROOM = "web-audio-samples/cardiod-true-stereo-15-8"
CONDITIONS: dict[str, tuple[float | None, str | None]] = {
    "clean": (None, None),
    "noise at 15 dB": (15.0, None),
    "noise at 8 dB": (8.0, None),
    "in a room": (None, ROOM),
    "in a room, noise at 12 dB": (12.0, ROOM),
}
PEOPLE = (1, 2, 3, 4)

ABOUT = (
    "Conversations of one to four people, 50 to 150 s long, made as above but from training recordings, at another pitch "
    f"({', '.join(f'{pitch:g}' for pitch in PITCHES)} times their own). In how many of them the number of people was found, when "
    "one of the constants of `winnow.engine.conversation.count` is another one; in bold what winnow takes. "
    "The voice encoder knows these voices but for their pitch; the constants were chosen with one that did not know them."
)


def main() -> None:
    """Count, print, and rewrite the section where the run was a whole one."""
    args = arguments()
    scenes = [scene for number in range(args.rounds) for scene in drawn(number)]
    model = Model(args.model)
    found = [numbers(model, scene, args) for scene in scenes]
    text = page(args, scenes, found)
    print(text)
    if args.rounds == 2:
        report.rewrite("counting", text, PAGE)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--model", default="talkers-16k", help="bundle that takes talkers apart (%(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="each twenty conversations (%(default)s)")
    parser.add_argument("--anew", action="store_true", help="make kept stems again")
    args = parser.parse_args()
    need_speech(parser, args)
    return args


def drawn(number: int) -> list[Scene]:
    """One conversation for every condition and number of people."""
    scenes = []
    for name, (snr, room) in CONDITIONS.items():
        for people in PEOPLE:
            seed = 1000 * number + 10 * len(scenes) + people
            seconds = int(np.random.default_rng(seed).integers(50, 50 + 25 * people))
            pitch = PITCHES[(number + people) % len(PITCHES)]
            scenes.append(Scene(name, people, seconds, seed, snr, room, "train", pitch))
    return scenes


def numbers(model: Model, scene: Scene, args: argparse.Namespace) -> list[int]:
    """Of people found: as winnow does, and for each of `settings`."""
    conversation = compose(scene, args.data)
    stems = streams(model, conversation, args.anew)[:, None]
    levels = measured(stems, conversation.mixture[None], RATE)
    frame = round(FRAME * RATE)
    voices = heard(levels.streams, active(levels), lambda b, e: stems[:, :, b:e], frame, RATE, default_encoder())
    usual, *made = [len(count.centroids(voices, None)), *(counted(voices, *each) for each in settings())]
    print(f"{scene.name}, {scene.people} people: {usual}, {made}", flush=True)
    return [usual, *made]


def settings() -> list[tuple[str, float]]:
    """Every constant with every value."""
    return [(name, value) for name, values in TRIED.items() for value in values]


def counted(voices: Voices, name: str, value: float) -> int:
    """People that are found with this value of a constant."""
    usual = getattr(count, name)
    setattr(count, name, value)
    try:
        return len(count.centroids(voices, None))
    finally:
        setattr(count, name, usual)


def page(args: argparse.Namespace, scenes: Sequence[Scene], found: Sequence[Sequence[int]]) -> str:
    """The section."""
    there = np.array([[scene.people] for scene in scenes])
    numbers = np.array(found)
    right, more, fewer = (each.sum(axis=0) for each in (numbers == there, numbers > there, numbers < there))
    by_setting = []
    for k, (name, value) in enumerate(settings(), start=1):
        shown = f"**{value:g}**" if value == getattr(count, name) else f"{value:g}"
        by_setting.append([name, shown, f"{right[k]} of {len(scenes)}", str(more[k]), str(fewer[k])])
    by_scene = []
    for name in CONDITIONS:
        cells = [name]
        for people in PEOPLE:
            mine = [
                row[0] for scene, row in zip(scenes, found, strict=True) if (scene.name, scene.people) == (name, people)
            ]
            cells.append(", ".join(map(str, mine)))
        by_scene.append(cells)
    return "\n\n".join(
        [
            "## How many people: the constants",
            report.facts(f"python bench/counting.py --data DATA --model {args.model}", ["numpy", "onnxruntime"]),
            ABOUT,
            report.table(["constant", "value", "right", "too many", "too few"], by_setting),
            "Found:",
            report.table(["", *(f"{people} there" for people in PEOPLE)], by_scene),
        ]
    )


if __name__ == "__main__":
    main()
