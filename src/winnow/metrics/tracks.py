"""Whole conversations: does each talker stay in one track? Swaps, and SI-SDR of each talker, block by block.

Time is cut into frames of half a second. In a frame in which a talker is active, his voice comes out in the track that holds most
of it: that with the largest |<track, voice>| / <voice, voice>, the gain of the voice in the track. Tracks belong to talkers one to
one, so that most active time is in the right track. The swap rate is the share of active time, summed over talkers, that comes
out in another track than the talker's own; a swap is a change of the track that lasts a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from winnow.errors import BadInput
from winnow.metrics.sdr import Moments, best_order

FRAME = 0.5  # seconds
ACTIVE = 25.0  # dB under a talker's loudest frames (their 95th percentile) that still count as active
LASTING = 2  # frames that a change must last to be a swap

Table = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tracks:
    """What became of the talkers.

    tracks: the number of each talker's track, None where there were more talkers than tracks; swap_rate: share of active time in
    a wrong track, 0 to 1, None where nobody speaks; swaps_per_hour: of the recording; improvements: SI-SDR of each talker's
    track minus that of the mixture, dB, None for a silent talker and for one without a track.
    """

    tracks: list[int | None]
    swap_rate: float | None
    swaps_per_hour: float
    improvements: list[float | None]


class Tracking:
    """Collects what `tracking` needs, block by block; keeps `talkers * (tracks + 1)` numbers for each half second.

    rate: hertz. Raises BadInput without a talker or a track.
    """

    def __init__(self, talkers: int, tracks: int, rate: int) -> None:
        if not (1 <= talkers <= 16 and 1 <= tracks <= 16):
            raise BadInput(f"1 to 16 talkers and tracks, not {talkers} and {tracks}.")
        self._talkers, self._tracks, self._rate = talkers, tracks, rate
        self._frame = round(FRAME * rate)
        self._waiting: npt.NDArray[np.float32] = np.zeros((talkers + tracks, 0), np.float32)
        self._products: list[Table] = []
        self._energies: list[Table] = []
        self._moments = [[Moments() for _ in range(tracks)] for _ in range(talkers)]
        self._before = [Moments() for _ in range(talkers)]
        self._count = 0

    def feed(
        self, references: npt.NDArray[np.float32], estimates: npt.NDArray[np.float32], mixture: npt.NDArray[np.float32]
    ) -> None:
        """Take `(talkers, time)`, `(tracks, time)` and `(time,)` of the same moment. Raises BadInput for other shapes."""
        size = mixture.shape[-1]
        if references.shape != (self._talkers, size) or estimates.shape != (self._tracks, size):
            raise BadInput(
                f"references are ({self._talkers}, {size}) and estimates ({self._tracks}, {size}), not "
                f"{references.shape} and {estimates.shape}."
            )
        self._count += size
        for reference, row, before in zip(references, self._moments, self._before, strict=True):
            before.add(reference, mixture)
            for estimate, moments in zip(estimates, row, strict=True):
                moments.add(reference, estimate)
        self._waiting = np.concatenate([self._waiting, np.concatenate([references, estimates])], axis=1)
        frames = self._waiting.shape[1] // self._frame
        if frames:
            whole = self._waiting[:, : frames * self._frame].reshape(-1, frames, self._frame)
            self._waiting = self._waiting[:, frames * self._frame :]
            voices, tracks = whole[: self._talkers].astype(np.float64), whole[self._talkers :].astype(np.float64)
            self._products.append(np.einsum("ifn,jfn->fij", voices, tracks))
            self._energies.append(np.square(voices).sum(axis=2).T)

    def result(self) -> Tracks:
        """What was found; less than half a second at the end is not looked at for swaps."""
        products = np.concatenate([*self._products, np.zeros((0, self._talkers, self._tracks))])
        energies = np.concatenate([*self._energies, np.zeros((0, self._talkers))])
        active = _active(energies)
        heard = np.abs(products).argmax(axis=2)  # (frames, talkers): where each voice comes out
        time = np.array(
            [
                [float((active[:, i] & (heard[:, i] == j)).sum()) for j in range(self._tracks)]
                for i in range(self._talkers)
            ]
        )
        tracks = _assigned(time)
        spoken = float(active.sum())
        right = sum(float(time[i, j]) for i, j in enumerate(tracks) if j is not None)
        swaps = sum(swaps_of(heard[active[:, i], i]) for i in range(self._talkers))
        hours = self._count / self._rate / 3600
        return Tracks(
            tracks,
            1 - right / spoken if spoken else None,
            swaps / hours if hours else 0.0,
            [self._improvement(i, j) for i, j in enumerate(tracks)],
        )

    def _improvement(self, talker: int, track: int | None) -> float | None:
        before = self._before[talker].si_sdr()
        after = None if track is None else self._moments[talker][track].si_sdr()
        return None if before is None or after is None else after - before


def tracking(
    references: npt.NDArray[np.float32], estimates: npt.NDArray[np.float32], mixture: npt.NDArray[np.float32], rate: int
) -> Tracks:
    """`Tracking` of a whole recording: `(talkers, time)`, `(tracks, time)` and `(time,)` at `rate` hertz."""
    found = Tracking(len(references), len(estimates), rate)
    found.feed(references, estimates, mixture)
    return found.result()


def _active(energies: Table) -> npt.NDArray[np.bool_]:
    """In which frames each talker speaks, `(frames, talkers)` both."""
    if not len(energies):
        return np.zeros(energies.shape, np.bool_)
    sounding = np.where(energies > 0, energies, np.nan)
    silent = ~np.any(energies > 0, axis=0)
    sounding[:, silent] = 0.0
    loud = np.nanpercentile(sounding, 95, axis=0)
    return np.asarray((energies > 0) & (energies >= loud * 10 ** (-ACTIVE / 10)))


def _assigned(time: Table) -> list[int | None]:
    """A track for each talker, one to one, with the most time in the right track."""
    talkers, tracks = time.shape
    square = np.zeros((max(time.shape),) * 2)
    square[:talkers, :tracks] = time
    return [j if j < tracks else None for j in best_order(square)[:talkers]]


def swaps_of(heard: Sequence[int] | npt.NDArray[np.int64]) -> int:
    """How often the track changes for a second or longer; heard: the track in each active frame, in time."""
    swaps, now, candidate, held = 0, None, None, 0
    for track in heard:
        candidate, held = (candidate, held + 1) if track == candidate else (track, 1)
        if held >= LASTING and candidate != now:
            swaps += now is not None
            now = candidate
    return swaps
