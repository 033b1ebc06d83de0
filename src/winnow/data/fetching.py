"""Videos on the web, read where they lie: yt-dlp finds the stream, and only the bytes of the stretch are asked for.

yt-dlp itself would need the ffmpeg program to fetch a part of a video; here FFmpeg's libraries read through `RemoteFile`.
"""

from __future__ import annotations

import io
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from winnow.errors import MissingExtra

BLOCK = 1 << 18  # bytes of one request; 16 s of sound at 128 kbit/s
_KEPT = 64  # blocks
_LARGEST = 1 << 30  # bytes that are taken from a server that sends whole files only

# A plain file: one request tells its size, others bring a part of it. Playlists of fragments offer neither.
_PLAIN = "[protocol~='^https?$']"
SOUND = f"bestaudio{_PLAIN}/best{_PLAIN}"
PICTURE = f"best[height<=360][acodec!=none]{_PLAIN}/bestvideo[height<=360]{_PLAIN}+bestaudio{_PLAIN}/best{_PLAIN}"

_GONE = (
    ("private", r"private video|video is private"),
    ("members only", r"members[- ]only|join this channel|requires payment|rental"),
    ("blocked", r"in your country|geo.?restrict|confirm your age|age.?restricted|inappropriate|blocked it"),
    (
        "removed",
        r"unavailable|not available|removed|terminated|no longer|does not exist|copyright|HTTP Error (404|410)|"
        r"Not Found|deleted|account .*closed",
    ),
)
_REFUSED = r"not a bot|HTTP Error (403|429)|too many requests|rate.?limit"


class Gone(Exception):
    """The video cannot be had, now or later: `reason` is removed, private, members only or blocked."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Unreached(Exception):
    """It may be there another time: `reason` is network, refused (too many requests) or server."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class RemoteFile(io.RawIOBase):
    """A file on a server with `read`, `seek` and `tell`, fetched in blocks as they are asked for.

    ask: (first byte, last byte) to (status, headers, response with `read`). Raises what `ask` raises, and Unreached where the
    file changes or the server sends too much.
    """

    def __init__(self, ask: Callable[[int, int], tuple[int, Mapping[str, str], Any]]) -> None:
        self._ask = ask
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._whole: bytes | None = None
        self._size = 0
        self._first()

    def _first(self) -> None:
        status, headers, response = self._ask(0, BLOCK - 1)
        total = re.fullmatch(r"bytes \d+-\d+/(\d+)", headers.get("Content-Range", ""))
        if status == 206 and total:
            self._size = int(total[1])
            self._blocks[0] = response.read()
            return
        body = response.read(_LARGEST + 1)
        if len(body) > _LARGEST:
            raise Unreached("server", "the server sends whole files only, and this one is over 1 GB")
        self._whole, self._size = body, len(body)

    def _block(self, number: int) -> bytes:
        if self._whole is not None:
            return self._whole[number * BLOCK : (number + 1) * BLOCK]
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        begin = number * BLOCK
        end = min(begin + BLOCK, self._size)
        status, _, response = self._ask(begin, end - 1)
        data: bytes = response.read()
        if status != 206 or len(data) != end - begin:
            raise Unreached("server", "the server sent another part of the file than was asked for")
        self._blocks[number] = data
        if len(self._blocks) > _KEPT:
            self._blocks.popitem(last=False)
        return data

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes from here, b"" at the end."""
        if self._at >= self._size:
            return b""
        number, inside = divmod(self._at, BLOCK)
        data = self._block(number)[inside:]
        data = data if size < 0 else data[:size]
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a byte, counted from the start (0), from here (1) or from the end (2)."""
        self._at = max(0, offset + {0: 0, 1: self._at, 2: self._size}[whence])
        return self._at

    def tell(self) -> int:
        """The byte that `read` gives next."""
        return self._at


