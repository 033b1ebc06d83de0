"""Simulated conversations with known truth: who says what, when, and what of it each track should hold.

Every talker has one recording of some seconds; its phrases, cut at its pauses, are used again and again in another order, so a
conversation says nothing of words. Turns follow each other with pauses, long silences and overlaps; two speak at once at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from kit.material import LEVEL, convolve, split_room
from kit.sound import RATE, Wave, loop, read, resample, rms
from winnow.metrics.diarisation import Turn, merged

FRAME = 320  # samples, 20 ms
QUIET = 30.0  # dB under the loudest frame that are a pause
PAUSE, PHRASE = 10, 40  # frames: shortest pause at which a recording is cut, shortest phrase
LONG = 250  # frames; a longer phrase is cut where it is quietest
TURN = (1.5, 7.0)  # seconds of phrases
GAPS = (
    (0.55, 0.1, 1.2),
    (0.35, -2.0, -0.3),
    (0.1, 2.0, 6.0),
)  # chance, and seconds between turns; negative ones overlap
JOINED = 0.5  # seconds; a shorter pause is part of a turn
PLACES = {
    "valid": ("places/laundry-room.opus", "urban/busy-street.opus"),
    "train": (
        "places/construction-site.opus",
        "rain/rain-on-car-roof.opus",
        "transport/train.opus",
        "urban/highway.opus",
    ),
}
BALANCE = 3.0  # dB that a talker is louder or softer than the level


@dataclass(frozen=True)
class Scene:
    """What a conversation is like. snr: of speech to noise, dB, None without; room: folder of responses below PART/rir.

    part: of the recordings, valid or train; pitch: factor by which all voices are higher, so that those of train become others.
    """

    name: str
    people: int
    seconds: int
    seed: int
    snr: float | None = None
    room: str | None = None
    part: str = "valid"
    pitch: float = 1.0


@dataclass(frozen=True, eq=False)
class Conversation:
    """talkers: `(people, time)` at 16 kHz, as each is heard; mixture: their sum, and noise; turns: who speaks when;
    spans: every turn as it was placed, `(talker, begin, end)` in samples."""

    scene: Scene
    talkers: Wave
    mixture: Wave
    turns: list[Turn]
    spans: list[tuple[int, int, int]]

    @property
    def overlap(self) -> float:
        """Share of the spoken time in which two speak."""
        count = np.zeros(self.mixture.size // 160 + 1, np.int8)
        for _, start, end in self.turns:
            count[round(start * RATE / 160) : round(end * RATE / 160)] += 1
        return float((count > 1).sum() / max(1, (count > 0).sum()))


def compose(scene: Scene, data: Path) -> Conversation:
    """The conversation of a scene; the same one every time."""
    rng = np.random.default_rng(scene.seed)
    phrases = [[higher(phrase, scene.pitch) for phrase in cut(path)] for path in recordings(scene, rng, data)]
    length = scene.seconds * RATE
    talkers = np.zeros((scene.people, length), np.float32)
    turns: list[Turn] = []
    spans = []
    for talker, begin, parts in placed(rng, [[p.size for p in mine] for mine in phrases], length):
        at = begin
        for part in parts:
            phrase = phrases[talker][part]
            talkers[talker, at : at + phrase.size] += phrase
            turns.append(Turn(f"person{talker + 1}", at / RATE, (at + phrase.size) / RATE))
            at += phrase.size
        spans.append((talker, begin, at))
    gains = 10 ** (rng.uniform(-BALANCE, BALANCE, scene.people) / 20)
    talkers *= gains[:, None].astype(np.float32)
    if scene.room:
        talkers = in_room(talkers, data / scene.part / "rir" / scene.room)
    mixture = talkers.sum(axis=0)
    if scene.snr is not None:
        background = noise(data / scene.part, rng, length)
        mixture = mixture + background * np.float32(LEVEL / rms(background) / 10 ** (scene.snr / 20))
    factor = np.float32(min(1.0, 0.99 / np.abs(mixture).max()))
    return Conversation(scene, talkers * factor, mixture * factor, joined(turns), spans)


def recordings(scene: Scene, rng: np.random.Generator, data: Path) -> list[Path]:
    """That of each who talks; rng: the first that a new one, of the scene's seed, is asked for."""
    paths = speakers(data / scene.part)
    return [paths[name] for name in rng.permutation(sorted(paths))[: scene.people]]


def voices(scene: Scene, data: Path, seconds: float) -> list[Wave]:
    """The first seconds of the recording of each who talks, by itself, at the scene's pitch: a reference."""
    paths = recordings(scene, np.random.default_rng(scene.seed), data)
    return [higher(read(path), scene.pitch)[: round(seconds * RATE)] for path in paths]


def speakers(part: Path) -> Mapping[str, Path]:
    """A recording of 10 s or more for each speaker of LibriSpeech, by name."""
    least = 180_000 if part.name == "valid" else 100_000  # bytes; as FLAC and as Opus
    folder = part / "speech" / "librispeech"
    files = sorted(path for path in folder.rglob("*.*") if path.is_file() and path.stat().st_size > least)
    return {path.parent.name: path for path in files}


