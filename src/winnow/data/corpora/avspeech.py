"""AVSpeech: stretches of YouTube videos in which one visible person talks and nothing else is heard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Found
from winnow.data.corpora.fetched import LAYOUT, walk_clips
from winnow.data.corpora.segments import AVSPEECH


def walk(root: Path) -> Iterator[Found]:
    """The clips that were fetched; the video stands for the speaker."""
    return walk_clips(root, AVSPEECH)


CORPUS = Corpus(
    name="avspeech",
    title="AVSpeech (a list of YouTube clips)",
    kinds=("speech",),
    hours=4700,
    gigabytes=0,
    rate=0,
    licence="the clips: their uploaders' (the list: CC BY 4.0)",
    non_commercial=True,
    home="https://looking-to-listen.github.io/avspeech/download.html",
    good_for="talking faces in the wild, 3 to 10 s each; what the audio-visual separator was published with",
    layout=LAYOUT,
    citation="Ephrat, A. et al. (2018). Looking to Listen at the Cocktail Party. ACM Transactions on Graphics 37(4).",
    walk=walk,
    how="Get avspeech_train.csv or avspeech_test.csv from its page, then `winnow data clips` fetches what is left of the clips.",
)
