"""How fast examples are mixed, on the fly and written out, and what a list of a million rows takes; pictures of each kind.

    python bench/mixing.py --speech LIST --noise LIST --rooms LIST [--music LIST]     rewrites docs/mixing.md and its pictures
    python bench/mixing.py ... --only loader --steps 4                               a quick look; prints only

Lists are those of `winnow data scan`. Needs a quiet machine: the figures are of two cores that do nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kit import report
from winnow.data.draw import draw
from winnow.data.engines import open_engine
from winnow.data.loader import Loader
from winnow.data.pools import Pools, build_pools
from winnow.data.presets import PRESETS, MixConfig, find_preset
from winnow.data.recordings import Recordings
from winnow.data.sets import Recipe, prepare, write

PAGE = Path(__file__).parents[1] / "docs" / "mixing.md"
PICTURES = PAGE.parent / "pictures"
PARTS = ("loader", "written", "rows", "pictures")
BATCH, AHEAD = 16, 2
WIDTH, COLOURS = 620, 48  # of the pictures
HEADER = ("examples", "examples/s", "x real time", "x real time of one core's processor time")


def main() -> None:
    """Measure, print, and rewrite the page where the run was a whole one."""
    args = arguments()
    pools = build_pools(args.speech, args.noise, args.music, args.rooms)
    makers: dict[str, Callable[[Pools, argparse.Namespace], str]] = {
        "loader": loader, "written": written, "rows": million, "pictures": pictures
    }  # fmt: skip
    texts = []
    for part in args.only:
        texts.append(makers[part](pools, args))
        print(texts[-1], flush=True)
    if args.only == list(PARTS) and args.steps == args.usual_steps:
        facts = report.facts("python bench/mixing.py", ["numpy", "av", "soxr"])
        report.rewrite("throughput", "\n\n".join([*texts[:-1], facts]), PAGE)
        report.rewrite("pictures", texts[-1], PAGE)
    else:
        print("\nA partial run: docs/mixing.md is left as it is.")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for role in ("speech", "noise", "rooms", "music"):
        parser.add_argument(f"--{role}", action="append", default=[], metavar="LIST")
    parser.add_argument("--only", default=",".join(PARTS), help="default: %(default)s")
    parser.add_argument("--presets", default="denoise,dereverb,unet,talkers,voice", help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=16, help="batches of 16 of each figure")
    args = parser.parse_args()
    args.usual_steps = parser.get_default("steps")
    args.only = args.only.split(",")
    return args


def setting(name: str, pools: Pools) -> MixConfig:
    """A preset, without music where there is no list of it."""
    return find_preset(name, [] if pools.music is not None else ["music=0"])


def loader(pools: Pools, args: argparse.Namespace) -> str:
    """On the fly, after every recording has been decoded once, with no, one and two workers."""
    rows = []
    for name in args.presets.split(","):
        config = setting(name, pools)
        recordings = Recordings(4000)
        warm = Loader(config, pools, BATCH, seed=1, recordings=recordings)
        for step in range(args.steps + AHEAD + 1):  # decodes, and alters rooms
            warm(step)
        for workers in (0, 1, 2):
            with Loader(config, pools, BATCH, 1, workers, AHEAD, recordings=recordings) as load:
                spent = _timed(lambda: [load(step) for step in range(args.steps)])
            rows.append(_row(f"{name}, {workers} workers", config, spent, args))
    return "On the fly, recordings decoded before:\n\n" + report.table(HEADER, rows)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of this process's processor time."""
    begun, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - used


def _row(
    what: str, config: MixConfig, spent: tuple[float, float], args: argparse.Namespace, count: int = 0
) -> list[str]:
    count = count or args.steps * BATCH
    sound = count * config.samples / config.rate
    alone = f"{sound / spent[1]:.0f}" if spent[1] else ""
    return [what, f"{count / spent[0]:.0f}", f"{sound / spent[0]:.0f}", alone]


def written(pools: Pools, args: argparse.Namespace) -> str:
    """Sets of 16-bit WAV, recordings decoded on the way; the time of starting processes is part of it."""
    rows, config, count = [], setting("denoise", pools), args.steps * BATCH
    for title, engine, options in (
        ("1 process", "local", {"jobs": 1}),
        ("2 processes", "local", {"jobs": 2}),
        ("Spark, local[2]", "spark", {"master": "local[2]"}),
    ):
        with tempfile.TemporaryDirectory() as folder, open_engine(engine, **options) as ready:
            recipe = Recipe(config, count, seed=1)
            prepare(Path(folder) / "set", recipe, pools)
            spent = _timed(lambda: write(Path(folder) / "set", recipe, pools, ready))  # noqa: B023
        rows.append(_row(f"denoise, {title}", config, spent if title == "1 process" else (spent[0], 0.0), args, count))
    return f"Written out, {count} examples, recordings decoded on the way:\n\n" + report.table(HEADER, rows)


MILLION = r"""
import re, sys, time
import numpy as np
from winnow.data.pools import build_pool
peak = lambda: int(re.search(r"VmHWM:\s*(\d+)", open("/proc/self/status").read())[1]) / 1024
before = peak()
begun = time.perf_counter()
pool = build_pool([sys.argv[1]], "speech")
spent = time.perf_counter() - begun
pool.groups, pool.by_length(np.random.default_rng(0)), pool.item(999_999)
after = peak()
arrays = (pool.source, pool.place, pool.seconds, pool.group, pool._sorted, pool._bounds, pool._until)
begun = time.perf_counter()
rng = np.random.default_rng(1)
for _ in range(1000): pool.item(pool.by_length(rng))
drawn = (time.perf_counter() - begun) / 1000
size = sum(a.nbytes for a in arrays) / 2**20
print(f"| {spent:.0f} s | {size:.0f} MB | {before:.0f} MB | {after:.0f} MB | {drawn * 1e6:.0f} us |")
"""


def million(pools: Pools, args: argparse.Namespace) -> str:
    """A list of a million rows in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "million.jsonl")
        row = json.loads(pools.speech.item(0).to_json())
        with open(path, "w", encoding="utf-8") as file:
            for number in range(1_000_000):
                row |= {"id": f"row/{number:07d}", "speaker": f"s{number % 20_000}"}
                file.write(json.dumps(row) + "\n")
        made = subprocess.run([sys.executable, "-c", MILLION, path], capture_output=True, text=True, check=True)
    head = "| reading it | its arrays | process before | process at most | drawing a row |\n|---:|---:|---:|---:|---:|"
    return f"A list of a million rows:\n\n{head}\n{made.stdout.strip()}"


def pictures(pools: Pools, args: argparse.Namespace) -> str:
    """One example of each preset, the first in which there is most to see."""
    from winnow.data.show import made, picture

    PICTURES.mkdir(exist_ok=True)
    parts, recordings = [], Recordings()
    for name in PRESETS:
        config = setting(name, pools)
        example = max((draw(number, config, pools, 1) for number in range(12)), key=lambda one: len(one.roles))
        stems, lines = made(example, recordings)
        _store(picture(example, stems), PICTURES / f"example-{name}.png")
        heard = ", ".join(example.roles)
        told = next(line.strip() for line in lines if "speech to background" in line)
        parts.append(
            f"**{name}**: {heard}; {told}\n\n![the stems of one example of {name}](pictures/example-{name}.png)"
        )
    return "\n\n".join(parts)


def _store(png: bytes, path: Path) -> None:
    import io

    from PIL import Image

    image = Image.open(io.BytesIO(png)).convert("RGB")
    image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
