"""VoxCeleb 1 and 2: celebrities in interviews, cut from videos."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Found
from winnow.data.corpora.walking import files, folders, lines, wrong

LAYOUT = "[dev/|test/][wav/|aac/]idNNNNN/VIDEO/NNNNN.wav (VoxCeleb2: .m4a), vox1_meta.csv or vox2_meta.csv"
SPEAKER = re.compile(r"id\d{5}")
PARTS = ("dev", "test", "wav", "aac", "mp4", "vox1", "vox2")


def walk(folder: Path) -> Iterator[Found]:
    """Every utterance; the video is its `source`."""
    about = _about(folder)
    speakers = list(_speakers(folder, None))
    if not speakers:
        raise wrong(folder, f"folders of speakers such as wav/id10001/ ({LAYOUT})")
    for speaker, split in speakers:
        for video in folders(speaker):
            for path in files(video, (".wav", ".m4a", ".mp4", ".flac")):
                name = f"{speaker.name}/{video.name}/{path.stem}"
                extra = about.get(speaker.name, {})
                yield Found(
                    name, path, "speech", speaker.name, source=f"youtube-{video.name}", split=split, extra=extra
                )


def _speakers(folder: Path, split: str | None) -> Iterator[tuple[Path, str | None]]:
    for each in folders(folder):
        if SPEAKER.fullmatch(each.name):
            yield each, split
        elif each.name in PARTS:
            yield from _speakers(each, {"dev": "train", "test": "test"}.get(each.name, split))


def _about(folder: Path) -> dict[str, dict[str, str]]:
    """{"id10001": {"sex": "M"}} from vox1_meta.csv (tabs) or vox2_meta.csv (commas): id, name, sex, ..."""
    found = {}
    for path in (folder / "vox1_meta.csv", folder / "vox2_meta.csv"):
        for line in lines(path) if path.is_file() else ():
            cells = [cell.strip() for cell in re.split(r"[\t,]", line)]
            sex = next((cell.upper() for cell in cells[1:] if cell.lower() in ("m", "f")), None)
            if sex and (name := next((cell for cell in cells if SPEAKER.fullmatch(cell)), None)):
                found[name] = {"sex": sex}
    return found


CORPUS = Corpus(
    name="voxceleb",
    title="VoxCeleb 1 and 2: utterances of 7,363 celebrities from interviews on YouTube",
    kinds=("speech",),
    hours=2794,
    gigabytes=110,
    rate=16000,
    licence="CC BY 4.0 (lists); the recordings are their owners', for research",
    non_commercial=True,
    home="https://www.robots.ox.ac.uk/~vgg/data/voxceleb/",
    good_for="speaker encoders: very many voices, but noise, music and rooms in them; no targets for enhancement",
    layout=LAYOUT,
    citation="Nagrani, Chung, Zisserman: VoxCeleb: a large-scale speaker identification dataset. Interspeech 2017; Chung, Nagrani, "
    "Zisserman: VoxCeleb2: deep speaker recognition. Interspeech 2018.",
    walk=walk,
    how="Fill in the request form at the home page; the links come by e-mail. Unpack the parts into one folder.",
)
