"""MIT IR Survey: 271 places where seven people happened to be, in two weeks of their lives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import identifier, sounds, wrong

_LAYOUT = "Audio/hNNN_Place_NNtxts.wav"
_NAME = re.compile(r"(h\d+)_(.+?)(?:_(\d+)txts?)?$", re.IGNORECASE)


def walk(root: Path) -> Iterator[Found]:
    """Every response; each is a room of its own."""
    empty = True
    for path in sounds(root):
        name = _NAME.match(path.stem)
        if name:
            empty = False
            yield Found(
                id=identifier(path.with_suffix(""), root),
                path=path,
                kind="room",
                label=name[2].partition("_")[0],
                room="-".join(f"{name[1]}_{name[2]}".split()),
                extra={"texts": int(name[3])} if name[3] else {},
            )
    if empty:
        raise wrong(root, _LAYOUT)


CORPUS = Corpus(
    name="mit-survey",
    title="MIT Acoustical Reverberation Scene Statistics Survey",
    kinds=("room",),
    hours=0.1,
    gigabytes=0.01,
    rate=32000,
    licence="CC BY 4.0",
    non_commercial=False,
    home="https://mcdermottlab.mit.edu/Reverb/IR_Survey.html",
    good_for="the rooms of everyday life, at 1.5 m; a place's number of texts says how often people are there",
    layout=_LAYOUT,
    citation="Traer, J., McDermott, J. H. (2016). Statistics of natural reverberation ... PNAS 113(48), E7856-E7865.",
    walk=walk,
    downloads=(Download("all", "https://mcdermottlab.mit.edu/Reverb/IRMAudio/Audio.zip", 11_660_005),),
)
