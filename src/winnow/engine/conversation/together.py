"""Whether two people speak at the same time in a few seconds of speech."""

from __future__ import annotations

import numpy as np

from winnow.audio import Samples
from winnow.dsp.resample import resample
from winnow.engine.bodies import WindowBody
from winnow.engine.conversation.passes import Network
from winnow.models.voices import VoiceEncoder

FAINTER = 8.0
"""Decibels that the softer stem may lie below the louder one: with one voice it holds what is left of that, mostly less."""

HEARD = 20.0
"""Seconds that are taken apart."""


def together(speech: Samples, rate: int, encoder: VoiceEncoder, network: Network) -> bool:
    """Whether a network of talkers takes speech, `(channels, time)`, apart into two voices that are about as loud.

    rate: hertz. Two that speak one after the other are not what this is for.
    """
    heard = resample(speech[:, : round(HEARD * rate)], rate, network.rate)
    body = WindowBody(network.separator, len(heard), network.rate, True, 0.0)
    stems = np.concatenate([body.feed(heard).stems, body.flush().stems], axis=2)[: network.talkers]
    power = np.square(stems).sum(axis=(1, 2))
    softer, louder = np.argsort(power)[-2:]
    if power[softer] <= power[louder] * 10 ** (-FAINTER / 10):
        return False
    one, other = (encoder(stems[k].mean(axis=0), network.rate) for k in (softer, louder))
    return bool(one @ other < encoder.alike)
