"""ACE: responses and noise of seven rooms, each at two positions of six sets of microphones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import identifier, sounds, wrong

ARRAYS = ("Single", "Chromebook", "Mobile", "Crucif", "Lin8Ch", "EM32")
ROOMS = {
    "EE_lobby": "Building_Lobby",
    "508": "Lecture_Room_1",
    "403a": "Lecture_Room_2",
    "503": "Meeting_Room_1",
    "611": "Meeting_Room_2",
    "502": "Office_1",
    "803": "Office_2",
}
"""The number in a file's name to the name of the room's folder."""

_LAYOUT = "Single/Office_1/1/Single_502_1_{RIR,Ambient,Babble,Fan}.wav and so on for each array, room and position"
# Names differ between releases and arrays; what a file holds stands at the end of its name, and that alone is looked at.
_WHAT = re.compile(r"_(RIR|Ambient|Babble|Fan)[^_]*$", re.IGNORECASE)
_CODE = re.compile(r"_(EE_lobby|508|403a|503|611|502|803)_", re.IGNORECASE)


def walk(root: Path) -> Iterator[Found]:
    """Responses and noise of all arrays that are there; speech and other files are passed over."""
    empty = True
    for path in sounds(root):
        what = _WHAT.search(path.stem)
        if what:
            empty = False
            yield _found(root, path, what[1].lower())
    if empty:
        raise wrong(root, _LAYOUT)


def _found(root: Path, path: Path, what: str) -> Found:
    room, position = room_of(path), _position(path)
    array = next((name for name in ARRAYS if name in path.parts or path.name.startswith(f"{name}_")), None)
    extra: dict[str, object] = {"array": array} if array else {}
    return Found(
        id=identifier(path.with_suffix(""), root),
        path=path,
        kind="room" if what == "rir" else "noise",
        label=None if what == "rir" else what,
        room=room,
        # All arrays stood in the room at once: their recordings of a noise are one.
        source=None if what == "rir" else "-".join(part for part in (room, position, what) if part),
        extra=extra | ({"position": position} if position else {}),
    )


def room_of(path: Path) -> str | None:
    """The room: the folder that names one, else by the number in the file's name; None for neither."""
    named = [part for part in path.parent.parts if part in ROOMS.values()]
    if named:
        return named[-1]
    code = _CODE.search(path.stem)
    codes = {key.lower(): name for key, name in ROOMS.items()}
    return codes[code[1].lower()] if code else None


def _position(path: Path) -> str | None:
    found = re.search(r"_(\d)_[A-Za-z]+[^_]*$", path.stem)
    return found[1] if found else path.parent.name if path.parent.name.isdigit() else None


CORPUS = Corpus(
    name="ace",
    title="ACE: Acoustic Characterisation of Environments",
    kinds=("room", "noise"),
    hours=0,
    gigabytes=0,
    rate=48000,
    licence="CC BY 4.0 (read the page: earlier releases said no derivatives)",
    non_commercial=False,
    home="https://zenodo.org/records/6257551",
    good_for="real rooms with the noise of the same rooms: ambient, fan and babble; one to 32 microphones",
    layout=_LAYOUT,
    citation="Eaton, J. et al. (2016). Estimation of Room Acoustic Parameters: The ACE Challenge. IEEE/ACM TASLP 24(10).",
    walk=walk,
    downloads=tuple(
        Download(array, f"https://zenodo.org/records/6257551/files/ACE_Corpus_RIRN_{array}.tbz2") for array in ARRAYS
    ),
)
