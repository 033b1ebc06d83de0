"""The C++ of this package, compiled with the C++ compiler of the machine and loaded."""

from __future__ import annotations

import ctypes
import functools
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

FLAGS = "-O3 -std=c++17 -fPIC -fopenmp -w -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mamx-tile -mamx-bf16"
NEEDED = ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_bf16", "amx_tile", "amx_bf16")
"""What the processor must have, as Linux names it."""


class Unavailable(Exception):
    """Why there is none on this machine."""


@functools.cache
def library() -> ctypes.CDLL:
    """The compiled functions. Raises Unavailable."""
    if missing := lacking():
        raise Unavailable(missing)
    compiler = shutil.which("g++") or ""
    with tempfile.TemporaryDirectory(prefix="winnow-native-") as folder:
        unit, made = Path(folder) / "bandsplit.o", Path(folder) / "bandsplit.so"
        _run([compiler, *FLAGS.split(), "-c", str(Path(__file__).with_name("bandsplit.cpp")), "-o", str(unit)])
        _run([compiler, "-shared", str(unit), "-o", str(made), *_threads()])
        try:
            loaded = ctypes.CDLL(str(made))
        except OSError as problem:
            raise Unavailable(str(problem)) from None
    if not loaded.prepare():
        raise Unavailable("the kernel does not let processes use AMX")
    return loaded


def lacking() -> str:
    """What this machine has not that it takes; nothing if it has all."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return "they are for Linux on x86-64"
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\nflags")[2].partition("\n")[0].split()
    except OSError:
        return "what the processor can do cannot be read"
    if missing := [name for name in NEEDED if name not in flags]:
        return f"the processor has no {missing[0]}"
    return "" if shutil.which("g++") else "there is no C++ compiler (g++)"


def _threads() -> list[str]:
    """PyTorch's own OpenMP, so that there is one set of threads, not two that wait for each other's processors."""
    import torch

    found = sorted(Path(torch.__file__).with_name("lib").glob("libgomp*"))
    return [str(found[0])] if found else ["-fopenmp"]


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as problem:
        raise Unavailable(str(problem)) from None
    if done.returncode:
        raise Unavailable(f"the C++ compiler says: {done.stderr.strip().partition(chr(10))[0]}")
