"""One channel for the network out of several, also where a channel has its polarity turned round."""

from __future__ import annotations

import numpy as np

from winnow.dsp.spectrum import Spectrum

MEMORY = 0.985
"""Share of the running statistics that a frame keeps: about a second at 16 ms hops."""


class Downmix:
    """The mean of the channels' spectra, each turned to the polarity of the first.

    A microphone wired the wrong way round makes the plain mean cancel the speech. Polarities are followed with running
    correlations, frame by frame, so that the result does not depend on how the recording is cut into blocks.
    """

    def __init__(self, channels: int) -> None:
        self._power = np.zeros(channels)
        self._cross = np.zeros(channels)

    def feed(self, spectrum: Spectrum) -> Spectrum:
        """`(channels, T, F)` to `(T, F)`."""
        if spectrum.shape[0] == 1:
            return np.asarray(spectrum[0], np.complex64)
        power = np.einsum("ctf,ctf->tc", spectrum, spectrum.conj()).real.astype(float)
        cross = np.einsum("ctf,tf->tc", spectrum, spectrum[0].conj()).real.astype(float)
        signs = np.ones(power.shape, np.float32)
        for t in range(len(power)):
            self._power = MEMORY * self._power + power[t]
            self._cross = MEMORY * self._cross + cross[t]
            signs[t, self._cross < -0.5 * np.sqrt(self._power * self._power[0])] = -1
        return np.asarray(np.einsum("ctf,tc->tf", spectrum, signs) / spectrum.shape[0], np.complex64)
