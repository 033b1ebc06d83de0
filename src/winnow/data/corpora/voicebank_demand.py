"""VoiceBank-DEMAND (Valentini-Botinhao 2017): noisy VCTK with clean twins, the usual benchmark of enhancement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import descend, files, folders, lines, only, wrong
from winnow.errors import BadInput

LAYOUT = (
    "clean_SET_wav/ and noisy_SET_wav/ with files of equal names pNNN_NNN.wav, SET_txt/; "
    "SET is trainset_28spk, trainset_56spk or testset"
)
NOISY = re.compile(r"noisy_(?P<set>trainset_28spk|trainset_56spk|testset)_wav(?P<rate>_16k)?")


def walk(folder: Path) -> Iterator[Found]:
    """Every noisy recording with its clean twin."""
    top = descend(folder, "DS_10283_2791", "VoiceBank-DEMAND")
    sets = [(each, match) for each in folders(top) if (match := NOISY.fullmatch(each.name))]
    if not sets:
        raise wrong(top, f"noisy_testset_wav/ ({LAYOUT})")
    for noisy, match in sets:
        yield from _set(top, noisy, match["set"])


def _set(top: Path, noisy: Path, name: str) -> Iterator[Found]:
    noisy, clean = descend(noisy, noisy.name), noisy.with_name(noisy.name.replace("noisy", "clean"))
    if not clean.is_dir():
        raise wrong(top, f"{clean.name}/ beside {noisy.name}/")
    clean = descend(clean, clean.name)
    mixed = _log(top / f"log_{name}.txt") or _log(top / "logfiles" / f"log_{name}.txt")
    text = descend(top / f"{name}_txt", f"{name}_txt") if (top / f"{name}_txt").is_dir() else top
    for path in files(noisy, (".wav", ".flac")):
        twin = clean / path.name
        if not twin.is_file():
            raise BadInput(f"{path}: expected its clean twin {twin}; there is none.")
        label, snr = mixed.get(path.stem, (None, None))
        yield Found(
            id=f"{name}/{path.stem}",
            path=path,
            kind="mixture",
            speaker=path.stem.partition("_")[0],
            label=label,
            clean=twin,
            text=only(text / f"{path.stem}.txt"),
            split="test" if name == "testset" else "train",
            extra={"set": name, **({"snr": snr} if snr is not None else {})},
        )


def _log(path: Path) -> dict[str, tuple[str, float]]:
    """{"p232_001": ("bus", 15.0)} from lines `p232_001 bus 15`."""
    rows = (line.split() for line in lines(path)) if path.is_file() else iter(())
    return {row[0]: (row[1], float(row[2])) for row in rows if len(row) >= 3 and re.fullmatch(r"-?[0-9.]+", row[2])}


def _download(kind: str, md5: str | None = None) -> Download:
    return Download(
        kind, f"https://datashare.ed.ac.uk/bitstream/handle/10283/2791/{kind}.zip", 0, f"md5:{md5}" if md5 else None
    )


CORPUS = Corpus(
    name="voicebank-demand",
    title="VoiceBank-DEMAND: sentences of VCTK in ten noises at four levels, with their clean twins",
    kinds=("mixture",),
    hours=28,
    gigabytes=15,
    rate=48000,
    licence="CC BY 4.0",
    non_commercial=False,
    home="https://datashare.ed.ac.uk/handle/10283/2791",
    good_for="the published test of enhancement: 824 pairs of two speakers; 28 or 56 others to train on. Its speakers are VCTK's",
    layout=LAYOUT,
    citation="Valentini-Botinhao: Noisy speech database for training speech enhancement algorithms and TTS models. "
    "2017. doi:10.7488/ds/2117.",
    walk=walk,
    downloads=(
        _download("clean_testset_wav", "34eb1c0ba7ef667e9b966866c542fc16"),
        _download("noisy_testset_wav", "fb1b86caa31e8ba5b506c0c64da9aab5"),
        _download("testset_txt"),
        _download("clean_trainset_28spk_wav", "d2d5a45ec32f8fcbf201bde0447e20ba"),
        _download("noisy_trainset_28spk_wav", "1fca9e8bafb8cd069f6653c6d92f9e9c"),
        _download("trainset_28spk_txt"),
        _download("clean_trainset_56spk_wav", "c351cbc9db30e41686c988c19f0e1475"),
        _download("noisy_trainset_56spk_wav", "b26382542716642b8f2845880af69cf0"),
        _download("trainset_56spk_txt"),
        _download("logfiles"),
    ),
)
