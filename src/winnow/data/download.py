"""Fetch the files of a corpus: resumed where it stopped, checked, and unpacked without leaving the folder."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from winnow.aside import write_text
from winnow.data.archives import is_archive, unpack
from winnow.data.corpora.base import Corpus, Download
from winnow.errors import BadInput, BadOption, OutputError, WinnowError

BLOCK = 1 << 18
TIMEOUT = 60.0  # seconds without a byte
ATTEMPTS = 6  # in a row without a single byte more
RECORD = ".winnow-downloads.json"  # what is done, in the folder
Tell = Callable[[str, float, float], None]
"""Takes what is done (a name), bytes done, and bytes in all or 0."""


class DownloadFailed(WinnowError, OSError):
    """A file could not be fetched: no network, refused, gone, or not what its publisher says it is."""


@dataclass(frozen=True)
class Options:
    """keep: archives, after they are unpacked. pause: seconds before the second attempt, doubled for each further one."""

    keep: bool = False
    pause: float = 1.0


def choose(corpus: Corpus, parts: Sequence[str]) -> list[Download]:
    """The files of these parts, all for none. Raises BadInput for a corpus that nobody may simply fetch, BadOption."""
    if not corpus.downloads:
        how = corpus.how or f"See {corpus.home}." if corpus.home else "It is a folder of your own."
        raise BadInput(f"{corpus.name} cannot be fetched by winnow. {how}")
    known = [each.part for each in corpus.downloads]
    for part in parts:
        if part not in known:
            raise BadOption(f'{corpus.name} has no part "{part}"; there are {", ".join(known)}.')
    return [each for each in corpus.downloads if not parts or each.part in parts]


def fetch_all(
    corpus: Corpus, parts: Sequence[str], folder: Path, tell: Tell, options: Options = Options()
) -> list[Path]:
    """Fetch and unpack parts of a corpus into `folder`; parts that are there already are left alone.

    Raises BadInput, BadOption, DownloadFailed, OutputError.
    """
    wanted = choose(corpus, parts)
    _make(folder)
    fetched = []
    for each in wanted:
        done = _record(folder)
        if done.get(each.url) is None:
            fetched.append(_fetch_one(each, folder, tell, options))
            _remember(folder, {**_record(folder), each.url: each.part})
    return fetched


def _fetch_one(each: Download, folder: Path, tell: Tell, options: Options) -> Path:
    path = fetch(each, folder, tell, options)
    if is_archive(path):
        unpack(path, folder, lambda done, total: tell(f"unpacking {path.name}", done, total))
        if not options.keep:
            path.unlink()
    return path


def fetch(each: Download, folder: Path, tell: Tell, options: Options = Options()) -> Path:
    """Fetch one file; what an earlier attempt left in `.NAME.part` is gone on with, if the server's file is still the same.

    Raises DownloadFailed, OutputError.
    """
    path = folder / name_of(each.url)
    if path.exists():
        check(path, each, tell)
        return path
    part = folder / f".{path.name}.part"
    with _writing(part):
        _need_room(each, part, folder)
        _persist(each, part, tell, options)
        check(part, each, tell)
        part.replace(path)
        _tag(part).unlink(missing_ok=True)
    return path


def name_of(url: str) -> str:
    """The file name that an address ends with. Raises BadInput."""
    name = urllib.parse.unquote(urllib.parse.urlsplit(url).path).rsplit("/", 1)[-1].rsplit("\\", 1)[-1]
    if name in ("", ".", ".."):
        raise BadInput(f"{url}: this address names no file.")
    return name


def check(path: Path, each: Download, tell: Tell) -> None:
    """Compare size and checksum with those of the publisher; what is wrong is removed. Raises DownloadFailed."""
    size = path.stat().st_size
    if each.size and size != each.size:
        path.unlink()
        raise DownloadFailed(f"{each.url}: has {size} bytes and should have {each.size}. It was removed; try again.")
    if each.checksum is None:
        return
    kind, _, wanted = each.checksum.partition(":")
    digest = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file:
        for done, block in enumerate(iter(lambda: file.read(1 << 20), b""), 1):
            digest.update(block)
            tell(f"checking {name_of(each.url)}", min(done << 20, size), size)
    if digest.hexdigest() != wanted:
        path.unlink()
        raise DownloadFailed(f"{each.url}: its {kind} is not the publisher's. It was removed; try again.")


def _persist(each: Download, part: Path, tell: Tell, options: Options) -> None:
    """Go on until the file is whole; as long as attempts bring bytes, a connection may break as often as it likes."""
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _attempt(each, part, tell)
            return
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            _raise_if_final(error, each.url)
            failures = 1 if part.exists() and part.stat().st_size > before else failures + 1
            if failures >= ATTEMPTS or _offline(error):
                raise DownloadFailed(
                    f"{each.url}: {_reason(error)}. The same command goes on where it stopped."
                ) from None
            time.sleep(options.pause * 2 ** (failures - 1))


def _attempt(each: Download, part: Path, tell: Tell) -> None:
    """One request, from where `part` ends. Raises what urllib raises, and http.client.IncompleteRead."""
    done, tag = (part.stat().st_size, _tag_of(part)) if part.exists() else (0, None)
    if done and tag is None and each.checksum is None:
        done = 0  # nothing would tell whether the server's file is still the same
    with _opened(each.url, done, tag) as answer:
        if answer is None:  # nothing is left to fetch
            return
        going_on = answer.status == http.HTTPStatus.PARTIAL_CONTENT and _begins_at(answer) == done
        begin = done if going_on else 0
        _save_tag(part, answer)
        whole = begin + int(answer.headers.get("Content-Length") or 0) if answer.headers.get("Content-Length") else 0
        with part.open("ab" if going_on else "wb") as file:
            _copy(answer, file, begin, whole, lambda so_far: tell(name_of(each.url), so_far, whole or each.size))
    if whole and part.stat().st_size < whole:
        raise http.client.IncompleteRead(b"", whole - part.stat().st_size)


def _copy(answer: Any, file: Any, begin: int, whole: int, tell: Callable[[int], None]) -> None:
    so_far = begin
    while block := answer.read(BLOCK):
        try:
            file.write(block)
            file.flush()
        except OSError as error:
            raise _NoRoom(error.errno, error.strerror) from None
        so_far += len(block)
        tell(so_far)


class _NoRoom(OSError):
    """Writing failed, which another attempt does not mend."""


@contextmanager
def _opened(url: str, done: int, tag: str | None) -> Iterator[Any]:
    """The answer to a request for the bytes from `done` on; None where there are none left."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise BadInput(f"{url}: only http and https addresses are fetched.")
    headers = {"User-Agent": "winnow", "Accept-Encoding": "identity"}
    if done:
        headers |= {"Range": f"bytes={done}-", **({"If-Range": tag} if tag else {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        total = (error.headers.get("Content-Range") or "").rpartition("/")[2]
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or total != str(done):
            raise
        yield None


def _begins_at(answer: Any) -> int:
    """The first byte of a part: `Content-Range: bytes 100-199/200`; -1 if that is not told."""
    begin = (answer.headers.get("Content-Range") or "").removeprefix("bytes ").partition("-")[0]
    return int(begin) if begin.isdigit() else -1


def _raise_if_final(error: Exception, url: str) -> None:
    """Raise what no further attempt can mend."""
    if isinstance(error, (WinnowError, _NoRoom)):
        raise error
    if isinstance(error, urllib.error.HTTPError) and error.code < 500 and error.code not in (408, 416, 429):
        meaning = {
            401: "the server wants a login",
            403: "the server refuses it",
            404: "there is no such file",
            410: "it is gone",
        }
        reason = meaning.get(error.code, error.reason)
        raise DownloadFailed(
            f"{url}: {reason} ({error.code}). Look at the corpus's page: `winnow data list CORPUS`."
        ) from None


def _offline(error: Exception) -> bool:
    """Whether there is no network at all, where waiting is of no use."""
    reason = getattr(error, "reason", error)
    return isinstance(reason, (socket.gaierror, ConnectionRefusedError))


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, socket.gaierror):
        return "the server's name cannot be found (is this machine online?)"
    if isinstance(reason, ConnectionRefusedError):
        return "the server takes no connection"
    if isinstance(reason, (TimeoutError, socket.timeout)):
        return f"nothing came for {TIMEOUT:.0f} s"
    if isinstance(error, urllib.error.HTTPError):
        return f"the server failed ({error.code} {error.reason})"
    if isinstance(error, (http.client.IncompleteRead, ConnectionError)):
        return "the connection broke again and again"
    return str(reason) or type(error).__name__


def _need_room(each: Download, part: Path, folder: Path) -> None:
    missing = each.size - (part.stat().st_size if part.exists() else 0)
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise OutputError(
            f"{folder}: {missing / 1e9:.1f} GB are to be fetched and {free / 1e9:.1f} GB are free. Make room first."
        )


def _tag(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _tag_of(part: Path) -> str | None:
    """What told the server's file apart when `part` was begun."""
    tag = _tag(part)
    return tag.read_text(encoding="utf-8") or None if tag.exists() else None


def _save_tag(part: Path, answer: Any) -> None:
    """A strong ETag, else the date (RFC 9110, 13.1.5: If-Range takes either, and no weak tag)."""
    strong = answer.headers.get("ETag")
    if strong is None or strong.startswith("W/"):
        strong = answer.headers.get("Last-Modified")
    _tag(part).write_text(strong or "", encoding="utf-8")


def _record(folder: Path) -> dict[str, str]:
    path = folder / RECORD
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return values if isinstance(values, dict) else {}
    except (OSError, ValueError):
        return {}


def _remember(folder: Path, done: dict[str, str]) -> None:
    write_text(folder / RECORD, json.dumps(done, indent=1) + "\n")


def _make(folder: Path) -> None:
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Trouble with the disk in one line."""
    try:
        yield
    except OSError as error:
        if isinstance(error, WinnowError):
            raise
        reason = error.strerror or type(error).__name__
        raise OutputError(
            f"{os.fspath(path)}: cannot be written ({reason}). The same command goes on once that is mended."
        ) from None
