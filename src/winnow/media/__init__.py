"""Everything that touches files of sound and picture, on PyAV (FFmpeg's libraries, no ffmpeg program).

`probe` tells what a file holds, `open_reader` and `read` decode it, `Writer` and `write` encode, `Remuxer` puts new
sound beside a picture that is copied packet by packet. PyAV is loaded by the first call, not by the import.
"""

from winnow.media.info import AudioTrack, MediaInfo, VideoTrack, probe
from winnow.media.reader import Reader, open_reader, read
from winnow.media.remux import NewTrack, Remuxer
from winnow.media.writer import Writer, write

__all__ = [
    "AudioTrack",
    "MediaInfo",
    "NewTrack",
    "Reader",
    "Remuxer",
    "VideoTrack",
    "Writer",
    "open_reader",
    "probe",
    "read",
    "write",
]
