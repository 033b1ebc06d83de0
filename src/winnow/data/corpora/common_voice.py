"""Mozilla Common Voice: sentences read by volunteers, in over a hundred languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from winnow.data.corpora.base import Corpus, Found
from winnow.data.corpora.walking import descend, folders, table, wrong

LAYOUT = "[cv-corpus-*/][LANGUAGE/]clips/*.mp3 with train.tsv, dev.tsv, test.tsv, else validated.tsv"
SPLITS = {"train": "train", "dev": "valid", "test": "test"}
ABOUT = {"gender": "sex", "age": "age", "accents": "accent", "accent": "accent", "locale": "language"}


def walk(folder: Path) -> Iterator[Found]:
    """The clips that the lists name: those of the official sides, and where there are none those of validated.tsv."""
    tops = list(_languages(folder))
    if not tops:
        raise wrong(folder, f"clips/ and train.tsv ({LAYOUT})")
    for top in tops:
        names = [name for name in SPLITS if (top / f"{name}.tsv").is_file()] or ["validated"]
        if not (top / f"{names[0]}.tsv").is_file():
            raise wrong(top, "train.tsv, dev.tsv, test.tsv or validated.tsv beside clips/")
        for name in names:
            for row in table(top / f"{name}.tsv", ("client_id", "path", "sentence"), "\t"):
                yield _found(top, row, SPLITS.get(name))


def _languages(folder: Path) -> Iterator[Path]:
    """Folders that hold clips/: this one, or those one and two below."""
    if descend(folder, "clips") != folder:
        yield folder
        return
    for each in folders(folder):
        below = [each] if descend(each, "clips") != each else folders(each) if each.name.startswith("cv-corpus") else []
        yield from (inner for inner in below if descend(inner, "clips") != inner)


def _found(top: Path, row: dict[str, str], split: str | None) -> Found:
    name = row["path"] if row["path"].endswith(".mp3") else f"{row['path']}.mp3"  # the first releases left it out
    extra: dict[str, Any] = {ABOUT[key]: value for key, value in row.items() if key in ABOUT and value}
    return Found(
        id=name.removesuffix(".mp3"),
        path=top / "clips" / name,
        kind="speech",
        speaker=row["client_id"],
        text=row["sentence"],
        split=split,
        extra=extra,
    )


CORPUS = Corpus(
    name="common-voice",
    title="Mozilla Common Voice: sentences read by volunteers into their own microphones, over a hundred languages",
    kinds=("speech",),
    hours=22000,
    gigabytes=600,
    rate=0,
    licence="CC0 1.0",
    non_commercial=False,
    home="https://commonvoice.mozilla.org/datasets",
    good_for="languages and voices of all kinds; MP3 from home microphones: as targets only after choosing the clean ones",
    layout=LAYOUT,
    citation="Ardila et al.: Common Voice: a massively-multilingual speech corpus. LREC 2020.",
    walk=walk,
    how="Choose a language at the home page, agree not to identify the speakers, and unpack cv-corpus-*.tar.gz. "
    "Hours and size are those of all languages; one has between one and a few thousand hours.",
)
