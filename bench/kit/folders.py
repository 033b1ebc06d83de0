"""The folders that the benchmarks are told of, and where a bundle lies."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def add_folders(parser: argparse.ArgumentParser) -> None:
    """Options --data and --peers, with their environment variables as defaults."""
    shared = ROOT.parent / "shared" / "data"
    data = environment("WINNOW_BENCH_DATA") or (shared if shared.is_dir() else None)
    parser.add_argument("--data", type=Path, default=data, help="the audio (or WINNOW_BENCH_DATA)")
    peers = environment("WINNOW_BENCH_PEERS")
    parser.add_argument("--peers", type=Path, default=peers, help="the peers (or WINNOW_BENCH_PEERS)")


def environment(name: str) -> Path | None:
    """A folder named by an environment variable."""
    return Path(os.environ[name]) if os.environ.get(name) else None


def bundle_folder(model: str) -> Path:
    """The folder of a bundle: itself, or that of a shipped one by name."""
    folder = Path(model)
    return folder if folder.is_dir() else ROOT / "src" / "winnow" / "zoo" / model


def need_speech(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with one line where --data is not given or holds no validation speech."""
    if not args.data or not (args.data / "valid" / "speech").is_dir():
        parser.error("--data (or WINNOW_BENCH_DATA) is a folder that holds valid/speech, valid/noise, valid/rir ...")
