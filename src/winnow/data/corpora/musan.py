"""MUSAN: music, speech and noise for the training of voice activity detection, at 16 kHz."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import folders, identifier, lines, sounds, wrong

KINDS = ("music", "noise", "speech")
_LAYOUT = "musan/{music,noise,speech}/SOURCE/{KIND-SOURCE-NNNN.wav, ANNOTATIONS, LICENSE}"


def walk(root: Path) -> Iterator[Found]:
    """Music, then noise, then speech; a copy that lacks one of the three is walked as well."""
    base = next((each for each in (root, *folders(root)) if any((each / kind).is_dir() for kind in KINDS)), None)
    if base is None:
        raise wrong(root, f"music, noise or speech in {_LAYOUT}")
    for kind in (kind for kind in KINDS if (base / kind).is_dir()):
        notes: dict[Path, dict[str, dict[str, Any]]] = {}
        for path in sounds(base / kind):
            folder = path.parent
            if folder not in notes:
                notes[folder] = read_annotations(folder / "ANNOTATIONS", kind)
            yield _found(base, path, kind, notes[folder].get(path.stem, {}))


def _found(base: Path, path: Path, kind: str, extra: dict[str, Any]) -> Found:
    alone = kind == "speech" and path.parent.name == "librivox"
    return Found(
        id=identifier(path.with_suffix(""), base),
        path=path,
        kind=kind,
        # A reading of LibriVox is one person; hearings of the US government are many.
        speaker=path.stem if alone else None,
        label=extra.pop("genre", None),
        source=path.stem,
        extra=extra,
    )


def read_annotations(path: Path, kind: str) -> dict[str, dict[str, Any]]:
    """What the ANNOTATIONS of a folder say of each recording.

    music: `NAME GENRES VOCALS ARTIST`; speech: `NAME SEX LANGUAGE`; noise: names below a line that ends in a colon and begins
    with the word background are noise that lasts, not events.
    """
    known: dict[str, dict[str, Any]] = {}
    background = False
    for line in lines(path, "latin-1") if path.is_file() else ():
        words = line.split()
        if line.rstrip().endswith(":"):
            background = "background" in line.lower()
        elif not words or not words[0].startswith(f"{kind}-"):
            continue
        elif kind == "music" and len(words) >= 3:
            known[words[0]] = {"genre": words[1], "vocals": words[2] == "Y"}
        elif kind == "speech" and len(words) >= 3:
            known[words[0]] = {"sex": words[1], "language": words[2]}
        elif kind == "noise" and background:
            known[words[0]] = {"background": True}
    return known


CORPUS = Corpus(
    name="musan",
    title="MUSAN: a music, speech and noise corpus",
    kinds=KINDS,
    hours=109,
    gigabytes=11,
    rate=16000,
    licence="CC BY 4.0 (its recordings: public domain or Creative Commons, LICENSE in each folder)",
    non_commercial=False,
    home="https://www.openslr.org/17/",
    good_for="music and noise of many kinds; babble from its speech",
    layout=_LAYOUT,
    citation="Snyder, D., Chen, G., Povey, D. (2015). MUSAN: A Music, Speech, and Noise Corpus. arXiv:1510.08484.",
    walk=walk,
    downloads=(
        Download(
            "all",
            "https://www.openslr.org/resources/17/musan.tar.gz",
            checksum="md5:0c472d4fc0c5141eca47ad1ffeb2a7df",
        ),
    ),
)
