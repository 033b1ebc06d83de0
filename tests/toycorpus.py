"""A corpus of synthetic sounds with its lists, for the tests of mixing: four talkers, noise long and short, music, two rooms."""

import numpy as np

from speechlike import RATE, hiss, store, talk
from winnow.data.items import Item, write_items
from winnow.data.pools import build_pools


def item(path, name, kind, samples, rate=RATE, **facts):
    return Item(name, str(path), kind, "toy", rate, samples.shape[0], samples.shape[1], **facts)


def decaying(t60, seed, rate=RATE):
    """A response `(2, time)`: the direct sound 5 ms after the beginning, then noise that falls by 60 dB in `t60` seconds."""
    time = np.arange(round(t60 * rate)) / rate
    tail = np.random.default_rng(seed).standard_normal((2, time.size)) * 10 ** (-3 * time / t60) * 0.05
    tail[:, : rate // 200] = 0
    tail[:, rate // 200] = 1
    return tail.astype(np.float32)


def speech_rows(folder, talkers=4, each=3, seconds=(1.2, 2.5, 6.0)):
    rows = []
    for who in range(talkers):
        for k in range(each):
            samples = talk(seconds[k % len(seconds)] + 0.1 * who, seed=10 * who + k)
            path = store(folder / f"talker {who}" / f"{k}.wav", samples)
            rows.append(item(path, f"t{who}/{k}", "speech", samples, speaker=f"s{who}"))
    return rows


def noise_rows(folder):
    rows = []
    for name, seconds, seed in (("long", 9.0, 1), ("wide", 5.0, 2), ("short", 0.7, 3)):
        samples = hiss(seconds, seed)
        rows.append(item(store(folder / f"{name}.wav", samples), name, "noise", samples))
    tune = 0.2 * np.sin(2 * np.pi * 440 * np.arange(6 * RATE) / RATE)[None].astype(np.float32)
    rows.append(item(store(folder / "tune.wav", tune), "tune", "music", tune))
    return rows


def room_rows(folder):
    rows = []
    for name, t60 in (("hall", 0.5), ("cell", 0.25)):
        samples = decaying(t60, seed=len(name))
        rows.append(item(store(folder / f"{name}.wav", samples), name, "room", samples, room=name))
    return rows


def make_lists(folder):
    """Write the sounds and the lists `speech.jsonl`, `noise.jsonl` (with a row of music) and `rooms.jsonl`; their paths by role."""
    made = {
        "speech": speech_rows(folder / "speech"),
        "noise": noise_rows(folder / "noise"),
        "rooms": room_rows(folder / "rooms"),
    }
    for role, rows in made.items():
        write_items(rows, folder / f"{role}.jsonl")
    return {role: str(folder / f"{role}.jsonl") for role in made}


def pools_of(lists):
    return build_pools([lists["speech"]], [lists["noise"]], [lists["noise"]], [lists["rooms"]])
