"""Which files are recordings, and what their outputs are called."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from winnow.engine.jobs import PIPE
from winnow.media.formats import FORMATS

if TYPE_CHECKING:
    from winnow.engine.jobs import Task

WORDS: dict[Task, tuple[str, ...]] = {
    "enhance": ("enhanced",),
    "split": ("speech", "background"),
    "into-video": ("split",),
    "extract": ("voice",),
    "remove": ("removed",),
    "transcribe": ("",),  # players find talk.srt beside talk.mp4
}
OWN = re.compile(r"\.(enhanced|speech|background|split|rest|voice|removed|(source|talker)\d+)\.\w+$", re.IGNORECASE)

# One string for each: forty suffixes read better so than as forty quoted items.
_AUDIO = """.wav .wave .w64 .rf64 .bwf .aif .aiff .aifc .au .snd .caf .flac .mp3 .mp2 .mpga .m4a .m4b .m4r .aac .ac3
    .eac3 .dts .ogg .oga .opus .spx .wma .amr .awb .ra .ape .wv .tta .tak .shn .mpc .dsf .dff .mka .weba .3ga .gsm .voc
    .sph"""
_VIDEO = """.mp4 .m4v .mov .qt .mkv .webm .avi .wmv .asf .flv .f4v .mpg .mpeg .ts .m2ts .mts .vob .ogv .3gp .3g2 .mxf
    .rm .rmvb .divx .dv .nut"""
AUDIO = frozenset(_AUDIO.split())
VIDEO = frozenset(_VIDEO.split())
WRITTEN = frozenset(f".{name}" for name in FORMATS)
INSTEAD = {
    ".mpga": ".mp3",
    ".m4r": ".m4a",
    ".spx": ".ogg",
    **dict.fromkeys([".ape", ".tak", ".shn"], ".flac"),
}
LOSSLESS = frozenset([".wav", ".wave", ".w64", ".aiff", ".aif", ".aifc", ".au", ".caf", ".flac", ".wv", ".tta"])
APART = ("split", "separate")
"""Tasks that write each stem to a file of its own."""

SPLIT_WRITTEN = (".wav", ".flac")
TEXT = (".srt", ".vtt", ".txt", ".json")
STDIN_STEM = "stdin"


def suffix_of(path: str) -> str:
    """The suffix in lower case, with its dot; empty when there is none."""
    return os.path.splitext(path)[1].lower()


def stem_of(source: str) -> str:
    """The name without folder and suffix."""
    return STDIN_STEM if source == PIPE else os.path.splitext(os.path.basename(source))[0]


def is_recording(path: str, task: Task = "enhance") -> bool:
    """Whether a file found in a folder is taken: by suffix, never hidden, never an output of winnow."""
    name = os.path.basename(path)
    suffix = suffix_of(name)
    wanted = VIDEO if task == "into-video" else AUDIO | VIDEO
    if name.startswith(".") or suffix not in wanted or OWN.search(name):
        return False
    return suffix != ".ts" or _is_transport_stream(path)


def _is_transport_stream(path: str) -> bool:
    """TypeScript has the suffix of MPEG transport streams; the streams begin with 0x47."""
    try:
        with open(path, "rb") as file:
            return file.read(1) == b"\x47"
    except OSError:
        return True  # the job will say what is wrong


def output_suffix(source: str, task: Task) -> tuple[str, str]:
    """The suffix of the output when the person named none, and a note where it is not the input's."""
    suffix = suffix_of(source)
    if task == "transcribe":
        return TEXT[0], ""
    if task in APART or task == "extract" or source == PIPE:
        return ".wav", ""
    if suffix in WRITTEN:
        return suffix, ""
    instead = INSTEAD.get(suffix) or (".mkv" if suffix in VIDEO or _shows_video(source, suffix) else ".wav")
    return instead, f"written as {instead}: winnow cannot write {suffix or 'a file without suffix'}"


def _shows_video(source: str, suffix: str) -> bool:
    """Whether a file of unknown suffix holds a picture. A file that cannot be opened fails later, with its reason."""
    from winnow.errors import WinnowError
    from winnow.media import probe

    if suffix in AUDIO:
        return False
    try:
        return probe(source).has_picture
    except WinnowError:
        return False


def output_names(stem: str, words: tuple[str, ...], suffix: str) -> tuple[str, ...]:
    """`<stem>.<word>.<ext>` for each word, `<stem>.<ext>` for an empty one."""
    return tuple(".".join(filter(None, (stem, word))) + suffix for word in words)


def paper_name(output: str, word: str, ending: str) -> str:
    """What is written about a recording lies beside its output: `talk.voice.wav` with the word "voice" to `talk<ending>`."""
    return os.path.splitext(output)[0].removesuffix(f".{word}") + ending
