"""How many people talk: how much a further talker must gain before there is one more, chosen on training voices.

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

CAUTIONS = (0.04, 0.06, 0.08, 0.09, 0.1, 0.11, 0.125, 0.15, 0.2, 0.3)
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
    f"({', '.join(f'{pitch:g}' for pitch in PITCHES)} times their own). In how many of them the number of people was found, by the "
    "caution (F_B of Landini et al. 2022, over the root of the number of stretches): how much a further talker must gain before "
    f"there is one more; winnow takes {count.CAUTION:g}."
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
    """Of people found, for each caution."""
    conversation = compose(scene, args.data)
    stems = streams(model, conversation, args.anew)[:, None]
    levels = measured(stems, conversation.mixture[None], RATE)
    frame = round(FRAME * RATE)
    voices = heard(levels.streams, active(levels), lambda b, e: stems[:, :, b:e], frame, RATE, default_encoder())
    made = [counted(voices, caution) for caution in CAUTIONS]
    print(f"{scene.name}, {scene.people} people: {made}", flush=True)
    return made


def counted(voices: Voices, caution: float) -> int:
    """People that the clusters come to with this caution."""
    usual, count.CAUTION = count.CAUTION, caution
    try:
        return len(count.centroids(voices, None))
    finally:
        count.CAUTION = usual


def page(args: argparse.Namespace, scenes: Sequence[Scene], found: Sequence[Sequence[int]]) -> str:
    """The section."""
    right = np.array([[number == scene.people for number in row] for scene, row in zip(scenes, found, strict=True)])
    more = np.array([[number > scene.people for number in row] for scene, row in zip(scenes, found, strict=True)])
    usual = CAUTIONS.index(count.CAUTION)
    by_caution = [
        [
            f"{caution:g}",
            f"{right[:, k].sum()} of {len(scenes)}",
            str(more[:, k].sum()),
            str((~right & ~more)[:, k].sum()),
        ]
        for k, caution in enumerate(CAUTIONS)
    ]
    by_scene = []
    for name in CONDITIONS:
        cells = [name]
        for people in PEOPLE:
            mine = [
                row[usual]
                for scene, row in zip(scenes, found, strict=True)
                if (scene.name, scene.people) == (name, people)
            ]
            cells.append(", ".join(map(str, mine)))
        by_scene.append(cells)
    return "\n\n".join(
        [
            "## How many people: the caution",
            report.facts(f"python bench/counting.py --data DATA --model {args.model}", ["numpy", "onnxruntime"]),
            ABOUT,
            report.table(["caution", "right", "too many", "too few"], by_caution),
            f"Found with {count.CAUTION:g}:",
            report.table(["", *(f"{people} there" for people in PEOPLE)], by_scene),
        ]
    )


if __name__ == "__main__":
    main()
