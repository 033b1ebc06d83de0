"""Conversations of synthesised voices with known truth, and a separator that knows them and changes its stems' places at random."""

from functools import lru_cache

import numpy as np

from voicelike import voice
from winnow.engine.conversation.passes import Network

RATE = 16000
VOICES = 0, 2, 4  # of those that `voicelike` knows, far apart from each other


@lru_cache(maxsize=8)
def spoken(who, text):
    """9 s of a voice; more takes long to make."""
    return voice(who, 9.0, text=text)


@lru_cache(maxsize=8)
def conversation(talkers, seconds=40.0, seed=0, overlap=0.4):
    """Sources `(talkers, time)` and who has which stem, `(2, time)`: turns of 1 to 4 s, pauses, at most two at once.

    Each turn goes to a stem that is free, by chance, so that talkers change their stems at every silence.
    """
    rng = np.random.default_rng(seed)
    length = round(seconds * RATE)
    voices = [np.tile(spoken(who, seed), round(seconds / 9) + 1) for who in VOICES[:talkers]]
    sources, stems = np.zeros((talkers, length), np.float32), np.zeros((2, length), np.float32)
    place, last, free, fade = RATE // 4, talkers - 1, [0, 0], RATE // 50
    while place < length - RATE:
        who = (last + 1) % talkers if rng.random() < 0.7 else int(rng.integers(talkers))
        end = min(place + int(rng.uniform(1.2, 4.0) * RATE), length)
        turn = voices[who][place:end] * np.minimum(
            1, np.minimum(np.arange(end - place), np.arange(end - place)[::-1]) / fade
        )
        stem = int(rng.choice([k for k in (0, 1) if free[k] <= place]))
        sources[who, place:end] += turn
        stems[stem, place:end] += turn
        free[stem], last = end, who
        early = talkers > 1 and rng.random() < overlap
        place = end - int(rng.uniform(0.3, 1.0) * RATE) if early else end + int(rng.uniform(0.1, 1.2) * RATE)
        place = max(place, min(free))
        if free[0] > place and free[1] > place:
            place = min(free)
        if talkers > 1 and any(end > place for end in free):  # nobody talks at the same time as himself
            last = who
    return sources, stems


def network(known, **options):
    """An Oracle as what `open_network` gives."""
    return Network("oracle", Oracle(known, **options), RATE, 2)


class Oracle:
    """Gives the known stems window by window, each time in an order by chance.

    leak: of each stem in the other, dB; gains: of the channels.
    """

    stems, rate, window, overlap, ordered = ("talker1", "talker2"), RATE, 3.0, 0.75, False

    def __init__(self, known, leak=-25.0, noise=3e-4, seed=0, gains=None):
        self.known, self.leak, self.noise, self.gains = known, 10 ** (leak / 20), noise, gains
        self.rng = np.random.default_rng(seed)
        self.place = self.swaps = 0

    def __call__(self, mix, rate):
        length = mix.shape[-1]
        parts = self.known[:, self.place : self.place + length]
        parts = parts + self.leak * parts[::-1] + self.noise * self.rng.standard_normal(parts.shape)
        self.place += round(self.window * rate) - round(self.overlap * rate)
        if self.rng.random() < 0.5:
            parts, self.swaps = parts[::-1], self.swaps + 1
        gains = np.ones(len(mix)) if self.gains is None else np.asarray(self.gains)
        return (parts[:, None] * gains[:, None]).astype(np.float32)
