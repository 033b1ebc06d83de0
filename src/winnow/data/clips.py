"""Clips of AVSpeech and AudioSet: fetched in parallel or taken from local videos, cut, counted, and gone on with."""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from winnow.aside import write_text
from winnow.data.corpora import find_corpus
from winnow.data.corpora.segments import AVSPEECH, KINDS, Segment
from winnow.data.download import DownloadFailed
from winnow.data.fetching import Gone, Site, Unreached
from winnow.data.items import Item, write_items
from winnow.data.library import Library
from winnow.errors import BadInput, OutputError
from winnow.media.excerpt import sound, write_film
from winnow.media.sink import translated
from winnow.media.source import Source

YOUTUBE = "https://www.youtube.com/watch?v={id}"
REPORT, ITEMS = "report.jsonl", "items.jsonl"
FETCHED, PRESENT, VANISHED, UNUSABLE, MISSING, FAILED = (
    "fetched",
    "present",
    "vanished",
    "unusable",
    "missing",
    "failed",
)
STATUSES = (FETCHED, PRESENT, VANISHED, UNUSABLE, MISSING, FAILED)
_SETTLED = {VANISHED, UNUSABLE}  # trying again would not help
_SHORT = 0.1  # seconds that may be missing at the end of a video; the rest of the clip is silence
_LEFT_BEHIND = 600  # seconds after which a half-written file belongs to no one


@dataclass(frozen=True)
class Order:
    """What is made of the segments, and how.

    folder: where the clips go. video: MP4 with picture, else WAV. rate: hertz, one channel. length: seconds from the start of
    each segment, None for all of it. portable: names that Windows allows. address: of a video, with `{id}`. source: a folder of
    local videos in place of the web. pause: seconds that each job waits between two videos. again: try what had vanished.
    patience: seconds before the second, third ... try of a video that could not be reached.
    """

    folder: Path
    video: bool = False
    rate: int = 16000
    length: float | None = None
    portable: bool = True
    address: str = YOUTUBE
    source: Path | None = None
    pause: float = 1.0
    again: bool = False
    patience: tuple[float, ...] = (1.0, 5.0)

    def place(self, segment: Segment) -> Path:
        """Where the clip goes; where it lies, if it is there already under the other form of its name."""
        suffix = ".mp4" if self.video else ".wav"
        mine, other = (
            self.folder / (segment.name(portable) + suffix) for portable in (self.portable, not self.portable)
        )
        return other if not mine.exists() and other.exists() else mine


@dataclass(frozen=True)
class Clip:
    """What became of a segment: a row of the report. file: its name in the folder; rate: hertz; samples: of the clip.

    status: fetched, present (it was there before), vanished (reason: removed, private, members only, blocked), unusable (short,
    no sound, damaged), missing (from the local folder) or failed (network, refused, server: the next run tries again).
    """

    row: int
    youtube: str
    status: str
    reason: str = ""
    detail: str = ""
    file: str | None = None
    rate: int = 0
    samples: int = 0


def fetch(segments: Sequence[Segment], order: Order, jobs: int, on_clip: Callable[[Clip], None]) -> list[Clip]:
    """Make the clips that are not there; what became of each segment, in their order. `on_clip` hears of each as it comes.

    Also writes report.jsonl (every clip of the folder, this time's or an earlier one's) and items.jsonl (those that are
    there), also when it is interrupted. Raises DownloadFailed when nothing gets through any more, OutputError, MissingExtra.
    """
    _prepare(order.folder)
    known = read_report(order.folder / REPORT)
    done: dict[tuple[int, str], Clip] = {}
    open_: list[Segment] = []
    for segment in segments:
        clip = _before(segment, order, known.get((segment.number, segment.youtube)))
        if clip is None:
            open_.append(segment)
            continue
        done[segment.number, segment.youtube] = clip
        on_clip(clip)
    try:
        with _Crew(order, jobs, open_) as crew:
            _collect(crew, order, len(open_), done, on_clip, max(3, jobs))
    finally:
        write_report(known | done, order.folder / REPORT)
        _write_list(segments, known | done, order.folder)
    return [done[segment.number, segment.youtube] for segment in segments]


