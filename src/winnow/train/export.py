"""From a run to a bundle: the graph is compared with the network at several lengths before anything is written."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from winnow.errors import BadInput, BadOption, BundleError, OutputError
from winnow.models.bundle import TOLERANCE, load_bundle
from winnow.models.manifest import Corpus, Manifest
from winnow.train.graphs import GRAPHS, fused, in_eight_bits, make_probe, rounded, to_onnx
from winnow.train.recipes import find_recipe


def export_run(
    run: Path, output: Path, *, name: str | None = None, about: Path | None = None, force: bool = False, bits: int = 32
) -> Manifest:
    """Make a bundle of the weights in a run folder.

    name: of the bundle (default: the output folder's); about: JSON file with what only a person knows: title, licence,
    non_commercial, corpora [{name, licence, hours}], scores; a card.md beside it becomes the card; force: replace an
    existing bundle; bits: 32 or 8, in which the weights of convolutions are stored.
    Raises BadInput when the run is incomplete, BundleError when graph and network differ, OutputError.
    """
    _check_output(output, force)
    if bits not in (8, 32):
        raise BadOption(f"weights are stored in 8 or 32 bits, not in {bits}.")
    recipe, network = load_run(run)
    details = _details(about)
    card = about.with_name("card.md") if about else None
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept) / "bundle"
        folder.mkdir()
        manifest = recipe.manifest(name or output.name, network)
        manifest = replace(manifest, **details)
        manifest = write_bundle(folder, network, manifest, bits)
        text = card.read_text(encoding="utf-8") if card and card.exists() else default_card(manifest)
        (folder / "card.md").write_text(text, encoding="utf-8")
        _place(folder, output)
    return manifest


def load_run(run: Path) -> tuple[Any, torch.nn.Module]:
    """The recipe of a run folder and its averaged network, at its best where the run kept that. Raises BadInput."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    best = run / "best.safetensors"
    try:
        described = json.loads((run / "config.json").read_text(encoding="utf-8"))
        weights = load_file(best if best.exists() else run / "weights.safetensors")
    except FileNotFoundError as error:
        raise BadInput(
            f"{run}: no {Path(str(error.filename or 'weights.safetensors')).name} in this folder, so it is no run."
        ) from None
    except (OSError, ValueError, SafetensorError) as error:
        raise BadInput(f"{run}: cannot be read ({error}).") from None
    if not isinstance(described, dict) or not {"recipe", "config"} <= set(described):
        raise BadInput(f"{run}: config.json cannot be read as that of a run; it names no recipe and config.")
    recipe = find_recipe(described["recipe"]).restored(described["config"])
    network = recipe.network()
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        raise BadInput(
            f"{run}: the weights do not fit the network of config.json; one of the two is another run's."
        ) from None
    return recipe, network.eval()


def write_bundle(folder: Path, network: Any, manifest: Manifest, bits: int = 32) -> Manifest:
    """Write graph, probe and manifest, and check them. Returns the manifest with its hash.

    bits: 8 stores the weights of convolutions in 8 bits; the probe is then that of the rounded network.
    """
    steps = {}
    if bits == 8:
        network = fused(network)
        exported = GRAPHS[manifest.kind](manifest.settings).prepared(network)
        inside = any(exported is module for module in network.modules())
        steps = rounded(exported if inside else network)  # by the names that the graph will have
    probe = make_probe(network, manifest)
    graph = in_eight_bits(to_onnx(network, manifest), steps)
    manifest = replace(manifest, sha256=hashlib.sha256(graph).hexdigest())
    (folder / "model.onnx").write_bytes(graph)
    np.savez_compressed(folder / "probe.npz", **probe)
    (folder / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
    report = load_bundle(folder).check()
    if not report.ok:
        raise BundleError(
            f"graph and network differ by {report.worst:.1e}, more than {TOLERANCE:.0e}: the export is wrong."
        )
    return manifest


def default_card(manifest: Manifest) -> str:
    """A card from the manifest alone."""
    corpora = "\n".join(f"- {c.name}: {c.hours:g} h, {c.licence}" for c in manifest.corpora) or "- not stated"
    return (
        f"# {manifest.name}\n\n{manifest.title}\n\nKind {manifest.kind}, {manifest.rate} Hz, {manifest.parameters:,} parameters, "
        f"latency {manifest.latency * 1000:.0f} ms.\nLicence of the weights: {manifest.licence}.\n\n## Trained on\n\n{corpora}\n"
    )


def _details(about: Path | None) -> dict[str, Any]:
    if about is None:
        return {}
    try:
        details = json.loads(about.read_text(encoding="utf-8"))
        details["corpora"] = tuple(Corpus(**corpus) for corpus in details.get("corpora", ()))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"{about}: cannot be read as a description of a bundle ({error}).") from None
    allowed = {"title", "licence", "non_commercial", "corpora", "scores"}
    if set(details) - allowed:
        raise BadInput(
            f"{about}: unknown keys {', '.join(sorted(set(details) - allowed))}; allowed: {', '.join(sorted(allowed))}."
        )
    return dict(details)


def _check_output(output: Path, force: bool) -> None:
    """Only a bundle is replaced, never another folder or a file."""
    if not output.exists():
        return
    if not (output / "manifest.json").exists():
        raise OutputError(f"{output} exists and is no bundle, so it is left as it is. Choose another folder.")
    if not force:
        raise OutputError(f"{output} exists already. Choose another folder, or add --force.")


def _place(folder: Path, output: Path) -> None:
    """Written aside first, so that no half bundle lies there under its name."""
    output = output.resolve()
    aside = output.with_name(f".{output.name}.part")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(folder, aside)
        if output.exists():
            shutil.rmtree(output)
        aside.replace(output)
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error.strerror}).") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
