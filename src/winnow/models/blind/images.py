"""From demixed signals of unknown scale to what each source sounds like at each microphone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Signals = npt.NDArray[Any]


def images(mix: Signals, demixed: Signals) -> Signals:
    """`(..., channels, T)` and `(..., sources, T)` to images `(..., sources, channels, T)`.

    Each microphone is approximated by the sources with least squares (minimal distortion principle, Matsuoka and Nakashima 2001);
    with as many sources as channels that is the inverse of the demixing, and the images add up to the mix.
    """
    other = np.swapaxes(demixed, -1, -2).conj()
    cross, own = mix @ other, demixed @ other
    load = 1e-12 * np.trace(own, axis1=-2, axis2=-1).real[..., None, None] + np.finfo(np.float64).tiny
    own = own + load * np.eye(own.shape[-1])
    mixing = np.swapaxes(np.linalg.solve(np.swapaxes(own, -1, -2), np.swapaxes(cross, -1, -2)), -1, -2)
    return np.asarray(np.swapaxes(mixing, -1, -2)[..., None] * demixed[..., None, :])
