"""Word and character errors of a recogniser's text against what was said, with the errors shown in place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from winnow.errors import MissingExtra

Pair = tuple[str | None, str | None]


@dataclass(frozen=True)
class TextErrors:
    """Errors of a text: how many units (words or characters) are right, exchanged, left out and added.

    alignment: pairs (said, heard) in order; None where a unit was added (nothing was said) or left out.
    """

    hits: int
    substitutions: int
    deletions: int
    insertions: int
    alignment: tuple[Pair, ...]

    @property
    def said(self) -> int:
        """Units of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def percent(self) -> float:
        """Errors per 100 units of the reference; for an empty reference 0 if nothing was heard, else 100."""
        errors = self.substitutions + self.deletions + self.insertions
        return 100 * errors / self.said if self.said else 100.0 * bool(self.insertions)

    def __str__(self) -> str:
        """The text with its errors in place: [said>heard], [-left out], [+added]."""
        told = f"{self.substitutions} exchanged, {self.deletions} left out, {self.insertions} added of {self.said}"
        return f"{' '.join(_shown(said, heard) for said, heard in self.alignment)}\n{told}: {self.percent:.1f} %"


def _shown(said: str | None, heard: str | None) -> str:
    if said is None:
        return f"[+{heard}]"
    if heard is None:
        return f"[-{said}]"
    return said if said == heard else f"[{said}>{heard}]"


def fold(text: str, *, unicode: bool = True, case: bool = True, punctuation: bool = True) -> str:
    """A text without differences that no one hears; words are separated by single spaces.

    unicode: compatible forms become one (NFKC, typographic apostrophes); case: lower case; punctuation: left out, but
    apostrophes and hyphens within words and the points and commas of numbers stay.
    """
    if unicode:
        text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("‐", "-").replace("‑", "-")
    if case:
        text = text.casefold()
    if punctuation:
        text = _PUNCTUATION.sub(" ", text)
    return " ".join(text.split())


_PUNCTUATION = re.compile(r"(?!(?<=\w)['-](?=\w))(?!(?<=\d)[.,](?=\d))(?:[^\w\s]|_)")


def word_errors(reference: str, hypothesis: str, **folding: bool) -> TextErrors:
    """Word errors (Levenshtein alignment, by jiwer), any length. folding: as in `fold`. Raises MissingExtra without jiwer."""
    said, heard = (fold(text, **folding).split() for text in (reference, hypothesis))
    return _errors(said, heard)


def character_errors(reference: str, hypothesis: str, **folding: bool) -> TextErrors:
    """Errors of single characters, spaces between words included, as `word_errors`."""
    said, heard = (list(fold(text, **folding)) for text in (reference, hypothesis))
    return _errors(said, heard)


def wer(reference: str, hypothesis: str, **folding: bool) -> float:
    """Word error rate, percent, see `word_errors` and `TextErrors.percent`."""
    return word_errors(reference, hypothesis, **folding).percent


def cer(reference: str, hypothesis: str, **folding: bool) -> float:
    """Character error rate, percent, see `character_errors`."""
    return character_errors(reference, hypothesis, **folding).percent


def _errors(said: Sequence[str], heard: Sequence[str]) -> TextErrors:
    try:
        import jiwer
    except ImportError:
        raise MissingExtra(
            'word errors need jiwer, which is not installed: pip install "winnow-audio[score]"'
        ) from None
    if not said or not heard:
        pairs = (*((word, None) for word in said), *((None, word) for word in heard))
        return TextErrors(0, 0, len(said), len(heard), pairs)
    # Units are handed over as single characters, so that jiwer's own splitting has no say in what a word is.
    codes = {unit: chr(0x10000 + number) for number, unit in enumerate(dict.fromkeys([*said, *heard]))}
    found = jiwer.process_characters("".join(codes[u] for u in said), "".join(codes[u] for u in heard))
    pairs = tuple(pair for chunk in found.alignments[0] for pair in _pairs(chunk, said, heard))
    return TextErrors(found.hits, found.substitutions, found.deletions, found.insertions, pairs)


def _pairs(chunk: object, said: Sequence[str], heard: Sequence[str]) -> list[Pair]:
    start, end = chunk.ref_start_idx, chunk.ref_end_idx  # type: ignore[attr-defined]
    first, last = chunk.hyp_start_idx, chunk.hyp_end_idx  # type: ignore[attr-defined]
    if end - start == last - first:
        return list(zip(said[start:end], heard[first:last], strict=True))
    return [*((word, None) for word in said[start:end]), *((None, word) for word in heard[first:last])]
