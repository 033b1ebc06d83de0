"""Folders of clips that were cut from videos, as `winnow data clips` and system 3's scripts leave them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Found
from winnow.data.corpora.segments import AVSPEECH, KINDS, parse_name
from winnow.data.corpora.walking import identifier, sounds, wrong
from winnow.data.items import Item, read_items

LAYOUT = (
    "NUMBER:YOUTUBEID.wav or NUMBER_YOUTUBEID.wav (or .mp4), with items.jsonl of `winnow data clips` if it is there"
)


def walk_clips(root: Path, corpus: str) -> Iterator[Found]:
    """Clips by their names; labels, faces and seconds come from items.jsonl beside them. A clip's source is its video."""
    known = _known(root / "items.jsonl")
    empty = True
    for path in sounds(root):
        name = parse_name(path.stem)
        if name is None:
            continue
        empty = False
        number, youtube = name
        item = known.get(path.name)
        yield Found(
            id=identifier(path.with_suffix(""), root).replace(":", "-"),
            path=path,
            kind=KINDS[corpus],
            speaker=youtube if corpus == AVSPEECH else None,
            label=item.label if item else None,
            source=f"youtube-{youtube}",
            extra=item.extra if item else {"row": number},
        )
    if empty:
        raise wrong(root, LAYOUT)


def _known(path: Path) -> dict[str, Item]:
    return {Path(item.path).name: item for item in read_items(path)} if path.is_file() else {}
