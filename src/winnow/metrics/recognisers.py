"""Recognisers of speech behind one small protocol, all offline: pocketsphinx, or a faster-whisper model in a folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from winnow.audio import Samples
from winnow.errors import BadOption, MissingExtra
from winnow.metrics.stream import Lane, Recording

RATE = 16000
_SILENT = 1e-4  # peak of a piece in which there is nothing to hear
_SEARCHED = 5  # seconds before the end of a piece where a cut is searched
_QUIET = 0.2  # seconds over which quiet is measured


@dataclass(frozen=True)
class Word:
    """A word and when it is said, seconds. joined: no space stands before it, as in Chinese or after an apostrophe."""

    text: str
    start: float
    end: float
    joined: bool = False


Words = tuple[Word, ...]


class Recogniser(Protocol):
    """Turns speech to text. name: for reports; longest: seconds of a piece that it is given at most."""

    name: str
    longest: float

    def hear(self, pieces: Iterable[Samples]) -> Iterator[str]:
        """The text of each piece `(time,)` of one recording, 16 kHz."""

    def listen(self, pieces: Iterable[Samples]) -> Iterator[Words]:
        """The same word by word, with times from the start of the piece; one result for each piece, in order, before the
        next one is asked for."""


class Pocketsphinx:
    """CMU PocketSphinx with the English model of its package: small, offline, and far behind current recognisers."""

    name, longest = "pocketsphinx", 15.0

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError:
            raise MissingExtra(
                'the recogniser needs pocketsphinx, which is not installed: pip install "winnow-audio[score]"'
            ) from None
        self._decoder: Any = Decoder

    def hear(self, pieces: Iterable[Samples]) -> Iterator[str]:
        """As the protocol says. Each recording has a decoder of its own, since it adapts to what it hears."""
        for decoder in self._decoded(pieces):
            found = decoder.hyp()
            yield found.hypstr if found else ""

    def listen(self, pieces: Iterable[Samples]) -> Iterator[Words]:
        """As the protocol says; times in steps of 10 ms. Silence, noises and the marks of variants are left out."""
        for decoder in self._decoded(pieces):
            found = decoder.seg() if decoder.hyp() else ()
            yield tuple(
                Word(_VARIANT.sub("", each.word), each.start_frame / _FRAMES, (each.end_frame + 1) / _FRAMES)
                for each in found
                if each.word[:1] not in _FILLERS
            )

    def _decoded(self, pieces: Iterable[Samples]) -> Iterator[Any]:
        decoder = self._decoder(samprate=RATE, loglevel="FATAL")
        for piece in pieces:
            decoder.start_utt()
            decoder.process_raw((np.clip(piece, -1, 1) * 32767).astype("<i2").tobytes(), no_search=False, full_utt=True)
            decoder.end_utt()
            yield decoder


_FRAMES = 100  # of pocketsphinx in a second
_FILLERS = ("<", "[", "+")  # <s>, <sil>, [NOISE], ++BREATH++
_VARIANT = re.compile(r"\(\d+\)$")  # "and(2)": the second pronunciation of "and"


class Whisper:
    """A faster-whisper (CTranslate2) model in a local folder, any language. Nothing is downloaded."""

    longest = 28.0

    def __init__(self, folder: str | Path) -> None:
        if not (Path(folder) / "model.bin").is_file():
            raise BadOption(f"{folder}: no faster-whisper model here (model.bin is missing). Give the folder of one.")
        try:
            from faster_whisper import WhisperModel
        except ImportError:
            raise MissingExtra(
                "the recogniser needs faster-whisper, which is not installed: pip install faster-whisper"
            ) from None
        self.name = f"whisper {Path(folder).name}"
        self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)

    def hear(self, pieces: Iterable[Samples]) -> Iterator[str]:
        """As the protocol says."""
        for piece in pieces:
            segments, _ = self._model.transcribe(piece, condition_on_previous_text=False)
            yield " ".join(segment.text.strip() for segment in segments)

    def listen(self, pieces: Iterable[Samples]) -> Iterator[Words]:
        """As the protocol says."""
        for piece in pieces:
            segments, _ = self._model.transcribe(piece, condition_on_previous_text=False, word_timestamps=True)
            found = [word for segment in segments for word in segment.words or () if word.word.strip()]
            yield tuple(
                Word(word.word.strip(), float(word.start), float(word.end), not word.word[:1].isspace())
                for word in found
            )


def find(name: str) -> Recogniser:
    """The recogniser of that name: "pocketsphinx", or "whisper:FOLDER". Raises BadOption, MissingExtra."""
    kind, _, folder = name.partition(":")
    if name == "pocketsphinx":
        return Pocketsphinx()
    if kind == "whisper" and folder:
        return Whisper(folder)
    raise BadOption(f'no recogniser named "{name}". Give pocketsphinx, or whisper:FOLDER with a faster-whisper model.')


def transcribe(recording: Recording, recogniser: Recogniser) -> str:
    """The text of a recording of any length, cut at its pauses."""
    # Recognisers make words up for digital silence.
    sounding = (piece for piece in _pieces(recording, recogniser.longest) if np.abs(piece).max() > _SILENT)
    texts = recogniser.hear(sounding)
    return " ".join(text for text in texts if text)


def _pieces(recording: Recording, longest: float) -> Iterator[Samples]:
    """Pieces `(time,)` of at most `longest` seconds, cut where the last seconds before that are quietest."""
    most = round(longest * RATE)
    kept: Samples = np.zeros(0, np.float32)
    for block in Lane(recording).blocks(RATE, 1):
        kept = np.concatenate([kept, block[0]])
        while len(kept) > most:
            cut = quietest(kept, most)
            yield kept[:cut]
            kept = kept[cut:]
    if len(kept):
        yield kept


def quietest(samples: Samples, most: int) -> int:
    """Where to cut `(time,)` at 16 kHz so that at most `most` samples stay: where the last 5 s before that are quietest."""
    size, start = round(_QUIET * RATE), max(0, most - _SEARCHED * RATE)
    sums = np.cumsum(np.square(samples[start:most], dtype=np.float64))
    return start + int(np.argmin(sums[size:] - sums[:-size])) + size // 2
