"""The folders of ArtoymRu/vocal-noise.separation, with the sound of each video where its notebooks look for it.

The sound is made as by its `ffmpeg -i VIDEO -ab 160k -ac 2 -ar 44100 -vn NAME.mp3`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from winnow.aside import aside
from winnow.audio import Samples
from winnow.data.legacy.common import Tell, writing
from winnow.errors import BadInput

RATE, BIT_RATE = 44100, 160_000
METHODS = ("baseline", "cocktail", "spleeter")
FOLDERS = (
    *(f"data/raw/{each}" for each in ("video", "audio", "transcripts")),
    *(f"data/{part}/{method}" for part in ("voices", "background") for method in METHODS),
    "report",
    "src",
)


def write_system5(videos: Sequence[Path], folder: Path, tell: Tell = lambda done, whole: None) -> list[Path]:
    """Make the folders, copy the videos and their transcripts (`NAME.txt` beside them), extract the sound; returns the MP3s.

    Files that exist stay. Raises InputNotFound, BadInput (no sound, two videos of one name), OutputError.
    """
    from winnow.media import probe

    names = [video.stem for video in videos]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f'two videos are named "{twice}"; rename one of them.')
    lengths = [probe(video).seconds or 0.0 for video in videos]
    made: list[Path] = []
    with writing(folder):
        for each in FOLDERS:
            (folder / each).mkdir(parents=True, exist_ok=True)
        for video in videos:
            made.append(_add(video, folder / "data" / "raw"))
            tell(sum(lengths[: len(made)]), sum(lengths))
    return made


def _add(video: Path, raw: Path) -> Path:
    sound = raw / "audio" / f"{video.stem}.mp3"
    if not sound.exists():
        extract(video, sound)
    text = video.with_suffix(".txt")
    copies = [(video, raw / "video" / video.name), (text, raw / "transcripts" / text.name)]
    for source, target in copies:
        if source.is_file() and not target.exists():
            with aside(target) as part:
                shutil.copyfile(source, part)
    return sound


def extract(video: Path, sound: Path) -> None:
    """The first audio track as MP3, 44.1 kHz, stereo, 160 kbit/s."""
    from winnow.dsp.resample import StreamResampler
    from winnow.media import Writer, open_reader

    with open_reader(video) as reader, Writer(sound, RATE, 2, codec="mp3", bit_rate=BIT_RATE) as writer:
        convert = StreamResampler(reader.rate, RATE, 2)
        for block in reader:
            writer.write(convert.feed(to_stereo(block)))
        writer.write(convert.flush())


def to_stereo(block: Samples) -> Samples:
    """`(channels, time)` to `(2, time)` as FFmpeg does it: one channel twice; of 5.1 the centre and the rear at -3 dB, no
    subwoofer, loud passages beyond full scale; of other layouts the mean on both sides."""
    if len(block) == 2:
        return block
    if len(block) == 6:
        left, right, centre, _, rear_left, rear_right = block
        half = np.float32(np.sqrt(0.5))
        return np.stack([left + half * (centre + rear_left), right + half * (centre + rear_right)])
    return np.repeat(block.mean(axis=0, keepdims=True), 2, axis=0)
