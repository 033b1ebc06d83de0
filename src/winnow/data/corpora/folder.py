"""Plain folders of recordings, with what their names tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from winnow.data.corpora.base import Corpus, Found
from winnow.data.corpora.walking import AUDIO, VIDEO, files, identifier, wrong
from winnow.errors import BadInput, BadOption

LAYOUT = "any folder with recordings in it or below; hidden files are left out"
FOLDER_KINDS = ("speech", "noise", "music", "room")
RULES = ("none", "parent", "grandparent", "name-prefix", "name")


@dataclass(frozen=True)
class Folder:
    """How a plain folder is read: the kind of all, and where speaker, class and room come from (see RULES)."""

    kind: str = "speech"
    speaker: str = "none"
    label: str = "none"
    room: str = "none"

    def __post_init__(self) -> None:
        if self.kind not in FOLDER_KINDS:
            raise BadOption(f"--kind is one of {', '.join(FOLDER_KINDS)}, not {self.kind!r}")
        for option in (self.speaker, self.label, self.room):
            if option not in RULES:
                raise BadOption(f"{option!r} is no place to take a name from; there are {', '.join(RULES)}.")

    def walk(self, folder: Path) -> Iterator[Found]:
        """Every recording, by path."""
        empty = True
        for path in files(folder, AUDIO | VIDEO, deep=True):
            empty = False
            yield Found(
                id=identifier(path, folder),
                path=path,
                kind=self.kind,
                speaker=name_from(self.speaker, path, folder),
                label=name_from(self.label, path, folder),
                room=name_from(self.room, path, folder),
            )
        if empty:
            raise wrong(folder, "recordings (.wav, .flac, .mp3 ...) in this folder or below")


def name_from(rule: str, path: Path, top: Path) -> str | None:
    """The name that a rule takes from a path: the folder it is in (parent), the one above that (grandparent), its name up to
    the first "_", "-", "." or blank (name-prefix), its whole name without suffix (name).

    Raises BadInput where a file lies too high for the rule: the folder that was given is nobody's name.
    """
    if rule == "none":
        return None
    if rule == "name":
        return path.stem
    if rule == "name-prefix":
        return re.split(r"[-_. ]", path.stem, maxsplit=1)[0] or path.stem
    above = path.relative_to(top).parts[:-1]
    depth = {"parent": 1, "grandparent": 2}[rule]
    if len(above) < depth:
        raise BadInput(
            f"{path}: expected it {depth} folder{'s' * (depth > 1)} below {top}, to take a name from the {rule}; it is not."
        )
    return above[-depth]


walk: Callable[[Path], Iterator[Found]] = Folder().walk

CORPUS = Corpus(
    name="folder",
    title="Your own recordings in a plain folder",
    kinds=FOLDER_KINDS,
    hours=0,
    gigabytes=0,
    rate=0,
    licence="not stated (say it with --licence)",
    non_commercial=False,
    home="",
    good_for="any folder: --kind says what they are, --speaker-from, --label-from and --room-from where names come from",
    layout=LAYOUT,
    citation="",
    walk=walk,
)
