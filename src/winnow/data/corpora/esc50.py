"""ESC-50: 2000 environmental sounds of 5 s from Freesound, 50 classes in 5 folds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import holder, lines, table, wrong

COLUMNS = ("filename", "fold", "target", "category", "esc10", "src_file", "take")
SYSTEM1 = frozenset(
    {
        *("vacuum_cleaner", "clapping", "fireworks", "door_wood_knock", "engine", "mouse_click", "clock_alarm", "wind"),
        *("keyboard_typing", "footsteps", "car_horn", "drinking_sipping", "snoring", "breathing", "toilet_flush"),
        *("clock_tick", "washing_machine", "rain", "rooster", "laughing"),
    }
)
"""The 20 classes that the spectrogram U-Net for Vietnamese speech was trained on; their items have `"system1": true`."""

_LAYOUT = "ESC-50-master/{meta/esc50.csv, audio/FOLD-CLIPID-TAKE-TARGET.wav}"
_CREDIT = re.compile(r"- \[(\S+?)\.\w+\]:.*\[([^\]]+)\]\s*$")


def walk(root: Path) -> Iterator[Found]:
    """The clips in the order of meta/esc50.csv; what it names is listed, whether its file is there or not."""
    base = holder(root, "meta/esc50.csv", _LAYOUT)
    if not (base / "audio").is_dir():
        raise wrong(base, f"audio in {_LAYOUT}")
    credits = _credits(base / "LICENSE")
    for row in table(base / "meta" / "esc50.csv", COLUMNS):
        yield _found(base, row, credits)


def _found(base: Path, row: dict[str, str], credits: dict[str, str]) -> Found:
    stem = Path(row["filename"]).stem
    free = row["esc10"].strip().lower() == "true"
    extra: dict[str, object] = {"fold": int(row["fold"])} if row["fold"].isdigit() else {}
    extra |= {"esc10": True} if free else {}
    extra |= {"system1": True} if row["category"] in SYSTEM1 else {}
    origin = credits.get(stem.rpartition("-")[0])
    return Found(
        id=stem,
        path=base / "audio" / row["filename"],
        kind="noise",
        label=row["category"],
        source=f"freesound-{row['src_file']}",
        licence="CC BY 3.0 (ESC-10)" if free else "CC BY-NC 3.0",
        non_commercial=not free,
        extra=extra | ({"origin_licence": origin} if origin else {}),
    )


def _credits(path: Path) -> dict[str, str]:
    """The licence of each clip at Freesound, by FOLD-CLIPID-TAKE; {} without the LICENSE file."""
    if not path.is_file():
        return {}
    return {found[1]: found[2] for line in lines(path, "latin-1") if (found := _CREDIT.match(line))}


CORPUS = Corpus(
    name="esc50",
    title="ESC-50: Environmental Sound Classification",
    kinds=("noise",),
    hours=2.8,
    gigabytes=0.65,
    rate=44100,
    licence="CC BY-NC 3.0 (the ESC-10 subset: CC BY 3.0)",
    non_commercial=True,
    home="https://github.com/karolpiczak/ESC-50",
    good_for="short labelled noises; the noise of the spectrogram U-Net (20 of its classes, tagged system1)",
    layout=_LAYOUT,
    citation="Piczak, K. J. (2015). ESC: Dataset for Environmental Sound Classification. ACM Multimedia.",
    walk=walk,
    downloads=(Download("all", "https://github.com/karolpiczak/ESC-50/archive/master.zip"),),
)
