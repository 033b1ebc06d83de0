"""A transcript as SubRip, WebVTT, plain text or JSON; each is complete and valid also where nothing was said."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from html import escape
from itertools import zip_longest
from typing import Any

from winnow.transcript.text import Cue, Passage, Transcript, cues

COLUMN = 44
"""Characters of a column where two texts stand side by side."""


def srt(transcript: Transcript) -> str:
    """SubRip: number, times, lines, an empty line. An arrow within the text would be taken for times, and becomes another."""
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_shown(cue).replace('-->', '→')}\n\n"
        for number, cue in enumerate(cues(transcript), 1)
    )


def vtt(transcript: Transcript) -> str:
    """WebVTT (W3C); & < > are escaped."""
    blocks = (
        f"\n{number}\n{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{escape(_shown(cue), quote=False)}\n"
        for number, cue in enumerate(cues(transcript), 1)
    )
    return "WEBVTT\n" + "".join(blocks)


def _shown(cue: Cue) -> str:
    return "\n".join(cue.lines)


def _clock(milliseconds: int, mark: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{rest:03}"


def txt(transcript: Transcript) -> str:
    """A line for each passage, its start before it; with the mixture's text, two columns side by side."""
    compared = any(each.mixture is not None for each in transcript.passages)
    heads = _row("", f"after {transcript.facts.get('after', 'cleaning')}", "untouched") + "\n" if compared else ""
    return heads + "".join(
        line + "\n" for each in transcript.passages for line in (_side_by_side(each) if compared else _plain(each))
    )


def _plain(passage: Passage) -> Iterator[str]:
    if passage.text:
        yield f"[{_clock(round(1000 * passage.start), '.')}] {passage.text}"


def _side_by_side(passage: Passage) -> Iterator[str]:
    start = f"[{_clock(round(1000 * passage.start), '.')}]"
    texts = (textwrap.wrap(text, COLUMN) for text in (passage.text or "-", passage.mixture or "-"))
    for number, (left, right) in enumerate(zip_longest(*texts, fillvalue="")):
        yield _row("" if number else start, left, right)


def _row(start: str, left: str, right: str) -> str:
    return f"{start:14} {left:{COLUMN}}  {right}".rstrip()


def as_json(transcript: Transcript) -> str:
    """Everything: what made it, passages, words; times in seconds."""
    passages = [_document(each) for each in transcript.passages]
    document = {
        **transcript.facts,
        "seconds": round(transcript.seconds, 3),
        "text": " ".join(each.text for each in transcript.passages if each.text),
        "segments": passages,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _document(passage: Passage) -> dict[str, Any]:
    words = [{"start": round(w.start, 3), "end": round(w.end, 3), "text": w.text} for w in passage.words]
    mixture = {} if passage.mixture is None else {"mixture": passage.mixture}
    return {
        "start": round(passage.start, 3),
        "end": round(passage.end, 3),
        "text": passage.text,
        **mixture,
        "words": words,
    }


FORMATS = {"srt": srt, "vtt": vtt, "txt": txt, "json": as_json}
"""By suffix without its dot."""
