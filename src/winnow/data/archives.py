"""Unpack archives so that nothing in them can leave the folder, and nothing half-unpacked has a final name."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import Any

from winnow.errors import BadInput, OutputError, WinnowError

SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".tar", ".zip")
Move = Callable[[float, float], None]
"""Takes bytes of the archive that are done, and its size."""


def is_archive(path: Path) -> bool:
    """Whether `unpack` knows it, by its name."""
    return path.name.lower().endswith(SUFFIXES)


def unpack(archive: Path, folder: Path, move: Move = lambda done, total: None) -> None:
    """Unpack into `folder`; folders that exist are filled up, files of the same name replaced.

    Raises BadInput for an archive that is damaged, or has names that lead out of the folder or links and devices; OutputError.
    """
    aside = folder / f".{archive.name}.unpacking"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        (_unzip if archive.name.lower().endswith(".zip") else _untar)(archive, aside, move)
        _merge(aside, folder)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError, NotImplementedError) as error:
        raise BadInput(f"{archive}: this archive is damaged or not safe to unpack ({error}). Fetch it anew.") from None
    except OSError as error:
        if isinstance(error, WinnowError):
            raise
        if error.strerror is None:  # gzip says so of a file that is none
            raise BadInput(f"{archive}: this archive is damaged ({error}). Fetch it anew.") from None
        raise OutputError(f"{folder}: cannot be unpacked there ({error.strerror}). The same command goes on.") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _untar(archive: Path, folder: Path, move: Move) -> None:
    size = archive.stat().st_size
    with archive.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:*") as tar:
        for member in tar:
            tar.extract(member, folder, **_filter())
            move(raw.tell(), size)


def _filter() -> dict[str, Any]:
    """The filter `data` of PEP 706: no absolute names, none that leave the folder, no devices, no links out of it."""
    if not hasattr(tarfile, "data_filter"):
        raise WinnowError(
            "this Python unpacks archives without care; 3.10.12, 3.11.4, 3.12 and later have what is needed"
        )
    return {"filter": "data"}


def _unzip(archive: Path, folder: Path, move: Move) -> None:
    with zipfile.ZipFile(archive) as zipped:
        size = sum(member.compress_size for member in zipped.infolist())
        done = 0
        for member in zipped.infolist():
            _check_member(archive, member)
            zipped.extract(member, folder)
            done += member.compress_size
            move(done, size)


def _check_member(archive: Path, member: zipfile.ZipInfo) -> None:
    place = PurePosixPath(member.filename.replace("\\", "/"))
    link = (member.external_attr >> 16) & 0o170000 == 0o120000
    if place.is_absolute() or ".." in place.parts or ":" in place.parts[0] or link:
        raise BadInput(f"{archive}: {member.filename} in it leads out of the folder. Nothing was unpacked.")


def _merge(source: Path, target: Path) -> None:
    """Move what is in one folder into another."""
    target.mkdir(exist_ok=True)
    for each in sorted(source.iterdir()):
        goal = target / each.name
        if each.is_dir() and not each.is_symlink() and goal.is_dir():
            _merge(each, goal)
        else:
            os.replace(each, goal)