class Site:
    """What a thread needs to find and read videos; one each, since yt-dlp's objects are not made for several.

    stopped: asked before every request; True ends it with KeyboardInterrupt. Raises MissingExtra without yt-dlp.
    """

    def __init__(self, video: bool, stopped: Callable[[], bool]) -> None:
        self._library = need_library()
        self._stopped = stopped
        options = {
            "quiet": True,
            "no_warnings": True,
            "noprogress": True,
            "noplaylist": True,
            "logger": _Silence(),
            "cachedir": False,
            "format": PICTURE if video else SOUND,
            "socket_timeout": 20,
            "extractor_retries": 1,
            "retries": 1,
        }
        self._ydl = self._library.YoutubeDL(options)

    def open(self, address: str) -> list[RemoteFile]:
        """The file with picture and sound, or one of each, the picture first. Raises Gone, Unreached."""
        self._check()
        try:
            info = self._ydl.extract_info(address, download=False)
            streams = info.get("requested_formats") or [info]
            return [self._file(stream) for stream in streams]
        except (Gone, Unreached):
            raise
        except Exception as error:  # a site that changed makes its reader fail in any way: one video, not the run
            raise explained(error) from None

    def _file(self, stream: dict[str, Any]) -> RemoteFile:
        from yt_dlp.networking import Request
        from yt_dlp.networking.exceptions import RequestError

        def ask(begin: int, end: int) -> tuple[int, Mapping[str, str], Any]:
            self._check()
            headers = {**stream.get("http_headers", {}), "Range": f"bytes={begin}-{end}", "Accept-Encoding": "identity"}
            try:
                response = self._ydl.urlopen(Request(stream["url"], headers=headers))
            except (RequestError, OSError) as error:
                raise explained(error) from None
            return response.status, response.headers, _Body(response)

        return RemoteFile(ask)

    def _check(self) -> None:
        if self._stopped():
            raise KeyboardInterrupt

    def close(self) -> None:
        """Close the connections."""
        self._ydl.close()


class _Body:
    """A response whose breaking off is an Unreached."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def read(self, *size: int) -> bytes:
        from yt_dlp.networking.exceptions import RequestError

        try:
            data: bytes = self._response.read(*size)
        except (RequestError, OSError) as error:
            raise explained(error) from None
        return data


class _Silence:
    """yt-dlp prints errors although they are raised as well."""

    def debug(self, text: str) -> None:
        """Nothing."""

    info = warning = error = debug


def need_library() -> Any:
    """yt-dlp. Raises MissingExtra."""
    try:
        import yt_dlp
    except ImportError:
        raise MissingExtra(
            'clips are fetched from the web with yt-dlp: pip install "winnow-audio[data]". '
            "Videos that you have already: --source DIR."
        ) from None
    return yt_dlp


def explained(error: BaseException) -> Gone | Unreached:
    """What an error of yt-dlp means for the video: gone, or out of reach for now."""
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())
    detail = re.sub(r"^(ERROR: )?(\[[\w:]+\] [\w-]+: )?", "", text).partition(" (caused by")[0][:200]
    if re.search(_REFUSED, text, re.IGNORECASE):
        return Unreached("refused", detail)
    if _is_transport(error):
        return Unreached("network", detail)
    if re.search(r"HTTP Error 5\d\d", text):  # "Service Unavailable" is said of the server, not of the video
        return Unreached("server", detail)
    for reason, pattern in _GONE:
        if re.search(pattern, text, re.IGNORECASE):
            return Gone(reason, detail)
    return Unreached("server", detail)


def _is_transport(error: BaseException) -> bool:
    """Whether no answer came at all: no name, no connection, or it broke off."""
    from yt_dlp.networking.exceptions import HTTPError, TransportError

    inner = getattr(error, "exc_info", None)
    chain = [error, inner[1] if inner else None, getattr(error, "cause", None)]
    if any(isinstance(each, HTTPError) for each in chain):
        return False
    return any(isinstance(each, (TransportError, OSError)) for each in chain)
