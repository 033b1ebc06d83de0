"""Kind `frames`: spectrum frames and state in, masks and state out; the same graph for one hop and for hundreds of frames."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from winnow.dsp.masks import Mask, expand_mask, limit
from winnow.dsp.spectrum import Spectrum, Transform, compress
from winnow.models.manifest import FramesSettings
from winnow.models.session import open_session

State = npt.NDArray[np.float32]

FRAMES_AT_ONCE = 512
"""Frames per call at most: results do not depend on it, memory does."""


class FramesRunner:
    """Runs a graph of kind `frames`.

    Pure: `step` takes a state and returns the next one. Source of the layout: DESIGN, kinds; FastEnhancer (2025) for
    compressed spectra and masks.
    """

    def __init__(self, graph: bytes, settings: FramesSettings, name: str, threads: int = 1) -> None:
        self.settings = settings
        self.transform = Transform.halves(settings.window)
        self._session = open_session(graph, name, threads)

    def masker(self) -> FramesMasker:
        """What makes the masks of one channel from its beginning to its end."""
        return FramesMasker(self)

    def begin(self) -> State:
        """The state before the first frame."""
        return np.zeros(self.settings.state, np.float32)

    def raw(self, spectrum: npt.NDArray[np.float32], state: State) -> tuple[npt.NDArray[np.float32], State]:
        """The graph itself: compressed `(1, T, bins, 2)` and state to mask `(1, T, bins, 2)` and the next state."""
        mask, after = self._session.run(None, {"spectrum": spectrum, "state": state})
        return mask, after

    def step(self, spectrum: Spectrum, state: State) -> tuple[Mask, State]:
        """Masks for some frames of one channel: complex `(T, F)` and state to mask `(T, F)` and the next state, T >= 0."""
        masks = [np.zeros((0, spectrum.shape[1]), np.complex64)]
        for start in range(0, spectrum.shape[0], FRAMES_AT_ONCE):
            part = spectrum[start : start + FRAMES_AT_ONCE, : self.settings.bins]
            mask, state = self.raw(compress(part, self.settings.power)[None], state)
            masks.append(self._whole(mask[0], spectrum.shape[1]))
        return np.concatenate(masks), state

    def _whole(self, parts: npt.NDArray[np.float32], bins: int) -> Mask:
        """The spectrum's own mask from the network's; bins above what the network sees get the mask of its last one."""
        c = self.settings
        mask = limit(expand_mask(parts, c.power, c.exponent), c.most)
        above = np.repeat(np.abs(mask[:, -1:]).astype(np.complex64), bins - mask.shape[1], axis=1)
        return np.concatenate([mask, above], axis=1)

    def differences(self, probe: Mapping[str, npt.NDArray[np.float32]]) -> dict[int, float]:
        """Largest difference to what the export wrote down, by the number of frames in a call."""
        found = {}
        for length in probe["lengths"]:
            spectrum, wanted = probe[f"spectrum_{length}"], probe[f"mask_{length}"]
            mask, _ = self.raw(spectrum, self.begin())
            found[int(length)] = float(np.abs(mask - wanted).max())
        state, found[1] = self.begin(), 0.0
        for t in range(spectrum.shape[1]):
            mask, state = self.raw(spectrum[:, t : t + 1], state)
            found[1] = max(found[1], float(np.abs(mask - wanted[:, t : t + 1]).max()))
        return found


class FramesMasker:
    """One channel on its way through a graph of kind `frames`: every frame's mask is there at once."""

    def __init__(self, runner: FramesRunner) -> None:
        self._runner, self._state = runner, runner.begin()

    def feed(self, spectrum: Spectrum) -> Mask:
        """Complex `(T, F)` to masks `(1, T, F)`."""
        mask, self._state = self._runner.step(spectrum, self._state)
        return mask[None]

    def flush(self) -> Mask:
        """Nothing is held back, `(1, 0, F)`."""
        return np.zeros((1, 0, self._runner.transform.bins), np.complex64)
