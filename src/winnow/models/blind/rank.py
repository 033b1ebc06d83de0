"""How many independent signals the channels hold, and what is refused for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from winnow.errors import BadInput, NotSeparable

Floats = npt.NDArray[np.float32]

LEAST = 1e-6
"""A direction with less than this share of the power of the strongest (-60 dB) holds nothing but rounding and coding noise."""

SILENCE = 1e-10
"""Mean power below which a window is silent: -100 dB of full scale."""


def independent(mix: Floats) -> int:
    """Rank of the covariance of `(channels, time)`; 0 for silence. Each channel counts alike, however quiet it is.

    Channels are brought to unit power first, so that one weak microphone is not taken for a copy; one that is 90 dB below the
    loudest counts as silent.
    """
    signals = mix.astype(np.float64)
    signals -= signals.mean(axis=1, keepdims=True)
    power = np.mean(signals**2, axis=1)
    loud = power > max(SILENCE, 1e-3 * LEAST * float(power.max(initial=0)))
    if not loud.any():
        return 0
    scaled = signals[loud] / np.sqrt(power[loud])[:, None]
    values = np.linalg.eigvalsh(scaled @ scaled.T / mix.shape[1])
    return int(np.sum(values > LEAST * values[-1]))


def check_numbers(channels: int, sources: int) -> None:
    """Raises BadInput for one channel, fewer than two sources, or more sources than channels."""
    if channels < 2:
        raise BadInput(
            "the recording has one channel, and a blind separation needs at least two microphones: the difference between them is "
            "all it goes by. Use `winnow split`, with --method network or neighbour."
        )
    if sources > channels:
        raise BadInput(
            f"{sources} sources cannot be separated from {channels} channels. Ask for at most {channels}, or use `winnow split`."
        )
    if sources < 2:
        raise BadInput(f"a separation has at least two sources, not {sources}.")


def check_signals(mix: Floats, sources: int) -> bool:
    """Whether `(channels, time)` is loud enough to be separated. Raises NotSeparable where it holds fewer signals than sources."""
    found = independent(mix)
    if found == 1:
        raise NotSeparable(
            "the channels are copies of each other, as in a stereo file made from one microphone, or all but one are silent, so "
            "there is nothing to separate them by. Use `winnow split`, with --method network or neighbour."
        )
    if 0 < found < sources:
        raise NotSeparable(
            f"the {mix.shape[0]} channels hold only {found} independent signals. Ask for {found} sources, or use `winnow split`."
        )
    return found > 0
