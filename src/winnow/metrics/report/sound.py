"""Sound inside a page: small Opus files as data URIs."""

from __future__ import annotations

import base64
import os
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from winnow.audio import Audio

BIT_RATE = 48_000  # bits per second of one channel: artefacts of the coder stay below those that are judged


def audio_uri(audio: Audio) -> str:
    """A recording `(1, time)` as `data:audio/ogg;...`, Opus at 48 kbit/s. Raises OutputError."""
    from winnow.media import write

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sound.opus")
        write(path, audio, bit_rate=BIT_RATE)
        with open(path, "rb") as file:
            return data_uri("audio/ogg", file.read())


def data_uri(kind: str, data: bytes) -> str:
    """Bytes as a data URI of a media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
