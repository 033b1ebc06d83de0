"""LibriMix (Cosentino 2020): two or three LibriSpeech talkers, with WHAM! noise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Found
from winnow.data.corpora.walking import descend, files, folders, table, wrong
from winnow.errors import BadInput

LAYOUT = (
    "Libri2Mix/wav16k/min/SUBSET/{mix_clean,mix_both,mix_single,s1,s2,noise}/ID1_ID2.wav "
    "(Libri3Mix, wav8k, max alike), metadata/*.csv"
)
SPLITS = {"train-100": "train", "train-360": "train", "dev": "valid", "test": "test"}
MIXES = ("mix_both", "mix_clean", "mix_single")
NAME = re.compile(r"\d+-\d+-\d+(?:_\d+-\d+-\d+)*")


def walk(folder: Path) -> Iterator[Found]:
    """Every mixture of every subset; its twin is the first talker.

    `extra` has all talkers, and their files and the noise's as seen from the folder of the mixture.
    """
    modes = list(_modes(folder))
    if not modes:
        raise wrong(folder, LAYOUT)
    for mode in modes:
        for subset in folders(mode):
            if subset.name in SPLITS:
                yield from _subset(mode, subset)


def _modes(folder: Path) -> Iterator[Path]:
    """The folders `min` and `max` at or below `folder`."""
    if folder.name in ("min", "max"):
        yield folder
        return
    for name in ("Libri2Mix", "Libri3Mix", "wav8k", "wav16k", "min", "max"):
        below = descend(folder, name)
        if below != folder:
            yield from _modes(below)


def _subset(mode: Path, subset: Path) -> Iterator[Found]:
    for kind in MIXES:
        if (subset / kind).is_dir():
            mixed = _metrics(mode / "metadata" / f"metrics_{subset.name}_{kind}.csv")
            for path in files(subset / kind, (".wav", ".flac")):
                yield _mixture(mode, subset, kind, path, mixed.get(path.stem))


def _mixture(mode: Path, subset: Path, kind: str, path: Path, snrs: dict[str, float] | None) -> Found:
    if not NAME.fullmatch(path.stem):
        raise BadInput(f"{path}: expected a name such as 4640-19187-0024_3081-166546-0042.wav.")
    talkers = path.stem.split("_")[: 1 if kind == "mix_single" else None]
    sides = [subset / f"s{number}" / path.name for number in range(1, len(talkers) + 1)]
    missing = [side for side in sides if not side.is_file()]
    if missing:
        raise BadInput(f"{path}: expected the talker alone in {missing[0]}; there is no such file.")
    if kind != "mix_clean":
        sides.append(subset / "noise" / path.name)
    stems = {side.parent.name: f"../{side.parent.name}/{side.name}" for side in sides if side.is_file()}
    extra = {"mix": kind, "talkers": [talker.partition("-")[0] for talker in talkers], "stems": stems, **(snrs or {})}
    place = "/".join((*_kind_of(mode), subset.name, kind, path.stem))
    first = talkers[0].partition("-")[0]
    return Found(place, path, "mixture", first, label=kind, clean=sides[0], split=SPLITS[subset.name], extra=extra)


def _kind_of(mode: Path) -> tuple[str, ...]:
    """("Libri2Mix", "wav16k", "min") as far as the folders are named so."""
    names = (*mode.resolve().parts[-3:],)
    return tuple(name for name in names if re.fullmatch(r"Libri\dMix|wav\d+k|min|max", name))


def _metrics(path: Path) -> dict[str, dict[str, float]]:
    """{mixture: {"source_1_SNR": dB, ...}}, if the file is there."""
    if not path.is_file():
        return {}
    return {
        row["mixture_ID"]: {name: float(value) for name, value in row.items() if name.endswith("_SNR") and value}
        for row in table(path, ("mixture_ID",))
    }


CORPUS = Corpus(
    name="librimix",
    title="LibriMix: mixtures of two or three LibriSpeech talkers, clean or with WHAM! noise",
    kinds=("mixture",),
    hours=290,
    gigabytes=430,
    rate=0,
    licence="CC BY 4.0 (speech), CC BY-NC 4.0 (WHAM! noise)",
    non_commercial=True,
    home="https://github.com/JorisCos/LibriMix",
    good_for="separation of talkers as published: Libri2Mix and Libri3Mix, each talker apart",
    layout=LAYOUT,
    citation="Cosentino, Pariente, Cornell, Deleforge, Vincent: LibriMix: "
    "an open-source dataset for generalizable speech separation. 2020.",
    walk=walk,
    how="The scripts at https://github.com/JorisCos/LibriMix make it from LibriSpeech (`winnow data download librispeech`) and "
    "WHAM! noise (wham.whisper.ai). mix_clean alone holds no WHAM! noise and may be used commercially.",
)
