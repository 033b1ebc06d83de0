"""Rooms by the thousand: simulated ones, and measured ones altered. What a room is like is drawn first, then it is made.

A draw depends on the seed of the set and the number of the room alone, so any of them can be made again, in any order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.data.acoustics import Acoustics, direct_path, half_window, measure
from winnow.data.response import with_drr, with_t60
from winnow.errors import BadInput, BadOption, MissingExtra

Responses = npt.NDArray[np.float32]
Range = tuple[float, float]

WALL = 0.5  # metres that sources and microphones keep from the walls
IMAGE_ORDER = 10  # reflections up to this one are exact, later ones come from rays
RAYS = 3000
SCATTERING = 0.1  # without any, sound lingers between the walls of an empty box for longer than Sabine's formula says
PEAK = 0.9
TRIES = 200
ATTEMPTS = 5  # responses that are tried for one altered room


@dataclass(frozen=True)
class Simulation:
    """What simulated rooms are like. Sizes and distances in metres, times in seconds.

    rate: hertz; t60: aimed at, by Sabine's formula; a room that would need walls that absorb more than all is drawn anew.
    microphones: in a line, spacing metres apart.
    """

    seed: int
    rate: int = 16000
    t60: Range = (0.15, 1.2)
    microphones: int = 1
    spacing: float = 0.05
    side: Range = (3.0, 12.0)
    height: Range = (2.4, 4.0)

    def draw(self, number: int) -> dict[str, Any]:
        """A room, as a plain record. Raises BadOption where no room of these kinds can be."""
        rng = generator(self.seed, number)
        reach = self.spacing * (self.microphones - 1)
        for _ in range(TRIES):
            size = [uniform(rng, *self.side), uniform(rng, *self.side), uniform(rng, *self.height)]
            t60 = uniform(rng, *self.t60)
            absorption = sabine_absorption(size, t60)
            source, microphones = self._places(rng, size, reach)
            distance = math.dist(source, np.mean(microphones, axis=0))
            if absorption < 0.99 and distance >= 0.3:
                return {
                    "number": number,
                    "seed": self.seed,
                    "rate": self.rate,
                    "size": size,
                    "wanted_t60": t60,
                    "absorption": round(absorption, 6),
                    "source": source,
                    "microphones": microphones,
                    "distance": round(distance, 3),
                }
        raise BadOption(
            f"no room with a decay time of {self.t60[0]:g} to {self.t60[1]:g} s and {self.microphones} microphones "
            f"{self.spacing:g} m apart can be made; allow longer times or a shorter line."
        )

    def _places(self, rng: np.random.Generator, size: Sequence[float], reach: float) -> tuple[Any, Any]:
        """A source, and a line of microphones that lies level in a random direction, all off the walls."""
        angle = rng.uniform(0, np.pi)
        along = np.array([math.cos(angle), math.sin(angle), 0.0])
        half = reach / 2 * np.abs(along[:2])
        middle = [rng.uniform(WALL + h, max(s - WALL - h, WALL + h)) for s, h in zip(size, half, strict=False)]
        middle.append(rng.uniform(0.6, min(2.0, size[2] - WALL)))
        source = [rng.uniform(WALL, s - WALL) for s in size[:2]] + [rng.uniform(0.8, min(2.0, size[2] - WALL))]
        steps = (np.arange(self.microphones) - (self.microphones - 1) / 2) * self.spacing
        places = np.array(middle) + steps[:, None] * along
        return [round(float(v), 3) for v in source], [[round(float(v), 4) for v in place] for place in places]

    def make(self, record: dict[str, Any]) -> Responses:
        """The responses of a record, `(microphones, time)`, peak `PEAK`, from 2.5 ms before the first direct sound on.

        Image sources and rays (pyroomacoustics), on one thread, so that a record gives the same samples. Raises MissingExtra.
        """
        pra = library()
        pra.constants.set("num_threads", 1)
        seed = int(np.random.SeedSequence([record["seed"], record["number"], 1]).generate_state(1)[0] >> 1)
        pra.random.seed(seed, seed)
        room = pra.ShoeBox(
            record["size"],
            fs=record["rate"],
            materials=pra.Material(record["absorption"], SCATTERING),
            max_order=IMAGE_ORDER,
            ray_tracing=True,
        )
        room.set_ray_tracing(n_rays=RAYS, receiver_radius=0.5)
        room.add_source(record["source"])
        room.add_microphone_array(np.array(record["microphones"]).T)
        room.compute_rir()
        return levelled([channel[0] for channel in room.rir], record["rate"])


def sabine_absorption(size: Sequence[float], t60: float) -> float:
    """Share of the energy that walls take for a decay time, seconds, by Sabine's formula; above 1 where no walls do."""
    x, y, z = size
    return 24 * math.log(10) / 343.0 * x * y * z / (2 * (x * y + y * z + x * z) * t60)


