"""Separation without a network: what each method gains in rooms, and what it costs.

    python bench/blind.py SPEECH        rewrites the tables of docs/separators.md; about 5 minutes on one quiet core

SPEECH is a folder with one recording of each of eight or more talkers, found at any depth. Two talkers at 1.3 m and two microphones
10 cm apart in simulated rooms; SI-SDR is against each talker as the first microphone hears him. A table of its own shows what
independent component analysis does with one microphone, with two in a room, and with two channels of a mixing desk.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit import report
from kit.measures import si_sdr
from kit.room import simulate
from kit.sound import RATE, Wave, loop, read
from winnow.engine.bodies import separated
from winnow.errors import WinnowError
from winnow.models.blind import NAMES, Blind, order
from winnow.models.blind.ica import fast_ica
from winnow.models.dereverberate import Dereverberate
from winnow.models.neighbour import Neighbour
from winnow.models.separator import Separator

PAGE = report.PAGE.with_name("separators.md")
SUFFIXES = {".flac", ".wav", ".ogg", ".opus", ".mp3"}
DECAYS = (0.2, 0.4)
Waves = npt.NDArray[np.float32]


def main() -> None:
    """Both tables; with --cost a method is timed in this process and its figures printed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--rooms", type=int, default=3, help="rooms for each reverberation time")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--cost", metavar="METHOD", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.cost:
        print(*cost(args.cost))
        return
    found = gains(args.speech, args.rooms, args.seconds)
    text = "\n\n".join([page(found, args), components(args.speech, args.rooms, args.seconds, found["ica"])])
    print(text)
    if args.rooms >= parser.get_default("rooms"):
        report.rewrite("separators", text, PAGE)


def gains(folder: Path, rooms: int, seconds: int) -> dict[str, dict[float, list[float]]]:
    """SI-SDR improvement in dB, per method and reverberation time, one for each room and talker."""
    found: dict[str, dict[float, list[float]]] = {name: {t60: [] for t60 in DECAYS} for name in NAMES}
    for t60 in DECAYS:
        for number in range(rooms):
            images = simulate(pair(folder, number), t60, number, seconds)
            for name in NAMES:
                found[name][t60] += improvement(images, separated(Blind(name, 2), images.sum(axis=0), RATE))
            print(f"T60 {t60} s, room {number + 1} of {rooms}", file=sys.stderr)
    return found


def pair(folder: Path, number: int) -> list[Wave]:
    """Two talkers, others for each room."""
    talkers = [p for p in sorted(folder.rglob("*.*")) if p.suffix in SUFFIXES]
    return [read(talkers[(2 * number + k) % len(talkers)]) for k in (0, 1)]


def components(folder: Path, rooms: int, seconds: int, found: dict[float, list[float]]) -> str:
    """What ICA does, by what it is given; found: its gains in rooms of two microphones."""
    published, desk = [], []
    for number in range(rooms):
        images = simulate(pair(folder, number), DECAYS[0], number, seconds)
        published += one_microphone(images[:, 0])
        desk += from_desk(pair(folder, number), seconds)
    rows = [
        ["one microphone", refusal(images.sum(axis=0)[:1])],
        ["one microphone, written to both channels", refusal(np.repeat(images.sum(axis=0)[:1], 2, axis=0))],
        ["one microphone beside random numbers, as system 5 did", spread(published)],
        *([f"two microphones, room of {t60} s", spread(values)] for t60, values in found.items()),
        ["two channels of a mixing desk", spread(desk)],
    ]
    about = (
        "Mean improvement of SI-SDR in dB, in brackets the worst. In a room each talker reaches the "
        "microphones at different times, which no instantaneous mixture does: that is what the other methods are for."
    )
    return f"### One microphone, two, and a desk\n\n{about}\n\n{report.table(('given', 'ica'), rows)}"


def one_microphone(images: Wave) -> list[float]:
    """dB for each talker, `(talkers, time)`, from the published recipe: the second signal is random numbers."""
    mix = images.sum(axis=0)
    signals = np.stack([mix, np.random.default_rng(0).random(len(mix))]).astype(np.float64)
    signals -= signals.mean(axis=1, keepdims=True)
    heard = [np.asarray(each, np.float32) for each in fast_ica(signals, 2) @ signals]
    return [max(si_sdr(image, each) for each in heard) - si_sdr(image, mix) for image in images]


def from_desk(voices: Sequence[Wave], seconds: int) -> list[float]:
    """dB for each talker at the first of two channels that hold both at once, louder and softer."""
    dry = np.stack([0.05 * loop(voice, 0, seconds * RATE) / max(float(voice.std()), 1e-6) for voice in voices])
    images = (np.array([[1, 0.5], [0.6, 1]])[:, :, None] * dry[:, None]).astype(np.float32)
    return improvement(images, separated(Blind("ica", 2), images.sum(axis=0), RATE))


def refusal(mix: Waves) -> str:
    """What is said about a recording that ICA does not take."""
    try:
        separated(Blind("ica", len(mix)), mix, RATE)
    except WinnowError as error:
        return f"refused: {str(error).split(',')[0]}"
    raise AssertionError("one microphone was separated")


def spread(values: Sequence[float]) -> str:
    """Mean, and the worst in brackets."""
    return f"{np.mean(values):.1f} ({np.min(values):.1f})"


def improvement(images: Waves, stems: Waves) -> list[float]:
    """dB for each talker at the first microphone, in the best arrangement."""
    mix = images.sum(axis=0)[0]
    pairs = zip(images, order(images, stems), strict=True)
    return [si_sdr(image[0], stems[k][0]) - si_sdr(image[0], mix) for image, k in pairs]


def cost(name: str) -> tuple[float, float]:
    """Seconds of one core a minute of two channels at 16 kHz takes, and the process's peak memory in MB."""
    rng = np.random.default_rng(0)
    steps = np.repeat(rng.random((2, 240)), RATE // 4, axis=1)
    mix = (np.array([[1, 0.5], [0.4, 1]]) @ (steps * rng.standard_normal((2, 60 * RATE)))).astype(np.float32) * 0.05
    made: dict[str, Separator] = {"neighbour": Neighbour(), "wpe": Dereverberate()}
    start = time.process_time()
    (made[name] if name in made else Blind(name, 2))(mix, RATE)
    return time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def page(found: dict[str, dict[float, list[float]]], args: argparse.Namespace) -> str:
    """The section: gains, then costs."""
    rows = []
    for name in (*NAMES, "neighbour", "wpe"):
        command = [sys.executable, __file__, str(args.speech), "--cost", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise WinnowError(done.stderr)
        spent, memory = map(float, done.stdout.split())
        cells = [spread(v) for v in found.get(name, {}).values()] or ["", ""]
        rows.append([name, *cells, f"{spent:.1f}", f"{memory:.0f}"])
    header = ("method", *(f"T60 {t60} s, dB" for t60 in DECAYS), "s a minute", "peak MB")
    about = (
        f"Two talkers, two microphones, {args.rooms} rooms of {args.seconds} s for each reverberation time: mean improvement of "
        "SI-SDR, in brackets the worst of all talkers. Seconds of one core and peak memory of the process: one window of a "
        "minute, two channels at 16 kHz. Longer recordings take no more memory per window."
    )
    facts = report.facts("python bench/blind.py SPEECH", ("numpy", "pyroomacoustics", "nara_wpe"))
    return f"## Measured\n\n{facts}\n\n{about}\n\n{report.table(header, rows)}"


if __name__ == "__main__":
    main()
