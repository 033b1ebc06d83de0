"""Kind `spectral`: windows of a spectrogram in, masks out; the window slides over a recording of any length."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from winnow.dsp.decibels import amplitude_to_db, normalised_db
from winnow.dsp.masks import Mask
from winnow.dsp.spectrum import Spectrum, Transform
from winnow.models.manifest import SpectralSettings
from winnow.models.session import open_session

Floats = npt.NDArray[np.float32]


class SpectralRunner:
    """Runs a graph of kind `spectral`: input `spectrum` `(N, T, F)` and cues by their names, output `mask` `(N, T, F)`.

    cues: facts that hold for the whole recording (a voice), by the name of the graph's input.
    """

    def __init__(self, graph: bytes, settings: SpectralSettings, name: str, threads: int = 1) -> None:
        self.settings = settings
        self.transform = Transform(settings.window, settings.hop, settings.fft, "hann")
        self._session = open_session(graph, name, threads)

    def masker(self, cues: Mapping[str, Floats] | None = None) -> SpectralMasker:
        """What makes the masks of one channel from its beginning to its end."""
        return SpectralMasker(self, cues or {})

    def raw(self, spectrum: Floats, cues: Mapping[str, Floats] | None = None) -> Floats:
        """The graph itself."""
        return np.asarray(self._session.run(None, {"spectrum": spectrum, **(cues or {})})[0], np.float32)

    def gains(self, spectrum: Spectrum, cues: Mapping[str, Floats] | None = None) -> Floats:
        """Gains of one window, complex `(T, F)` to `(T, F)` in 0..1; what lies above the network's bins gets its last one."""
        heard, out = self.answer(spectrum, cues)
        gain = self._output(heard, out)
        return np.pad(gain, ((0, 0), (0, spectrum.shape[1] - self.settings.bins)), mode="edge")

    def answer(self, spectrum: Spectrum, cues: Mapping[str, Floats] | None = None) -> tuple[Floats, Floats]:
        """What the network is given of one window, and what it gives, both `(T, bins)`, from complex `(T, F)`."""
        c = self.settings
        heard = np.asarray(self._input(np.abs(spectrum[:, : c.bins])), np.float32)
        padded = np.pad(heard, ((0, -len(heard) % c.multiple), (0, 0)), mode="edge")
        return heard, self.raw(padded[None], cues)[0, : len(heard)]

    def _input(self, size: Floats) -> Floats:
        c = self.settings
        if c.input == "clipped":
            return normalised_db(size, c.centre, c.span)
        return size if c.input == "magnitude" else (amplitude_to_db(size) - np.float32(c.centre)) / np.float32(c.span)

    def _output(self, heard: Floats, out: Floats) -> Floats:
        c = self.settings
        if c.output == "mask":
            return out
        if c.output == "level":
            return np.asarray(10 ** (heard * (out - 1) * np.float32(c.span / 20)), np.float32)
        if c.output == "gain":
            return np.asarray(1 / (1 + np.exp(-out)), np.float32)
        noise = np.maximum(out * c.out_span + c.out_centre, 0)  # what is below none takes nothing away
        return np.asarray(10 ** (-noise / 20), np.float32)

    def differences(self, probe: Mapping[str, Floats]) -> dict[int, float]:
        """Largest difference to what the export wrote down, by the number of frames in a call."""
        found = {}
        for length in probe["lengths"]:
            ending = f"_{length}"
            values = {key.removesuffix(ending): probe[key] for key in probe if key.endswith(ending)}
            wanted, spectrum = values.pop("mask"), values.pop("spectrum")
            found[int(length)] = float(np.abs(self.raw(spectrum, values) - wanted).max())
        return found


class SpectralMasker:
    """One channel on its way through a graph of kind `spectral`.

    Windows overlap by `settings.overlap`; over what two windows share, their gains are cross-faded linearly. A last window that
    would be short begins earlier instead, so that it is whole.
    """

    def __init__(self, runner: SpectralRunner, cues: Mapping[str, Floats]) -> None:
        c = runner.settings
        self._runner, self._cues = runner, cues
        self._shared = round(c.frames * c.overlap)
        self._waiting = np.zeros((0, runner.transform.bins), np.complex64)
        self._behind = self._waiting  # frames already answered, context for a short last window
        # gains of frames that the next window sees too
        self._tail: Floats = np.zeros((0, runner.transform.bins), np.float32)

    def feed(self, spectrum: Spectrum) -> Mask:
        """Complex `(T, F)` to the masks that are finished, `(1, T', F)`."""
        frames = self._runner.settings.frames
        self._waiting = np.concatenate([self._waiting, spectrum])
        done = [np.zeros((0, spectrum.shape[1]), np.float32)]
        while len(self._waiting) >= frames:
            gains = self._joined(self._runner.gains(self._waiting[:frames], self._cues))
            ready = frames - self._shared
            done.append(gains[:ready])
            self._tail = gains[ready:]
            self._behind, self._waiting = self._waiting[:ready], self._waiting[ready:]
        return np.concatenate(done).astype(np.complex64)[None]

    def flush(self) -> Mask:
        """The rest: altogether one mask for each frame."""
        count = len(self._waiting)
        if count == 0:
            return np.zeros((1, 0, self._waiting.shape[1]), np.complex64)
        lack = max(0, self._runner.settings.frames - count)
        before = self._behind[max(0, len(self._behind) - lack) :]
        window = np.concatenate([before, self._waiting])
        gains = self._joined(self._runner.gains(window, self._cues)[len(before) :])
        self._waiting = self._waiting[:0]
        return gains.astype(np.complex64)[None]

    def _joined(self, gains: Floats) -> Floats:
        """Cross-faded with what the window before said about the same frames."""
        count = len(self._tail)
        if count:
            fade = ((np.arange(count, dtype=np.float32) + 1) / (count + 1))[:, None]
            gains = np.concatenate([self._tail * (1 - fade) + gains[:count] * fade, gains[count:]])
        return gains
