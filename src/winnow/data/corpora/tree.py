"""A tree of several corpora with a manifest: SPLIT/KIND/CORPUS/SPEAKER/FILE and MANIFEST.csv."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from winnow.data.corpora.base import Corpus, Found
from winnow.data.corpora.grid import sentence
from winnow.data.corpora.walking import identifier, non_commercial, table, wrong
from winnow.errors import BadInput

LAYOUT = (
    "MANIFEST.csv (path,corpus,speaker_or_class,split,kind,licence ...) and SPLIT/KIND/CORPUS/SPEAKER-OR-CLASS/FILE, "
    "noisy/ and clean/ for pairs"
)
COLUMNS = ("path", "corpus", "speaker_or_class", "split", "kind", "licence")
KINDS = {"rir": "room", "paired": "mixture", "av": "speech"}
FREESOUND = {
    "esc": re.compile(r"\d-(?P<id>\d+)-[A-Z](?:-\d+)?"),
    "urbansound": re.compile(r"(?P<id>\d+)-\d+-\d+-\d+"),
}
"""Names of ESC-50 (FOLD-ID-TAKE[-TARGET]) and UrbanSound8K (ID-CLASS-OCCURRENCE-SLICE); ID is freesound's."""
UNLABELLED = ("picovoice",)
"""Corpora whose folders of speech are not speakers."""


def walk(folder: Path) -> Iterator[Found]:
    """What the manifest lists, in its order, noisy files of pairs with their clean twins."""
    manifest = folder / "MANIFEST.csv"
    if not manifest.is_file():
        raise wrong(folder, LAYOUT)
    for row in table(manifest, COLUMNS):
        place = PurePosixPath(row["path"])
        if place.is_absolute() or ".." in place.parts:
            raise BadInput(f"{manifest}: {row['path']} leads out of the folder.")
        if not (row["kind"] == "paired" and place.parent.name == "clean"):
            yield _found(folder, folder / place, row)


def _found(top: Path, path: Path, row: dict[str, str]) -> Found:
    kind = KINDS.get(row["kind"], re.sub(r"\d+k?$", "", row["kind"]))
    name, corpus = row["speaker_or_class"], row["corpus"]
    place = identifier(path, top)
    return Found(
        id=place,
        path=path,
        kind=kind,
        speaker=_speaker(kind, corpus, name, path),
        label=name if kind in ("noise", "music") or _no_speaker(corpus) else None,
        room=name if kind == "room" else None,
        source=source_of(corpus, path.stem) if kind == "noise" else None,
        clean=_twin(path) if kind == "mixture" else None,
        text=sentence(path.stem) if corpus == "grid" else None,
        split=row["split"] if row["split"] in ("train", "valid", "test") else None,
        licence=row["licence"],
        non_commercial=non_commercial(row["licence"]),
        corpus=corpus,
        extra={"origin": row["source_repo"]} if row.get("source_repo") else {},
    )


def _speaker(kind: str, corpus: str, name: str, path: Path) -> str | None:
    if kind == "mixture":
        return path.stem.partition("_")[0]
    return name if kind == "speech" and not _no_speaker(corpus) else None


def _no_speaker(corpus: str) -> bool:
    return corpus.startswith(UNLABELLED)


def source_of(corpus: str, stem: str) -> str:
    """The original recording of a noise: freesound's number where the name holds it, else the name itself."""
    for begin, pattern in FREESOUND.items():
        match = pattern.fullmatch(stem)
        if corpus.startswith(begin) and match:
            return f"freesound-{match['id']}"
    return f"{corpus}/{stem}"


def _twin(path: Path) -> Path:
    twin = path.parent.with_name("clean") / path.name
    if not twin.is_file():
        raise BadInput(f"{path}: expected its clean twin {twin}; there is none.")
    return twin


CORPUS = Corpus(
    name="tree",
    title="Several corpora in one tree with a manifest",
    kinds=("speech", "noise", "room", "mixture"),
    hours=0,
    gigabytes=0,
    rate=0,
    licence="as the manifest says, by file",
    non_commercial=False,
    home="",
    good_for="an own collection of several corpora: corpus, speaker, room, freesound number and licence by file",
    layout=LAYOUT,
    citation="",
    walk=walk,
)
