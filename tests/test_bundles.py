"""Bundles: complete, strict, and refused when tampered with."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

from winnow.engine.run import Separation, Settings
from winnow.errors import BundleError, UnknownModel
from winnow.models import catalog
from winnow.models.bundle import load_bundle
from winnow.models.manifest import parse_manifest


@pytest.fixture
def bundle(tmp_path):
    shutil.copytree(catalog.ZOO / "denoise-16k", tmp_path / "mine")
    return tmp_path / "mine"


def change(bundle, **values):
    path = bundle / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps({k: v for k, v in manifest.items() if v is not ...}), encoding="utf-8")


@pytest.mark.parametrize("name", catalog.names())
def test_shipped_bundles_compute_what_their_export_wrote_down(name):
    found = catalog.find(name)
    report = found.check()
    assert report.ok
    assert len(report.differences) >= 3 + (found.manifest.kind == "frames")  # three lengths, and frame by frame
    assert found.manifest.corpora
    assert found.card


def test_the_zoo_is_small():
    total = sum(p.stat().st_size for p in catalog.ZOO.rglob("*") if p.is_file())
    assert total < 60e6


def test_a_manifest_survives_being_written_and_read(bundle):
    manifest = load_bundle(bundle).manifest
    assert parse_manifest(json.loads(manifest.to_json()), "here") == manifest


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"rate": ...}, "rate is missing"),
        ({"rate": "16000"}, "rate has the wrong type"),
        ({"kind": "magic"}, "unknown kind 'magic'"),
        ({"schema": 99}, "schema 99"),
        ({"settings": {"window": 512}}, "is missing"),
        ({"settings": {"window": 511, "power": 0.3, "bins": 4, "state": [1]}}, "make no sense"),
        ({"settings": {"window": 512, "power": 0.3, "bins": 256, "state": [1], "x": 1}}, "unknown key 'x'"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(bundle, values, words):
    change(bundle, **values)
    with pytest.raises(BundleError, match=words):
        load_bundle(bundle)


def test_a_changed_graph_is_refused(bundle):
    data = bytearray((bundle / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / "model.onnx").write_bytes(bytes(data))
    with pytest.raises(BundleError, match="was changed"):
        Separation(16000, 1, Settings(model=str(bundle)))


def test_a_graph_that_is_none_is_refused_even_with_its_hash(bundle):
    import hashlib

    (bundle / "model.onnx").write_bytes(b"no graph")
    change(bundle, sha256=hashlib.sha256(b"no graph").hexdigest())
    with pytest.raises(BundleError, match="cannot load the graph"):
        load_bundle(bundle).runner()


@pytest.mark.parametrize("missing", ["manifest.json", "model.onnx", "probe.npz"])
def test_an_incomplete_bundle_is_named(bundle, missing):
    (bundle / missing).unlink()
    with pytest.raises(BundleError, match=re.escape(missing)):
        load_bundle(bundle).check()


def test_the_probe_notices_other_weights(bundle):
    with np.load(bundle / "probe.npz") as kept:
        probe = {name: kept[name] for name in kept.files}
    length = probe["lengths"][-1]
    probe[f"mask_{length}"] = probe[f"mask_{length}"] + 1e-3
    np.savez(bundle / "probe.npz", **probe)
    assert not load_bundle(bundle).check().ok


def test_the_exponent_of_a_bundle_is_applied(bundle):
    """Below 1 less is taken away: noise comes out louder."""
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 16000)).astype(np.float32)
    powers = []
    for exponent in (0.5, 1.0):
        settings = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))["settings"]
        change(bundle, settings=settings | {"exponent": exponent})
        separation = Separation(16000, 1, Settings(model=str(bundle)))
        parts = [separation.feed(noise), separation.flush()]
        powers.append(sum(float(np.square(part["speech"]).sum()) for part in parts))
    assert powers[0] > 2 * powers[1]


def test_an_unknown_name_gets_the_nearest_ones():
    with pytest.raises(UnknownModel, match=r'no model named "denois"\. Did you mean denoise-'):
        catalog.find("denois")
    with pytest.raises(UnknownModel, match="no such bundle folder"):
        catalog.find("./nowhere/denoise")


def test_the_band_above_8_khz_decides_between_the_two():
    assert catalog.choose(8000) == catalog.choose(16000) == "denoise-16k"
    assert catalog.choose(22050) == catalog.choose(96000) == "denoise-48k"
