"""Disk taken by an installed package and all it depends on."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

OWN = ("pip", "setuptools", "wheel", "_distutils_hack", "distutils-precedence", "pkg_resources")


def install(project: Path, scratch: Path | None = None) -> dict[str, float]:
    """MB of each entry of site-packages after `pip install project` into a fresh environment."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", str(project)], check=True)
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        site = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout.strip()
        return entries(Path(site))


def entries(site: Path) -> dict[str, float]:
    """MB on disk of each entry of a folder (what a file occupies, as `du` counts), pip and setuptools left out."""
    wanted = [entry for entry in site.iterdir() if not entry.name.startswith(OWN)]
    return {entry.name: occupied(entry) / 1e6 for entry in wanted}


def occupied(path: Path) -> int:
    """Bytes on disk of a file or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(blocks(file) for file in files)


def blocks(file: Path) -> int:
    """Bytes that a file occupies; its length where the system does not say."""
    status = file.lstat()
    return getattr(status, "st_blocks", 0) * 512 or status.st_size
