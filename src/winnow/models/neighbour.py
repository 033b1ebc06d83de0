"""Kind `neighbour`: voice from what repeats behind it, by nearest neighbours among the frames; no network.

Music and machines come again, a voice hardly ever in the same way. Each frame of the spectrogram is compared with all others
of the window, and the median of those most alike stands for the background (Rafii and Pardo, Music/voice separation using
the similarity matrix, 2012; Fitzgerald 2012 for the median of neighbours).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from winnow.dsp.spectrum import Transform
from winnow.dsp.stft import istft, stft
from winnow.models.telling import Tell, ignore

Floats = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

WIDTH = 2.0
"""Seconds around a frame in which it has no neighbours: a voice is like itself from one moment to the next."""

VOICE_MARGIN, BACKGROUND_MARGIN = 10.0, 2.0
"""How many times louder a part must be than the other one to be counted as voice or as background."""

ROWS = 256
"""Frames compared at once: results do not depend on it, memory does."""


class Neighbour:
    """Speech and background of any recording with something that repeats; a `Separator` (see docs/separators.md).

    `(mix (channels, time), rate) -> (2, channels, time)`. Both stems add up to the mix: the background is the mix minus the
    speech. One mask, from the power of all channels, serves every channel, so that the stereo image stays. Windows of a minute
    bound the memory; what repeats more seldom than that is not found. tell: takes the share of a window that is done.
    """

    stems: tuple[str, ...] = ("speech", "background")
    rate: int | None = None
    window = 60.0
    overlap = 10.0
    ordered = True

    def __init__(self) -> None:
        self.tell: Tell = ignore

    def __call__(self, mix: Floats, rate: int) -> Floats:
        """Float32 `(channels, time)` at `rate` hertz to `(2, channels, time)`; pure, any length."""
        hop = hop_samples(rate)
        transform = Transform(4 * hop, hop, 4 * hop, "hann")
        size = magnitudes(mix, transform)
        centred = size[1 : mix.shape[1] // hop + 2]  # the frames that librosa has: centred on samples of the recording
        background = np.minimum(centred, neighbour_filter(centred, int(WIDTH * rate / hop), self.tell))
        after = len(size) - 1 - len(centred)
        mask = np.pad(voice_mask(centred, background), ((1, after), (0, 0)), "edge")
        speech = [istft(stft(mix[c : c + 1], transform) * mask, transform, mix.shape[1])[0] for c in range(len(mix))]
        return np.stack([np.stack(speech), mix - np.stack(speech)]).astype(np.float32)


def hop_samples(rate: int) -> int:
    """A quarter of the window: 512 samples at 22 050 hertz (23 ms), elsewhere as near to that as a multiple of 64 is."""
    return max(1, round(rate * 512 / 22050 / 64)) * 64


def magnitudes(mix: Floats, transform: Transform) -> Floats:
    """Root mean square over the channels' magnitudes, `(channels, time)` to `(T, F)`: nothing cancels, unlike in a mean."""
    powers = [np.square(np.abs(stft(mix[c : c + 1], transform)[0])) for c in range(len(mix))]
    return np.asarray(np.sqrt(sum(powers[1:], start=powers[0]) / np.float32(len(powers))), np.float32)


def neighbour_filter(size: Floats, width: int, tell: Tell = ignore) -> Floats:
    """Each frame replaced by the median of frames like it, `(T, F)` to `(T, F)`, as `librosa.decompose.nn_filter` does.

    Likeness is the cosine; see `neighbours` for which frames are taken, none nearer than `width` frames. A width of half of the
    frames or more is reduced to what is possible; a frame without neighbours, and up to four frames, come out as they are.
    tell: takes the share that is done.
    """
    count = len(size)
    if count < 5:
        return size.copy()
    width = max(1, min(width, (count - 1) // 2 - 1))
    directions = size.astype(np.float64)
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    out = size.copy()
    for start in range(0, count, ROWS):
        likeness = directions[start : start + ROWS] @ directions.T
        for t, frames in enumerate(neighbours(likeness, start, width), start):
            if len(frames):
                out[t] = median(size[frames])
        tell(min(1.0, (start + ROWS) / count))
    return out


def neighbours(likeness: Matrix, start: int, width: int) -> Iterator[Indices]:
    """Which frames stand for each frame from `start` on; likeness: `(frames, T)`, of these frames with all T.

    Out of the `k + 2 width` most alike those at least `width` away, and of these the first `k = 2 ceil(sqrt(T - 2 width + 1))` in
    time. That is what librosa 0.11 does where it is told nothing else (its links are all 1 when it looks for the nearest k),
    so what was published did it too; the nearest k themselves separate worse: too much like the voice.
    """
    count = likeness.shape[1]
    taken = 2 * math.ceil(math.sqrt(count - 2 * width + 1))
    most = min(count - 1, taken + 2 * width)
    own = np.arange(len(likeness))
    likeness[own, start + own] = -np.inf
    chosen = np.sort(np.argpartition(likeness, count - most, axis=1)[:, count - most :], axis=1)
    for t, frames in enumerate(chosen, start):
        yield frames[np.abs(frames - t) >= width][:taken]


def median(frames: Floats) -> Floats:
    """Of `(frames, F)` over the frames; changes its argument. Sorting whole rows is several times faster than `numpy.median`."""
    frames.sort(axis=0)
    middle = len(frames) // 2
    if len(frames) % 2:
        return np.asarray(frames[middle])
    return np.asarray((frames[middle - 1] + frames[middle]) / np.float32(2))


def voice_mask(size: Floats, background: Floats) -> Floats:
    """Soft mask of the voice, `(T, F)`, from the magnitudes and the repeating part of them, which is nowhere larger."""
    return soft_mask(size - background, np.float32(VOICE_MARGIN) * background)


def background_mask(size: Floats, background: Floats) -> Floats:
    """Soft mask of the background alone. With `voice_mask` it does not add up to one: what is not clearly one is in neither."""
    return soft_mask(background, np.float32(BACKGROUND_MARGIN) * (size - background))


def soft_mask(wanted: Floats, other: Floats) -> Floats:
    """`wanted^2 / (wanted^2 + other^2)`, half where both are 0."""
    scale = np.maximum(wanted, other)
    scale[scale < np.finfo(np.float32).tiny] = 1
    first, second = (wanted / scale) ** 2, (other / scale) ** 2
    total = first + second
    return np.divide(first, total, out=np.full_like(total, 0.5), where=total > 0)
