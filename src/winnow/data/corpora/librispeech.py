"""LibriSpeech (OpenSLR 12): read English books."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import descend, files, folders, lines, prompts, wrong

SUBSETS = (
    "dev-clean",
    "dev-other",
    "test-clean",
    "test-other",
    "train-clean-100",
    "train-clean-360",
    "train-other-500",
)
LAYOUT = "[LibriSpeech/]SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER-UTTERANCE.flac + SPEAKER-CHAPTER.trans.txt, SPEAKERS.TXT"
SPLITS = {"dev": "valid", "test": "test", "train": "train"}


def walk(folder: Path) -> Iterator[Found]:
    """All subsets that are there; `folder` is LibriSpeech/, the one above it, or one subset."""
    top = descend(folder, "LibriSpeech")
    subsets = [each for each in folders(top) if each.name in SUBSETS] or ([top] if top.name in SUBSETS else [])
    if not subsets:
        raise wrong(top, f"a subset such as train-clean-100/ ({LAYOUT})")
    sexes = {**_sexes(top.parent / "SPEAKERS.TXT"), **_sexes(top / "SPEAKERS.TXT")}
    for subset in subsets:
        yield from _subset(subset, sexes)


def _subset(subset: Path, sexes: dict[str, str]) -> Iterator[Found]:
    speakers = [each for each in folders(subset) if each.name.isdigit()]
    if not speakers:
        raise wrong(subset, "folders of speakers such as 84/")
    for speaker in speakers:
        for chapter in folders(speaker):
            yield from _chapter(subset.name, speaker.name, chapter, sexes.get(speaker.name))


def _chapter(subset: str, speaker: str, chapter: Path, sex: str | None) -> Iterator[Found]:
    texts = prompts(chapter / f"{speaker}-{chapter.name}.trans.txt")
    for path in files(chapter, (".flac", ".wav", ".opus")):
        yield Found(
            id=path.stem,
            path=path,
            kind="speech",
            speaker=speaker,
            text=texts.get(path.stem),
            split=SPLITS[subset.partition("-")[0]],
            extra={"subset": subset, **({"sex": sex} if sex else {})},
        )


def _sexes(path: Path) -> dict[str, str]:
    """{speaker: "F" or "M"} from `14   | F | train-clean-360  | 25.03 | Kristin LeMoine`."""
    if not path.is_file():
        return {}
    rows = (line.split("|") for line in lines(path) if not line.startswith(";"))
    return {row[0].strip(): row[1].strip() for row in rows if len(row) > 2}


_fetch = partial("https://www.openslr.org/resources/12/{}.tar.gz".format)
# From the publisher's md5sum.txt; the sizes of the others are not known to the byte.
_MD5 = {
    "dev-clean": ("42e2234ba48799c1f50f24a7926300a1", 337926286),
    "dev-other": ("c8d0bcc9cca99d4f8b62fcc847357931", 0),
    "test-clean": ("32fa31d27d2e1cad72775fee3f4849a9", 346663984),
    "test-other": ("fb5a50374b501bb3bac4815ee91d3135", 0),
    "train-clean-100": ("2a93770f6d5c6c964bc36631d331a522", 6387309499),
    "train-clean-360": ("c0e676e450a7ff2f54aeade5171606fa", 0),
    "train-other-500": ("d1a0fd59409feb2c614ce4d30c387708", 0),
}

CORPUS = Corpus(
    name="librispeech",
    title="LibriSpeech: read English from LibriVox audiobooks, 2484 speakers",
    kinds=("speech",),
    hours=982,
    gigabytes=60,
    rate=16000,
    licence="CC BY 4.0",
    non_commercial=False,
    home="https://www.openslr.org/12",
    good_for="many speakers at 16 kHz with transcripts; from MP3 and home microphones, so some rooms and background remain",
    layout=LAYOUT,
    citation="Panayotov, Chen, Povey, Khudanpur: LibriSpeech: an ASR corpus based on public domain audio books. ICASSP 2015.",
    walk=walk,
    downloads=tuple(Download(part, _fetch(part), size, f"md5:{md5}") for part, (md5, size) in _MD5.items()),
)
