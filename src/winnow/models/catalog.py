"""Which bundles there are: those shipped in `winnow/zoo`, and any folder given by its path."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from winnow.errors import UnknownModel
from winnow.models.bundle import Bundle, load_bundle

ZOO = Path(__file__).resolve().parent.parent / "zoo"


def names() -> list[str]:
    """Names of the shipped bundles, sorted."""
    return sorted(p.name for p in ZOO.iterdir() if (p / "manifest.json").exists())


def find(name: str | os.PathLike[str]) -> Bundle:
    """A bundle by name or by the path of its folder.

    Raises UnknownModel with the nearest names, or BundleError when the folder is no bundle.
    """
    text = os.fspath(name)
    if not text:
        raise UnknownModel("the name of the model is empty. `winnow models` lists all.")
    if text in names():
        return load_bundle(ZOO / text)
    if os.sep in text or (os.altsep and os.altsep in text) or Path(text).is_dir():
        if not Path(text).is_dir():
            raise UnknownModel(f"{text}: no such bundle folder. `winnow models` lists the names that ship with winnow.")
        return load_bundle(Path(text))
    raise UnknownModel(f'no model named "{text}". {suggestion(text)}`winnow models` lists all.')


def suggestion(name: str) -> str:
    """`Did you mean A or B? `, or nothing when no name is near."""
    near = difflib.get_close_matches(name, names(), n=3, cutoff=0.4)
    return f"Did you mean {' or '.join(near)}? " if near else ""


def choose(rate: int) -> str:
    """The shipped enhancer for a recording of a sample rate in hertz: 48 kHz keeps what lies above 8 kHz."""
    return "denoise-48k" if rate > 16000 and "denoise-48k" in names() else "denoise-16k"
