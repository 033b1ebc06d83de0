"""What the writers share: recordings by need, seeded draws, and files that appear when they are whole."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from winnow.aside import aside, write_text
from winnow.audio import Audio, Samples
from winnow.data.items import Item, read_items
from winnow.errors import BadInput, BadOption, OutputError, WinnowError

Tell = Callable[[float, float], None]
MADE = "winnow.json"
"""Says in each folder what it was made of, so that the same command goes on and another one is refused."""

_HELD = 64  # recordings kept decoded
_TRIES = 50


def generator(seed: int, number: int) -> np.random.Generator:
    """The random numbers of example `number`."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number])))


def items_of(path: str, kind: str) -> list[Item]:
    """The items of one kind in a list. Raises InputNotFound, BadInput."""
    found = [item for item in read_items(path) if item.kind == kind]
    if not found:
        raise BadInput(f"{path}: no recordings of kind {kind} in this list.")
    return found


class Pool:
    """Recordings of one kind, mono at one rate, decoded when they are asked for, the last ones kept.

    Those that cannot be read are listed in `bad`; more than a twentieth of all raise BadInput.
    """

    def __init__(self, items: Sequence[Item], rate: int) -> None:
        self.items, self.rate = items, rate
        self.bad: dict[str, str] = {}
        self._held: OrderedDict[str, Samples] = OrderedDict()

    def samples(self, item: Item) -> Samples | None:
        """`(time,)` float32, or None for a recording that cannot be read."""
        from winnow.media import read

        if item.path in self._held:
            self._held.move_to_end(item.path)
            return self._held[item.path]
        if item.path in self.bad:
            return None
        try:
            made: Samples = read(item.path).mono().resampled(self.rate).samples[0]
        except WinnowError as error:
            self._leave_out(item, error)
            return None
        self._held[item.path] = made
        if len(self._held) > _HELD:
            self._held.popitem(last=False)
        return made

    def _leave_out(self, item: Item, error: WinnowError) -> None:
        self.bad[item.path] = str(error)
        if len(self.bad) > max(1, len(self.items) // 20):
            raise BadInput(f"{len(self.bad)} of {len(self.items)} recordings could not be read; the last: {error}")


def first_of(tries: Iterator[Any], what: str) -> Any:
    """The first draw that is not None. Raises BadInput after many."""
    for _, found in zip(range(_TRIES), tries, strict=False):
        if found is not None:
            return found
    raise BadInput(f"{what}, tried {_TRIES} times. Give more or longer recordings.")


def claim(folder: Path, settings: dict[str, Any]) -> None:
    """Make the folder and note what goes in. Raises BadOption where it holds something else, OutputError."""
    path = folder / MADE
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if json.loads(path.read_text(encoding="utf-8")) != json.loads(json.dumps(settings)):
                raise BadOption(
                    f"{folder} holds examples made in another way. Give another folder, or remove that one."
                )
        elif any(folder.iterdir()):
            raise BadOption(f"{folder} is not empty. Give another folder.")
        else:
            write_text(path, json.dumps(settings, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Errors of the system become one OutputError."""
    try:
        yield
    except OSError as error:
        if isinstance(error, WinnowError):
            raise
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror}). Free some space, or give another folder."
        ) from None


def write_array(path: Path, values: npt.NDArray[Any]) -> None:
    """A .npy file that appears when it is whole."""
    with aside(path) as part, part.open("wb") as file:
        np.save(file, values)


@contextmanager
def growing_array(path: Path, shape: tuple[int, ...], kind: Any) -> Iterator[Callable[[npt.NDArray[Any]], None]]:
    """A .npy file of `shape` that is written row by row and appears when it is whole; yields what appends a row.

    Not a memory map: on a full disk that would end the process without a word.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with aside(path) as part, part.open("wb") as file:
        about = {"descr": np.lib.format.dtype_to_descr(np.dtype(kind)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, about)
        yield lambda row: _append(file, row, shape[1:], kind)


def _append(file: Any, row: npt.NDArray[Any], shape: tuple[int, ...], kind: Any) -> None:
    file.write(np.ascontiguousarray(row, kind).reshape(shape).tobytes())


def write_sound(path: Path, samples: Samples, rate: int) -> None:
    """A WAV of 32-bit floating point, `(time,)`, as librosa wrote them."""
    from winnow.media import write

    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, Audio(samples, rate), bits=32)
