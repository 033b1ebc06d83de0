"""What a benchmark found, as JSON, as CSV and as one page with pictures and sound."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from winnow.audio import Audio, Samples
from winnow.evaluation.benchmark import COLUMNS, Row, Run
from winnow.evaluation.work import EXCERPT
from winnow.metrics.report import html
from winnow.metrics.report.html import Cell, heading, listing, paragraph, text
from winnow.metrics.report.results import finite, version
from winnow.metrics.report.tables import DIGITS

TITLES = {"speech": "voice", "background": "background"}
LEAD = (
    "Each method on each recording. SI-SDR and word errors tell what was gained. Energies, and the figures as system 5 "
    "published them, do not: doing nothing has the best of those."
)


def columns(rows: Sequence[Row]) -> list[str]:
    """The values that any row has, in the table's order."""
    return [name for name in COLUMNS if any(name in row.values for row in rows)]


def head(name: str) -> str:
    """A column's title with its unit."""
    title, unit, _ = COLUMNS[name]
    return f"{title}, {unit}" if unit else title


def cell(row: Row, name: str) -> str:
    """A value as it is shown: `-` where there is none, and where it is infinite."""
    value = row.values.get(name)
    return "-" if value is None else f"{value:.{DIGITS.get(COLUMNS[name][1], 2)}f}"


def as_json(rows: Sequence[Row], facts: dict[str, Any]) -> dict[str, Any]:
    """The table as data; null for a value that is infinite or not defined. facts: what made it."""
    about = {name: {"title": title, "unit": unit, "meaning": why} for name, (title, unit, why) in COLUMNS.items()}
    return {"winnow": version(), **facts, "columns": about, "rows": [finite(asdict(row)) for row in rows]}


def as_csv(rows: Sequence[Row]) -> str:
    """The table with a line for each row, values by name, empty where there is none."""
    names = columns(rows)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["recording", "method", "seconds", "elapsed", *names, "error"])
    for row in rows:
        values = [row.values.get(name) for name in names]
        shown = ["" if value is None else f"{value:.6g}" for value in (row.seconds, row.elapsed, *values)]
        writer.writerow([row.recording, row.method, *shown, row.error or ""])
    return file.getvalue()


def notes_of(rows: Iterable[Row]) -> list[str]:
    """Each remark once, and what was refused."""
    found = [*(note for row in rows for note in row.notes)]
    return list(dict.fromkeys(found))


def page(rows: Sequence[Row], cards: Sequence[str], remarks: Sequence[str] = ()) -> str:
    """One self-contained HTML file. cards: as `card` makes them."""
    names = columns(rows)
    heads = [("recording", "text"), ("method", "text"), *((head(name), "") for name in names), ("x real time", "")]
    meanings = [f"{COLUMNS[name][0]}: {COLUMNS[name][2]}" for name in names]
    parts = [
        "<h1>Benchmark</h1>",
        paragraph(LEAD, "lead"),
        html.table(heads, [_line(row, names) for row in rows]),
        listing(meanings),
        heading("To see and to hear") if cards else "",
        paragraph(
            "Time runs to the right, pitch upwards; bright is loud. The panels of a card share one scale.", "faint"
        ),
        *cards,
        heading("Remarks") + listing([*remarks, *notes_of(rows)]) if remarks or notes_of(rows) else "",
        f"<footer><p>Made by winnow {version()}.</p></footer>",
    ]
    return html.document("Benchmark", parts)


def _line(row: Row, names: Sequence[str]) -> list[Cell]:
    if row.error is not None:
        refused = Cell(escape(f"refused: {row.error}"), kind="text", columns=len(names) + 1)
        return [text(row.recording, "name"), text(row.method), refused]
    speed = f"{row.seconds / row.elapsed:.0f}" if row.elapsed > 0 and row.method != "none" else "-"
    cells = [Cell(escape(cell(row, name)), row.values.get(name)) for name in names]
    return [text(row.recording, "name"), text(row.method), *cells, Cell(speed)]


def card(run: Run, *, drawn: bool) -> str:
    """Pictures and players of recording, voice, background and every further track; "" where the method refused.

    drawn: whether pictures can be made (matplotlib). At most 30 s are shown.
    """
    from winnow.metrics.report.sound import audio_uri, data_uri

    if run.row.error is not None:
        return ""
    sounds = {title: _excerpt(audio) for title, audio in titled(run).items()}
    rate = run.mixture.rate
    picture = data_uri("image/png", _picture(sounds, rate)) if drawn else None
    title = f"{run.row.recording}: {run.row.method}"
    players = "".join(
        f"<figure><figcaption>{escape(name)}</figcaption>"
        f'<audio controls preload="metadata" src="{audio_uri(sound)}"></audio></figure>'
        for name, sound in sounds.items()
    )
    image = f'<img src="{picture}" alt="spectrograms of {escape(title)}">' if picture else ""
    heard = f"<pre>{escape(run.row.heard)}</pre>" if run.row.heard else ""
    note = paragraph(f"The first {EXCERPT:.0f} s." if run.mixture.seconds > EXCERPT else "", "faint")
    return f'<div class="card"><h3>{escape(title)}</h3><div class="players">{players}</div>{image}{heard}{note}</div>'


def titled(run: Run) -> dict[str, Audio]:
    """What a card shows, by title: the recording, then the tracks; the background only where it holds anything."""
    tracks = {name: audio for name, audio in run.tracks.items() if name == "speech" or audio.samples.any()}
    return {"mixture": run.mixture} | {TITLES.get(name, name): audio for name, audio in tracks.items()}


def _excerpt(audio: Audio) -> Audio:
    return Audio(audio.samples[:, : round(EXCERPT * audio.rate)], audio.rate).mono()


def _picture(sounds: dict[str, Audio], rate: int) -> bytes:
    from winnow.metrics.report.pictures import panels

    signals: dict[str, Samples] = {title: sound.resampled(rate).samples[0] for title, sound in sounds.items()}
    return panels(signals, rate)
