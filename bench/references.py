"""Two voices in a reference: how often they are noticed, and how often one voice is taken for two.

    python bench/references.py --data DATA                  rewrites its part of docs/voice-scores.md
    python bench/references.py --data DATA --count 3        a quick look; prints only

What `winnow.engine.conversation.together` goes by was chosen on training voices at another pitch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from kit import report
from kit.conversation import in_room, noise, speakers
from kit.folders import add_folders, need_speech
from kit.material import LEVEL
from kit.sound import RATE, Wave, loop, read, rms
from winnow.engine.conversation.passes import Network, open_network
from winnow.engine.conversation.together import together
from winnow.engine.reference import active, two_voices
from winnow.models.voices import VoiceEncoder, default_encoder

PAGE = report.PAGE.parent / "voice-scores.md"
COUNT, WHOLE = 30, 8 * RATE  # references of each kind, samples of each
SOFTER = 5.0  # dB that the second voice is below the first one at most
SNR = (8.0, 20.0)
ROOM = "rir/web-audio-samples/kitchen-true-stereo"
CONDITIONS = ("quiet", "noise", "kitchen")
KINDS = ("one voice", "two in turns", "two at once")

ABOUT = (
    f"{COUNT} references of {WHOLE // RATE} s of each kind, from speakers of LibriSpeech whom no network heard; the second voice 0 "
    f"to {SOFTER:g} dB softer, in turns of {WHOLE // RATE // 2} s or all the time; noise {SNR[0]:g} to {SNR[1]:g} dB below. "
    "Share of the references for which there is a warning that there seem to be two voices: none should be in the first row, all "
    "in the others."
)


def main() -> None:
    """Hear them, print, and rewrite the section where the run was a whole one."""
    args = arguments()
    encoder, network = default_encoder(), open_network()
    warned = {
        condition: np.array(
            [noticed(args.data / "valid", condition, number, encoder, network) for number in range(args.count)]
        )
        for condition in CONDITIONS
    }
    rows = [[kind, *(f"{warned[c][:, k].mean():.0%}" for c in CONDITIONS)] for k, kind in enumerate(KINDS)]
    text = "\n\n".join(
        [
            "## Two voices in a reference",
            report.facts("python bench/references.py --data DATA", ["numpy", "onnxruntime"]),
            ABOUT,
            report.table(["warned about", *CONDITIONS], rows),
        ]
    )
    print(text)
    if args.count == COUNT:
        report.rewrite("references", text, PAGE)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--count", type=int, default=COUNT, help="references of each kind (%(default)s)")
    args = parser.parse_args()
    need_speech(parser, args)
    return args


def noticed(part: Path, condition: str, number: int, encoder: VoiceEncoder, network: Network) -> list[bool]:
    """Whether two voices are noticed in a reference of each kind."""
    speech = [active(sound) for sound in drawn(part, condition, number)]
    return [two_voices(sound, encoder) or together(sound[None], RATE, encoder, network) for sound in speech]


def drawn(part: Path, condition: str, number: int) -> list[Wave]:
    """A reference of each kind, all of the same two people in the same place."""
    rng = np.random.default_rng(number)
    paths = speakers(part)
    sounds = [loop(read(paths[name]), 0, WHOLE) for name in rng.choice(sorted(paths), 2, replace=False)]
    gains = (1.0, 10 ** (-rng.uniform(0, SOFTER) / 20))
    one, other = (np.float32(LEVEL * gain / rms(s)) * s for gain, s in zip(gains, sounds, strict=True))
    if condition == "kitchen":
        one, other = in_room(np.stack([one, other]), part / ROOM)
    first = np.arange(WHOLE) < WHOLE // 2
    kinds = [one, np.where(first, one, other).astype(np.float32), one + other]
    if condition != "noise":
        return kinds
    background = noise(part, rng, WHOLE)
    return [
        kind + background * np.float32(rms(kind) / rms(background) / 10 ** (rng.uniform(*SNR) / 20)) for kind in kinds
    ]


if __name__ == "__main__":
    main()
