"""The blocks of `winnow.train.networks.bandsplit` forwards and backwards by the C++ beside this file: a third of a step's time.

As under autocast products are of bfloat16 with sums in float32; the rest, and what goes from block to block, is float32.
Shapes: T tokens in time, B batch, K bands, D width.
"""

from __future__ import annotations

import ctypes
import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from winnow.train.native.library import Unavailable, library
from winnow.train.networks.bandsplit import AcrossBands, AlongTime, BandSplit

BANDS, WIDTH = 32, 64
"""The only network that it serves has as many bands, and as many channels, hidden units and twice them."""

Address = ctypes.c_void_p


def quicken(network: nn.Module) -> str:
    """Let the band-split networks in a network run their blocks here; returns why not, nothing if they do.

    The network computes what it did within the precision of bfloat16. Networks of other sizes stay as they are.
    """
    found = [module for module in network.modules() if isinstance(module, BandSplit)]
    fitting = [module for module in found if fits(module)]
    if not fitting:
        return "there is no network that they serve"
    try:
        blocks = Blocks(library())
    except Unavailable as problem:
        return str(problem)
    for module in fitting:
        module.native = blocks
    return ""


def fits(network: BandSplit) -> bool:
    """Whether a network has the sizes that were written down in C++, and numbers of single precision."""
    c = network.config
    single = all(weight.dtype == torch.float32 for weight in network.parameters())
    return single and (c.bands, c.width, c.hidden, c.expansion) == (BANDS, WIDTH, WIDTH, 2)


class Blocks:
    """All blocks of a network, and the memory that lies between their ways there and back."""

    def __init__(self, functions: ctypes.CDLL) -> None:
        self._functions, self._lock = functions, threading.Lock()
        self._free: dict[int, list[list[Tensor]]] = defaultdict(list)

    def __call__(self, network: BandSplit, x: Tensor, voice: Tensor | None) -> Tensor:
        """`(B, T, K, D)` and the voice `(B, V)` of a network that takes one, to `(B, T, K, D)` float32. On the CPU."""
        x, kept = x.float().transpose(0, 1).contiguous(), torch.is_grad_enabled()
        layers: Any = zip(network.time, network.across, strict=True)
        for i, (time, across) in enumerate(layers):
            if voice is not None:
                film: Any = network.film[i]
                x = (x * (1 + film.to_scale(voice)[:, None]) + film.to_shift(voice)[:, None]).float()
            x = _Along.apply(x, self, kept, *along_weights(time))
            x = _Across.apply(x, self, *across_weights(across))
        return x.transpose(0, 1)

    def call(self, name: str, *arguments: Any) -> None:
        """A function of the library: tensors by their addresses, lists of them by a table of addresses, numbers as they are."""
        with self._lock:
            getattr(self._functions, name)(*(_passed(each) for each in arguments))

    def take(self, rows: int) -> list[Tensor]:
        """Memory for what an LSTM keeps: its inputs, gates, cells and outputs, bfloat16, of so many rows."""
        if free := self._free[rows]:
            return free.pop()
        shapes = ((rows, WIDTH), (2 * rows, 4 * WIDTH), (2 * rows, WIDTH), (rows, 2 * WIDTH))
        return [torch.empty(shape, dtype=torch.bfloat16) for shape in shapes]

    def give(self, rows: int, kept: list[Tensor]) -> None:
        """Memory that is no longer needed."""
        self._free[rows].append(kept)


def along_weights(block: AlongTime) -> list[Tensor]:
    """In the order of the C++."""
    lstm: Any = block.lstm
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    gates = [getattr(lstm, f"{name}_l0{way}") for name in names for way in ("", "_reverse")]
    return [block.norm.weight, block.norm.bias, *gates, block.out.weight, block.out.bias]


def across_weights(block: AcrossBands) -> list[Tensor]:
    """In the order of the C++."""
    layers: Any = (block.norm, block.bands[0], block.bands[2], block.norm_near, block.near[0], block.near[2])
    return [weight for layer in layers for weight in (layer.weight, layer.bias)]


class _Along(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, blocks: Blocks, back: bool, *weights: Tensor) -> Tensor:
        """`(T, B, K, D)` to the same."""
        times, rows = len(x), x[..., 0].numel()
        y, kept = torch.empty_like(x), blocks.take(rows)
        blocks.call("along", x, y, weights, kept, times, rows // times)
        if back:
            ctx.save_for_backward(x, *weights)
            ctx.blocks, ctx.kept = blocks, kept
        else:
            blocks.give(rows, kept)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, *weights = ctx.saved_tensors
        if ctx.kept is None:
            raise RuntimeError("these blocks go back once: what they kept has been given to others")
        times, rows = len(x), x[..., 0].numel()
        down, dx, made = gradients[0].contiguous(), torch.empty_like(x), [torch.zeros_like(w) for w in weights]
        narrow = torch.empty((rows, WIDTH), dtype=torch.bfloat16)
        ctx.blocks.call("along_back", x, down, dx, narrow, weights, ctx.kept, made, times, rows // times)
        ctx.blocks.give(rows, ctx.kept)
        ctx.kept = None
        return dx, None, None, *made


class _Across(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, blocks: Blocks, *weights: Tensor) -> Tensor:
        """`(T, B, K, D)` to the same."""
        y = torch.empty_like(x)
        blocks.call("across", x, y, weights, x.shape[0] * x.shape[1])
        ctx.save_for_backward(x, *weights)
        ctx.blocks = blocks
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, *weights = ctx.saved_tensors
        down, dx, made = gradients[0].contiguous(), torch.empty_like(x), [torch.zeros_like(w) for w in weights]
        ctx.blocks.call("across_back", x, down, dx, weights, made, x.shape[0] * x.shape[1])
        return dx, None, *made


def _passed(value: Tensor | Sequence[Tensor] | int) -> Any:
    if isinstance(value, int):
        return ctypes.c_int(value)
    if isinstance(value, Tensor):
        return Address(value.data_ptr())
    return (Address * len(value))(*(each.data_ptr() for each in value))
