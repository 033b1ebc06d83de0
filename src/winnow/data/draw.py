"""Decide everything about an example before a sample is touched: a function of its number, the seed, the settings and the lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np

from winnow.data import augment
from winnow.data.example import REFERENCE, Effect, Example, Part, Room, Target, is_background
from winnow.data.items import Item
from winnow.data.pools import Numbers, Pool, Pools
from winnow.data.presets import Chances, MixConfig, Range
from winnow.data.schedule import Stretch, stretches
from winnow.errors import BadInput

LEAD = 0.5  # seconds of silence at most before an utterance that does not fill its stretch
PAUSE = (0.1, 0.4)  # seconds between utterances that fill a stretch together
USEFUL = 0.3  # seconds; what is left of a stretch, or of a recording, below that is not used
MOST_ROWS = 64  # recordings of a speaker from which one example chooses
T60_STEP = 0.05  # seconds
BABBLE_LEVEL = (0.3, 1.3)  # of the voices of a babble to each other, linear
TRIES = 8  # to find a voice that is none of the talkers' by luck


def draw(number: int, config: MixConfig, pools: Pools, seed: int, attempt: int = 0) -> Example:
    """The example of a number; `attempt` above 0 draws another one in its place.

    The lists must fit the settings: `Pools.check` says so once, before many are drawn.
    """
    entropy = [seed, number, attempt] if attempt else [seed, number]
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))
    return _Draw(rng, config, pools).example(number, seed, attempt)


class Span(NamedTuple):
    """What may be used of a recording: row of the pool, begin and end in seconds."""

    row: int
    begin: float
    end: float


class Place(NamedTuple):
    """A room: the rows of its responses, and the reverberation time that all of them are altered to."""

    rows: Numbers
    t60: float | None


@dataclass(frozen=True)
class Manner:
    """What is common to the parts of a role."""

    role: str
    gain: float = 1.0
    speed: float = 1.0
    room: Room | None = None
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class _Draw:
    """The random numbers of one example, and what they choose from. talking: the groups of the talkers so far."""

    rng: np.random.Generator
    config: MixConfig
    pools: Pools
    talking: set[int] = field(default_factory=set)

    def example(self, number: int, seed: int, attempt: int) -> Example:
        config, kind = self.config, float(self.rng.random())
        absent, alone = kind < config.absent, config.absent <= kind < config.absent + config.alone
        place = self._place() if self._happens(config.room) else None
        parts = list(self._voices(absent, alone, place))
        voices = any(part.role != REFERENCE for part in parts)
        parts += [] if alone else list(self._background(place, needed=not voices))
        measured = config.mode == "snr"
        noisy = any(is_background(part.role) for part in parts)
        return Example(
            number=number,
            seed=seed,
            preset=config.name,
            rate=config.rate,
            samples=config.samples,
            mode=config.mode,
            parts=tuple(parts),
            targets=self._targets(parts),
            snr=self._within(config.snr) if measured and voices and noisy else None,
            level=self._within(config.level) if measured and not config.full_scale else None,
            full_scale=config.full_scale,
            early=config.early,
            taps=config.room_seconds,
            reference=round(config.reference * config.rate) if config.with_reference else 0,
            effects=self._effects(config.on_mixture),
            attempt=attempt,
        )

    def _happens(self, chance: float) -> bool:
        return chance > 0 and float(self.rng.random()) < chance

    def _within(self, bounds: Range) -> float:
        return round(float(self.rng.uniform(*bounds)), 3)

    def _whole(self, bounds: tuple[int, int]) -> int:
        return int(self.rng.integers(*bounds, endpoint=True))

    def _speed(self) -> float:
        return self._within(self.config.speed) if self._happens(self.config.speed_chance) else 1.0

    def _effects(self, chances: Chances) -> tuple[Effect, ...]:
        wanted = [name for name, chance in asdict(chances).items() if self._happens(chance)]
        drawn = [augment.draw(self.rng, self.config.rate, name) for name in wanted]
        return tuple(json.loads(json.dumps(drawn)))  # as they will come back from the disk

    def _targets(self, parts: list[Part]) -> dict[str, Target]:
        config, roles = self.config, list(dict.fromkeys(part.role for part in parts))
        voices = [role for role in roles if not is_background(role) and role != REFERENCE]
        if config.target == "speech":
            return {"speech": Target(tuple(voices), config.room_target), "background": Target(None)}
        if config.target == "talkers":
            return {role: Target((role,), config.room_target) for role in voices} | {"background": Target(None)}
        if config.target == "rest":
            return {"rest": Target(tuple(role for role in roles if role not in ("voice", REFERENCE)))}
        return {"voice": Target(("voice",), config.room_target), "rest": Target(None)}

    def _voices(self, absent: bool, alone: bool, place: Place | None) -> Iterator[Part]:
        config = self.config
        talkers = 1 if alone else self._whole(config.talkers)
        if absent and config.talkers[1] > 1:
            talkers = max(talkers, 2)
        where = stretches(self.rng, talkers, config)
        for number, role in enumerate(self._roles(talkers)):
            spans = self._speaker(first=number == 0)
            speed = self._speed()  # makes another person of somebody, also for who is shown as reference
            if config.with_reference and number == 0:
                spans, clip = self._apart(spans, config.reference * speed)
                clip_length = round(config.reference * config.rate)
                yield from self._fill(clip, [(0, clip_length)], Manner(REFERENCE, speed=speed))
            if number == 0 and absent:
                continue
            gain = 1.0 if number == 0 or config.mode != "snr" else _linear(self._within(config.balance))
            effects = self._effects(config.on_speech)
            yield from self._fill(spans, where[number], Manner(role, gain, speed, self._room(place), effects))

    def _roles(self, talkers: int) -> list[str]:
        config = self.config
        if config.with_reference:
            return ["voice", *(f"talker{k}" for k in range(1, talkers))]
        if config.target == "speech" and config.talkers[1] == 1:
            return ["speech"]
        return [f"talker{k}" for k in range(1, talkers + 1)]

    def _speaker(self, first: bool) -> list[Span]:
        """A talker that does not talk yet: recordings in random order; each one whole."""
        pool = self.pools.speech
        if not self.config.needs_speakers:
            row = pool.by_length(self.rng)
            group = int(pool.group[row])
            rows = self._shuffled(pool.members(group)) if group >= 0 else []
            rows = [row, *(other for other in rows if other != row)]
        else:
            group = self._new_talker(first)
            rows = self._shuffled(pool.members(group))
        self.talking.add(group)
        return [Span(row, 0.0, float(pool.seconds[row])) for row in rows]

    def _new_talker(self, first: bool) -> int:
        """The first one must have something for a reference clip, if there is to be one."""
        able = self.pools.speakers(self.config)
        for _ in range(TRIES):
            group = int(self.rng.choice(able)) if first else int(self.rng.integers(self.pools.speech.groups))
            if group not in self.talking:
                return group
        rest = sorted(set(range(self.pools.speech.groups)) - self.talking)  # few speakers: there is no luck
        if not rest:
            raise BadInput(f"{self.pools.speech.groups} speakers in the lists, and more are to talk at a time.")
        return int(self.rng.choice(rest))

    def _shuffled(self, rows: Numbers) -> list[int]:
        return [int(row) for row in self.rng.choice(rows, min(rows.size, MOST_ROWS), replace=False)]

    def _apart(self, spans: list[Span], need: float) -> tuple[list[Span], list[Span]]:
        """What the voice may use, and what the reference clip of `need` seconds may: never a stretch of the same sound."""
        if len(spans) == 1:
            row, _, end = spans[0]
            if self._happens(0.5):
                return [Span(row, need, end)], [Span(row, 0.0, need)]
            return [Span(row, 0.0, end - need)], [Span(row, end - need, end)]
        clip = [spans.pop()]
        while sum(each.end for each in clip) < need and len(spans) > len(clip):
            clip.append(spans.pop())
        return spans, clip

    def _fill(self, spans: list[Span], where: list[Stretch], manner: Manner) -> Iterator[Part]:
        """Fill the stretches with one recording after the other, pauses between, nothing used twice."""
        rate, left = self.config.rate, list(spans)
        for begin, length in where:
            cursor, end = begin, begin + length
            while left and end - cursor >= USEFUL * rate:
                row, first, last = left.pop(0)
                count = min(end - cursor, int((last - first) / manner.speed * rate))
                used = count * manner.speed / rate
                start = first + float(self.rng.random()) * max(0.0, last - first - used)
                if cursor == begin and count < end - begin:
                    cursor += int(self.rng.random() * min(LEAD * rate, end - begin - count))
                yield self._part(manner, self.pools.speech, row, start, (cursor, count))
                if last - start - used >= 2 * USEFUL:
                    left.append(Span(row, start + used, last))
                cursor += count + round(self._within(PAUSE) * rate)

    def _part(self, manner: Manner, pool: Pool, row: int, start: float, where: Stretch, loop: bool = False) -> Part:
        item = pool.item(row)
        return Part(
            role=manner.role,
            item=item.id,
            path=item.path,
            start=int(start * self.config.rate) / self.config.rate,
            at=where[0],
            length=where[1],
            gain=manner.gain,
            speed=manner.speed,
            room=manner.room,
            effects=manner.effects,
            loop=loop,
            sha256=item.sha256,
        )

    def _background(self, place: Place | None, needed: bool) -> Iterator[Part]:
        """needed: without it there would be nothing at all."""
        config, pools = self.config, self.pools
        kinds = [pools.noise] if self._happens(config.noise) or (needed and config.noise) else []
        kinds += [pools.noise] if kinds and self._happens(config.second_noise) else []
        first = 1.0
        for number, pool in enumerate(kinds, 1):
            assert pool is not None
            yield self._sound(f"noise{number}", pool, first, place)
            first = _linear(self._within(config.noise_balance))
        if self._happens(config.babble):
            yield from self._babble(first, place)
            first = _linear(self._within(config.noise_balance))
        if self._happens(config.music):
            assert pools.music is not None
            yield self._sound("music", pools.music, first, None)

    def _sound(self, role: str, pool: Pool, balance: float, place: Place | None) -> Part:
        row = pool.by_length(self.rng)
        gain = balance if self.config.mode == "snr" else balance * self._within(self.config.amplitude)
        room = self._room(place) if self._happens(self.config.noise_room) else None
        return self._somewhere(Manner(role, gain, self._speed(), room, self._effects(self.config.on_noise)), pool, row)

    def _somewhere(self, manner: Manner, pool: Pool, row: int) -> Part:
        """Any stretch of a recording, long enough for the whole example; a shorter one is repeated."""
        seconds = float(pool.seconds[row])
        spare = seconds - self.config.seconds * manner.speed
        start = float(self.rng.random()) * (spare if spare >= 0 else seconds)
        return self._part(manner, pool, row, start, (0, self.config.samples), loop=spare < 0)

    def _babble(self, balance: float, place: Place | None) -> Iterator[Part]:
        pool, room = self.pools.speech, self._room(place)
        for number in range(1, self._whole(self.config.babble_talkers) + 1):
            rows = [pool.by_length(self.rng) for _ in range(TRIES)]
            row = next((row for row in rows if pool.group[row] not in self.talking), rows[0])
            gain = balance * self._within(BABBLE_LEVEL)
            yield self._somewhere(Manner(f"babble{number}", gain, self._speed(), room), pool, row)

    def _place(self) -> Place:
        rooms = self.pools.rooms
        assert rooms is not None
        rows = rooms.members(int(self.rng.integers(rooms.groups)))
        if not self._happens(self.config.altered_t60):
            return Place(rows, None)
        low, high = self.config.t60
        # In steps: altering takes long, and what was altered before can be used again while it is kept.
        return Place(rows, min(high, max(low, round(round(self._within((low, high)) / T60_STEP) * T60_STEP, 3))))

    def _room(self, place: Place | None) -> Room | None:
        """One of the room's responses, and one of its channels."""
        if place is None:
            return None
        assert self.pools.rooms is not None
        item: Item = self.pools.rooms.item(int(self.rng.choice(place.rows)))
        drr = self._within(self.config.drr) if self._happens(self.config.altered_drr) else None
        return Room(item.id, item.path, int(self.rng.integers(item.channels)), place.t60, drr)


def _linear(decibels: float) -> float:
    return round(10 ** (decibels / 20), 6)
