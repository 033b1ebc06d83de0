"""From a network to an ONNX graph, and the probe that proves the graph; one class per kind of bundle."""

from __future__ import annotations

import copy
import json
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from winnow.dsp.published import Stft
from winnow.models.manifest import (
    CLIP,
    ComplexSettings,
    Cue,
    FramesSettings,
    Manifest,
    SpeakerSettings,
    SpectralSettings,
    WaveSettings,
)
from winnow.models.speaker import LEAST_FRAMES


class FramesGraph:
    """Inputs `spectrum` and `state`, outputs `mask` and `next_state`; any number of frames."""

    inputs = ("spectrum", "state")
    outputs = ("mask", "next_state")
    axes: ClassVar = {"spectrum": {1: "frames"}, "mask": {1: "frames"}}

    def __init__(self, settings: FramesSettings) -> None:
        self.settings = settings
        self.lengths = (2, 9, 24)  # an exporter that bakes in the length of its example passes at one length only

    def example(self, length: int, chance: torch.Generator) -> tuple[Tensor, ...]:
        """What the network takes, of a number of frames."""
        spectrum = torch.randn(1, length, self.settings.bins, 2, generator=chance)
        return spectrum, torch.zeros(self.settings.state)

    def prepared(self, network: Any) -> nn.Module:
        """The network as it is exported."""
        folded: nn.Module = network.folded()
        return folded


class SpectralGraph:
    """Input `spectrum`, output `mask`; any number of windows and any multiple of frames."""

    inputs = ("spectrum",)
    outputs = ("mask",)
    axes: ClassVar = {"spectrum": {0: "windows", 1: "frames"}, "mask": {0: "windows", 1: "frames"}}

    def __init__(self, settings: SpectralSettings) -> None:
        self.settings = settings
        step = settings.multiple
        self.lengths = (step, 3 * step, 4 * step)

    def example(self, length: int, chance: torch.Generator) -> tuple[Tensor, ...]:
        """What the network takes, of a number of frames."""
        return (torch.randn(1, length, self.settings.bins, generator=chance),)

    def prepared(self, network: nn.Module) -> nn.Module:
        """The network as it is exported."""
        return network


class ComplexGraph:
    """Input `spectrum`, output `masks`; any number of windows and frames (or the one number that the settings tell)."""

    inputs = ("spectrum",)
    outputs = ("masks",)
    axes: ClassVar = {"spectrum": {0: "windows", 1: "frames"}, "masks": {0: "windows", 2: "frames"}}

    def __init__(self, settings: ComplexSettings) -> None:
        self.settings = c = settings
        transform = Stft(c.fft, c.hop, c.window, c.centred)
        self.lengths: tuple[int, ...] = (transform.frames(c.samples),) if c.whole else (9, 40, 61)
        self._frames = transform.frames

    def example(self, length: int, chance: torch.Generator) -> tuple[Tensor, ...]:
        """What the network takes, of a number of frames."""
        return (torch.randn(1, length, self.settings.bins, 2, generator=chance),)

    def clip(self, cue: Cue, chance: torch.Generator) -> Tensor:
        """The spectrum of a clip, for the cue of that name."""
        return torch.randn(1, self._frames(cue.size), self.settings.bins, 2, generator=chance)

    def prepared(self, network: nn.Module) -> nn.Module:
        """The network as it is exported."""
        return network


class WaveGraph:
    """Input `wave`, output `stems`; any number of windows and samples."""

    inputs = ("wave",)
    outputs = ("stems",)
    axes: ClassVar = {"wave": {0: "windows", 1: "time"}, "stems": {0: "windows", 2: "time"}}

    def __init__(self, settings: WaveSettings) -> None:
        least = settings.least
        self.lengths = (least, 7 * least + 1, 100 * least + 5)  # odd ones; the last holds several groups of frames

    def example(self, length: int, chance: torch.Generator) -> tuple[Tensor, ...]:
        """What the network takes, of a number of samples."""
        return (torch.randn(1, length, generator=chance) * 0.1,)

    def prepared(self, network: nn.Module) -> nn.Module:
        """The network as it is exported."""
        return network


class SpeakerGraph:
    """Input `mels`, output `voice`; any number of windows and frames."""

    inputs = ("mels",)
    outputs = ("voice",)
    axes: ClassVar = {"mels": {0: "windows", 1: "frames"}, "voice": {0: "windows"}}

    def __init__(self, settings: SpeakerSettings) -> None:
        self.settings = settings
        self.lengths = (LEAST_FRAMES, settings.frames, 2 * settings.frames)

    def example(self, length: int, chance: torch.Generator) -> tuple[Tensor, ...]:
        """What the network takes, of a number of frames."""
        return (torch.randn(2, length, self.settings.mels, generator=chance),)

    def prepared(self, network: nn.Module) -> nn.Module:
        """The network as it is exported, without what its training needed."""
        encoder: nn.Module = getattr(network, "encoder", network)
        return encoder


