"""CSTR VCTK 0.92 and 0.80: 110 English speakers in a treated room."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import descend, files, folders, lines, only, wrong

LAYOUT = "wav48_silence_trimmed/SPEAKER/SPEAKER_NUMBER_mic1.flac (or wav48/SPEAKER/SPEAKER_NUMBER.wav), txt/, speaker-info.txt"
NAME = re.compile(r"(?P<utterance>(?:p|s)\d+_\d+)(?:_(?P<microphone>mic[12]))?")


def walk(folder: Path) -> Iterator[Found]:
    """Every recording of both microphones; `extra` tells which one."""
    top = descend(folder, "VCTK-Corpus-0.92", "VCTK-Corpus")
    sound = descend(top, "wav48_silence_trimmed", "wav48", "wav16", "wav16_silence_trimmed")
    speakers = [] if sound == top else [each for each in folders(sound) if re.fullmatch(r"p\d+|s5", each.name)]
    if not speakers:
        raise wrong(sound, f"{LAYOUT}: folders such as p225/")
    known = _speakers(top / "speaker-info.txt")
    for speaker in speakers:
        for path in files(speaker, (".flac", ".wav")):
            match = NAME.fullmatch(path.stem)
            if match:
                yield _found(top, speaker.name, path, match, known.get(speaker.name, {}))


def _found(top: Path, speaker: str, path: Path, match: re.Match[str], about: dict[str, str]) -> Found:
    utterance, microphone = match["utterance"], match["microphone"]
    return Found(
        id=path.stem,
        path=path,
        kind="speech",
        speaker=speaker,
        text=only(top / "txt" / speaker / f"{utterance}.txt"),
        extra={**about, **({"microphone": microphone} if microphone else {})},
    )


def _speakers(path: Path) -> dict[str, dict[str, str]]:
    """{"p225": {"sex": "F", "accent": "English"}} from columns ID AGE GENDER ACCENTS ...; 0.80 has the ids without "p"."""
    rows = (line.split() for line in lines(path)) if path.is_file() else iter(())
    found = {row[0]: row for row in rows if len(row) >= 4 and row[0] != "ID"}
    return {
        name if name.startswith(("p", "s")) else f"p{name}": {"sex": row[2], "accent": row[3]}
        for name, row in found.items()
    }


CORPUS = Corpus(
    name="vctk",
    title="CSTR VCTK 0.92: 110 English speakers of many accents, about 400 sentences each",
    kinds=("speech",),
    hours=44,
    gigabytes=11.7,
    rate=48000,
    licence="CC BY 4.0",
    non_commercial=False,
    home="https://datashare.ed.ac.uk/handle/10283/3443",
    good_for="full-band clean speech for networks at 48 kHz and bandwidth extension; two microphones, mic1 is the usual one",
    layout=LAYOUT,
    citation="Yamagishi, Veaux, MacDonald: CSTR VCTK Corpus (version 0.92). University of Edinburgh, 2019. doi:10.7488/ds/2645.",
    walk=walk,
    downloads=(
        Download(
            "all",
            "https://datashare.ed.ac.uk/bitstream/handle/10283/3443/VCTK-Corpus-0.92.zip",
            0,
            "md5:8a6ba2946b36fcbef0212cad601f4bfa",
        ),
    ),
)
