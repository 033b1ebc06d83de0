"""Multiply-accumulates against counts made by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="networks are counted with the train extra")
from torch import nn  # noqa: E402

from winnow.train.macs import multiply_accumulates  # noqa: E402

LSTM_STEP = (
    4 * 7 * (5 + 7),
    4 * 7 * (2 * 7 + 7),
)  # per time step and direction: first layer, second layer (both directions in)
ATTENTION = 2 * 10 * (8 * 24 + 8 * 8) + 2 * 2 * (10 * 10 * 8)  # projections in and out, two products of 10 x 10 over 8


@pytest.mark.parametrize(
    ("layer", "shape", "count"),
    [
        (nn.Linear(5, 7), (2, 3, 5), 2 * 3 * 5 * 7),
        (nn.Conv1d(4, 6, 3, stride=2), (1, 4, 21), 10 * 6 * 4 * 3),
        (nn.Conv1d(4, 6, 3, padding=2, dilation=2), (2, 4, 21), 2 * 21 * 6 * 4 * 3),
        (nn.Conv1d(4, 4, 3, groups=4), (1, 4, 21), 19 * 4 * 3),
        (nn.Conv2d(4, 6, (3, 5), groups=2), (1, 4, 9, 11), 7 * 7 * 6 * 2 * 15),
        (nn.ConvTranspose1d(4, 6, 3, stride=2), (1, 4, 10), 10 * 4 * 6 * 3),
        (nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (1, 4, 10, 7), 70 * 4 * 3 * 9),
        (nn.LSTM(5, 7, 2, batch_first=True, bidirectional=True), (2, 3, 5), 2 * 3 * 2 * sum(LSTM_STEP)),
        (nn.LSTM(5, 7, proj_size=3), (2, 3, 5), 6 * (4 * 7 * (5 + 3) + 7 * 3)),
        (nn.GRU(5, 7, batch_first=True), (2, 3, 5), 6 * 3 * 7 * (5 + 7)),
        (nn.GRUCell(5, 7), (2, 5), 2 * 3 * 7 * (5 + 7)),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (2, 10, 8), ATTENTION + 2 * 10 * 2 * 8 * 16),
        (nn.Sequential(nn.Conv1d(4, 6, 1), nn.BatchNorm1d(6), nn.PReLU(), nn.Tanh()), (3, 4, 5), 3 * 5 * 24),
    ],
)
@pytest.mark.parametrize("training", [False, True])
def test_counts_of_layers(layer: nn.Module, shape: tuple[int, ...], count: int, training: bool) -> None:
    layer.train(training)
    assert multiply_accumulates(layer, torch.randn(shape)) == count
    assert layer.training == training


class Products(nn.Module):
    """Products of matrices that no layer makes, of two inputs."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        attended = nn.functional.scaled_dot_product_attention(a, a, a)  # (2, 3, 4): two products of 3 x 3 over 4
        return torch.einsum("nij,njk->nik", attended, b) + a @ b


def test_products_written_as_functions() -> None:
    count = multiply_accumulates(Products(), torch.randn(2, 3, 4), torch.randn(2, 4, 5))
    assert count == 2 * (2 * 3 * 3 * 4) + 2 * (2 * 3 * 4 * 5)


def test_fused_kernels_are_on_again() -> None:
    before = torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled()
    multiply_accumulates(nn.LSTM(3, 3), torch.randn(2, 1, 3))
    assert before == (torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled())
