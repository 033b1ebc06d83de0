"""The log of a run: log.jsonl, one record a line. It needs nothing but Python, so that a run can be looked at anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from winnow.aside import write_text
from winnow.errors import BadInput

NAME = "log.jsonl"
USUAL = ("step", "minutes", "hours_heard", "times_real_time", "learning_rate")
"""What every record holds beside losses or scores."""

Record = dict[str, float]


class Log:
    """Writes records. What a resumed run was told of steps after the one it goes on from is dropped: those come again."""

    def __init__(self, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / NAME
        kept = [record for record in records(path) if record["step"] <= step] if step and path.exists() else []
        write_text(path, "".join(map(line, kept)))
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def write(self, record: Mapping[str, float]) -> None:
        """Add a record; who reads along sees it at once."""
        self._file.write(line(record))
        self._file.flush()

    def close(self) -> None:
        """Write nothing more."""
        self._file.close()


def line(record: Mapping[str, float]) -> str:
    """A record as it stands in the file."""
    return json.dumps({name: round(value, 6) for name, value in record.items()}) + "\n"


def records(path: Path) -> list[Record]:
    """All whole records of a log.jsonl; a last line that is being written is left out. Raises BadInput."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(f"{path.parent}: no {path.name} in this folder, so it is no run of `winnow train`.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise BadInput(f"{path}: cannot be read ({reason.lower()}).") from None
    return parsed(text, path)


def parsed(text: str, path: Path) -> list[Record]:
    """Records from the lines of a log, up to the last line break. Raises BadInput."""
    whole = text[: text.rfind("\n") + 1].splitlines()
    found = []
    for number, each in enumerate(whole, 1):
        try:
            record = json.loads(each)
        except ValueError:
            record = None
        if not isinstance(record, dict) or not isinstance(record.get("step"), (int, float)):
            raise BadInput(f"{path}: line {number} is no record of a training run. Give the folder of a run.")
        found.append({name: float(value) for name, value in record.items() if isinstance(value, (int, float))})
    return found
