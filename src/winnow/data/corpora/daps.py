"""DAPS (Mysore 2015): the same studio readings as recorded by phones and tablets in real rooms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import descend, files, only, wrong
from winnow.errors import BadInput

STUDIO = ("clean", "cleanraw", "produced")
DEVICES = (
    "ipad_balcony1",
    "ipad_bedroom1",
    "ipad_confroom1",
    "ipad_confroom2",
    "ipad_livingroom1",
    "ipad_office1",
    "ipad_office2",
    "ipadflat_confroom1",
    "ipadflat_office1",
    "iphone_balcony1",
    "iphone_bedroom1",
    "iphone_livingroom1",
)
FOLDERS = (*STUDIO, *DEVICES)
HELD_OUT_SPEAKERS = ("f10", "m10")
HELD_OUT_SCRIPT = "script5"
NAME = re.compile(r"(?P<speaker>[fm](?:10|[1-9]))_(?P<script>script[1-5])_(?P<folder>\w+)")
LAYOUT = (
    "[daps/]FOLDER/SPEAKER_SCRIPT_FOLDER.wav, 15 folders (clean, cleanraw, produced, ipad_office1 ...), "
    "SPEAKER f1-f10 and m1-m10, SCRIPT script1-script5"
)


def walk(folder: Path) -> Iterator[Found]:
    """Every reading; what devices recorded in rooms is a mixture with the studio's clean recording as its twin.

    Splits as HiFi-GAN's authors made them: train is script 1-4 of 18 speakers, valid script 1-4 of f10 and m10, test script 5
    of all 20; the mixtures of test are the evaluation list of 240 clips.
    """
    top = descend(folder, "daps")
    present = [name for name in FOLDERS if (top / name).is_dir()]
    if "clean" not in present:
        raise wrong(top, f"clean/ and others of 15 folders ({LAYOUT})")
    for name in present:
        yield from _readings(top, name)


def _readings(top: Path, name: str) -> Iterator[Found]:
    for path in files(top / name, (".wav", ".flac")):
        match = NAME.fullmatch(path.stem)
        if match is None or match["folder"] != name:
            raise BadInput(f"{path}: expected a name such as f1_script1_{name}.wav.")
        speaker, script = match["speaker"], match["script"]
        twin = top / "clean" / f"{speaker}_{script}_clean{path.suffix}"
        if name in DEVICES and not twin.is_file():
            raise BadInput(f"{path}: expected its clean twin {twin}; there is none.")
        yield Found(
            id=path.stem,
            path=path,
            kind="mixture" if name in DEVICES else "speech",
            speaker=speaker,
            label=name,
            clean=twin if name in DEVICES else None,
            text=only(top / "supporting" / f"{script}.txt"),
            split=split_of(speaker, script),
            extra={"script": script, "sex": speaker[0].upper()},
        )


def split_of(speaker: str, script: str) -> str:
    """Which side a reading is on."""
    if script == HELD_OUT_SCRIPT:
        return "test"
    return "valid" if speaker in HELD_OUT_SPEAKERS else "train"


CORPUS = Corpus(
    name="daps",
    title="DAPS: 20 speakers reading five scripts in a studio, played and recorded by phones and tablets in 12 places",
    kinds=("speech", "mixture"),
    hours=68,
    gigabytes=22,
    rate=44100,
    licence="CC BY-NC 4.0",
    non_commercial=True,
    home="https://zenodo.org/records/4660670",
    good_for="studio sound from device recordings: real rooms and noise with an aligned clean twin; 240 clips for evaluation",
    layout=LAYOUT,
    citation="Mysore: Can we automatically transform speech recorded on common consumer devices in real-world environments into "
    "professional production quality speech? IEEE Signal Processing Letters 22(8), 2015.",
    walk=walk,
    downloads=(Download("all", "https://zenodo.org/records/4660670/files/daps.tar.gz"),),
)
