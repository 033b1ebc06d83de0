"""The page about one run: what was found in a sentence, each measure explained, recordings to hear and see, all values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from winnow.metrics.report import html
from winnow.metrics.report.html import Cell, badge, heading, listing, paragraph, text
from winnow.metrics.report.results import Record, Results, about, version
from winnow.metrics.report.tables import FEW, Row, direction, label, main_measure, main_measures, number, rows, unit

ROLES = {"mixture": "before", "estimate": "after", "reference": "wanted"}
SHOWN = 10  # recordings with pictures


@dataclass(frozen=True)
class Card:
    """A recording to see and hear. audio: data URIs by role; picture: data URI; note: what was left out."""

    name: str
    audio: dict[str, str] = field(default_factory=dict)
    picture: str | None = None
    note: str = ""


def page(results: Results, cards: Sequence[Card] = (), charts: Sequence[str] = (), notes: Sequence[str] = ()) -> str:
    """One self-contained HTML file. charts: pictures as data URIs; notes: what the reader should know of this run."""
    found = rows(results)
    parts = [
        f"<h1>{escape(results.title)}</h1>",
        paragraph(verdict_line(results, found), "lead"),
        paragraph(_how_many(results), "faint"),
        heading("Each measure"),
        paragraph(_how_to_read(results, found)),
        _measures(results, found),
        _pictures("Score against the noise in the mixture", charts),
        _cards(results, cards),
        _files(results),
        *_remarks(results, notes),
        _foot(results),
    ]
    return html.document(results.title, parts)


def verdict_line(results: Results, found: Sequence[Row]) -> str:
    """The run in a sentence."""
    name = main_measure(results.names())
    row = next((row for row in found if row.name == name), None)
    if row is None or row.after is None:
        return "Nothing could be measured."
    value, kind = _with_unit(row.name, row.after.mean), direction(row.name)
    if row.before is None or row.by is None:
        average = " on average" if row.after.count > 1 else ""
        return f"{label(row.name)}: {value}{average} ({kind} is better)."
    before = _with_unit(row.name, row.before.mean)
    words = {"same": "the same", "unclear": "no clear difference", "too few": "too few recordings to rule out chance"}
    said = words.get(row.verdict, row.verdict)
    return f"{label(row.name)} goes from {before} to {value} ({kind} is better): {said}." + _harmed(row)


def _harmed(row: Row) -> str:
    """How many recordings became worse, which a mean hides."""
    if row.change is None:
        return ""
    worse = row.change.smaller if direction(row.name) == "higher" else row.change.larger
    return f" It became worse on {worse} of {row.change.count} recordings."


def _with_unit(name: str, value: float) -> str:
    return f"{number(name, value)} {unit(name)}".strip()


def _how_many(results: Results) -> str:
    failed = len(results.records) - len(results.good)
    seconds = sum(record.seconds for record in results.good)
    length = f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
    parts = [f"{len(results.good)} recording{'s' if len(results.good) != 1 else ''}, {length}"]
    parts += [f"{failed} could not be scored, listed at the end"] if failed else []
    speed = speed_of(results)
    parts += [f"the network ran {speed:.0f} times faster than real time"] if speed else []
    return "; ".join(parts) + "."


def speed_of(results: Results) -> float | None:
    """Seconds of recording for each second of the network, None where none ran."""
    timed = [record for record in results.good if record.enhancing]
    spent = sum(record.enhancing or 0 for record in timed)
    return sum(record.seconds for record in timed) / spent if spent else None


def _how_to_read(results: Results, found: Sequence[Row]) -> str:
    lines = ["No single number says how good speech sounds; look at several, and listen."]
    if len(results.good) > 1:
        lines.append(
            "The mean is over all recordings; the range below it holds the true mean with 95 % confidence (bootstrap)."
        )
    if any(row.before for row in found):
        lines.append('"Before" is the untouched mixture.')
    if any(row.verdict == "unclear" for row in found):
        lines.append('"Unclear" means that chance alone could explain the change.')
    if any(row.verdict == "too few" for row in found):
        lines.append('"Too few" recordings, below six, cannot tell a change from chance.')
    return " ".join(lines)


def _measures(results: Results, found: Sequence[Row]) -> str:
    """The measures that a person looks at first; the others can be unfolded."""
    first = main_measures(results.names(), FEW)
    rest = [row for row in found if row.name not in first]
    by_name = {row.name: row for row in found}
    more = html.folded(f"{len(rest)} more measures", measures_table(rest)) if rest else ""
    return measures_table([by_name[name] for name in first]) + more


def measures_table(found: Sequence[Row]) -> str:
    """A row for each measure, with its explanation."""
    several = any(row.after and row.after.count > 1 for row in found)
    compared = any(row.before for row in found)
    heads = [("measure", "text"), ("mean" if several else "value", "")]
    heads += [("median", ""), ("spread", "")] if several else []
    heads += [("before", ""), ("change", ""), ("", "text")] if compared else []
    return html.table([*heads, ("what it says", "text")], [_measure(row, several, compared) for row in found])


def _measure(row: Row, several: bool, compared: bool) -> list[Cell]:
    assert row.after is not None
    name, after = row.name, row.after
    mean = f"{number(name, after.mean)} <small>{escape(unit(name))}</small>"
    if several:
        mean += f"<br><small>{number(name, after.low)} … {number(name, after.high)}</small>"
    cells = [Cell(f"<b>{escape(label(name))}</b>", kind="text"), Cell(mean)]
    cells += [Cell(number(name, after.median)), Cell(number(name, after.spread))] if several else []
    if compared:
        before = row.before.mean if row.before else None
        cells += [
            Cell(number(name, before)),
            Cell(number(name, row.by, sign=True)),
            Cell(badge(row.verdict), kind="text"),
        ]
    better = {"higher": " Higher is better.", "lower": " Lower is better."}.get(direction(name) or "", "")
    return [*cells, text(f"{about(name)['explanation']}{better}", "why")]


def _pictures(title: str, charts: Sequence[str]) -> str:
    if not charts:
        return ""
    images = "".join(f'<img src="{chart}" alt="{escape(title)}">' for chart in charts)
    return f'{heading(title)}<div class="charts">{images}</div>'


def _cards(results: Results, cards: Sequence[Card]) -> str:
    if not cards:
        return ""
    by_name = {record.name: record for record in results.good}
    name = main_measure(results.names())
    few = len(cards) >= len(results.good)
    title = "To see and to hear" if few else f"The {len(cards)} worst by {label(name or '')}, to see and to hear"
    explain = "In the pictures time runs to the right and pitch upwards; bright is loud. All panels of a recording share one scale."
    return "".join([heading(title), paragraph(explain, "faint"), *(_card(card, by_name[card.name]) for card in cards)])


def _card(card: Card, record: Record) -> str:
    names = main_measures([name for name, value in record.values.items() if value is not None])
    values = " · ".join(_change(name, record) for name in names)
    facts = [f"{record.facts['snr']:g} dB SNR"] if isinstance(record.facts.get("snr"), (int, float)) else []
    facts += [str(record.facts["noise"]).rsplit("/", 1)[-1]] if record.facts.get("noise") else []
    facts += ["in a room"] if record.facts.get("room") else []
    players = "".join(
        _player(ROLES[role] if len(card.audio) > 1 else "the recording", uri) for role, uri in card.audio.items()
    )
    picture = f'<img src="{card.picture}" alt="spectrograms of {escape(card.name)}">' if card.picture else ""
    title = f"{card.name} ({', '.join(facts)})" if facts else card.name
    words = f"<pre>{escape(chr(10).join(record.words))}</pre>" if record.words else ""
    heard = f'<div class="players">{players}</div>' if players else ""
    parts = [f"<h3>{escape(title)}</h3>", paragraph(values), heard, picture, words, paragraph(card.note, "faint")]
    return f'<div class="card">{chr(10).join(parts)}</div>'


def _player(title: str, uri: str) -> str:
    audio = f'<audio controls preload="metadata" src="{uri}"></audio>'
    return f"<figure><figcaption>{escape(title)}</figcaption>{audio}</figure>"


def _change(name: str, record: Record) -> str:
    before, value = record.before.get(name), record.values.get(name)
    came = f"{number(name, before)} → " if before is not None else ""
    together = "\N{NO-BREAK SPACE}"
    return f"{label(name)} {came}{number(name, value)} {unit(name)}".strip().replace(" ", together)


def _files(results: Results) -> str:
    if len(results.good) < 2:
        return ""
    names = results.names()
    facts = [key for key in ("snr",) if any(key in record.facts for record in results.good)]
    heads = [("recording", "text"), ("seconds", ""), *((f"{key} of mixture", "") for key in facts)]
    heads += [(label(name) + (f", {unit(name)}" if unit(name) else ""), "") for name in names]
    body = [_file(record, facts, names) for record in results.good]
    return (
        heading("Every recording")
        + paragraph("Click the head of a column to sort by it.", "faint")
        + html.table(heads, body, sortable=True)
    )


def _file(record: Record, facts: Sequence[str], names: Sequence[str]) -> list[Cell]:
    known = [(f"{record.facts.get(key, '')}", record.facts.get(key)) for key in facts]
    cells = [text(record.name, "name"), Cell(f"{record.seconds:.1f}", record.seconds)]
    cells += [Cell(escape(shown), float(value) if isinstance(value, (int, float)) else None) for shown, value in known]
    for name in names:
        value = record.values.get(name)
        cells.append(Cell(number(name, value) if value is not None else "", value))
    return cells


def _remarks(results: Results, notes: Sequence[str]) -> list[str]:
    failed = [f"{record.name}: {record.error}" for record in results.records if record.error is not None]
    remarks = [*notes, *remarks_of(results), *results.alone]
    return [
        heading("Not scored") + listing(failed) if failed else "",
        heading("Remarks") + listing(remarks) if remarks else "",
    ]


def remarks_of(results: Results) -> list[str]:
    """The notes of all records, each once, with how many recordings it concerns."""
    counts: dict[str, list[str]] = {}
    for record in results.good:
        for note in record.notes:
            counts.setdefault(note, []).append(record.name)
    whole = len(results.good)
    return [
        note if len(names) == whole else f"{note} ({names[0] if len(names) == 1 else f'{len(names)} recordings'})"
        for note, names in counts.items()
    ]


def _foot(results: Results) -> str:
    from winnow.metrics.measures import MEASURES

    sources = [f"{label(name)}: {MEASURES[name].source}." for name in results.names() if name in MEASURES]
    return f"<footer><p>Made by winnow {version()}. Sources of the measures: {escape(' '.join(sources))}</p></footer>"
