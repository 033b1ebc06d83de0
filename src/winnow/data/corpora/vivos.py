"""VIVOS: read Vietnamese, of the AILAB at VNU-HCM University of Science."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from winnow.data.corpora.base import Corpus, Download, Found
from winnow.data.corpora.walking import descend, files, folders, lines, prompts, wrong

LAYOUT = "[vivos/]{train,test}/waves/SPEAKER/SPEAKER_NNN.wav, {train,test}/prompts.txt, genders.txt"


def walk(folder: Path) -> Iterator[Found]:
    """Both sides, as far as they are there."""
    top = descend(folder, "vivos")
    sides = [name for name in ("train", "test") if (top / name / "waves").is_dir()]
    if not sides:
        raise wrong(top, f"train/waves/ or test/waves/ ({LAYOUT})")
    for side in sides:
        texts = prompts(top / side / "prompts.txt")
        sexes = _sexes(top / side / "genders.txt")
        for speaker in folders(top / side / "waves"):
            extra = {"language": "vi", **sexes.get(speaker.name, {})}
            for path in files(speaker, (".wav", ".flac")):
                yield Found(path.stem, path, "speech", speaker.name, text=texts.get(path.stem), split=side, extra=extra)


def _sexes(path: Path) -> dict[str, dict[str, str]]:
    """{"VIVOSSPK01": {"sex": "M"}} from lines `VIVOSSPK01 m`."""
    rows = (line.split() for line in lines(path)) if path.is_file() else iter(())
    return {row[0]: {"sex": row[1].upper()} for row in rows if len(row) == 2 and row[1].lower() in ("m", "f")}


CORPUS = Corpus(
    name="vivos",
    title="VIVOS: read Vietnamese, 46 speakers for training and 19 for test",
    kinds=("speech",),
    hours=15,
    gigabytes=1.4,
    rate=16000,
    licence="CC BY-NC-SA 4.0",
    non_commercial=True,
    home="https://ailab.hcmus.edu.vn/vivos",
    good_for="Vietnamese speech in quiet, with transcripts",
    layout=LAYOUT,
    citation="Luong, Vu: A non-expert Kaldi recipe for Vietnamese speech recognition system. WLSI/OIAF4HLT 2016.",
    walk=walk,
    downloads=(Download("all", "https://ailab.hcmus.edu.vn/assets/vivos.tar.gz"),),
)
