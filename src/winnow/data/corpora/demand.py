"""DEMAND: 18 places recorded for 5 minutes with 16 microphones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import identifier, sounds, wrong

CATEGORIES = {"D": "domestic", "N": "nature", "O": "office", "P": "public", "S": "street", "T": "transport"}
PLACES = (
    *("DKITCHEN", "DLIVING", "DWASHING", "NFIELD", "NPARK", "NRIVER", "OHALLWAY", "OMEETING", "OOFFICE"),
    *("PCAFETER", "PRESTO", "PSTATION", "SCAFE", "SPSQUARE", "STRAFFIC", "TBUS", "TCAR", "TMETRO"),
)

_LAYOUT = "DKITCHEN/{ch01..ch16}.wav and so on for each of its 18 places"
_FILES = "https://zenodo.org/records/1227121/files"
_MD5 = {
    "DKITCHEN": (336_992_458, "b4d38241fbd50d8a17f8742ca6870c10"),
    "DWASHING": (306_101_499, "ecf765f12b8d3ada7ef0ec664b8f8d73"),
    "OHALLWAY": (252_905_617, "cb9227a75d2c1342de0b6548da4bbb1b"),
    "OOFFICE": (277_643_831, "6f87edf8a6b03f17b3f693af1754aab4"),
    "TCAR": (373_520_251, "8550f03e8356d8054ae845e8b4b6c773"),
    "TMETRO": (367_513_573, "00d895020233f94348aafce7140d671f"),
}


def walk(root: Path) -> Iterator[Found]:
    """Every channel as a recording; those of one place share their source, so that no split parts them."""
    empty = True
    for path in sounds(root):
        place = path.parent.name.partition("_")[0]
        channel = re.fullmatch(r"ch(\d\d)", path.stem)
        if place in PLACES and channel:
            empty = False
            name = identifier(path.with_suffix(""), root)
            yield Found(
                id=name if "/" in name else f"{place}/{name}",
                path=path,
                kind="noise",
                label=place,
                source=place,
                extra={"channel": int(channel[1]), "category": CATEGORIES[place[0]]},
            )
    if empty:
        raise wrong(root, _LAYOUT)


def _download(place: str) -> Download:
    size, md5 = _MD5.get(place, (0, None))
    return Download(place, f"{_FILES}/{place}_48k.zip", size, md5 and f"md5:{md5}")


CORPUS = Corpus(
    name="demand",
    title="DEMAND: Diverse Environments Multichannel Acoustic Noise Database",
    kinds=("noise",),
    hours=1.5,
    gigabytes=6.0,
    rate=48000,
    licence="CC BY-SA 3.0",
    non_commercial=False,
    home="https://zenodo.org/records/1227121",
    good_for="real places, indoors and outdoors, with babble in cafes and restaurants; 16 microphones",
    layout=_LAYOUT,
    citation="Thiemann, J., Ito, N., Vincent, E. (2013). The Diverse Environments Multi-channel Acoustic Noise Database. POMA 19.",
    walk=walk,
    downloads=tuple(_download(place) for place in PLACES),
)
