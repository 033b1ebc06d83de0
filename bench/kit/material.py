"""What is measured: paired recordings, the fixed mixtures of `lists/mixtures.csv`, and clean speech.

`clips(data)` yields all of them; ids are paths relative to the data folder, so that a list says nothing of a machine.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from kit.sound import RATE, Wave, fit, loop, read, rms

LIST = Path(__file__).parents[1] / "lists" / "mixtures.csv"
EARLY = round(0.05 * RATE)  # of a room's response that stays in the reference
LEAD = 16  # samples before the direct path: the resampler's pre-ringing
LEVEL = 10 ** (-25 / 20)


@dataclass(frozen=True)
class Mixture:
    """One line of the list. Offsets and `samples` at 16 kHz; gains apply to the files as read; `rir` may be empty."""

    id: str
    snr: int
    speech: str
    speech_offset: int
    samples: int
    noise: str
    noise_offset: int
    rir: str
    speech_gain: float
    noise_gain: float


@dataclass(frozen=True, eq=False)
class Clip:
    """One thing to measure: `noisy` goes in, `reference` is what should come out, both 16 kHz `(time,)`."""

    id: str
    group: str
    snr: int | None
    room: bool
    reference: Wave
    noisy: Wave


def clips(data: Path) -> Iterator[Clip]:
    """All clips: groups `paired`, `mixtures`, `clean-vctk` and `clean-librispeech`."""
    yield from paired(data)
    for mixture in read_list(LIST):
        yield render(mixture, data)
    yield from clean(data)


def paired(data: Path) -> Iterator[Clip]:
    """Pairs under `valid/paired/*/{clean,noisy}`, told apart by file name: an utterance is taken once."""
    seen: dict[str, Path] = {}
    for path in sorted((data / "valid" / "paired").glob("*/clean/*")):
        seen.setdefault(path.stem, path)
    for stem, path in seen.items():
        noisy = path.parents[1] / "noisy" / path.name
        yield Clip(stem, "paired", None, False, read(path), read(noisy))


def clean(data: Path) -> Iterator[Clip]:
    """Speech without any noise added: the clean side of the pairs, and the first 6 s of each file of valid/speech."""
    for clip in paired(data):
        yield Clip(clip.id, "clean-vctk", None, False, clip.reference, clip.reference)
    for corpus in ("vctk", "librispeech"):
        for path in sorted((data / "valid" / "speech" / corpus).rglob("*.*")):
            speech = read(path)[: 6 * RATE]
            speech = (speech * (LEVEL / rms(speech))).astype(np.float32)
            yield Clip(path.stem, f"clean-{corpus}", None, False, speech, speech)


def read_list(path: Path) -> list[Mixture]:
    """The mixtures of a list file."""
    with path.open(newline="") as file:
        return [_mixture(row) for row in csv.DictReader(file)]


def _mixture(row: dict[str, str]) -> Mixture:
    whole = {key: int(row[key]) for key in ("snr", "speech_offset", "samples", "noise_offset")}
    gains = {key: float(row[key]) for key in ("speech_gain", "noise_gain")}
    return Mixture(id=row["id"], speech=row["speech"], noise=row["noise"], rir=row["rir"], **whole, **gains)


def render(mixture: Mixture, data: Path) -> Clip:
    """The mixture and its reference, from the files of `data`."""
    reference, wet, noise = parts(mixture, data)
    noisy = wet * mixture.speech_gain + noise * mixture.noise_gain
    reference = (reference * mixture.speech_gain).astype(np.float32)
    return Clip(mixture.id, "mixtures", mixture.snr, bool(mixture.rir), reference, noisy.astype(np.float32))


def parts(mixture: Mixture, data: Path) -> tuple[Wave, Wave, Wave]:
    """Reference speech, speech in the room, noise; before the gains. The room's delay is taken out of both."""
    speech = cached(data / mixture.speech)[mixture.speech_offset :][: mixture.samples]
    speech = fit(speech, mixture.samples)
    noise = loop(cached(data / mixture.noise), mixture.noise_offset, mixture.samples)
    if not mixture.rir:
        return speech, speech, noise
    early, whole = split_room(cached(data / mixture.rir))
    return convolve(speech, early), convolve(speech, whole), noise


@lru_cache(maxsize=256)
def cached(path: Path) -> Wave:
    """`read`, once for each file."""
    return read(path)


def split_room(response: Wave) -> tuple[Wave, Wave]:
    """A room's response without its delay: the direct path with 50 ms after it, and all of it. Early energy is 1."""
    direct = direct_path(response)
    start = max(0, direct - LEAD)
    lead = np.pad(response[start:], (LEAD - (direct - start), 0))
    early = lead[: LEAD + EARLY]
    scale = 1 / np.sqrt(np.sum(early**2))
    return early * scale, lead * scale


def direct_path(response: Wave) -> int:
    """Where the direct sound arrives: the peak of the first millisecond from -14 dB on; a reflection may be louder."""
    size = np.abs(response)
    onset = int(np.argmax(size > 0.2 * size.max()))
    return onset + int(np.argmax(size[onset : onset + LEAD]))


def convolve(speech: Wave, response: Wave) -> Wave:
    """`(time,)` in a room, in time with the direct path, same length."""
    return np.asarray(fftconvolve(speech, response)[LEAD:][: len(speech)], np.float32)
