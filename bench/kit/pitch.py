"""How high a voice is: the median of its fundamental frequency, and on which side of 155 Hz it lies."""

from __future__ import annotations

import numpy as np

from kit.sound import RATE, Wave

BORDER = 155.0  # hertz, between lower and higher voices; most men speak below, most women above
LOWEST, HIGHEST = 65, 350  # hertz
WINDOW, HOP = 1024, 256  # samples, 64 and 16 ms
PERIODIC = 0.6  # of the normalised autocorrelation, for a frame to count as voiced
LOUD = 25.0  # dB under the loudest frame


def median_pitch(samples: Wave) -> float:
    """Median of the fundamental frequency over voiced frames of `(time,)` at 16 kHz, hertz; NaN where none is voiced.

    The peak of the autocorrelation, relative to that of the window alone (Boersma 1993); of the peaks nearly as high as the
    highest one that with the shortest lag, since a period's multiples are periods too.
    """
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (0, WINDOW)), WINDOW)[::HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = np.square(frames).mean(axis=1)
    frames = frames[power > power.max() * 10 ** (-LOUD / 10)]
    found = [pitch for frame in frames if (pitch := _pitch(frame)) is not None]
    return float(np.median(found)) if found else float("nan")


def side(hertz: float) -> str:
    """Which class a voice belongs to."""
    return "lower" if hertz < BORDER else "higher"


def _pitch(frame: Wave) -> float | None:
    window = np.hanning(WINDOW)
    own = np.fft.irfft(np.square(np.abs(np.fft.rfft(window, 2 * WINDOW))))
    whole = np.fft.irfft(np.square(np.abs(np.fft.rfft(frame * window, 2 * WINDOW))))
    lags = np.arange(RATE // HIGHEST, RATE // LOWEST + 1)
    shape = whole[lags] / max(whole[0], 1e-12) / (own[lags] / own[0])
    inner = shape[1:-1]
    peaks = np.flatnonzero((inner >= shape[:-2]) & (inner >= shape[2:]) & (inner > PERIODIC)) + 1
    if not len(peaks):
        return None
    first = peaks[shape[peaks] > 0.9 * shape[peaks].max()][0]
    return float(RATE / lags[first])
