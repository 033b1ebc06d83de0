"""`winnow info`, `winnow models`, `winnow check`: looking without changing anything."""

from __future__ import annotations

import json as json_
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli.words import channels, clock, kilohertz, megabytes, one_line

if TYPE_CHECKING:
    from winnow.media import AudioTrack, MediaInfo
    from winnow.models.bundle import Bundle

Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def info(file: Annotated[str, typer.Argument(metavar="FILE", hidden=True)], json: Json = False) -> None:
    """winnow info talk.mp4

    Tell what a recording holds: container, length, tracks, tags, chapters,
    and which network `winnow enhance` would take.
    """
    from winnow.engine.naming import output_suffix
    from winnow.media import probe
    from winnow.media.writer import kept_tags
    from winnow.models import catalog

    found = probe(file)
    model = catalog.choose(found.audio[0].rate) if found.audio else None
    if json:
        print(json_.dumps({**asdict(found), "model": model}))
        return
    print(f"{one_line(file)}   {_container(found)}   {clock(found.seconds)}")
    for line in _tracks(found):
        print(f"  {line}")
    for key, value in sorted(kept_tags(found.tags).items()):
        print(f"  {one_line(key)}: {one_line(value)}")
    suffix, note = output_suffix(file, "enhance")
    print(
        f"enhance: network {model}, output {suffix}{f' ({note})' if note else ''}"
        if model
        else "enhance: nothing to do, there is no sound"
    )


def _container(found: MediaInfo) -> str:
    """FFmpeg has one name for a family ("mov,mp4,m4a,3gp"); the one that is the file's suffix says more."""
    family = found.container.split(",")
    suffix = os.path.splitext(found.path)[1].lower().removeprefix(".")
    return suffix if suffix in family else family[0]


def _tracks(found: MediaInfo) -> list[str]:
    lines = [_audio(track) for track in found.audio]
    for video in found.video:
        rate = f", {video.rate:g} frames/s" if video.rate else ""
        lines.append(
            f"{'cover' if video.cover else 'video'} {video.index}: {video.codec}, {video.width}x{video.height}{rate}"
        )
    for word, count in (("subtitle tracks", found.subtitles), ("chapters", found.chapters)):
        lines += [f"{word}: {count}"] if count else []
    return lines


def _audio(track: AudioTrack) -> str:
    facts = [track.codec, kilohertz(track.rate), channels(track.channels)]
    facts += [f"{track.bits} bits"] if track.bits else []
    facts += [f"{track.bit_rate / 1000:.0f} kbit/s"] if track.bit_rate else []
    facts += [one_line(text) for text in (track.language, track.title) if text]
    facts += [f"starts at {track.start:.3f} s"] if abs(track.start) >= 0.0005 else []
    return f"audio {track.index}: " + ", ".join(facts)


def models(context: typer.Context, json: Json = False) -> None:
    """winnow models                       list the networks
    winnow models show denoise-48k      show the card of one

    Networks that `--model` takes. Without --model, `winnow enhance` chooses by the sample rate of the recording.
    """
    if context.invoked_subcommand is not None:
        return
    from winnow.models import catalog

    bundles = [catalog.find(name) for name in catalog.names()]
    if json:
        print(json_.dumps([_facts(bundle) for bundle in bundles]))
        return
    rows = [_row(bundle) for bundle in bundles]
    from rich.console import Console
    from rich.table import Table

    table = Table(*rows[0], box=None, pad_edge=False) if rows else Table()
    for row in rows:
        table.add_row(*row.values())
    Console(highlight=False, markup=False).print(table)
    print("\nwithout a network (--method):")
    for name, said in NO_NETWORK.items():
        print(f"  {name:<10} {said}")


NO_NETWORK = {
    "neighbour": "voice from a background that repeats, such as accompaniment",
    "wpe": "reverberation out, by one microphone or several",
    "ica": "sources apart on the channels of a mixing desk, without any room",
    "auxiva": "sources apart, by several microphones in a room; fast",
    "ilrma": "the same, better where sources have few notes or sounds; slower",
    "fastmnmf": "the same, better in long reverberation; slowest",
}


def _plural(stem: str) -> str:
    """`talkers` for talker1 and talker2."""
    name = stem.rstrip("0123456789")
    return name if name == stem else f"{name}s"


def _facts(bundle: Bundle) -> dict[str, Any]:
    """What `--json` prints: rate in hertz, latency in seconds, size in bytes."""
    manifest = bundle.manifest
    return {
        "name": manifest.name,
        "title": manifest.title,
        "kind": manifest.kind,
        "rate": manifest.rate,
        "stems": list(manifest.stems),
        "latency": manifest.latency,
        "parameters": manifest.parameters,
        "size": bundle.size,
        "licence": manifest.licence,
    }


def _row(bundle: Bundle) -> dict[str, str]:
    manifest = bundle.manifest
    return {
        "name": manifest.name,
        "rate": kilohertz(manifest.rate),
        "kind": manifest.kind,
        "stems": ", ".join(dict.fromkeys(_plural(name) for name in manifest.stems)),
        "latency": f"{manifest.latency * 1000:.0f} ms",
        "size": megabytes(bundle.size),
        "licence": manifest.licence,
    }


def show(name: Annotated[str, typer.Argument(metavar="NAME", hidden=True)]) -> None:
    """winnow models show denoise-48k

    Show the card of a network, by its name or its folder: what it was trained on, its scores, its known failures.
    """
    from winnow.models import catalog

    bundle = catalog.find(name)
    print(bundle.card.strip() or f"{bundle.manifest.name}: {bundle.manifest.title} (this bundle has no card)")


def check(bundle: Annotated[str, typer.Argument(metavar="BUNDLE", hidden=True)]) -> int:
    """winnow check denoise-48k
    winnow check path/to/bundle

    Verify a bundle, by its name or its folder:
    its files are whole, its hash is right, and it computes here what it computed when it was made.
    """
    from winnow.models import catalog

    good, verdict = checked(catalog.find(bundle))
    print(f"{bundle}: {verdict}")
    return 0 if good else 1


def checked(bundle: Bundle) -> tuple[bool, str]:
    """Whether a bundle computes here what it computed when it was made, and a line about it. Raises BundleError."""
    report = bundle.check()
    verdict = "intact, computes what it should" if report.ok else "intact, but it computes something else here"
    return report.ok, f"{verdict} (largest difference {report.worst:.1e})"
