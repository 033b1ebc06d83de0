"""Kind `wave`: windows of samples in, a waveform for each stem out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from winnow.dsp.spectrum import Transform
from winnow.dsp.stft import istft, stft
from winnow.models.manifest import Manifest, WaveSettings
from winnow.models.separator import downmix
from winnow.models.session import open_session

Floats = npt.NDArray[np.float32]

SILENT = 1e-5
"""Root mean square, of full scale, below which a window is silence and the network is not asked."""

FRAME = 0.064
"""Seconds of the windows of the masks that bring the stems onto several channels."""

RIDGE = 1e-4
"""Of the least squares, relative to the power of the loudest stem: what is far below it is noise and is not made louder."""


class WaveRunner:
    """Runs a graph of kind `wave`: input `wave` `(N, time)`, output `stems` `(N, S, time)`."""

    def __init__(self, graph: bytes, settings: WaveSettings, name: str, threads: int = 1) -> None:
        self.settings = settings
        self._session = open_session(graph, name, threads)

    def raw(self, wave: Floats) -> Floats:
        """The graph itself."""
        return np.asarray(self._session.run(None, {"wave": wave})[0], np.float32)

    def stems(self, mix: Floats, count: int) -> Floats:
        """`(time,)` to `(count, time)`: the network hears the mix at its own level, what comes back is at that of the mix."""
        c = self.settings
        level = float(np.sqrt(np.mean(np.square(mix)))) if mix.size else 0.0
        if level < SILENT:
            return np.zeros((count, mix.size), np.float32)
        gain = np.float32(10 ** (c.level / 20) / level)
        padded = np.pad(mix * gain, (0, max(0, c.least - mix.size)))
        stems = self.raw(padded[None])[0, :, : mix.size] / gain
        return fitted(stems, mix) if c.fitted else stems

    def differences(self, probe: Mapping[str, Floats]) -> dict[int, float]:
        """Largest difference to what the export wrote down, by the number of samples."""
        lengths = [int(length) for length in probe["lengths"]]
        return {n: float(np.abs(self.raw(probe[f"wave_{n}"]) - probe[f"stems_{n}"]).max()) for n in lengths}


class WaveSeparator:
    """A `Separator` of windows.

    The stems of one channel are the network's waveforms, at the recording's level. Several channels are heard as one, and
    each keeps of every time and frequency the share that each stem has there, so that the stereo image stays.
    """

    def __init__(self, runner: WaveRunner, manifest: Manifest) -> None:
        self.rate: int | None = manifest.rate
        self.ordered = manifest.ordered
        self.stems = manifest.stems[:-1] if manifest.remainder else manifest.stems
        self.window, self.overlap = runner.settings.window, runner.settings.overlap
        self._runner = runner

    def __call__(self, mix: Floats, rate: int) -> Floats:
        """`(channels, time)` at the model's rate to `(stems, channels, time)`."""
        heard = downmix(mix)
        stems = self._runner.stems(heard, len(self.stems))
        return stems[:, None] if len(mix) == 1 else onto_channels(stems, heard, mix, rate)


def onto_channels(stems: Floats, heard: Floats, mix: Floats, rate: int) -> Floats:
    """Stems `(stems, time)` of the downmix `(time,)` to those of all channels `(stems, channels, time)`.

    By ratios of power, to which what no stem explains counts as well: stems and rest add up to the mix.
    """
    window = 2 ** round(np.log2(FRAME * rate))
    transform = Transform(window, window // 4, window)
    parts = np.concatenate([stems, (heard - stems.sum(0))[None]])
    power = np.square(np.abs(stft(parts, transform)))
    shares = (power[:-1] / np.maximum(power.sum(0), 1e-20)).astype(np.float32)
    spectra = stft(mix, transform)
    return np.stack([istft(spectra * share, transform, mix.shape[1]) for share in shares])


def fitted(stems: Floats, mix: Floats) -> Floats:
    """Each of the stems `(stems, time)` made so loud that together they come nearest to the mix `(time,)`; none is turned round.

    For networks whose training left the level of their output free.
    """
    loudest = np.sqrt(np.square(stems, dtype=float).sum(1).max()).clip(min=1e-12)
    unit = stems / loudest
    gram = unit @ unit.T + RIDGE * np.eye(len(stems))
    gains = np.linalg.solve(gram, unit @ mix).clip(min=0)
    return np.asarray(unit * gains[:, None], np.float32)
