"""What was said and when, and the same as subtitles that can be read: two lines of 42 characters."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from winnow.metrics.recognisers import Word, Words

WIDTH, LINES = 42, 2
"""Of a subtitle, characters and lines: what broadcasters allow (BBC and Netflix guidelines)."""

LONGEST, SHORTEST = 7.0, 1.0
"""Seconds that a subtitle stays; the shorter ones stay on where there is room."""

GAP = 0.8
"""Seconds without a word that end a subtitle."""

ENDS = (".", "!", "?", "…", "。", "！", "？")


@dataclass(frozen=True)
class Passage:
    """A stretch of speech between two pauses. start, end: seconds; mixture: the text heard without cleaning, or None."""

    start: float
    end: float
    words: Words
    mixture: str | None = None

    @property
    def text(self) -> str:
        """Its words."""
        return joined(self.words)


@dataclass(frozen=True)
class Transcript:
    """Of one recording. seconds: its length. facts: what made it, by name, for the JSON."""

    seconds: float
    passages: tuple[Passage, ...]
    facts: dict[str, str]

    @property
    def count(self) -> int:
        """Number of words."""
        return sum(len(passage.words) for passage in self.passages)


@dataclass(frozen=True)
class Cue:
    """A subtitle. start, end: milliseconds; lines: at most two of at most 42 characters."""

    start: int
    end: int
    lines: tuple[str, ...]


def joined(words: Iterable[Word]) -> str:
    """Words as text, in one line."""
    spaced = "".join(("" if word.joined else " ") + word.text for word in words)
    return " ".join(spaced.split())


def passage(start: float, end: float, heard: Words, mixture: str | None = None) -> Passage:
    """A passage of words whose times count from `start`: moved, in order, and within `start` to `end`."""
    words, last = [], start
    for word in heard:
        begin = min(max(start + word.start, last), end)
        last = min(max(start + word.end, begin), end)
        words.append(replace(word, start=begin, end=last))
    return Passage(start, end, tuple(words), mixture)


def cues(transcript: Transcript) -> list[Cue]:
    """The subtitles: numbered by their place, in order, not overlapping, none outside the recording."""
    groups = [group for each in transcript.passages for group in _groups(each.words)]
    starts = [round(1000 * group[0].start) for group in groups]
    limits = [*starts, round(1000 * transcript.seconds)][1:]
    found: list[Cue] = []
    for group, begin, limit in zip(groups, starts, limits, strict=True):
        start = max(begin, found[-1].end if found else 0)
        last = round(1000 * group[-1].end)
        # A recogniser may give a word no length at all; a subtitle has one.
        end = max(start + 1, min(max(last, start + round(1000 * SHORTEST)), max(limit, last)))
        found.append(Cue(start, end, tuple(lines(joined(group)))))
    return found


def _groups(words: Words) -> Iterator[list[Word]]:
    """Words of one passage as subtitles: ended by pauses, by sentences, by seven seconds, by two full lines."""
    group: list[Word] = []
    for word in _short(words):
        if group and _ends(group, word):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _ends(group: Sequence[Word], word: Word) -> bool:
    full = len(lines(joined([*group, word]))) > LINES
    sentence = group[-1].text.endswith(ENDS) and len(joined(group)) > WIDTH // 2
    return full or sentence or word.start - group[-1].end > GAP or word.end - group[0].start > LONGEST


def _short(words: Words) -> Iterator[Word]:
    """Words of at most a line: longer ones, addresses for example, in parts that share the time."""
    for word in words:
        parts = [word.text[at : at + WIDTH] for at in range(0, len(word.text), WIDTH)]
        step = (word.end - word.start) / max(1, len(parts))
        for number, part in enumerate(parts):
            begin = word.start + number * step
            yield Word(part, begin, begin + step, word.joined or number > 0)


def lines(text: str) -> list[str]:
    """Text as lines of at most 42 characters; where two are enough, they are about equally long."""
    broken = textwrap.wrap(text, WIDTH, break_on_hyphens=False)
    if len(broken) != LINES:
        return broken
    words = text.split(" ")
    pairs = [(" ".join(words[:k]), " ".join(words[k:])) for k in range(1, len(words))]
    fitting = [pair for pair in pairs if max(map(len, pair)) <= WIDTH]
    return list(min(fitting, key=lambda pair: max(map(len, pair)))) if fitting else broken
