"""Separation of convolutive mixtures, frequency by frequency, by the algorithms of pyroomacoustics."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.errors import MissingExtra
from winnow.models.blind.images import images
from winnow.models.blind.iva import iva
from winnow.models.telling import Tell

Spectra = npt.NDArray[np.complex128]
Method = Callable[[Spectra, int, Tell], Spectra]

ITERATIONS = 40
"""On eight mixtures of readers in rooms of 0.2 and 0.4 s, 60 gained at most 0.2 dB more, with any of the methods."""
BEGINNING = 20
"""Of AuxIVA, where its filters are what another method begins from."""

DITHER = 1e-4
"""Noise added for the estimation of filters, relative to a bin (-80 dB): lossy codecs leave bins without any rank."""

_TURN = threading.Lock()


def auxiva(mix: Spectra, sources: int, tell: Tell) -> Spectra:
    """AuxIVA, see `iva`.

    mix: `(T, F, channels)`; tell: takes the share that is done. Returns images `(sources, channels, T, F)`.
    """
    return by_filters(mix, iva(with_dither(mix), sources, ITERATIONS, tell))


def ilrma(mix: Spectra, sources: int, tell: Tell) -> Spectra:
    """ILRMA (Kitamura et al. 2016) on the `sources` principal components of each bin, begun from AuxIVA's filters.

    Where it diverges, AuxIVA's filters stay. Arguments and result as of `auxiva`.
    """
    library = find_library()
    dithered = with_dither(mix)
    basis = principal(dithered, sources)
    reduced = np.einsum("fsc,tfc->tfs", basis, dithered)
    begin, go_on = stages(tell, BEGUN["ilrma"])
    start = iva(reduced, sources, BEGINNING, begin)
    with repeatable():
        _, filters = library.ilrma(
            reduced,
            n_iter=ITERATIONS,
            n_components=4,
            proj_back=False,
            W0=start,
            return_filters=True,
            callback=go_on,
        )
    return by_filters(mix, (filters if np.isfinite(filters).all() else start) @ basis)


def fastmnmf(mix: Spectra, sources: int, tell: Tell) -> Spectra:
    """FastMNMF (Sekiguchi et al. 2019) on the `sources` principal components of each bin, begun from AuxIVA's filters.

    Where it diverges, AuxIVA. On all of many microphones each iteration would take several times as long.
    Arguments and result as of `auxiva`.
    """
    library = find_library()
    dithered = with_dither(mix)
    basis = principal(dithered, sources)
    reduced = np.einsum("fsc,tfc->tfs", basis, dithered)
    begin, go_on = stages(tell, BEGUN["fastmnmf"])
    start = iva(reduced, sources, BEGINNING, begin)
    with repeatable():
        separated = library.fastmnmf(
            reduced, n_src=sources, n_iter=ITERATIONS, n_components=4, mic_index="all", W0=start, callback=go_on
        )
    if not np.isfinite(separated).all():
        return auxiva(mix, sources, tell)
    return np.asarray(np.einsum("fsc,stfn->nctf", basis.conj(), separated))


BEGUN = {"ilrma": 0.15, "fastmnmf": 0.05}
"""Share of the time that AuxIVA takes at the beginning."""


def stages(tell: Tell, share: float) -> tuple[Tell, Callable[[object], None]]:
    """What tells of the beginning, and what the library calls every ten iterations of the rest."""
    tens = iter(range(ITERATIONS // 10))

    def go_on(_: object) -> None:
        tell(share + (1 - share) * 10 * next(tens, 0) / ITERATIONS)

    return lambda done: tell(share * done), go_on


METHODS: dict[str, Method] = {"auxiva": auxiva, "ilrma": ilrma, "fastmnmf": fastmnmf}


def by_filters(mix: Spectra, filters: Spectra) -> Spectra:
    """Images `(sources, channels, T, F)` of `(T, F, channels)` by demixing filters `(F, sources, channels)`."""
    signals = np.transpose(mix, (1, 2, 0))
    return np.asarray(np.transpose(images(signals, filters @ signals), (1, 2, 3, 0)))


def principal(mix: Spectra, sources: int) -> Spectra:
    """The strongest principal components of each bin of `(T, F, channels)`: `(F, sources, channels)`; all channels as they are."""
    if sources == mix.shape[2]:
        return np.broadcast_to(np.eye(sources, dtype=mix.dtype), (mix.shape[1], sources, sources))
    _, vectors = np.linalg.eigh(np.einsum("tfc,tfd->fcd", mix, mix.conj()))
    return np.asarray(np.swapaxes(vectors[:, :, -sources:], -1, -2).conj())


def with_dither(mix: Spectra) -> Spectra:
    """`(T, F, channels)` with faint noise, the same at every call, so that no bin is singular."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((*mix.shape, 2)) @ np.array([1, 1j])
    power = np.mean(np.abs(mix) ** 2, axis=(0, 2))
    level = DITHER * np.sqrt(power + DITHER**2 * power.mean() + np.finfo(np.float64).tiny)
    return np.asarray(mix + level[None, :, None] * noise)


@contextmanager
def repeatable() -> Iterator[None]:
    """NumPy's global random numbers, which the library begins from, set to the same place, and put back afterwards."""
    with _TURN:
        before = np.random.get_state()
        np.random.seed(0)
        try:
            with np.errstate(all="ignore"):  # whether it diverged is looked at afterwards
                yield
        finally:
            np.random.set_state(before)


def find_library() -> Any:
    """pyroomacoustics' separation methods. Raises MissingExtra."""
    try:
        from pyroomacoustics import bss
    except ImportError:
        raise MissingExtra(
            'separating rooms needs pyroomacoustics, which is not installed: pip install "winnow-audio[array]"'
        ) from None
    return bss