def _prepare(folder: Path) -> None:
    """The folder, without what a run that was killed left half-written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob(".*.part"):
            if time.time() - part.stat().st_mtime > _LEFT_BEHIND:
                part.unlink()
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}). Choose another folder.") from None


def _before(segment: Segment, order: Order, known: Clip | None) -> Clip | None:
    """What an earlier run left of a segment; None if it is to be made."""
    path = order.place(segment)
    if path.exists():
        rate, samples = (known.rate, known.samples) if known and known.file == path.name else _measured(path)
        if samples:
            return Clip(segment.number, segment.youtube, PRESENT, file=path.name, rate=rate, samples=samples)
    if known and known.status in _SETTLED and not order.again and not order.source:
        return known
    return None


def _measured(path: Path) -> tuple[int, int]:
    """Rate and samples of a clip that no report knows; (0, 0) for one that cannot be read."""
    from winnow.media import open_reader

    try:
        with open_reader(path) as reader:
            return reader.rate, sum(block.shape[1] for block in reader)
    except BadInput:
        return 0, 0


class _Crew:
    """Threads that make clips; leaving the block stops them, and what they had half-written goes."""

    def __init__(self, order: Order, jobs: int, segments: Sequence[Segment]) -> None:
        self.results: queue.Queue[Clip | BaseException] = queue.Queue()
        self._order = order
        self._stop = threading.Event()
        self._todo: queue.SimpleQueue[Segment] = queue.SimpleQueue()
        for segment in segments:
            self._todo.put(segment)
        self._library = Library(order.source, {each.youtube for each in segments}) if order.source else None
        # Daemons: one that waits for a server that does not answer must not hold up the end of the program.
        count = min(jobs, len(segments))
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]

    def __enter__(self) -> _Crew:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        until = time.monotonic() + 5
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            for part in self._order.folder.glob(f".*.{os.getpid()}.part"):
                with suppress(OSError):
                    part.unlink()

    def _work(self) -> None:
        try:
            if self._library:
                for segment in self._left():
                    self.results.put(_imported(segment, self._order, self._library))
                return
            with closing(Site(self._order.video, self._stop.is_set)) as site:
                for segment in self._left():
                    self.results.put(self._patiently(segment, site))
                    self._stop.wait(self._order.pause)
        except BaseException as error:  # told to the thread that waits for the results
            self.results.put(error)

    def _left(self) -> Iterable[Segment]:
        while not self._stop.is_set():
            try:
                yield self._todo.get_nowait()
            except queue.Empty:
                return

    def _patiently(self, segment: Segment, site: Site) -> Clip:
        """Several tries for what may be there another time."""
        for wait in self._order.patience:
            clip = _downloaded(segment, self._order, site)
            if clip.status != FAILED or self._stop.wait(wait):
                return clip
        return _downloaded(segment, self._order, site)


def _collect(
    crew: _Crew,
    order: Order,
    count: int,
    done: dict[tuple[int, str], Clip],
    on_clip: Callable[[Clip], None],
    most: int,
) -> None:
    """Take the results as they come; give up when `most` in a row could not be reached."""
    vain = 0
    with translated(str(order.folder / REPORT)):
        file = (order.folder / REPORT).open("a", encoding="utf-8")
    with file as report:
        for _ in range(count):
            clip = _next(crew.results)
            done[clip.row, clip.youtube] = clip
            with translated(report.name):
                report.write(_row(clip))
                report.flush()
            on_clip(clip)
            vain = vain + 1 if clip.reason in ("network", "refused") else 0
            if vain >= most:
                raise _given_up(clip, order)


def _next(results: queue.Queue[Clip | BaseException]) -> Clip:
    while True:
        try:
            result = results.get(timeout=0.2)  # so that a signal is heard on every system
        except queue.Empty:
            continue
        if isinstance(result, BaseException):
            raise result
        return result


def _given_up(clip: Clip, order: Order) -> DownloadFailed:
    site = order.address.partition("{id}")[0].split("/")[2:3] or ["the server"]
    if clip.reason == "refused":
        advice = (
            "It takes no more requests from here for now: wait some hours, and use a longer --pause and fewer --jobs"
        )
    else:
        advice = "Check the network, or give local videos with --source DIR"
    return DownloadFailed(f"{site[0]} cannot be reached ({clip.detail}). {advice}; the same command goes on from here.")


def _downloaded(segment: Segment, order: Order, site: Site) -> Clip:
    """A clip from the web."""
    try:
        files = site.open(order.address.replace("{id}", segment.youtube))
        openers = [lambda file=file: Source.over(_rewound(file), segment.youtube) for file in files]
        return _cut(segment, order, openers, segment.start)
    except Gone as error:
        return _without(segment, VANISHED, error.reason, str(error))
    except Unreached as error:
        return _without(segment, FAILED, error.reason, str(error))


def _rewound(file: object) -> object:
    file.seek(0)  # type: ignore[attr-defined]
    return file


def _imported(segment: Segment, order: Order, library: Library) -> Clip:
    """A clip from a local video."""
    found = library.find(segment)
    if found is None:
        return _without(segment, MISSING, "not in the folder")
    return _cut(segment, order, [lambda: Source(found)], library.start(found, segment))


def _cut(segment: Segment, order: Order, openers: Sequence[Callable[[], Source]], start: float | None) -> Clip:
    """Cut and write; the first source has the picture, the last one the sound. A start of None: it cannot be read."""
    import av

    seconds = min(segment.end - segment.start, order.length or float("inf"))
    path = order.place(segment)
    try:
        if start is None:
            openers[0]().close()  # says why
        with openers[-1]() as source:
            audio, there = sound(source, start or 0.0, seconds, order.rate)
        if there < seconds - _SHORT:
            return _without(segment, UNUSABLE, "short", f"ends {seconds - there:.1f} s before the stretch does")
        if order.video:
            with openers[0]() as source:
                write_film(source, path, start or 0.0, seconds, audio)
        else:
            audio.save(path)
    except BadInput as error:
        reason = "no sound" if "no sound" in str(error) or "no audio track" in str(error) else "damaged"
        return _without(segment, UNUSABLE, reason, str(error))
    except av.FFmpegError as error:
        return _without(segment, UNUSABLE, "damaged", str(error))
    samples = audio.samples.shape[1]
    return Clip(segment.number, segment.youtube, FETCHED, file=path.name, rate=order.rate, samples=samples)


def _without(segment: Segment, status: str, reason: str, detail: str = "") -> Clip:
    return Clip(segment.number, segment.youtube, status, reason, detail)


def read_report(path: Path) -> dict[tuple[int, str], Clip]:
    """The last row of each clip, by number and id; rows that a killed run left half-written are passed over."""
    clips: dict[tuple[int, str], Clip] = {}
    if not path.is_file():
        return clips
    with translated(str(path)), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError, TypeError):
                clip = Clip(**json.loads(line))
                clips[clip.row, clip.youtube] = clip
    return clips


def write_report(clips: dict[tuple[int, str], Clip], path: Path) -> None:
    """One row for each clip, by number. Raises OutputError."""
    write_text(path, "".join(_row(clips[key]) for key in sorted(clips)))


def _row(clip: Clip) -> str:
    return (
        json.dumps({key: value for key, value in asdict(clip).items() if value not in ("", 0, None) or key == "row"})
        + "\n"
    )


def _write_list(segments: Sequence[Segment], clips: dict[tuple[int, str], Clip], folder: Path) -> None:
    """items.jsonl: the clips that are there. Those of another list in the same folder stay in it."""
    from winnow.data.items import read_items

    path = folder / ITEMS
    items = {Path(item.path).name: item for item in read_items(path)} if path.is_file() else {}
    items = {name: item for name, item in items.items() if (folder / name).exists()}
    for segment in segments:
        clip = clips.get((segment.number, segment.youtube))
        if clip and clip.file and clip.status in (FETCHED, PRESENT):
            items[clip.file] = item_of(segment, clip)
    write_items((_beside(items[name]) for name in sorted(items)), path)


def _beside(item: Item) -> Item:
    from dataclasses import replace

    return replace(item, path=Path(item.path).name)


def item_of(segment: Segment, clip: Clip) -> Item:
    """The row of a clip; its path is relative to the folder."""
    corpus = find_corpus(segment.corpus)
    return Item(
        id=f"{segment.number}-{segment.youtube}",
        path=str(clip.file),
        kind=KINDS[segment.corpus],
        corpus=segment.corpus,
        rate=clip.rate,
        channels=1,
        samples=clip.samples,
        speaker=segment.youtube if segment.corpus == AVSPEECH else None,
        label=segment.labels[0] if segment.labels else None,
        source=f"youtube-{segment.youtube}",
        licence=corpus.licence,
        non_commercial=corpus.non_commercial,
        extra=segment.facts(),
    )
