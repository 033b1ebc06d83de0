"""`winnow doctor`: whether all is in place on this machine."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import metadata

PACKAGES = ("numpy", "soxr", "av", "onnxruntime", "typer", "rich")
OPTIONAL = (
    "torch",
    "accelerate",
    "onnx",
    "scipy",
    "matplotlib",
    "pesq",
    "pystoi",
    "jiwer",
    "pocketsphinx",
    "speechmos",
)
Finding = tuple[bool, str, str]


def doctor() -> int:
    """winnow doctor

    Say whether all is in place: versions, FFmpeg, ONNX Runtime, and every network, run on its probe.
    Exit code 0 if so, else 1.
    """
    healthy = True
    for good, what, detail in _findings():
        print(f"{'ok  ' if good else 'BAD '} {what:<14} {detail}", flush=True)
        healthy = healthy and good
    print("all is in place" if healthy else "something is missing; the lines with BAD say what")
    return 0 if healthy else 1


def _findings() -> Iterator[Finding]:
    from winnow import __version__
    from winnow.cli.process import cores

    yield True, "winnow", __version__
    yield sys.version_info >= (3, 10), "Python", f"{platform.python_version()} on {platform.platform()}"
    for package in PACKAGES:
        yield _package(package)
    yield _tried("FFmpeg", _ffmpeg)
    yield _tried("ONNX Runtime", _providers)
    yield from _bundles()
    yield True, "cores", f"{cores()} usable of {os.cpu_count()}"
    yield True, "free disk", f"{shutil.disk_usage(os.curdir).free / 1e9:.1f} GB here"
    extras = [f"{name} {version}" for name in OPTIONAL if (version := _version(name))]
    yield True, "optional", ", ".join(extras) or "none"


def _tried(what: str, look: Callable[[], str]) -> Finding:
    """A finding that cannot be made is one too: whatever is wrong, the doctor goes on."""
    try:
        return True, what, look()
    except Exception as error:
        return False, what, " ".join(f"{type(error).__name__}: {error}".split())


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _package(package: str) -> Finding:
    version = _version(package)
    return version is not None, package, version or f"not installed: pip install {package}"


def _ffmpeg() -> str:
    import av

    meta = getattr(av, "ffmpeg_version_info", "version unknown")
    versions = ", ".join(
        f"{name} {'.'.join(map(str, numbers))}" for name, numbers in sorted(av.library_versions.items())[:3]
    )
    licence = getattr(av._core, "library_meta", {}).get("libavcodec", {}).get("license", "licence unknown")
    # FFmpeg may call itself LGPL and still come with encoders that are not.
    copyleft = [name for name in ("libx264", "libx265") if name in av.codecs_available]
    parts = f", with {' and '.join(copyleft)} under the GPL" if copyleft else ""
    return f"{meta} ({versions}; {licence}{parts})"


def _providers() -> str:
    import onnxruntime

    return ", ".join(onnxruntime.get_available_providers())


def _bundles() -> Iterator[Finding]:
    from winnow.models import catalog

    names = catalog.names()
    if not names:
        yield False, "networks", "none is installed; install winnow again"
    for name in names:
        yield _network(name)


def _network(name: str) -> Finding:
    from winnow.cli.look import checked
    from winnow.errors import WinnowError
    from winnow.models import catalog

    try:
        good, verdict = checked(catalog.find(name))
    except WinnowError as error:
        return False, name, str(error)
    return good, name, verdict
