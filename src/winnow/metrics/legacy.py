"""Figures of a published system as its scripts compute them, defects included: only to compare with what it published.

The system is ArtoymRu/vocal-noise.separation, its scripts SNR.py and WER.py.
"""

from __future__ import annotations

import math

import numpy as np

from winnow.metrics.sdr import Floats, Values
from winnow.metrics.stream import Signals


def snr(processed: Floats, original: Floats) -> float:
    """`SNR.py`: energy of the output over energy of what was removed, dB, both `(time,)`; the longer one is cut.

    It says nothing about quality: an output equal to its input has infinity, one at 0.99 of it 39.9 dB. Samples are
    compared by number whatever their rates, which is how one published figure compares 44.1 kHz with 22.05 kHz.
    """
    length = min(len(processed), len(original))
    output, source = (np.asarray(x[:length], np.float64) for x in (processed, original))
    removed = float(np.square(source - output).sum())
    kept = float(np.square(output).sum())
    if removed == 0:
        return math.inf
    return 10 * math.log10(kept / removed) if kept > 0 else -math.inf


class Ratio:
    """`snr` block by block. Takes `(time,)` of "estimate" and "mixture"; an infinite value is None in a report."""

    def __init__(self, rate: int) -> None:
        self.notes: list[str] = []
        self._kept, self._removed = 0.0, 0.0

    def feed(self, signals: Signals) -> None:
        """Take a block."""
        estimate, mixture = (np.asarray(signals[role], np.float64) for role in ("estimate", "mixture"))
        self._kept += float(estimate @ estimate)
        self._removed += float((mixture - estimate) @ (mixture - estimate))

    def result(self) -> Values:
        """The ratio."""
        if self._kept > 0 and self._removed > 0:
            return {"legacy_snr": 10 * math.log10(self._kept / self._removed)}
        what = "nothing was removed" if self._kept > 0 else "the estimate is silent"
        self.notes.append(f"legacy_snr is infinite: {what}")
        return {"legacy_snr": None}


def wer(reference: str, hypothesis: str) -> float:
    """`WER.py`: edit distance of the words over the number of words of the reference, in a table of 8-bit numbers.

    Words are split at spaces, and case and punctuation count. The table wraps around at 256, as NumPy 1 did without a word
    (NumPy 2 stops with an OverflowError). An empty reference gives infinity.
    """
    said, heard = reference.split(), hypothesis.split()
    if not said:
        return math.inf
    above = [column % 256 for column in range(len(heard) + 1)]
    for row, word in enumerate(said, 1):
        line = [row % 256]
        for column, other in enumerate(heard, 1):
            if word == other:
                line.append(above[column - 1])
            else:
                line.append((min(above[column - 1], line[column - 1], above[column]) + 1) % 256)
        above = line
    return above[-1] / len(said)
