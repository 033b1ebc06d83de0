"""Multiply-accumulates of a network, counted while it runs once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def multiply_accumulates(network: nn.Module, *example: Tensor) -> int:
    """Multiply-accumulates of one forward pass on the CPU over an example of the inputs.

    Counted are the products of matrices: convolutions and their transposes, linear layers, recurrent layers and both
    products of attention, as PyTorch runs them, hence also those written as functions. Biases, norms, activations, element by
    element products and Fourier transforms are not, as is the custom of the published figures. A count belongs to its example:
    for multiply-accumulates a second give a second of sound and a batch of one, or divide by the seconds given.
    """
    training = network.training
    network.eval()
    counter = FlopCounterMode(display=False)
    try:
        with _plain_kernels(), torch.no_grad(), counter:
            network(*example)
    finally:
        network.train(training)
    return int(counter.get_total_flops()) // 2


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """Fused kernels off: those of recurrent layers and of attention hide their products of matrices from the counter."""
    fused = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", UserWarning)  # PyTorch's own flags of oneDNN warn of GPUs that nobody asked for
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.callback(torch.backends.mha.set_fastpath_enabled, fused)
        torch.backends.mha.set_fastpath_enabled(False)
        yield
