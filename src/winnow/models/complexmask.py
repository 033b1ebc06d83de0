"""Kind `complex`: windows of a complex spectrogram in, a complex mask for each stem out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from winnow.dsp.crm import as_complex, as_parts, expand_mask, power_law
from winnow.dsp.published import Stft
from winnow.models.manifest import CLIP, ComplexSettings, Manifest
from winnow.models.separator import downmix
from winnow.models.session import open_session

Floats = npt.NDArray[np.float32]
Complex = npt.NDArray[np.complex128]

SILENCE = 1e-6
"""Level of a window below which it is not made louder."""


class ComplexRunner:
    """Runs a graph of kind `complex`: `spectrum (N, T, F, 2)` and cues by their names to `masks (N, S, T, F, 2)`."""

    def __init__(self, graph: bytes, settings: ComplexSettings, name: str, threads: int = 1) -> None:
        self.settings = c = settings
        self.transform = Stft(c.fft, c.hop, c.window, c.centred, c.shape == "root-hann")
        self._session = open_session(graph, name, threads)

    def raw(self, inputs: Mapping[str, Floats]) -> Floats:
        """The graph itself."""
        return np.asarray(self._session.run(None, dict(inputs))[0], np.float32)

    def stems(self, mix: Floats, cues: Mapping[str, Floats]) -> Floats:
        """`(channels, time)` to `(S, channels, time)`: one mask, found on the downmix, for all channels."""
        c, length = self.settings, mix.shape[1]
        least = c.samples if c.whole else c.window
        # without centring, frames that hang over both ends: else the ends lie in few of them, or in none
        edge = 0 if c.centred or c.whole else c.window
        padded = np.pad(mix, ((0, 0), (edge, edge + max(0, least - length))))
        spectra = self.transform.forward(padded)
        heard = downmix(padded)
        masks = self._masks(self.transform.forward(heard), float(np.abs(heard).max()), cues)
        linear = c.domain == "linear"
        parts = masks[:, None] * (spectra if linear else power_law(spectra, c.power))
        parts = parts if linear else power_law(parts, 1 / c.power)
        return np.asarray(self.transform.inverse(parts, padded.shape[1])[..., edge : edge + length], np.float32)

    def _masks(self, spectrum: Complex, peak: float, cues: Mapping[str, Floats]) -> Complex:
        """Of a window `(T, F)`, complex `(S, T, F)`."""
        c = self.settings
        facts = {name: np.asarray(value, np.float32)[None] for name, value in cues.items()}
        out = self.raw({"spectrum": self._heard(spectrum, peak)[None], **facts})[0]
        mask = as_complex(out if c.compression == "none" else expand_mask(out, c.compression, c.k, c.c))
        return np.pad(mask, ((0, 0), (0, 0), (0, self.transform.bins - c.bins)), mode="edge")

    def clip(self, samples: Floats) -> Floats:
        """`(time,)` of a cue of that name as the graph takes it, `(T, F, 2)`."""
        return self._heard(self.transform.forward(samples), float(np.abs(samples).max()))

    def _heard(self, spectrum: Complex, peak: float) -> Floats:
        """`(T, F)` at the level that the settings want, compressed, its lower bins: `(T, F', 2)`."""
        c = self.settings
        level = {"none": 1.0, "peak": peak, "rms": float(np.sqrt(np.square(np.abs(spectrum)).mean()))}[c.level]
        return np.asarray(as_parts(power_law(spectrum[:, : c.bins] / max(level, SILENCE), c.power)), np.float32)

    def differences(self, probe: Mapping[str, Floats]) -> dict[int, float]:
        """Largest difference to what the export wrote down, by the number of frames."""
        found = {}
        for length in probe["lengths"]:
            ending = f"_{length}"
            values = {key.removesuffix(ending): probe[key] for key in probe if key.endswith(ending)}
            expected = values.pop("masks")
            found[int(length)] = float(np.abs(self.raw(values) - expected).max())
        return found


class ComplexMasks:
    """A `Separator` of windows; cues: facts that hold for the whole recording, `voice` `(V,)` and `clip` `(time,)`."""

    def __init__(self, runner: ComplexRunner, manifest: Manifest, cues: Mapping[str, Floats]) -> None:
        c = runner.settings
        self.rate: int | None = manifest.rate
        self.ordered = manifest.ordered
        self.stems = manifest.stems[:-1] if manifest.remainder else manifest.stems
        self.window = c.samples / manifest.rate
        self.overlap = self.window * c.share
        heard = {name: runner.clip(value) if name == CLIP else value for name, value in cues.items()}
        self._runner, self._cues = runner, heard

    def __call__(self, mix: Floats, rate: int) -> Floats:
        """`(channels, time)` at the model's rate to `(stems, channels, time)`."""
        return self._runner.stems(mix, self._cues)
