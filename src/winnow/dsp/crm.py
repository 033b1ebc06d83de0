"""The complex ideal ratio mask of Williamson, Wang and Wang (2016), and its compressed forms.

Spectra here are complex; a mask is complex too, or real and imaginary parts as `(..., 2)` where it is compressed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.errors import BadOption

Complex = npt.NDArray[Any]
Floats = npt.NDArray[Any]

K, C = 10.0, 0.1
"""Bound and steepness of the compression in the paper, its equation 12."""

FORMS = ("tanh", "sigmoid")


def complex_mask(clean: Complex, mixture: Complex) -> Complex:
    """The mask M with `M * mixture = clean`, equations 7 and 8; 0 where the mixture is 0."""
    power = np.abs(mixture) ** 2
    return clean * np.conj(mixture) / np.where(power > 0, power, 1) * (power > 0)


def compress_mask(parts: Floats, form: str = "tanh", k: float = K, c: float = C) -> Floats:
    """Bound the values of a mask: "tanh" into (-k, k), `k (1 - e^-cm) / (1 + e^-cm)`; "sigmoid" into (0, 1), `1 / (1 + e^-cm)`.

    "sigmoid" is what Looking to Listen says it used (Ephrat et al. 2018), here with the mask's sign kept: 0 becomes 1/2.
    """
    check_form(form)
    # Both are this tanh, which cannot overflow.
    bounded = np.tanh(np.asarray(parts) * (c / 2))
    return np.asarray(k * bounded if form == "tanh" else (1 + bounded) / 2)


def expand_mask(compressed: Floats, form: str = "tanh", k: float = K, c: float = C) -> Floats:
    """The inverse of `compress_mask`, always finite: what a network or rounding puts on or beyond the bound is taken as the
    last value of single precision before it, which stands for about 166 in a tanh mask."""
    check_form(form)
    bounded = np.asarray(compressed, np.float64)
    bounded = bounded / k if form == "tanh" else 2 * bounded - 1
    edge = 1 - 2.0**-23
    return np.asarray(2 / c * np.arctanh(np.clip(bounded, -edge, edge)))


def check_form(form: str) -> None:
    """Raises BadOption for a compression that there is not."""
    if form not in FORMS:
        raise BadOption(f'no compression of masks named "{form}"; there are {" and ".join(FORMS)}.')


def as_parts(values: Complex) -> Floats:
    """Complex `(...)` as real and imaginary parts `(..., 2)`."""
    return np.stack([values.real, values.imag], axis=-1)


def as_complex(parts: Floats) -> Complex:
    """Real and imaginary parts `(..., 2)` as complex `(...)`."""
    return np.asarray(parts[..., 0] + 1j * parts[..., 1])


def power_law(spectrum: Complex, power: float = 0.3) -> Complex:
    """Magnitudes to a power, phases kept; `power_law(x, 1 / p)` undoes `power_law(x, p)`."""
    size = np.abs(spectrum)
    return spectrum * np.where(size > 0, size, 1) ** (power - 1)
