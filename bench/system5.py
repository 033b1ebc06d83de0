"""System 5 rebuilt: three recordings, simple, music and crowd, with every method of `winnow benchmark`.

    OMP_NUM_THREADS=1 python bench/system5.py --data DATA                  rewrites its section of docs/system5.md
    python bench/system5.py --data DATA --readers 1 --methods none,network     a quick look; prints only

The recordings are made of known speech and known noise, so SI-SDR is true, and the readers read books whose text is known, so word
errors are true.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kit import report
from kit.folders import ROOT, add_folders
from kit.material import convolve
from kit.sound import RATE, Wave, fit, loop, read, rms, write_wav
from winnow.evaluation.benchmark import Row, cases, runs
from winnow.evaluation.benchmarkpage import as_json, cell, columns, head
from winnow.evaluation.methods import METHODS, check_methods
from winnow.metrics.recognisers import find, transcribe
from winnow.metrics.stream import Recording
from winnow.metrics.words import wer

PAGE = ROOT / "docs" / "system5.md"
READERS = (
    # LibriSpeech (Panayotov et al. 2015); the books are in the public domain.
    (
        "1455-134435-0000",  # Sherwood Anderson, Winesburg, Ohio
        "The girl who came into the world on that night when Jesse ran through the fields crying to God that he be given a son had "
        "grown to womanhood on the farm.",
    ),
    (
        "196-122150-0000",  # Joseph Conrad, Lord Jim
        "Chapter two. After two years of training he went to sea, and entering the regions so well known to his imagination, found "
        "them strangely barren of adventure. He made many voyages.",
    ),
    (
        "198-126831-0000",  # Lucy Maud Montgomery, The Story Girl
        "Friday was a comfortable day in the household of King. Everybody was in good humor. The Story Girl sparkled through "
        "several tales that ranged from the afrites and jinns of eastern myth, through the piping days of chivalry, down to the "
        "homely anecdotes of Carlisle workaday folks.",
    ),
)
PAUSE = 0.5  # seconds between two readers
RUMBLE = 100  # hertz: one of the readings has four tenths of its energy below 20
LEVEL = 10 ** (-25 / 20)
RATIOS = {"simple": 15, "music": 0, "crowd": 0}  # dB, speech to the rest
BABBLERS = 8
PUBLISHED = (
    ("neighbour (its baseline)", "simple", "-5.84", "0.67"),
    ("neighbour (its baseline)", "music", "-14.05", "0.93"),
    ("neighbour (its baseline)", "crowd", "-7.97", "0.94"),
    ("ICA on one channel", "crowd", "0.07", "0.78"),
    ("Spleeter, 2 stems", "crowd", "18.35", "0.67"),
)
MADE = (
    "Speech: three LibriSpeech readers one after the other, 39 s, {words} words of known books, without the rumble "
    f"below {RUMBLE} Hz of their rooms. simple: with an aeroplane's cabin "
    f"at 15 dB. music: with street music at 0 dB. crowd: {BABBLERS} other readers in a hall, low-passed by the distance, and "
    "a restaurant, at 0 dB. One channel, 16 kHz. Word errors are those of pocketsphinx against the books; in the clean speech it "
    "makes {errors} %. One recording of each kind says little: a look, not a ranking."
)


def main() -> None:
    """Make the recordings, run all methods, print, and rewrite the page after a whole run."""
    args = arguments()
    methods = check_methods(args.methods.split(",") if args.methods else METHODS)
    rows, clean = measured(args.data, READERS[: args.readers], methods)
    text = page(rows, clean)
    print(text)
    if args.json:
        args.json.write_text(json.dumps(as_json(rows, {"methods": methods}), indent=1) + "\n", encoding="utf-8")
    if args.readers == len(READERS) and methods == list(METHODS):
        report.rewrite("system5", text, PAGE)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument(
        "--readers", type=int, choices=(1, 2, 3), default=len(READERS), help="how many speak (%(default)s)"
    )
    parser.add_argument("--methods", help=f"of {', '.join(METHODS)} (all of these), networks by name or folder")
    parser.add_argument("--json", type=Path, help="keep the table as JSON too")
    return parser.parse_args()


def measured(data: Path, readers: Sequence[tuple[str, str]], methods: Sequence[str]) -> tuple[list[Row], float]:
    """The rows of `winnow benchmark` for the three recordings, and the word errors of the clean speech, percent."""
    said, recogniser = " ".join(words for _, words in readers), find("pocketsphinx")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for role in ("mixtures", "clean", "texts"):
            (folder / role).mkdir()
        for kind, (speech, noise) in material(data, [reader for reader, _ in readers]).items():
            for role, samples in (("mixtures", speech + noise), ("clean", speech)):
                write_wav(folder / role / f"{kind}.wav", [np.clip(samples, -1, 1)], RATE)
            (folder / "texts" / f"{kind}.txt").write_text(said, encoding="utf-8")
        clean = wer(said, transcribe(Recording(str(folder / "clean" / "simple.wav"), "clean speech"), recogniser))
        files = [str(folder / "mixtures" / f"{kind}.wav") for kind in RATIOS]
        rows = []
        for run in runs(cases(files, str(folder / "texts"), str(folder / "clean")), methods, recogniser):
            rows.append(run.row)
            print(f"{run.row.recording} {run.row.method}: {run.row.error or run.row.values}", flush=True)
        return rows, clean


def material(data: Path, readers: Sequence[str]) -> dict[str, tuple[Wave, Wave]]:
    """Speech at -25 dBFS and the noise in its ratio, `(time,)` at 16 kHz, by recording."""
    folder = data / "valid" / "speech" / "librispeech"
    speech = spoken(folder, readers)
    length = len(speech)
    others = [path for path in sorted(folder.rglob("*.*")) if path.is_file() and path.stem not in readers]
    music = joined(sorted((data / "valid" / "noise" / "urbansound8k" / "street_music").glob("*.*")))
    moodist = data / "valid" / "noise48" / "moodist"
    noises = {
        "simple": loop(read(moodist / "transport" / "airplane.opus"), 0, length),
        "music": loop(music, 0, length),
        "crowd": crowd(data, others[-BABBLERS:], length),
    }
    return {name: scaled(speech, noises[name], ratio) for name, ratio in RATIOS.items()}


def spoken(folder: Path, readers: Sequence[str]) -> Wave:
    """Equally loud readers one after the other, without the rumble of their rooms: a network takes it away, which is no loss."""
    pause = np.zeros(round(PAUSE * RATE), np.float32)
    parts = [part for reader in readers for part in (voice(next(folder.rglob(f"{reader}.*"))), pause)]
    return np.concatenate(parts)


def scaled(speech: Wave, noise: Wave, ratio: float) -> tuple[Wave, Wave]:
    """Both at their level."""
    speech = speech * np.float32(LEVEL / rms(speech))
    return speech, noise * np.float32(LEVEL / rms(noise) / 10 ** (ratio / 20))


def joined(paths: Sequence[Path]) -> Wave:
    """Recordings one after the other, equally loud."""
    return np.concatenate([wave / max(rms(wave), 1e-6) for wave in map(read, paths)])


def crowd(data: Path, readers: Sequence[Path], length: int) -> Wave:
    """Voices at a distance, as loud as the restaurant around them."""
    hall = read(sorted((data / "valid" / "rir" / "openair" / "jack_lyons_hall").glob("*.*"))[0])
    babble = np.sum([loop(each, 4000 * k, length) for k, each in enumerate(map(normal, readers))], axis=0)
    far = lowpass(fit(convolve(babble.astype(np.float32), hall), length))
    place = loop(read(data / "valid" / "noise48" / "moodist" / "places" / "restaurant.opus"), 0, length)
    return (far / rms(far) + place / rms(place)).astype(np.float32)


def voice(path: Path) -> Wave:
    """A reading without what lies below RUMBLE, at unit level."""
    wave = read(path)
    spectrum = np.fft.rfft(wave.astype(np.float64))
    ratio = RUMBLE / np.maximum(np.fft.rfftfreq(len(wave), 1 / RATE), 1e-3)
    high = np.fft.irfft(spectrum / (1 + ratio**16), len(wave)).astype(np.float32)
    return high / rms(high)


def normal(path: Path) -> Wave:
    """A recording at unit level."""
    wave = read(path)
    return wave / rms(wave)


def lowpass(samples: Wave) -> Wave:
    """What air and obstacles leave: 6 dB an octave above 2 kHz."""
    spectrum = np.fft.rfft(samples.astype(np.float64))
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return np.fft.irfft(spectrum / np.sqrt(1 + (hertz / 2000) ** 2), len(samples)).astype(np.float32)


def page(rows: Sequence[Row], clean: float) -> str:
    """The section as Markdown. clean: word errors of the clean speech, percent."""
    names = columns(rows)
    body = [[f"{row.recording}, {row.method}", *(cell(row, name) for name in names)] for row in rows if not row.error]
    refused = [f"* {row.method} refuses {row.recording}: {row.error}" for row in rows if row.error]
    published = [[f"{recording}, {method}", snr, wer] for method, recording, snr, wer in PUBLISHED]
    made = report.facts("python bench/system5.py --data DATA", ["numpy", "onnxruntime", "pocketsphinx", "jiwer"])
    parts = [
        "## Measured",
        made,
        MADE.format(words=sum(len(words.split()) for _, words in READERS), errors=f"{clean:.0f}"),
        report.table(["recording, method", *map(head, names)], body),
        "\n".join(refused),
        "## As published",
        "Other recordings (24.8, 32.7 and 20.6 s of films), other recogniser, and the two figures as its scripts compute them.",
        report.table(["recording, method", head("legacy_snr"), head("legacy_wer")], published),
    ]
    return "\n\n".join(part for part in parts if part)


if __name__ == "__main__":
    main()