def cut(path: Path) -> list[Wave]:
    """The phrases of a recording, with the pause after each (0.3 s of it at most), at a common level."""
    sound = read(path)
    sound = sound * np.float32(LEVEL / rms(sound))
    frames = sound[: sound.size // FRAME * FRAME].reshape(-1, FRAME)
    power = np.square(frames).mean(axis=1)
    quiet = power < np.percentile(power, 95) * 10 ** (-QUIET / 10)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    pauses = [(b, e) for b, e in zip(edges[::2], edges[1::2], strict=True) if e - b >= PAUSE]
    cuts = [0, *(min(e, b + 15) for b, e in pauses), len(frames)]
    cuts = [place for b, e in pairwise(cuts) for place in shortened(power, b, e)] + [len(frames)]
    found = [frames[b:e].reshape(-1) for b, e in pairwise(cuts)]
    kept = [faded(each) for each in found if each.size >= PHRASE * FRAME and rms(each) > LEVEL / 4]
    return kept or [faded(sound)]


def higher(sound: Wave, factor: float) -> Wave:
    """Played faster, pitch and all."""
    return sound if factor == 1 else resample(sound, RATE, round(RATE / factor))


def shortened(power: Wave, begin: int, end: int) -> list[int]:
    """Where the parts of a phrase begin, frames: cut at its quietest fifth of a second until none is long."""
    if end - begin <= LONG:
        return [begin]
    level = np.convolve(power[begin:end], np.ones(PAUSE), "same")
    middle = begin + 2 * PHRASE + int(np.argmin(level[2 * PHRASE : -2 * PHRASE]))
    return shortened(power, begin, middle) + shortened(power, middle, end)


def faded(sound: Wave, count: int = 160) -> Wave:
    """Without clicks at its ends."""
    ramp = np.linspace(0, 1, count, dtype=np.float32)
    out = sound.copy()
    out[:count] *= ramp
    out[-count:] *= ramp[::-1]
    return out


def placed(rng: np.random.Generator, sizes: Sequence[Sequence[int]], length: int) -> list[tuple[int, int, list[int]]]:
    """Turns in time: talker, first sample, numbers of his phrases. sizes: samples of each phrase of each talker."""
    found: list[tuple[int, int, list[int]]] = []
    ends = [0] * len(sizes)  # of each talker
    order = list(rng.permutation(len(sizes)))  # everybody once, then as it comes
    last, cursor = -1, round(0.3 * RATE)
    while True:
        others = [k for k in range(len(sizes)) if k != last or len(sizes) == 1]
        talker = int(order.pop() if order else rng.choice(others))
        parts = phrases_of_turn(rng, sizes[talker])
        count = sum(sizes[talker][part] for part in parts)
        at_most_two = sorted(end for k, end in enumerate(ends) if k != talker)[-2:-1]  # the others but the last to end
        begin = max([cursor + round(gap(rng) * RATE), ends[talker] + FRAME, *at_most_two])
        if begin + count > length:
            return found
        found.append((talker, begin, parts))
        ends[talker] = begin + count
        last, cursor = talker, max(ends)


def phrases_of_turn(rng: np.random.Generator, sizes: Sequence[int]) -> list[int]:
    """Phrases one after the other as they were said, from any one on, until the turn is long enough."""
    wanted, first = rng.uniform(*TURN) * RATE, int(rng.integers(len(sizes)))
    parts = [first]
    while sum(sizes[part] for part in parts) < wanted and parts[-1] + 1 < len(sizes):
        parts.append(parts[-1] + 1)
    return parts


def gap(rng: np.random.Generator) -> float:
    """Seconds between two turns."""
    kind = rng.random()
    for chance, low, high in GAPS:
        if kind < chance:
            return float(rng.uniform(low, high))
        kind -= chance
    return 0.3


def joined(turns: Sequence[Turn]) -> list[Turn]:
    """Turns of one talker with less than half a second between them are one."""
    longer = [Turn(name, start, end + JOINED) for name, start, end in turns]
    return [Turn(name, start, end - JOINED) for name, spans in merged(longer).items() for start, end in spans]


def in_room(talkers: Wave, folder: Path) -> Wave:
    """Each at a response of his own, as far as there are enough."""
    responses = [split_room(read(path))[1] for path in sorted(folder.glob("*.*"))]
    return np.stack([convolve(talker, responses[k % len(responses)]) for k, talker in enumerate(talkers)])


def noise(part: Path, rng: np.random.Generator, length: int) -> Wave:
    """A place without voices, repeated."""
    names = PLACES[part.name]
    return loop(read(part / "noise48" / "moodist" / names[int(rng.integers(len(names)))]), 0, length)


def two_streams(conversation: Conversation, seed: int = 0) -> Wave:
    """What a perfect separator of two would give: every turn whole, in either of two streams, by lot where both are free."""
    rng = np.random.default_rng(seed)
    streams = np.zeros((2, conversation.mixture.size), np.float32)
    busy = [0, 0]
    for talker, begin, end in sorted(conversation.spans, key=lambda span: span[1]):
        free = [k for k in (0, 1) if busy[k] <= begin] or [int(np.argmin(busy))]
        stream = int(rng.choice(free))
        streams[stream, begin:end] += conversation.talkers[talker, begin:end]
        busy[stream] = end
    return streams
