"""Packs: how small, how fast to make and to read, how near to the recordings.

    python bench/packs.py --data FOLDER [--share 40]      rewrites its section of docs/packs.md

Recordings of `train/speech` and `train/noise`, every 40th, at 16 kHz. Times are of the processor, on one thread, so that what else
the machine does is not counted; reading a file of the corpus (Opus, FLAC) is a part of packing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np

from kit import report
from kit.folders import ROOT, add_folders
from winnow.data.items import Item, write_items
from winnow.data.pack import pack
from winnow.data.packing import PackSettings
from winnow.data.shards import read_pack
from winnow.media import probe, read

PAGE = ROOT / "docs" / "packs.md"
RATE = 16000
WAYS = (("opus", 12000), ("opus", 16000), ("opus", 20000), ("opus", 24000), ("opus", 32000), ("flac", 0))
ROOM = 64 * 2**20


def main() -> None:
    """Pack and read in all ways, print, rewrite the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folders(parser)
    parser.add_argument("--share", type=int, default=40, help="every which recording")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        write_items(items(args.data, args.share), folder / "list.jsonl")
        rows = [measured(folder, codec, bit_rate) for codec, bit_rate in WAYS]
    header = (
        "codec",
        "asked for, kbit/s",
        "in all, kbit/s",
        "hours in 64 MiB",
        "packing",
        "PyAV",
        "soundfile",
        "SNR dB",
    )
    text = f"{facts(args.share)}\n\n{report.table(header, rows)}"
    print(text)
    report.rewrite("packs", text, PAGE)


def facts(share: int) -> str:
    """How it was made."""
    made = report.facts(f"python bench/packs.py --data DATA --share {share}", ("av", "soundfile", "soxr"))
    return f'{made} Speeds are times real time of one core. "In all" counts rows, headers and the tar around the sound.'


def items(data: Path, share: int) -> Iterator[Item]:
    """Every so-manieth recording of both kinds."""
    for kind in ("speech", "noise"):
        for path in sorted(p for p in (data / "train" / kind).rglob("*.*") if p.is_file())[::share]:
            info = probe(path)
            samples = round((info.seconds or 1) * RATE)
            yield Item(
                path.stem, str(path.resolve()), kind, path.parent.parent.name, RATE, 1, samples, licence="as stated"
            )


def measured(folder: Path, codec: str, bit_rate: int) -> list[str]:
    """A row of the table."""
    shards = folder / f"{codec}{bit_rate}"
    settings = PackSettings(codec, bit_rate or 24000, RATE)
    begin = time.process_time()
    index = pack(folder / "list.jsonl", shards, settings)
    packing = index.seconds / (time.process_time() - begin)
    kilobits = sum(shard.bytes for shard in index.shards) * 8 / 1000 / index.seconds
    speeds = [index.seconds / reading(shards, blocked) for blocked in (False, True)]
    near = [ratio(record.row["id"], record.samples(), folder) for record in read_pack(shards)]
    return [
        codec,
        f"{bit_rate / 1000:g}" if bit_rate else "",
        f"{kilobits:.1f}",
        f"{ROOM * 8 / 1000 / kilobits / 3600:.1f}",
        f"{packing:.0f}x",
        *(f"{speed:.0f}x" for speed in speeds),
        "exact" if np.isinf(np.median(near)) else f"{np.median(near):.1f}",
    ]


def reading(shards: Path, blocked: bool) -> float:
    """Seconds of the processor to decode all at 16 kHz; blocked: without PyAV."""
    with mock.patch.dict(sys.modules, {"av": None} if blocked else {}):
        begin = time.process_time()
        for record in read_pack(shards):
            record.samples()
        return time.process_time() - begin


_KNOWN: dict[str, np.ndarray] = {}


def ratio(name: str, found: np.ndarray, folder: Path) -> float:
    """Signal to coding noise, dB; infinite where all samples agree at 16 bits."""
    if not _KNOWN:
        from winnow.data.items import read_items

        _KNOWN.update({item.id: read(item.path).resampled(RATE).samples for item in read_items(folder / "list.jsonl")})
    wanted = np.rint(_KNOWN[name] * 32768)
    error = np.square(np.rint(found * 32768) - wanted).sum()
    return float(10 * np.log10(np.square(wanted).sum() / error)) if error else float("inf")


if __name__ == "__main__":
    main()
