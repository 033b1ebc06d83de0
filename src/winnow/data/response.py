"""Room impulse responses: measured (`measure`), altered (`with_drr`, `with_t60`), moved and cut (`trim`, `early`).

All functions are pure and take one channel, `(time,)` at `rate` hertz; they work in float64.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.data.acoustics import Acoustics, Wide, checked, direct_path, measure
from winnow.data.alter import with_drr, with_t60
from winnow.errors import BadInput

__all__ = ["Acoustics", "direct_path", "early", "measure", "trim", "with_drr", "with_t60"]


def trim(h: npt.ArrayLike, rate: int) -> Wide:
    """The response from the peak of its direct sound on, so that convolving with it delays nothing.

    What rises before the peak is lost; to keep it convolve with `h` and drop the first `direct_path(h)` samples instead.
    """
    response = checked(h)
    return response[direct_path(response) :].copy()


def early(h: npt.ArrayLike, rate: int, seconds: float = 0.05, fade: float = 0.01) -> Wide:
    """The response up to `seconds` after the direct sound, silent thereafter, of equal length: the target of dereverberation.

    The last `fade` seconds before that sink to nothing along half a cosine. Raises BadInput for silence or a negative time.
    """
    response = checked(h)
    if not 0 <= fade <= seconds:
        raise BadInput(f"fade is from 0 to {seconds:g} s, not {fade!r}.")
    end = direct_path(response) + round(seconds * rate) + 1
    ramp = round(fade * rate)
    window = np.zeros(max(response.size, end))
    window[:end] = 1
    window[end - ramp : end] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(ramp) + 1) / (ramp + 1))
    return response * window[: response.size]