def levelled(channels: Sequence[npt.NDArray[Any]], rate: int) -> Responses:
    """Channels of one room to one array, `(channels, time)`: the travel time common to all is taken off, the peak set."""
    begin = max(min(direct_path(h) for h in channels) - half_window(rate), 0)
    whole = np.zeros((len(channels), max(h.size for h in channels) - begin))
    for row, h in zip(whole, channels, strict=True):
        row[: h.size - begin] = h[begin:]
    return np.asarray(whole * (PEAK / np.abs(whole).max()), np.float32)


@dataclass(frozen=True)
class Source:
    """A measured response: its file, the room that it is of, and its licence."""

    path: str
    room: str
    licence: str = "that of the response it was made of"
    non_commercial: bool = False


@dataclass(frozen=True)
class Alteration:
    """How measured responses are altered: t60 in seconds and drr in dB are the ranges to draw from."""

    seed: int
    sources: tuple[Source, ...]
    t60: Range = (0.2, 1.2)
    drr: Range = (-6.0, 18.0)
    rate: int | None = None

    def draw(self, number: int) -> dict[str, Any]:
        """An altered room, as a plain record; sources: numbers of some to try in turn, for not every response can be altered."""
        rng = generator(self.seed, number)
        order = rng.permutation(len(self.sources))[:ATTEMPTS]
        return {
            "number": number,
            "seed": self.seed,
            "sources": [int(place) for place in order],
            "rate": self.rate,
            "wanted_t60": uniform(rng, *self.t60),
            "wanted_drr": uniform(rng, *self.drr),
            "tail": int(rng.integers(2**31)),
        }

    def make(self, record: dict[str, Any]) -> tuple[Responses, Source, int]:
        """The response of a record, `(1, time)`, its source and its rate; of a source with several channels the first.

        Raises BadInput where none of its sources can be altered, InputNotFound, NoAudio.
        """
        reason = BadInput("there are no responses.")
        for place in record["sources"]:
            source = self.sources[place]
            try:
                made, rate = altered(source.path, record)
            except BadInput as error:
                reason = BadInput(f"{source.path}: {error}")
                continue
            return made, source, rate
        raise BadInput(f"none of {len(record['sources'])} responses could be altered; the last: {reason}")


def altered(source: str, record: dict[str, Any]) -> tuple[Responses, int]:
    """One source altered as a record says; the response, `(1, time)`, and its rate, hertz. Raises BadInput."""
    from winnow.media import read

    audio = read(source)
    if record["rate"]:
        audio = audio.resampled(record["rate"])
    h = with_t60(audio.samples[0], audio.rate, record["wanted_t60"], record["tail"])
    return levelled([with_drr(h, audio.rate, record["wanted_drr"])], audio.rate), audio.rate


def facts(responses: Responses, rate: int) -> dict[str, Any]:
    """What the first channel measures, for a list; what cannot be measured is left out."""
    found: Acoustics = measure(responses[0], rate)
    values = {"t60": found.t60, "edt": found.edt, "drr": found.drr, "c50": found.c50}
    return {name: round(value, 4) for name, value in values.items() if math.isfinite(value)}


def generator(seed: int, number: int) -> np.random.Generator:
    """The random numbers of one room of a set."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number])))


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between two, to three digits."""
    return round(float(rng.uniform(low, high)), 3)


def library() -> Any:
    """pyroomacoustics. Raises MissingExtra."""
    try:
        import pyroomacoustics
    except ImportError:
        raise MissingExtra('simulating rooms needs pyroomacoustics: pip install "winnow-audio[data]"') from None
    return pyroomacoustics
