"""Opening a recording without letting it open anything else, and saying what is wrong when it is none.

A playlist (HLS, DASH, ffconcat, SDP) or a reference track may name other files and addresses. Four walls keep them
shut: the file is opened by Python and handed to FFmpeg as bytes, so that no protocol is needed at all; the protocol
list holds a name that no protocol has; demuxers whose purpose is to open other files are refused before they read a
byte; and whatever asks for a file all the same gets an error from `_refuse`.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from winnow.errors import BadInput, InputNotFound, NoAudio, WinnowError
from winnow.media.held import Held, Pipe

if TYPE_CHECKING:
    from av.container import InputContainer

Path: TypeAlias = "str | os.PathLike[str]"
ADVICE = "Give an audio or video recording."

# Demuxers that open other files or addresses, or devices. FFmpeg's own protocol list would not stop `hls` or `concat`
# from reading a second local file, so they go as a whole.
_OPENS_OTHERS = {
    *(
        "hls",
        "applehttp",
        "concat",
        "concatf",
        "dash",
        "webm_dash_manifest",
        "smoothstreaming",
        "hds",
        "imf",
        "segment",
    ),
    *("image2", "image2pipe", "sdp", "rtsp", "rtp", "sap", "rtmp", "lavfi", "avisynth", "vapoursynth", "tee"),
    *("alsa", "dshow", "avfoundation", "fbdev", "gdigrab", "iec61883", "jack", "kmsgrab", "libcdio", "openal", "oss"),
    *("pulse", "sndio", "v4l2", "video4linux2", "x11grab"),
}

_NOT_SOUND = (
    (b"PK\x03\x04", "it is a zip archive"),
    (b"PK\x05\x06", "it is a zip archive"),
    (b"\x1f\x8b", "it is a gzip archive"),
    (b"BZh", "it is a bzip2 archive"),
    (b"\xfd7zXZ\x00", "it is an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive"),
    (b"Rar!\x1a\x07", "it is a rar archive"),
    (b"%PDF", "it is a PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is an office document"),
    (b"\x89PNG", "it is a picture"),
    (b"\xff\xd8\xff", "it is a picture"),
    (b"GIF8", "it is a picture"),
    (b"\x7fELF", "it is a program"),
    (b"MZ", "it is a program"),
    (b"SQLite format 3", "it is a database"),
    (b"#EXTM3U", "it is a playlist: winnow reads no other files or addresses, give the recordings themselves"),
    (b"ffconcat", "it is a list of files: winnow reads no other files or addresses, give the recordings themselves"),
    (b"v=0\r\n", "it is a stream description: winnow reads no addresses, save the recording first"),
    (b"v=0\n", "it is a stream description: winnow reads no addresses, save the recording first"),
)


class Source:
    """One opened input: `.container` (PyAV), `.name` for messages, `.seekable`. Close it, or use `with`.

    waiting: within which its packets are read, since it may call back to Python code.
    """

    def __init__(self, path: Path) -> None:
        self.name = display_name(path)
        self.seekable = not is_stream(path)
        self.waiting: AbstractContextManager[object] = nullcontext()
        self._file: Any = None
        self.head = b""
        handle = self._standard_input() if is_stream(path) else self._open_file(os.fspath(path))
        try:
            self.container = self._open_container(handle)
        except BaseException:
            self.close()
            raise

    @classmethod
    def over(cls, handle: Any, name: str) -> Source:
        """A source on an object with `read`, `seek` and `tell`, such as a file on a server; `name` is for messages."""
        source = cls.__new__(cls)
        source.name, source.seekable, source._file, source.waiting = name, True, None, Held()
        source.head = handle.read(4096)
        handle.seek(0)
        if not source.head:
            raise NoAudio(f"{name}: this file is empty. {ADVICE}")
        methods = SimpleNamespace(read=handle.read, seek=handle.seek, tell=handle.tell, name=name)
        source.container = source._open_container(methods)
        return source

    def _standard_input(self) -> Any:
        stream = getattr(sys.stdin, "buffer", sys.stdin)
        self.waiting = held = Held()
        try:
            return Pipe(stream.fileno(), held)
        except (AttributeError, OSError, io.UnsupportedOperation):
            return SimpleNamespace(read=stream.read, name=self.name)  # an object in memory stands in for it

    def _open_file(self, path: str | bytes) -> Any:
        self._file = _open_regular(path, self.name)
        self.head = self._file.read(4096)
        self._file.seek(0)
        if not self.head:
            raise NoAudio(f"{self.name}: this file is empty. {ADVICE}")
        # The methods themselves, no Python function around them: nothing can interrupt them between C and C.
        return SimpleNamespace(read=self._file.read, seek=self._file.seek, tell=self._file.tell, name=os.fsdecode(path))

    def _open_container(self, handle: Any) -> InputContainer:
        import av

        pipe = isinstance(handle, Pipe)
        options = {
            "protocol_whitelist": "none",
            "format_whitelist": ",".join(sorted(_allowed_formats())),
            # PCM in packets of up to 256 kB instead of 4: a third of the time. Small ones from a pipe, it may be slow.
            "max_size": str(1 << 14 if pipe else 1 << 18),
        }
        if pipe or self.head.startswith(b"RIFF"):
            options["max_probe_packets"] = "8"  # FFmpeg would look for DTS in the first 5 MB of a WAV
        try:
            with self.waiting:
                container: InputContainer = av.open(
                    handle,
                    "r",
                    container_options=options,
                    metadata_errors="replace",
                    buffer_size=1 << 17,
                    io_open=_refuse,
                )
            return container
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self.explain(error) from error

    def cut_short(self) -> bool:
        """Whether a RIFF file (WAV, AVI) is shorter than its header says; FFmpeg reads such a file without a word."""
        if self._file is None or self.head[:4] != b"RIFF":
            return False
        told = int.from_bytes(self.head[4:8], "little")
        # 0 and numbers near 4 GB stand for "unknown", as written into pipes.
        return 0 < told < 0x7FFFF000 and told + 8 > os.fstat(self._file.fileno()).st_size + 1

    def counts_its_frames(self) -> bool:
        """Whether it is an MP3 with a header that tells its length; of others FFmpeg guesses it from the bit rate."""
        return self.container.format.name == "mp3" and (b"Xing" in self.head or b"Info" in self.head)

    def explain(self, error: Exception | None = None) -> WinnowError:
        """The error that says in one line why there is no sound to be had."""
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            return InputNotFound(f"{self.name}: cannot be read ({os.strerror(error.errno)}). Copy it to another disk.")
        if not self.seekable:
            return NoAudio(
                f"{self.name}: no audio found; it is empty, of an unknown format, or an MP4 or MOV whose index comes last, "
                "which a pipe cannot reach. Give the file itself."
            )
        reason = what_it_is(self.head)
        if reason:
            return NoAudio(f"{self.name}: no audio in this file ({reason}). {ADVICE}")
        if self.head[4:8] in _MP4_ATOMS:
            return NoAudio(f"{self.name}: the file is cut off or damaged (its index is missing). Get a complete copy.")
        return NoAudio(f"{self.name}: no audio in this file (the format is unknown or damaged). {ADVICE}")

    def close(self) -> None:
        """Close the container and the file."""
        container = getattr(self, "container", None)
        if container is not None:
            container.close()
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


_DISK_ERRORS = frozenset({5})  # EIO
_MP4_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})


def is_stream(path: Path) -> bool:
    """Whether the path means standard input or output."""
    return os.fspath(path) == "-"


def display_name(path: Path, stream: str = "standard input") -> str:
    """The name of a path in messages."""
    return stream if is_stream(path) else os.fsdecode(path)


def what_it_is(head: bytes) -> str | None:
    """What a file that starts with `head` is, if it is something that people mistake for a recording."""
    for magic, meaning in _NOT_SOUND:
        if head.startswith(magic):
            return meaning
    if b"<MPD" in head:
        return "it is a streaming manifest: winnow reads no addresses, save the recording first"
    return "it looks like text" if _looks_like_text(head) else None


def _looks_like_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # not merely a letter that the 4096th byte cuts in two
            return False
        text = head[: error.start].decode("utf-8")
    return bool(text) and all(letter.isprintable() or letter in "\r\n\t\f\ufeff" for letter in text)


def _open_regular(path: str | bytes, name: str) -> Any:
    if _waits(path):
        raise _not_regular(name)
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115  (closed by Source.close)
    except FileNotFoundError as error:
        raise InputNotFound(_not_there(name)) from error
    except IsADirectoryError as error:
        raise BadInput(f"{name}: this is a folder, not a recording. Give a file.") from error
    except PermissionError as error:
        if os.path.isdir(path):  # what Windows answers for a folder
            raise BadInput(f"{name}: this is a folder, not a recording. Give a file.") from error
        raise InputNotFound(f"{name}: no permission to read this file. Change its permissions or copy it.") from error
    except (OSError, ValueError) as error:
        raise InputNotFound(f"{name}: cannot be opened ({_reason(error)}).") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise _not_regular(name)
    return file


def _waits(path: str | bytes) -> bool:
    """Whether it is a named pipe: to open one would wait for someone to write into it."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False  # opening it will say what is wrong


def _not_regular(name: str) -> BadInput:
    return BadInput(f"{name}: not a regular file. Give a file, or - for standard input.")


def _not_there(name: str) -> str:
    if not name:
        return "the name of the recording is empty. Give a file."
    if "://" in name:
        return f"{name}: no such file; winnow reads no addresses. Save the recording first."
    return f"{name}: no such file. Check the name and the folder."


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)


def _allowed_formats() -> set[str]:
    import av

    names = {name for entry in av.formats_available for name in entry.split(",")}
    return names - _OPENS_OTHERS


def _refuse(url: str, flags: int, options: dict[str, str]) -> Any:
    raise PermissionError("a recording may not open other files")
