"""From the stems of a recording to its talkers: how many, who speaks when, and which stem belongs to whom."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from winnow.audio import Samples
from winnow.engine.conversation.count import MOST_TALKERS as MOST
from winnow.engine.conversation.count import centroids
from winnow.engine.conversation.follow import NOBODY, Labels, follow, likeness
from winnow.engine.conversation.levels import FRAME, Doubles, Flags, Levels, active, measured, widened
from winnow.engine.conversation.progress import Tell, nobody, part
from winnow.engine.conversation.route import led, weights
from winnow.engine.conversation.timeline import Timeline, timeline
from winnow.engine.conversation.voices import Read, Stems, Voices, heard
from winnow.errors import BadOption, NoSpeech
from winnow.models.voices import VoiceEncoder, default_encoder

LEAST = round(0.2 / FRAME)  # frames of speech without which there is none
MARGIN = round(0.25 / FRAME)  # frames around speech that belong to it, so that no soft beginning or end is lost
NEAR, BY_ITSELF = 8.0, 0.3
"""Two people speak where two stems are that many dB apart at most, and the correlation of their levels is below that."""

AT_ONCE, MOMENT = 0.05, round(1 / FRAME)
"""Share of the speech, and frames, in which they must, or it is an accident: of one person, too, a network leaves something in both
stems, most in noise, up to a thirtieth of the speech. Chosen on training voices.
"""

HEARD, COUNTED = 0.9, 0.95  # shares of the work that are done when voices are heard, and when talkers are counted


@dataclass(frozen=True)
class Found:
    """route: the talker that each stem goes to at each frame, `(streams, frames)`, -1 for nobody; frames of `FRAME` seconds."""

    route: Labels
    timeline: Timeline

    @property
    def talkers(self) -> int:
        """How many."""
        return len(self.timeline.talkers)


def check_speakers(speakers: int | None) -> None:
    """Raises BadOption for a number of talkers that cannot be."""
    if speakers is not None and not 1 <= speakers <= MOST:
        raise BadOption(
            f"the number of talkers is from 1 to {MOST} over the whole recording, at most two at once, not {speakers}."
        )


def talkers_of(
    stems: Stems, mix: Samples, rate: int, speakers: int | None = None, encoder: VoiceEncoder | None = None
) -> tuple[Stems, Timeline]:
    """Tracks of the talkers, and who speaks when, from what a separator said about a whole recording in memory.

    stems: `(streams, channels, time)`, may have changed places at any silence; mix: `(channels, time)`, the recording; rate:
    hertz; speakers: how many talkers, None: found; encoder: of voices, None: the default one.
    The tracks are `(talkers, channels, time)`; talkers are in the order in which they begin to speak.
    Raises NoSpeech where nobody speaks, BadOption for a number of talkers that cannot be.
    """
    check_speakers(speakers)
    frame = round(FRAME * rate)
    levels = measured(stems, mix, rate)
    found = find_talkers(levels, lambda begin, end: stems[:, :, begin:end], mix.shape[1], rate, speakers, encoder)
    shares = weights(found.route, found.talkers, frame, 0, mix.shape[1])
    return led(stems, shares), found.timeline


def find_talkers(
    levels: Levels,
    read: Read,
    length: int,
    rate: int,
    speakers: int | None,
    encoder: VoiceEncoder | None = None,
    tell: Tell = nobody,
) -> Found:
    """Listen to the stems of a recording, wherever they are. length: its samples at `rate`; tell: takes the share that is
    done; else as `talkers_of`."""
    frame = round(FRAME * rate)
    speech = active(levels)
    if speech.any(axis=0).sum() < LEAST:
        raise NoSpeech("no speech found. `winnow split` takes apart what is heard; a louder recording may help.")
    labels = _labels(levels, speech, read, frame, rate, speakers, encoder, tell)
    labels, count = _in_order(labels, speakers)
    route = _routed(labels, levels.streams) if count > 1 else np.zeros(labels.shape, np.int16)
    speaking = np.stack([(labels == talker).any(axis=0) for talker in range(count)])
    return Found(route, timeline(speaking, length / rate, speakers is None))


def _labels(
    levels: Levels,
    speech: Flags,
    read: Read,
    frame: int,
    rate: int,
    speakers: int | None,
    encoder: VoiceEncoder | None,
    tell: Tell,
) -> Labels:
    if speakers == 1:
        return np.where(speech, 0, NOBODY).astype(np.int16)
    encoder = encoder or default_encoder()
    voices = heard(levels.streams, speech, read, frame, rate, encoder, part(tell, 0, HEARD))
    talkers = centroids(voices, speakers, part(tell, HEARD, COUNTED))
    if speakers is None and len(talkers) == 1 and _two_at_once(levels.streams, speech):
        talkers = centroids(voices, 2)
    if len(talkers) < (speakers or 1):  # too short to tell voices: each stem is somebody
        number = np.arange(len(speech))[:, None] if speakers else 0
        return np.where(speech, np.minimum(number, (speakers or 1) - 1), NOBODY).astype(np.int16)
    return follow(voices, levels.streams, speech, _centred(voices, talkers), part(tell, COUNTED, 1))


def _two_at_once(streams: Doubles, speech: Flags) -> bool:
    """Whether two stems are heard at once, about as loud, each going up and down by itself, for long enough."""
    found = np.zeros(speech.shape[1], bool)
    for a, b in combinations(range(len(streams)), 2):
        near = speech[a] & speech[b] & (np.abs(streams[a] - streams[b]) < NEAR)
        found |= near & (likeness(streams[a], streams[b]) < BY_ITSELF)
    return bool(found.sum() > max(AT_ONCE * speech.any(axis=0).sum(), MOMENT))


def _centred(voices: Voices, talkers: Doubles) -> Doubles:
    """The talkers' vectors again, from all stretches that are nearest to them, not only those that were clustered."""
    new, nearest = talkers.copy(), (voices.vectors @ talkers.T.astype(np.float32)).argmax(axis=1)
    for talker in range(len(talkers)):
        weight = (nearest == talker) * voices.lengths * (0.1 + voices.alone)
        mean = weight.astype(np.float32) @ voices.vectors
        if np.linalg.norm(mean) > 1e-6:
            new[talker] = mean / np.linalg.norm(mean)
    return new


