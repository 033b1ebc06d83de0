"""How loud speech is while somebody speaks, and how much louder than the background.

Speech has pauses, so a mean over the whole recording tells little. As ITU-T P.56 does, only active time counts; here it is found
more simply: frames of 20 ms of which the power is within 30 dB of that of the loudest frame (the way of the segmental levels
in the DNS challenge's synthesizer, Reddy et al. 2020, with a threshold that moves with the recording).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from winnow.audio import Samples

FRAME = 0.02  # seconds
RANGE = 30.0  # dB under the loudest frame that still count as active
HIDDEN = 20.0  # dB under its own level: a background that much softer while speech is active counts as not there
SILENCE = 1e-5  # root mean square under which there is nothing, -100 dB

Active = npt.NDArray[np.bool_]


def powers(samples: Samples, rate: int) -> npt.NDArray[np.float64]:
    """Mean square of each whole frame, `(time,)` at `rate` hertz to `(frames,)`; what is shorter than a frame is one."""
    frame = min(max(1, round(FRAME * rate)), max(1, samples.size))
    whole = samples[: samples.size // frame * frame].reshape(-1, frame)
    return np.asarray(np.square(whole).mean(axis=1), np.float64)


def active(power: npt.NDArray[np.float64]) -> Active:
    """Which frames count, `(frames,)`."""
    return power >= max(float(power.max(initial=0.0)) * 10 ** (-RANGE / 10), SILENCE**2)


def mean_power(power: npt.NDArray[np.float64], frames: Active) -> float:
    """Mean power over the frames chosen; 0 of none."""
    return float(power[frames].mean()) if frames.any() else 0.0


def active_rms(samples: Samples, rate: int) -> float:
    """Root mean square over active frames of `(time,)` at `rate` hertz, full scale = 1; 0 for silence."""
    power = powers(samples, rate)
    return math.sqrt(mean_power(power, active(power)))


def speech_to_noise(speech: Samples, noise: Samples, rate: int) -> float | None:
    """Power of the speech to that of the noise, dB, over the frames in which the speech is active; None where one is silent.

    Noise that stands still just then, more than 20 dB under its own active level (a dog that barks in the pauses), counts with
    its own active level instead: else a bark would be made to drown all.
    """
    voice, other = powers(speech, rate), powers(noise, rate)
    frames = active(voice)
    signal, under = mean_power(voice, frames), mean_power(other, frames)
    own = mean_power(other, active(other))
    if under < own * 10 ** (-HIDDEN / 10):
        under = own
    return 10 * math.log10(signal / under) if signal and under else None
