"""UrbanSound8K: 8732 slices of up to 4 s from 1302 field recordings at Freesound, 10 classes in 10 folds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import holder, table, wrong

COLUMNS = ("slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class")
_LAYOUT = "UrbanSound8K/{metadata/UrbanSound8K.csv, audio/fold1..fold10/FSID-CLASSID-OCCURRENCE-SLICE.wav}"


def walk(root: Path) -> Iterator[Found]:
    """The slices in the order of metadata/UrbanSound8K.csv."""
    base = holder(root, "metadata/UrbanSound8K.csv", _LAYOUT)
    if not (base / "audio").is_dir():
        raise wrong(base, f"audio in {_LAYOUT}")
    for row in table(base / "metadata" / "UrbanSound8K.csv", COLUMNS):
        name = row["slice_file_name"]
        yield Found(
            id=Path(name).stem,
            path=base / "audio" / f"fold{row['fold']}" / name,
            kind="noise",
            label=row["class"],
            source=f"freesound-{row['fsID']}",
            extra=({"fold": int(row["fold"])} if row["fold"].isdigit() else {}) | {"in_front": row["salience"] == "1"},
        )


CORPUS = Corpus(
    name="urbansound8k",
    title="UrbanSound8K",
    kinds=("noise",),
    hours=8.8,
    gigabytes=6.0,
    rate=0,
    licence="CC BY-NC 3.0",
    non_commercial=True,
    home="https://urbansounddataset.weebly.com/urbansound8k.html",
    good_for="street and machine noise; children_playing and street_music hold voices and music",
    layout=_LAYOUT,
    citation="Salamon, J., Jacoby, C., Bello, J. P. (2014). A Dataset and Taxonomy for Urban Sound Research. ACM MM.",
    walk=walk,
    downloads=(
        Download(
            "all",
            "https://zenodo.org/records/1203745/files/UrbanSound8K.tar.gz",
            checksum="md5:9aa69802bbf37fb986f71ec1483a196e",
        ),
    ),
)
