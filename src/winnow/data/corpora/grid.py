"""GRID (Cooke 2006): 34 talkers, 1000 sentences of fixed grammar each, with video."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import descend, files, folders, wrong

LAYOUT = "[audio_25k/|grid/]sN/NAME.mpg or .wav, NAME of six letters such as bbaf2n"
WORDS: tuple[dict[str, str], ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {letter: letter for letter in "abcdefghijklmnopqrstuvxyz"},
    dict(
        zip("z123456789", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True)
    ),
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)
"""What the letters of a name stand for: command, colour, preposition, letter (no w), digit, adverb."""


def sentence(name: str) -> str | None:
    """What is said in a recording of this name: `bbaf2n` is "bin blue at f two now"; None if it is no such name."""
    if len(name) != len(WORDS) or any(letter not in words for letter, words in zip(name, WORDS, strict=True)):
        return None
    return " ".join(words[letter] for letter, words in zip(name, WORDS, strict=True))


def walk(folder: Path) -> Iterator[Found]:
    """Every sentence of every talker; where both are in a talker's folder, video and sound have ids of their own."""
    top = descend(folder, "grid", "audio_25k", "audio_50k", "audio")
    talkers = sorted(
        (each for each in folders(top) if re.fullmatch(r"s\d+", each.name)), key=lambda each: int(each.name[1:])
    )
    if not talkers:
        raise wrong(top, f"folders of talkers such as s1/ ({LAYOUT})")
    for talker in talkers:
        for path in files(descend(talker, "video", talker.name), (".mpg", ".wav", ".flac", ".mp4")):
            text = sentence(path.stem.lower())
            if text is not None:
                kind = {"picture": True} if path.suffix in (".mpg", ".mp4") else {}
                yield Found(f"{talker.name}/{path.name}", path, "speech", talker.name, text=text, extra=kind)


_FILES = "https://zenodo.org/records/3625687/files/{}.zip"

CORPUS = Corpus(
    name="grid",
    title="GRID: 34 talkers saying 1000 six-word sentences each, sound and face",
    kinds=("speech",),
    hours=28,
    gigabytes=16,
    rate=0,
    licence="CC BY 4.0",
    non_commercial=False,
    home="https://zenodo.org/records/3625687",
    good_for="talkers with their faces, lawfully and at once; a tiny vocabulary. s21 has no video",
    layout=LAYOUT,
    citation="Cooke, Barker, Cunningham, Shao: An audio-visual corpus for speech perception "
    " and automatic speech recognition. JASA 120, 2006.",
    walk=walk,
    downloads=(
        Download("audio_25k", _FILES.format("audio_25k")),
        Download("alignments", _FILES.format("alignments")),
        *(Download(f"s{number}", _FILES.format(f"s{number}")) for number in range(1, 35) if number != 21),
    ),
)
