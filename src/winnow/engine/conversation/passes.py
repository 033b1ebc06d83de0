"""The two passes over a recording: through the separator, then from its stems to the tracks of the talkers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from winnow.audio import Samples
from winnow.dsp.resample import StreamResampler
from winnow.engine.bodies import WindowBody
from winnow.engine.conversation.levels import FRAME, Levels, Meters
from winnow.engine.conversation.progress import Tell, nobody
from winnow.engine.conversation.route import RoutedBody
from winnow.engine.conversation.scratch import Scratch
from winnow.engine.conversation.talkers import Found, find_talkers
from winnow.engine.conversation.timeline import names
from winnow.engine.conversation.voices import Stems
from winnow.engine.run import Opened, Separation
from winnow.errors import BadOption
from winnow.models import catalog
from winnow.models.bundle import Bundle
from winnow.models.separator import Separator
from winnow.models.voices import VoiceEncoder

MODEL = "talkers-16k"
BACKGROUND = "background"


class Network(NamedTuple):
    """A separator of talkers. rate: hertz; talkers: how many it tells apart at once, its first stems."""

    name: str
    separator: Separator
    rate: int
    talkers: int


def open_network(model: str | os.PathLike[str] = MODEL) -> Network:
    """A bundle that separates talkers. Raises UnknownModel, BundleError, BadOption for a bundle that does something else."""
    bundle = catalog.find(model)
    m = bundle.manifest
    if not tells_talkers(bundle):
        raise BadOption(
            f"{m.name} does not tell talkers apart, its stems are {', '.join(m.stems)}; leave out --model, or give one of talkers."
        )
    return network_of(bundle)


def tells_talkers(bundle: Bundle) -> bool:
    """Whether a bundle takes talkers apart, its first stems, and is told nothing about them."""
    talkers = [stem.startswith("talker") for stem in bundle.manifest.stems]
    return sum(talkers) > 1 and all(talkers[: sum(talkers)]) and bundle.windowed and not bundle.manifest.cues


def network_of(bundle: Bundle, threads: int = 1) -> Network:
    """A bundle that takes talkers apart, made ready."""
    m = bundle.manifest
    talkers = sum(stem.startswith("talker") for stem in m.stems)
    return Network(m.name, bundle.separator(threads=threads), m.rate, talkers)


class Listening:
    """The first pass: blocks `(channels, time)` of a recording through the separator; its stems go to the scratch file.

    rate: hertz, of the recording; channels: all are separated together, so that each talker stays where he is.
    """

    def __init__(self, network: Network, rate: int, channels: int, scratch: Scratch) -> None:
        self._network, self._scratch = network, scratch
        self._resampler = StreamResampler(rate, network.rate, channels)
        self._body = WindowBody(network.separator, channels, network.rate, True, 0.0)
        self._meters = Meters(network.talkers, channels, network.rate)

    def feed(self, block: Samples) -> None:
        """Take the next samples."""
        self._take(self._resampler.feed(np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)))

    def finish(self) -> Levels:
        """After the last samples: how loud all was."""
        self._take(self._resampler.flush())
        self._keep(self._body.flush().stems)
        return self._meters.finish()

    def _take(self, sound: Samples) -> None:
        self._meters.mix(sound)
        self._keep(self._body.feed(sound).stems)

    def _keep(self, stems: Stems) -> None:
        stems = stems[: self._network.talkers]
        self._scratch.append(stems)
        self._meters.stems(stems)


def found_in(
    scratch: Scratch,
    levels: Levels,
    rate: int,
    speakers: int | None,
    encoder: VoiceEncoder | None = None,
    tell: Tell = nobody,
) -> Found:
    """Listen to the stems of the first pass; rate: of the network. tell: takes the share that is done, 0 to 1."""
    return find_talkers(levels, scratch.read, scratch.samples, rate, speakers, encoder, tell)


def second_pass(
    network: Network, scratch: Scratch, levels: Levels, found: Found, rate: int, channels: int
) -> Separation:
    """What takes the recording once more, block by block, and gives its talkers and the background, which add up to it."""
    body = RoutedBody(scratch.read, found.route, found.talkers, round(FRAME * network.rate), levels)
    stems = (*names(found.talkers), BACKGROUND)
    return Separation(rate, channels, opened=Opened(network.name, stems, True, network.rate, 0.0, body))


def separate_talkers(
    blocks: Callable[[], Iterable[Samples]],
    rate: int,
    channels: int,
    network: Network,
    speakers: int | None = None,
    encoder: VoiceEncoder | None = None,
) -> Iterator[dict[str, Samples]]:
    """Blocks `(channels, time)` of a recording to blocks of its talkers and background. blocks: gives them, twice.

    rate: hertz; speakers, encoder: as in `talkers_of`. Raises NoSpeech, OutputError where the disk is full.
    """
    with Scratch(network.talkers, channels) as scratch:
        listening = Listening(network, rate, channels, scratch)
        for block in blocks():
            listening.feed(block)
        levels = listening.finish()
        found = found_in(scratch, levels, network.rate, speakers, encoder)
        separation = second_pass(network, scratch, levels, found, rate, channels)
        for block in blocks():
            yield separation.feed(block)
        yield separation.flush()
