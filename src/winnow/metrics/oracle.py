"""Oracles: what the best mask of a kind would make of a mixture whose stems are known, the most that masking can reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.dsp.crm import as_complex, as_parts, complex_mask, compress_mask, expand_mask
from winnow.dsp.published import Stft
from winnow.errors import BadInput, BadOption

Floats = npt.NDArray[Any]

KINDS = ("irm", "wiener", "crm")

USUAL = Stft(size=512, hop=128, window=512)
"""32 ms and a quarter of it at 16 kHz, as the oracles of Luo and Mesgarani (2019)."""


def oracle(
    mixture: Floats, stems: Floats, kind: str = "irm", transform: Stft = USUAL, most: float | None = None
) -> Floats:
    """Estimates of the stems by their ideal masks on the mixture, `(stems, ..., time)` float64.

    mixture: `(..., time)`; stems: `(stems, ..., time)`, what they lack of the mixture counts as one stem more, which is not
    returned. kind: "irm", `|S| / sum |S|`, and "wiener", `|S|^2 / sum |S|^2` (Luo and Mesgarani 2019, section III-D), keep the
    mixture's phase; "crm", the complex mask S / Y as a network can tell it: compressed with K = 10 and C = 0.1, in single
    precision, and expanded again (Williamson et al. 2016). It is nearly exact, so that a complex mask has no useful bound of its
    own; most: largest modulus of a complex mask, such as 1, which gives one.
    Raises BadOption for another kind or a `most` below 0, BadInput where the shapes do not go together.
    """
    _check(mixture, stems, kind, most)
    parts = np.concatenate([stems, (mixture - np.sum(stems, axis=0))[None]]).astype(np.float64)
    spectra = transform.forward(parts)
    whole = spectra.sum(0)
    masks = (
        _complex(spectra, whole, most) if kind == "crm" else _ratio(np.abs(spectra) ** (2 if kind == "wiener" else 1))
    )
    return transform.inverse(masks[:-1] * whole, mixture.shape[-1])


def _check(mixture: Floats, stems: Floats, kind: str, most: float | None) -> None:
    if kind not in KINDS:
        raise BadOption(f'no oracle named "{kind}"; there are {", ".join(KINDS)}.')
    if most is not None and not most >= 0:
        raise BadOption(f"the largest modulus of a mask is 0 or more, not {most:g}.")
    if np.shape(stems)[1:] != np.shape(mixture) or not np.size(stems):
        raise BadInput(f"stems of shape {np.shape(stems)} are not those of a mixture of shape {np.shape(mixture)}.")


def _ratio(sizes: Floats) -> Floats:
    """Of the sum over the stems; 0 where that is 0."""
    total = sizes.sum(0)
    return np.asarray(sizes / np.where(total > 0, total, 1))


def _complex(spectra: Floats, whole: Floats, most: float | None) -> Floats:
    told = compress_mask(as_parts(complex_mask(spectra, whole))).astype(np.float32)
    mask = as_complex(expand_mask(told))
    if most is None:
        return mask
    size = np.abs(mask)
    return mask * np.minimum(1, most / np.where(size > 0, size, 1))
