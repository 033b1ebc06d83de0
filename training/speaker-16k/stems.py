"""Recordings of known talkers as a network leaves them that takes two apart: what the encoder of voices hears in use.

python stems.py LISTS OUT      LISTS as ../lists.sh makes them; writes OUT/stems.jsonl, for `winnow train speaker --speech`

Everybody is heard with two others, at -5 to 5 dB, some in noise, some in a room. A stem that is not clearly one of theirs is
left out.
"""

import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from winnow.audio import Audio
from winnow.data.items import Item, read_items
from winnow.engine.bodies import WindowBody
from winnow.engine.conversation.passes import network_of
from winnow.errors import WinnowError
from winnow.media import read
from winnow.metrics.sdr import si_sdr
from winnow.models.catalog import find

RATE, LEVEL = 16000, 0.05
LONGEST, MOST = 12 * RATE, 40 * RATE  # of a mixture, and of a talker's recordings in each round
ROUNDS, CLEARLY = 2, 3.0  # dB


def sound(item: Item) -> np.ndarray | None:
    """`(time,)`."""
    try:
        return read(item.path).mono().resampled(RATE).samples[0]
    except WinnowError:
        return None


def levelled(samples: np.ndarray, level: float) -> np.ndarray:
    """With this root mean square."""
    return samples * (level / max(float(np.sqrt(np.mean(np.square(samples)))), 1e-6))


lists, out = map(Path, sys.argv[1:])
out.mkdir(parents=True, exist_ok=True)
speech, noises, rooms = (
    [i for i in read_items(lists / f"train-{kind}.jsonl")] for kind in ("speech", "noise", "rooms")
)
talkers = defaultdict(list)
for item in speech:
    talkers[item.corpus, item.speaker].append(item)
network = network_of(find("talkers-16k"))
rng, rows = np.random.default_rng(0), []
for turn in range(ROUNDS):
    parts = []
    for name in talkers:
        left = MOST
        for number in rng.permutation(len(talkers[name])):
            heard = sound(talkers[name][number])
            if heard is None or left <= 0:
                continue
            parts += [(name, heard[k : k + LONGEST]) for k in range(0, min(heard.size, left) - 2 * RATE, LONGEST)]
            left -= heard.size
    order = [parts[k] for k in rng.permutation(len(parts))]
    for number, pair in enumerate(list(pairwise(order))[::2]):
        if pair[0][0] == pair[1][0]:
            continue
        size = min(part.size for _, part in pair)
        both = np.stack([levelled(part[:size], LEVEL * 10 ** (rng.uniform(-2.5, 2.5) / 20)) for _, part in pair])
        if rng.random() < 0.25:
            room = sound(rooms[rng.integers(len(rooms))])
            if room is not None:
                both = np.stack([levelled(fftconvolve(part, room)[:size], LEVEL) for part in both])
        mixture = both.sum(axis=0)
        if rng.random() < 0.4:
            noise = sound(noises[rng.integers(len(noises))])
            if noise is not None and noise.size:
                mixture = mixture + levelled(np.resize(noise, size), LEVEL * 10 ** (-rng.uniform(3, 25) / 20))
        body = WindowBody(network.separator, 1, RATE, True, 0.0)
        made = [body.feed(mixture[None].astype(np.float32)).stems, body.flush().stems]
        stems = np.concatenate(made, axis=2)[: network.talkers, 0]
        like = np.array([[si_sdr(part, stem) or -99.0 for part in both] for stem in stems])
        for stem, row in zip(stems, like, strict=True):
            if row.max() - row.min() < CLEARLY:
                continue
            corpus, speaker = pair[int(row.argmax())][0]
            path = out / f"{len(rows):05d}.flac"
            Audio(levelled(stem, LEVEL)[None], RATE).save(path)
            rows.append(Item(path.stem, path.name, "speech", corpus, RATE, 1, size, speaker=speaker))
        if number % 50 == 0:
            print(f"round {turn + 1}: {number} of {len(order) // 2} mixtures, {len(rows)} stems", flush=True)
(out / "stems.jsonl").write_text("".join(row.to_json() + "\n" for row in rows), encoding="utf-8")
