"""Draw the fixed mixtures of voices: writes bench/lists/talkers.jsonl and bench/lists/voice.jsonl.

    python bench/make_sets.py --data FOLDER

The draw is that of `winnow data mix` over the validation part of FOLDER, a tree with MANIFEST.csv, and depends on the seed and on
the files alone. Speakers: LibriSpeech and VCTK. The 8 kHz recordings are left out, since a voice that ends at 4 kHz is told from
another one too easily, and so is RAVDESS (acted, two sentences, non-commercial). Noise with voices in it (children playing, street
music) is left out. Draws are taken in turn and passed over where the two voices are not of the pair wanted next (both lower,
both higher, one of each, by median pitch), or where a voice had its turn too often.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from kit.fixed import Fixed, moved, write_set
from kit.pitch import median_pitch, side
from kit.sound import read
from winnow.data.corpora.tree import CORPUS
from winnow.data.draw import draw
from winnow.data.example import Example, Target
from winnow.data.items import Item, read_items, write_items
from winnow.data.pools import Pools, build_pools
from winnow.data.presets import MixConfig, find_preset
from winnow.data.scan import Options, scan

SEED = 20250
PAIRS = ("lower", "higher", "different")
EACH = 18  # mixtures of each condition; a third of them of each pair
FEWER = 12  # of the voice absent, and of the voice alone
SPEAKERS = ("librispeech", "vctk")
WITH_VOICES = ("children_playing", "street_music")
TWO = dict(
    room_target="whole", talkers=(2, 2), overlap="full", speed_chance=0.0, noise=0.0, room=0.0, level=(-25.0, -25.0)
)
NOISY = {"noise": 1.0, "snr": (0.0, 10.0)}
TALKERS = replace(find_preset("talkers"), **TWO, balance=(-5.0, 0.0))  # type: ignore[arg-type]
VOICE = replace(find_preset("voice"), **TWO, balance=(-5.0, 5.0), absent=0.0, alone=0.0)  # type: ignore[arg-type]
SETS: dict[str, dict[str, tuple[MixConfig, int]]] = {
    "talkers": {
        "clean": (TALKERS, EACH),
        "noisy": (replace(TALKERS, **NOISY), EACH),  # type: ignore[arg-type]
        "reverberant": (replace(TALKERS, room=1.0), EACH),
        "partial": (replace(TALKERS, overlap="partial", overlap_share=(0.2, 0.6)), EACH),
    },
    "voice": {
        "clean": (VOICE, EACH),
        "noisy": (replace(VOICE, **NOISY), EACH),  # type: ignore[arg-type]
        "rooms": (replace(VOICE, room=1.0), EACH),
        "absent": (replace(VOICE, absent=1.0), FEWER),
        "alone": (replace(VOICE, alone=1.0), FEWER),
    },
}
APART = {
    "voice": Target(("voice",)),
    "other": Target(("talker1",)),
    "background": Target(None),
}
"""Stems of the set voice: the other talker apart from the noise, to tell which of the two comes out."""


def main() -> None:
    """Scan, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds MANIFEST.csv, valid/speech ...")
    data = parser.parse_args().data
    for name in SETS:
        write_set(name, make(data, name))


def make(data: Path, name: str) -> list[Fixed]:
    """A whole set."""
    with tempfile.TemporaryDirectory() as folder:
        pools, sides = pools_of(data, Path(folder))
        found: list[Fixed] = []
        for number, (condition, (config, count)) in enumerate(SETS[name].items()):
            drawn = examples(config, pools, SEED + number)
            for example, pair in chosen(drawn, count, sides, condition):
                plain = moved(example, lambda path: os.path.relpath(path, data))
                plain = replace(plain, parts=tuple(replace(part, sha256=None) for part in plain.parts))
                plain = replace(plain, targets=APART) if name == "voice" else plain
                found.append(Fixed(f"{name}-{condition}-{len(found):03d}", condition, pair, plain))
    return found


def pools_of(data: Path, folder: Path) -> tuple[Pools, dict[str, str]]:
    """Pools of the validation part, and the class of each speaker."""
    scan(CORPUS, data, folder / "all.jsonl", Options(checksum=False))
    items = [item for item in read_items(folder / "all.jsonl") if item.split == "valid"]
    kinds: dict[str, Callable[[Item], bool]] = {
        "speech": lambda item: item.corpus in SPEAKERS and item.rate == 16000,
        "noise": lambda item: item.label not in WITH_VOICES,
        "room": lambda item: True,
    }
    for kind, wanted in kinds.items():
        write_items((item for item in items if item.kind == kind and wanted(item)), folder / f"{kind}.jsonl")
    speech = list(read_items(folder / "speech.jsonl"))
    sides = {str(item.speaker): side(median_pitch(read(Path(item.path)))) for item in speech}
    lists = [[str(folder / f"{kind}.jsonl")] for kind in kinds]
    return build_pools(lists[0], lists[1], rooms=lists[2]), sides


def examples(config: MixConfig, pools: Pools, seed: int) -> Iterator[Example]:
    """One draw after the other."""
    number = 0
    while True:
        yield draw(number, config, pools, seed)
        number += 1


def chosen(
    drawn: Iterator[Example], count: int, sides: dict[str, str], condition: str
) -> Iterator[tuple[Example, str]]:
    """Draws of the pair wanted next, whose first voice was not first more often than others must be."""
    used: Counter[str] = Counter()
    most = -(-count // max(1, len(sides) // 2))
    taken = 0
    for example in drawn:
        names = voices(example)
        pair = sides[names[0]] if len({sides[name] for name in names}) == 1 else "different"
        wanted = PAIRS[taken % len(PAIRS)]
        if (pair != wanted and condition not in ("absent", "alone")) or used[names[0]] >= most:
            continue
        used[names[0]] += 1
        taken += 1
        yield example, pair
        if taken == count:
            return


def voices(example: Example) -> list[str]:
    """The speakers, the chosen one first (as the reference tells where the voice is absent)."""
    parts = [part for part in example.parts if part.role.startswith(("reference", "voice", "talker"))]
    return list(dict.fromkeys(Path(part.path).parent.name for part in parts))


if __name__ == "__main__":
    main()