GRAPHS: dict[str, Any] = {
    "frames": FramesGraph,
    "spectral": SpectralGraph,
    "complex": ComplexGraph,
    "wave": WaveGraph,
    "speaker": SpeakerGraph,
}


@torch.no_grad()
def make_probe(network: nn.Module, manifest: Manifest) -> dict[str, Any]:
    """Noise in and the network's own answers, at several lengths."""
    graph = GRAPHS[manifest.kind](manifest.settings)
    chance = torch.Generator().manual_seed(0)
    probe: dict[str, Any] = {"lengths": np.array(graph.lengths)}
    for length in graph.lengths:
        example = _example(graph, manifest, length, chance)
        answer = network(*example.values())
        probe |= {f"{name}_{length}": value.numpy() for name, value in example.items() if name != "state"}
        probe[f"{graph.outputs[0]}_{length}"] = (answer[0] if isinstance(answer, tuple) else answer).numpy()
    return probe


def _example(graph: Any, manifest: Manifest, length: int, chance: torch.Generator) -> dict[str, Tensor]:
    """Inputs of a graph by name: what its kind takes, and the facts that the manifest's cues ask for."""
    inputs = dict(zip(graph.inputs, graph.example(length, chance), strict=True))
    for cue in manifest.cues:
        if cue.name == CLIP:
            inputs[cue.name] = graph.clip(cue, chance)
            continue
        value = torch.randn(1, cue.size, generator=chance)
        inputs[cue.name] = value / value.norm()
    return inputs


def to_onnx(network: nn.Module, manifest: Manifest) -> bytes:
    """The ONNX graph, with the manifest as metadata."""
    import onnx

    graph = GRAPHS[manifest.kind](manifest.settings)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / "model.onnx"
        warnings.simplefilter("ignore")  # the older exporter: the newer one bakes the example's length into a GRU
        example = _example(graph, manifest, graph.lengths[len(graph.lengths) // 2], torch.Generator())
        torch.onnx.export(
            graph.prepared(network),
            tuple(example.values()),
            path,
            input_names=list(example),
            output_names=list(graph.outputs),
            dynamic_axes=graph.axes | {cue.name: {0: "windows"} for cue in manifest.cues},
            opset_version=17,
            dynamo=False,
        )
        model = onnx.load(path)
    described = json.dumps({**asdict(manifest), "sha256": ""}, ensure_ascii=False)
    onnx.helper.set_model_props(model, {"winnow": described})
    return bytes(model.SerializeToString())


SMALLEST = 1024
"""Values from which a tensor of weights is worth storing in 8 bits."""


def rounded(network: nn.Module) -> dict[str, Tensor]:
    """Round the weights of convolutions to 255 steps per output channel, in place; returns the steps by parameter name.

    Symmetric, per channel, as `QuantizeLinear` of ONNX does with a zero point of 0.
    """
    steps = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.weight.numel() >= SMALLEST:
            axis = 1 if isinstance(module, nn.ConvTranspose2d) else 0
            weight = module.weight.data
            others = [i for i in range(weight.ndim) if i != axis]
            step = weight.abs().amax(others, keepdim=True).clamp(min=1e-12) / 127
            module.weight.data = (weight / step).round() * step
            steps[f"{name}.weight"] = step
    return steps


def in_eight_bits(graph: bytes, steps: dict[str, Tensor]) -> bytes:
    """The graph with those weights stored as whole numbers, which a cast and a product make into what they were.

    ONNX Runtime does both once, when it loads the graph: the file is a quarter as large, the speed is the same.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_model_from_string(graph)
    added = []
    for weight in [w for w in model.graph.initializer if w.name in steps]:
        step = steps[weight.name].numpy()
        whole = np.round(numpy_helper.to_array(weight) / step).astype(np.int8)
        model.graph.initializer.remove(weight)
        model.graph.initializer.extend(
            [
                numpy_helper.from_array(whole, f"{weight.name}.whole"),
                numpy_helper.from_array(step, f"{weight.name}.step"),
            ]
        )
        added += [
            helper.make_node("Cast", [f"{weight.name}.whole"], [f"{weight.name}.cast"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Mul", [f"{weight.name}.cast", f"{weight.name}.step"], [weight.name]),
        ]
    nodes = [*added, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())


def fused(network: nn.Module) -> nn.Module:
    """A copy in which a batch norm that follows a convolution at once is part of it, so that rounding sees what is used."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    network = copy.deepcopy(network).eval()
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                before, after = module[i], module[i + 1]
                if isinstance(before, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
                    module[i], module[i + 1] = fuse_conv_bn_eval(before, after), nn.Identity()
    return network
