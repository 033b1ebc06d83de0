"""DNSMOS: what listeners would say, predicted by Microsoft's networks from the recording alone.

The ONNX files are those of the package speechmos (MIT), whose own code needs librosa and is not used. Figures agree with it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.errors import BadInput, MissingExtra
from winnow.metrics.mel import mel_bank
from winnow.metrics.sdr import Floats, Values
from winnow.metrics.stream import Signals

RATE = 16000
WINDOW = int(9.01 * RATE)
_FRAME, _HOP = 321, 160  # of the P.808 network's mel spectrogram
# From the networks' outputs to opinions: polynomials of the DNS Challenge's published script, highest power first.
_POLYNOMIALS = {
    "dnsmos_sig": (-0.08397278, 1.22083953, 0.0052439),
    "dnsmos_bak": (-0.13166888, 1.60915514, -0.39604546),
    "dnsmos_ovrl": (-0.06766283, 1.11546468, 0.04602535),
}
NAMES = (*_POLYNOMIALS, "dnsmos_p808")


class Dnsmos:
    """Opinions of the speech, the background and the whole, block by block; mean over windows of 9.01 s, one each second."""

    def __init__(self, rate: int = RATE) -> None:
        if rate != RATE:
            raise BadInput(f"DNSMOS is defined at 16000 Hz, not at {rate} Hz.")
        self.notes: list[str] = []
        self._networks = _networks()
        self._kept: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        self._start = 0  # seconds into the recording, of what is kept
        self._sums, self._count = np.zeros(len(NAMES)), 0
        self._silent = True

    def feed(self, signals: Signals) -> None:
        """Take `(time,)` of "estimate"."""
        samples = np.clip(signals["estimate"], -1, 1).astype(np.float32)
        self._silent = self._silent and not samples.any()
        self._take(samples)

    def _take(self, samples: npt.NDArray[np.float32]) -> None:
        self._kept = np.concatenate([self._kept, samples])
        # The first window needs its 9.01 s, the published script asks for 10 s from the start of each later one.
        while len(self._kept) >= (WINDOW if self._start == 0 else 10 * RATE):
            # It also computes the end in floating point, and skips windows that so come out one sample short.
            if int((self._start + 9.01) * RATE) - self._start * RATE >= WINDOW:
                self._window(self._kept[:WINDOW])
            self._kept, self._start = self._kept[RATE:], self._start + 1

    def _window(self, samples: npt.NDArray[np.float32]) -> None:
        outputs = self._networks["p835"].run(None, {"input_1": samples[None]})[0][0]
        opinions = [np.polyval(p, x) for p, x in zip(_POLYNOMIALS.values(), outputs.astype(np.float64), strict=True)]
        mel = mel_spectrogram(samples[:-_HOP])
        opinions.append(self._networks["p808"].run(None, {"input_1": mel[None]})[0][0][0])
        self._sums += opinions
        self._count += 1

    def result(self) -> Values:
        """The four opinions; None for digital silence. A recording of less than 9.01 s is repeated, as published."""
        if self._silent:
            self.notes.append("DNSMOS is not defined for digital silence")
            return dict.fromkeys(NAMES)
        if self._start == 0:
            whole = self._kept
            while len(whole) < WINDOW:
                whole = np.concatenate([whole, whole])
            self._take(whole[len(self._kept) :])
        return dict(zip(NAMES, (self._sums / self._count).tolist(), strict=True))


def dnsmos(samples: Floats, rate: int = RATE) -> Values:
    """DNSMOS P.835 (Reddy et al. 2022) and P.808 (2021) of `(time,)` at 16 kHz: opinions of 1 to 5 by name.

    None for digital silence. Raises MissingExtra without speechmos, BadInput for another rate.
    """
    meter = Dnsmos(rate)
    meter.feed({"estimate": samples})
    return meter.result()


def mel_spectrogram(samples: Floats) -> npt.NDArray[np.float32]:
    """Input of the P.808 network, `(frames, 120)`: power of 120 mel bands in dB below the maximum, mapped 40 dB to 1."""
    padded = np.pad(np.asarray(samples, np.float64), _FRAME // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME)
    power = np.abs(np.fft.rfft(frames * shape)) ** 2 @ mel_bank(RATE, _FRAME, 120, RATE / 2).T
    level = 10 * np.log10(np.maximum(power, 1e-10))
    level = np.maximum(level - level.max(), -80.0)
    return np.asarray((level + 40) / 40, np.float32)


@cache
def _networks() -> dict[str, Any]:
    """Sessions of both networks, opened once; on one thread, since recordings are scored side by side."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    folder = _folder()
    files = {"p835": "sig_bak_ovr.onnx", "p808": "model_v8.onnx"}
    return {
        key: onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
        for key, name in files.items()
    }


def _folder() -> Path:
    from importlib.util import find_spec

    found = find_spec("speechmos")
    if found is None or found.origin is None:
        raise MissingExtra('DNSMOS needs speechmos, which is not installed: pip install "winnow-audio[score]"')
    return Path(found.origin).parent / "dnsmos_models"
