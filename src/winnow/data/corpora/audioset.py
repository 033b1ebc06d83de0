"""AudioSet: 10 s of two million YouTube videos, labelled with 527 kinds of sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.fetched import LAYOUT, walk_clips
from winnow.data.corpora.segments import AUDIOSET, CLASSES

_LISTS = "http://storage.googleapis.com/us_audioset/youtube_corpus/v1/csv"


def walk(root: Path) -> Iterator[Found]:
    """The clips that were fetched; `extra` says which hold speech, where the list told."""
    return walk_clips(root, AUDIOSET)


CORPUS = Corpus(
    name="audioset",
    title="AudioSet (a list of YouTube clips)",
    kinds=("noise",),
    hours=5800,
    gigabytes=0,
    rate=0,
    licence="the clips: their uploaders' (the list: CC BY 4.0)",
    non_commercial=True,
    home="https://research.google.com/audioset/",
    good_for="every kind of sound, 10 s each; many clips hold speech or music: choose by label",
    layout=LAYOUT,
    citation="Gemmeke, J. F. et al. (2017). Audio Set: An ontology and human-labeled dataset for audio events. ICASSP.",
    walk=walk,
    downloads=tuple(
        Download(name.removesuffix(".csv"), f"{_LISTS}/{name}")
        for name in ("eval_segments.csv", "balanced_train_segments.csv", "unbalanced_train_segments.csv", CLASSES)
    ),
    how="The downloads are the lists; `winnow data clips eval_segments.csv -o DIR` fetches what is left of the clips.",
)
