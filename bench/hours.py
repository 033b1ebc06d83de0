"""Every method on an hour: time and memory of the command that people run.

    python bench/hours.py --data DATA                  an hour each: half an hour of a quiet core; rewrites docs/separators.md
    python bench/hours.py --data DATA --minutes 10     about six minutes; rewrites docs/separators.md as well
    python bench/hours.py --data DATA --minutes 2 --methods ica,wpe     a quick look; prints only

Two readers, two microphones and a room of 0.4 s, 16 kHz, 64 s repeated. `neighbour`, `wpe` and the networks work on the first
microphone alone. Each run is a process of its own on one core, from the file to the files; its peak is the kernel's high-water
mark. Beside it stands the peak on three minutes: what is more on the long one is what grows with the length.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kit import report
from kit.folders import add_folders
from kit.process import WINNOW, Run, watch
from kit.room import simulate
from kit.sound import RATE, Wave, read

PAGE = report.PAGE.with_name("separators.md")
LOOP = 64  # seconds
SHORT = 3  # minutes
LEAST = 10  # minutes that a table is written for
COMMANDS = {
    "neighbour": ("split", "--method", "neighbour"),
    "ica": ("separate", "--method", "ica"),
    "auxiva": ("separate", "--method", "auxiva"),
    "ilrma": ("separate", "--method", "ilrma"),
    "fastmnmf": ("separate", "--method", "fastmnmf"),
    "wpe": ("enhance", "--method", "wpe"),
    "split-16k": ("split", "--model", "split-16k"),
    "denoise-16k": ("enhance", "--model", "denoise-16k"),
}
TWO = ("ica", "auxiva", "ilrma", "fastmnmf")
"""Methods that need both microphones."""


def main() -> None:
    """Measure, print, and rewrite the section where all methods were run for long enough."""
    args = arguments()
    rows = []
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        sound = recorded(args.data)
        for name in args.methods:
            short, long = (measured(name, sound, minutes, Path(folder)) for minutes in (SHORT, args.minutes))
            rows.append(row(name, short, long, args.minutes))
            print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    print(text := page(rows, args.minutes))
    if args.minutes >= LEAST and args.methods == list(COMMANDS):
        report.rewrite("hours", text, PAGE)
        print("\ndocs/separators.md: section hours rewritten.")


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--minutes", type=float, default=60, help="length of the recording (%(default)s)")
    parser.add_argument("--methods", default=",".join(COMMANDS), help="default: %(default)s")
    parser.add_argument("--scratch", type=Path, help="folder for the long files (the system's temporary one)")
    args = parser.parse_args()
    args.methods = args.methods.split(",")
    for name in args.methods:
        if name not in COMMANDS:
            parser.error(f"{name}: not one of {', '.join(COMMANDS)}")
    return args


def recorded(data: Path) -> Wave:
    """`(microphones, time)` of LOOP seconds."""
    files = [path for path in sorted((data / "valid" / "speech" / "librispeech").rglob("*.*")) if path.is_file()]
    half = len(files) // 2
    voices = [np.concatenate([read(path) for path in some]) for some in (files[:half], files[half:])]
    return np.asarray(simulate(voices, 0.4, 0, LOOP).sum(axis=0))


def measured(name: str, sound: Wave, minutes: float, folder: Path) -> Run:
    """A method's command on so many minutes; what it writes is deleted."""
    source, target = folder / "talk.wav", folder / "out"
    repeated(source, sound if name in TWO else sound[:1], minutes)
    os.environ["OMP_NUM_THREADS"] = "1"
    run = watch([*WINNOW, COMMANDS[name][0], str(source), *COMMANDS[name][1:], "-o", f"{target}/", "--quiet"], 1)
    for path in target.iterdir():
        path.unlink()
    return run


def repeated(path: Path, sound: Wave, minutes: float) -> None:
    """`(channels, time)` again and again as 16-bit WAV."""
    total, size = round(minutes * 60 * RATE), sound.shape[1]
    block = (np.clip(sound.T, -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(sound))
        file.setsampwidth(2)
        file.setframerate(RATE)
        for start in range(0, total, size):
            file.writeframesraw(block[: total - start].tobytes())


def row(name: str, short: Run, long: Run, minutes: float) -> list[str]:
    """Seconds a minute of the long run, both peaks in MB and what the long one has more."""
    more = long.megabytes - short.megabytes
    cells = [f"{long.seconds / minutes:.2f}", f"{short.megabytes:.0f}", f"{long.megabytes:.0f}", f"{more:+.0f}"]
    return [name, "2" if name in TWO else "1", *cells]


def page(rows: Sequence[Sequence[str]], minutes: float) -> str:
    """The section as Markdown."""
    facts = report.facts("python bench/hours.py --data DATA", ["numpy", "onnxruntime", "pyroomacoustics", "nara_wpe"])
    about = (
        f"The whole command on {minutes:g} minutes (64 s of two readers in a simulated room, repeated), one core: seconds "
        f"for a minute of recording, and the peak memory of the process on {SHORT} minutes and on {minutes:g}."
    )
    header = ("method", "channels", "s a minute", f"peak MB, {SHORT} min", f"peak MB, {minutes:g} min", "more, MB")
    return f"## On an hour\n\n{facts}\n\n{about}\n\n{report.table(header, rows)}"


if __name__ == "__main__":
    main()
