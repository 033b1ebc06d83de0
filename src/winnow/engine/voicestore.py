"""Enrolled voices: one small JSON file each, with a vector and never with sound, in the user's folder for data."""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
from dataclasses import dataclass
from dataclasses import replace as replaced
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from winnow.aside import write_text
from winnow.engine.reference import Voice
from winnow.errors import BadInput, BadOption, OutputError
from winnow.models.voices import JoinedVoice, VoiceEncoder, default_encoder

SCHEMA = 1
_NAME = re.compile(r"\w[\w .-]{0,62}\w|\w")
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{k}" for port in ("com", "lpt") for k in range(1, 10))}


@dataclass(frozen=True, eq=False)
class Enrolled:
    """A voice of the store; references: names of the files it was made of, without their folders; enrolled: the date."""

    name: str
    voice: Voice
    references: tuple[str, ...]
    enrolled: str


def folder() -> Path:
    """Where voices are kept: WINNOW_VOICES, or `winnow/voices` where the system keeps the data of programs."""
    chosen = os.environ.get("WINNOW_VOICES")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or "~/AppData/Roaming"
    elif sys.platform == "darwin":
        base = "~/Library/Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "winnow" / "voices"


def checked(name: str) -> str:
    """The name without a leading @. Raises BadOption for one that cannot be the name of a file everywhere."""
    plain = name.removeprefix("@")
    if not _NAME.fullmatch(plain) or plain.casefold().split(".")[0] in _RESERVED:
        raise BadOption(
            f"{name!r} cannot be the name of a voice. Take letters and digits, and - _ . or spaces between them."
        )
    return plain


def names() -> list[str]:
    """The names of all enrolled voices, sorted."""
    home = folder()
    found = home.glob("*.json") if home.is_dir() else ()
    return sorted((path.stem for path in found if not path.name.startswith(".")), key=str.casefold)


def check_free(name: str) -> None:
    """Raises BadOption where there is a voice of that name."""
    if (folder() / f"{checked(name)}.json").exists():
        raise BadOption(f"there is a voice named {checked(name)!r} already. Add --replace, or choose another name.")


def save(name: str, voice: Voice, references: tuple[str, ...] = (), replace: bool = False) -> Path:
    """Keep a voice; the file is written aside first. Raises BadOption where the name is taken, OutputError."""
    path = folder() / f"{checked(name)}.json"
    if not replace:
        check_free(name)
    described = {
        "schema": SCHEMA,
        "name": checked(name),
        "encoder": voice.encoder,
        "seconds": round(voice.seconds, 2),
        "enrolled": date.today().isoformat(),
        "references": [os.path.basename(reference) for reference in references],
        "vector": [round(float(value), 7) for value in voice.vector],
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}). Name a folder for voices with WINNOW_VOICES."
        ) from None
    write_text(path, json.dumps(described, ensure_ascii=False) + "\n")
    return path


def read(name: str) -> Enrolled:
    """An enrolled voice. Raises BadOption for an unknown name, with the nearest ones; BadInput for a damaged file."""
    path = folder() / f"{checked(name)}.json"
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadOption(_unknown(checked(name))) from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read ({error}). Enrol {name} again.") from None
    return _parsed(described, path)


def _parsed(described: Any, path: Path) -> Enrolled:
    try:
        if described["schema"] != SCHEMA:
            raise ValueError(f"schema {described['schema']}")
        vector = np.array(described["vector"], np.float32)
        length = float(np.linalg.norm(vector))
        if vector.ndim != 1 or not np.isfinite(length) or length == 0:
            raise ValueError("its vector is none")
        voice = Voice(vector / np.float32(length), float(described["seconds"]), str(described["encoder"]))
        return Enrolled(str(described["name"]), voice, tuple(described["references"]), str(described["enrolled"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path}: this is no enrolled voice ({error}). Enrol it again.") from None


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, names(), n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Enrol it first: winnow voices enrol {name} recording.wav"
    return f"no enrolled voice named {name!r}. {hint}"


def load(name: str, encoder: VoiceEncoder) -> Voice:
    """The voice of that name for an encoder. Raises BadOption, also where another one made it; BadInput."""
    voice = read(name).voice
    if voice.encoder == encoder.identity:
        return voice
    usual = default_encoder()  # of two; a network may have been trained with one of them
    if isinstance(usual, JoinedVoice) and voice.encoder == usual.identity:
        vector = usual.part(voice.vector, encoder.identity)
        if vector is not None:
            return replaced(voice, vector=vector, encoder=encoder.identity)
    raise BadOption(
        f"{checked(name)!r} was enrolled with {voice.encoder}, not with {encoder.identity}, which is used now. "
        f"Enrol it again: winnow voices enrol {checked(name)} recording.wav --replace"
    )


def forget(name: str) -> None:
    """Remove a voice. Raises BadOption for an unknown name, OutputError."""
    path = folder() / f"{checked(name)}.json"
    try:
        path.unlink()
    except FileNotFoundError:
        raise BadOption(_unknown(checked(name))) from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed ({error.strerror}).") from None
