"""Multiply-accumulates of an ONNX graph, counted from the shapes of a run.

Convolutions, products of matrices and recurrent layers count; biases, norms, activations and what is done element by element do
not, as is the custom of the published figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

Shapes = Mapping[str, tuple[int, ...]]
Feed = dict[str, Any]
RECURRENT = {"LSTM": 4, "GRU": 3, "RNN": 1}


@contextmanager
def fed() -> Iterator[list[tuple[bytes, Feed]]]:
    """Every graph that is opened and run inside, and what it was given at the last call."""
    original, seen = ort.InferenceSession, {}

    class Watched(original):  # type: ignore[misc, valid-type]
        def __init__(self, graph: bytes, *rest: Any, **named: Any) -> None:
            super().__init__(graph, *rest, **named)
            self._graph_bytes = graph

        def run(self, names: Any, feed: Feed, *rest: Any) -> Any:
            seen[id(self)] = (self._graph_bytes, dict(feed))
            return super().run(names, feed, *rest)

    found: list[tuple[bytes, Feed]] = []
    ort.InferenceSession = Watched
    try:
        yield found
    finally:
        ort.InferenceSession = original
        found += seen.values()


def multiply_accumulates(graph: bytes, feed: Feed) -> int:
    """Of one run. Raises ValueError for a graph with loops, of which the count would not be known."""
    model = onnx.load_from_string(graph)
    shapes = run_shapes(model, feed)
    constants = {each.name: tuple(each.dims) for each in model.graph.initializer}
    return sum(of_node(node, constants | shapes) for node in model.graph.node)


def run_shapes(model: onnx.ModelProto, feed: Feed) -> dict[str, tuple[int, ...]]:
    """The shape of every value inside."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    names = list(dict.fromkeys(name for node in model.graph.node for name in node.output if name))
    del watched.graph.output[:]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = ort.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = {name: np.shape(value) for name, value in zip(names, session.run(names, feed), strict=True)}
    return {name: np.shape(value) for name, value in feed.items()} | found


def of_node(node: onnx.NodeProto, shapes: Shapes) -> int:
    """Of one node."""
    if any(attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for attribute in node.attribute):
        raise ValueError(f"{node.op_type}: a graph within the graph")
    if node.op_type in RECURRENT:
        (time, batch, inputs), (ways, rows, _) = shapes[node.input[0]], shapes[node.input[1]]
        return time * batch * ways * rows * (inputs + rows // RECURRENT[node.op_type])
    count = COUNTS.get(node.op_type)
    return count(node, shapes) if count else 0


def _matmul(node: onnx.NodeProto, shapes: Shapes) -> int:
    return prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]


def _gemm(node: onnx.NodeProto, shapes: Shapes) -> int:
    turned = any(each.name == "transA" and each.i for each in node.attribute)
    return prod(shapes[node.output[0]]) * shapes[node.input[0]][0 if turned else 1]


def _conv(node: onnx.NodeProto, shapes: Shapes) -> int:
    return prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])


def _transposed(node: onnx.NodeProto, shapes: Shapes) -> int:
    return prod(shapes[node.input[0]]) * prod(shapes[node.input[1]][1:])


def _einsum(node: onnx.NodeProto, shapes: Shapes) -> int:
    """Of two operands: all letters together; more would depend on the order."""
    text = next(each.s.decode() for each in node.attribute if each.name == "equation").replace(" ", "")
    sizes = {
        letter: size
        for letters, name in zip(text.split("->", maxsplit=1)[0].split(","), node.input, strict=True)
        for letter, size in zip(letters, shapes[name], strict=True)
    }
    return prod(sizes.values())


COUNTS: dict[str, Callable[[onnx.NodeProto, Shapes], int]] = {
    "MatMul": _matmul,
    "MatMulInteger": _matmul,
    "Gemm": _gemm,
    "Conv": _conv,
    "ConvInteger": _conv,
    "ConvTranspose": _transposed,
    "Einsum": _einsum,
}
