"""VoiceFilter's inference: the published modes, defects included, and the corrected form.

Published (maum-ai/voicefilter, palette-knife25/reverse-voice-filter): the mask multiplies a spectrogram of clipped, normalised
decibels, S = clip((dB - 20) / 100, -1, 0) + 1. `org` is S M, `inv_div` factor S / M, `inv_sub` S (1 - M) / factor; the result is
clipped to 0..1, made magnitudes again, and gets the phase of the recording. So a mask of 0.5 takes 40 dB of a bin at 0 dB, and
`factor` is no gain. Bins above 20 dB are cut to that.

Corrected: a gain of magnitudes, nothing is clipped, and what is left is the recording minus the estimate.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.dsp.decibels import denormalised_db, normalised_db
from winnow.dsp.published import Stft
from winnow.errors import BadOption
from winnow.models.manifest import Manifest
from winnow.models.separator import downmix
from winnow.models.spectral import SpectralRunner

Floats = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex128]

MASKS = ("org", "inv_div", "inv_sub")
"""Published modes by the names of their option `--mask`."""

FACTOR = 0.7
"""Published default of `--factor`."""

LEAST = 1e-30
"""A mask is at least that much where something is divided by it; a sigmoid is never 0."""


class VoiceFilter:
    """A `Separator` of windows, told by a vector which voice it is about; any number of samples.

    Without `mask` it gives the first stem of the manifest by the corrected form; with `org` the same stem as published, with
    `inv_div` and `inv_sub` the second one. That is the voice and the rest, of a reverse network the rest and the voice.
    voice: `(D,)`. All channels get the mask that is found on their mean. Raises BadOption.
    """

    ordered = True

    def __init__(
        self,
        runner: SpectralRunner,
        manifest: Manifest,
        voice: Floats,
        mask: str | None = None,
        factor: float | None = None,
    ) -> None:
        c = manifest.settings
        self._runner, self._settings, self._mask = runner, c, mask
        self._factor = checked(mask, factor)
        self._cues = {"voice": np.asarray(voice, np.float32)[None]}
        self._stft = Stft(c.fft, c.hop, c.window)
        self.stems: tuple[str, ...] = (manifest.stems[1 if mask in MASKS[1:] else 0],)
        self.rate: int | None = manifest.rate
        self.window = c.frames * c.hop / manifest.rate
        self.overlap = self.window * c.overlap

    def __call__(self, mix: Floats, rate: int) -> Floats:
        """`(channels, time)` to `(1, channels, time)`."""
        if mix.shape[1] == 0:
            return np.zeros((1, *mix.shape), np.float32)
        spectra = self._stft.forward(mix)
        heard = spectra[0] if len(mix) == 1 else self._stft.forward(downmix(mix))
        found = self._corrected(spectra, heard) if self._mask is None else self._published(spectra, heard)
        return np.asarray(self._stft.inverse(found, mix.shape[1])[None], np.float32)

    def _corrected(self, spectra: Spectra, heard: Spectra) -> Spectra:
        return np.asarray(spectra * self._runner.gains(np.asarray(heard, np.complex64), self._cues))

    def _published(self, spectra: Spectra, heard: Spectra) -> Spectra:
        """The mode's result, `(channels, T, F)` to the same."""
        c, size = self._settings, np.abs(spectra)
        given, out = self._runner.answer(np.asarray(heard, np.complex64), self._cues)
        mask = out if c.output == "level" else level_mask(given, out, c.span)
        mask = np.pad(mask, ((0, 0), (0, size.shape[2] - c.bins)), mode="edge")
        wanted = masked(normalised_db(size, c.centre, c.span), mask, self._mask or MASKS[0], self._factor)
        phase = spectra / np.where(size > 0, size, 1)
        phase[size == 0] = 1  # an angle of 0, as published
        return np.asarray(denormalised_db(wanted, c.centre, c.span) * phase)


def masked(levels: Floats, mask: Floats, mode: str, factor: float) -> Floats:
    """The published arithmetic on normalised decibels, before the result is clipped to 0..1."""
    if mode == "inv_div":
        return np.asarray(factor * levels / np.maximum(mask, LEAST))
    if mode == "inv_sub":
        return np.asarray(levels * (1 - mask) / factor)
    return levels * mask


def level_mask(levels: Floats, gain: Floats, span: float) -> Floats:
    """The mask of normalised decibels that does what a gain of magnitudes does, as far as they reach down."""
    lowered = np.clip(levels + 20 * np.log10(np.maximum(gain, 1e-10)) / span, 0, 1)
    return np.asarray(np.divide(lowered, levels, out=np.zeros_like(lowered), where=levels > 0), np.float32)


def checked(mask: str | None, factor: float | None) -> float:
    """The factor to take. Raises BadOption for options that make no sense."""
    if mask is not None and mask not in MASKS:
        raise BadOption(f'no mask named "{mask}"; there are {", ".join(MASKS)}.')
    if factor is None:
        return FACTOR
    if not (0 < factor < float("inf")):
        raise BadOption(f"the factor is above 0, not {factor:g}; {FACTOR} is the published one.")
    if mask not in MASKS[1:]:
        raise BadOption(f"a factor is used by the masks {' and '.join(MASKS[1:])} only: leave it out, or take one.")
    return float(factor)
