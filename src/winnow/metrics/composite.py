"""CSIG, CBAK, COVL: opinions of signal, background and whole from PESQ, LLR, WSS and segmental SNR (Hu and Loizou 2008).

LLR: log likelihood ratio of linear prediction; WSS: weighted spectral slope (Klatt 1982). Constants are those of Loizou's
composite.m, with which published figures are made; it scales samples by 1/32768 before WSS, which sets its floor.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.metrics.sdr import Floats, same_length, segmental_snr, symmetric_hann
from winnow.metrics.stream import Framer

_TRIM = 0.95  # share of the frames, the best ones, that count
_FLOOR = 1e-10 * 32768**2
_CENTRES = (
    50, 120, 190, 260, 330, 400, 470, 540, 617.372, 703.378, 798.717, 904.128, 1020.38, 1148.30, 1288.72, 1442.54, 1610.70,
    1794.16, 1993.93, 2211.08, 2446.71, 2701.97, 2978.04, 3276.17, 3597.63,
)  # fmt: skip
_WIDTHS = (
    70, 70, 70, 70, 70, 70, 70, 77.3724, 86.0056, 95.3398, 105.411, 116.256, 127.914, 140.423, 153.823, 168.154, 183.457,
    199.776, 217.153, 235.631, 255.255, 276.072, 298.126, 321.465, 346.136,
)  # fmt: skip


def composite(reference: Floats, estimate: Floats, pesq: float, rate: int = 16000) -> tuple[float, float, float]:
    """CSIG, CBAK, COVL, each 1 to 5, of `(time,)` both, at least 40 ms; pesq: their MOS-LQO, wide band at 16 kHz."""
    same_length(reference, estimate)
    likelihood, slope = llr(reference, estimate, rate), wss(reference, estimate, rate)
    segments = segmental_snr(reference, estimate, rate) or 0.0
    signal = 3.093 - 1.029 * likelihood + 0.603 * pesq - 0.009 * slope
    background = 1.634 + 0.478 * pesq - 0.007 * slope + 0.063 * segments
    overall = 1.594 + 0.805 * pesq - 0.512 * likelihood - 0.007 * slope
    return _opinion(signal), _opinion(background), _opinion(overall)


def _opinion(value: float) -> float:
    return min(5.0, max(1.0, value))


def _frames(reference: Floats, estimate: Floats, rate: int) -> Floats:
    window = round(0.03 * rate)
    pair = np.stack([reference, estimate]).astype(np.float64)
    return np.asarray(Framer(window, window // 4).feed(pair) * symmetric_hann(window))


def _trimmed(values: Floats) -> float:
    best = np.sort(values)[: max(1, round(len(values) * _TRIM))]
    return float(best.mean())


def llr(reference: Floats, estimate: Floats, rate: int) -> float:
    """Log likelihood ratio: how much worse the estimate's linear prediction fits the reference; 0 is equal, `(time,)` both."""
    order = 16 if rate >= 10000 else 10
    of_reference, of_estimate = (_autocorrelation(frames, order) for frames in _frames(reference, estimate, rate))
    matrices = _matrices(of_reference)
    errors = []
    for correlation in (of_estimate, of_reference):
        weights = _prediction(correlation)
        errors.append(np.einsum("ti,tij,tj->t", weights, matrices, weights))
    return _trimmed(np.log(np.maximum(1.0, errors[0] / errors[1])))


def _autocorrelation(frames: Floats, order: int) -> Floats:
    """`(frames, order + 1)`; a trace of power keeps silent frames defined."""
    size = 1 << (2 * frames.shape[1] - 1).bit_length()
    sums = np.fft.irfft(np.abs(np.fft.rfft(frames, size)) ** 2, size)[:, : order + 1]
    sums[:, 0] = sums[:, 0] * (1 + 1e-9) + 1e-12
    return np.asarray(sums)


def _matrices(correlation: Floats) -> Floats:
    index = np.arange(correlation.shape[1])
    return np.asarray(correlation[:, np.abs(index[:, None] - index[None, :])])


def _prediction(correlation: Floats) -> Floats:
    """Coefficients of the prediction error filter, `(frames, order + 1)`, the first is 1."""
    matrices = _matrices(correlation[:, :-1])
    weights = np.linalg.solve(matrices, correlation[:, 1:, None])[..., 0]
    return np.concatenate([np.ones((len(weights), 1)), -weights], axis=1)


def wss(reference: Floats, estimate: Floats, rate: int) -> float:
    """Weighted spectral slope distance over 25 critical bands up to 3.8 kHz, 0 is equal, `(time,)` both."""
    frames = _frames(reference, estimate, rate)
    size = 1 << (2 * frames.shape[2] - 1).bit_length()
    power = np.abs(np.fft.rfft(frames, size)[..., :-1]) ** 2
    levels = 10 * np.log10(np.maximum(power @ _bands(rate, size).T, _FLOOR))
    slopes = np.diff(levels)
    weights = (_weights(levels[0], slopes[0]) + _weights(levels[1], slopes[1])) / 2
    distances = (weights * (slopes[0] - slopes[1]) ** 2).sum(axis=1) / weights.sum(axis=1)
    return _trimmed(distances)


def _bands(rate: int, size: int) -> npt.NDArray[np.float64]:
    """Gaussian filters, `(25, size // 2)`, zero where they are 30 dB down."""
    half = size // 2
    centre = np.floor(np.array(_CENTRES) / (rate / 2) * half)[:, None]
    width = np.array(_WIDTHS)[:, None]
    shape = np.exp(-11 * ((np.arange(half) - centre) / (width / (rate / 2) * half)) ** 2) * (_WIDTHS[0] / width)
    return np.asarray(np.where(shape > np.exp(-30 / (2 * 2.303)), shape, 0.0))


def _weights(levels: Floats, slopes: Floats) -> Floats:
    """Klatt's weights: bands near the spectrum's maximum and near a local one count."""
    below = levels[:, :-1]
    highest = levels.max(axis=1, keepdims=True)
    return np.asarray(20 / (20 + highest - below) * (1 / (1 + _nearest_peak(below, slopes) - below)))


def _nearest_peak(levels: Floats, slopes: Floats) -> Floats:
    """Level of the last band before the slope turns: to the right where it rises, to the left where it falls."""
    rising, count = slopes > 0, slopes.shape[1]
    right, left = levels.copy(), levels.copy()
    for i in range(count - 2, -1, -1):
        right[:, i] = np.where(rising[:, i + 1], right[:, i + 1], levels[:, i])
    for i in range(1, count):
        left[:, i] = np.where(rising[:, i - 1], levels[:, i], left[:, i - 1])
    return np.where(rising, right, left)