def _in_order(labels: Labels, speakers: int | None) -> tuple[Labels, int]:
    """Numbers by who begins first, and how many talkers there are; those who never speak come last, or not at all."""
    first = {}
    for talker in np.unique(labels[labels >= 0]):
        first[int(talker)] = int(np.flatnonzero((labels == talker).any(axis=0))[0])
    new = np.full(MOST + 1, NOBODY, np.int16)
    for number, talker in enumerate(sorted(first, key=lambda talker: first[talker])):
        new[talker] = number
    return new[labels], speakers or len(first)


def _routed(labels: Labels, streams: Doubles) -> Labels:
    """Where each stem goes: to its own talker while that one speaks and a little before and after, else to the loudest one."""
    route = np.stack([_spread(row, MARGIN) for row in labels])
    speaking = labels != NOBODY
    loudest = np.where(speaking, streams, -np.inf).argmax(axis=0)
    main = np.take_along_axis(labels, loudest[None], axis=0)[0]
    main = _spread(main, MARGIN)
    return np.where(route == NOBODY, main, route)


def _spread(row: Labels, frames: int) -> Labels:
    """Labels also for the frames around, up to so many, from the nearest one."""
    known = np.flatnonzero(row != NOBODY)
    if known.size == 0:
        return row
    places = np.arange(row.size)
    after = np.clip(np.searchsorted(known, places), 0, known.size - 1)
    before = np.clip(after - 1, 0, None)
    nearer = np.abs(known[before] - places) < np.abs(known[after] - places)
    nearest = known[np.where(nearer, before, after)]
    return np.where(widened(row != NOBODY, frames), row[nearest], np.int16(NOBODY))
