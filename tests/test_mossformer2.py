"""MossFormer2: its size and arithmetic, as published."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`: pip install winnow-audio[train]")

from winnow.train.networks.flash import Flash, FlashConfig, rotary_turns, rotated  # noqa: E402
from winnow.train.networks.fsmn import DenseMemory, MemoryConfig  # noqa: E402
from winnow.train.networks.mossformer2 import MossFormer2, MossFormer2Config  # noqa: E402

SMALL = MossFormer2Config(
    channels=24,
    layers=2,
    flash=FlashConfig(width=16, group=8, query_key=12, rotary=8, kernel=5),
    memory=MemoryConfig(inner=6, order=3, kernel=5),
)


def size(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def counted(c: MossFormer2Config) -> int:
    """The parameters of a configuration, from the description of the layers alone."""
    d, m, q, e, i = c.flash.width, c.channels, c.flash.query_key, c.flash.expansion * c.flash.width, c.memory.inner
    k, taps = c.flash.kernel, 2 * c.memory.order - 1

    def projection(wide: int, out: int) -> int:
        return wide * out + out + k * out

    flash = projection(d, e) + 1 + projection(d, q) + 1 + 2 * 4 * q + projection(e // 2, d) + 1
    gates = 2 * (2 * i + projection(i, i))
    dense = sum(taps * (layer + 1) * i + 3 * i for layer in range(c.memory.depth))
    memory = (d * i + i + 1 + 2 * i) + gates + (i * i + i) + i * i + dense + (2 * i + i * d + d)
    enter = 2 * m + m * d + 1
    leave = 2 * d + 2 * d + 1 + (d + 1) * d * c.talkers + 2 * (d + 1) * d + d * m
    return 2 * m * c.kernel + enter + c.layers * (flash + memory) + leave


@pytest.mark.parametrize(("talkers", "count"), [(2, 55_735_394), (3, 55_998_050)])
def test_the_published_size(talkers, count):
    """55.7 million, as the paper says; its published code has exactly as many."""
    config = MossFormer2Config(talkers=talkers)
    with torch.device("meta"):
        assert size(MossFormer2(config)) == counted(config) == count


def test_sizes_follow_from_the_configuration():
    other = replace(SMALL, kernel=32, layers=3, talkers=4, memory=replace(SMALL.memory, depth=3))
    assert size(MossFormer2(SMALL)) == counted(SMALL)
    assert size(MossFormer2(other)) == counted(other)


def test_rotary_positions_are_products_of_complex_numbers():
    x = torch.randn(2, 50, 4, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    turns = rotary_turns(torch.arange(50, dtype=torch.float64), 8)
    out = rotated(x, turns).numpy()
    pairs = x.numpy()[..., :8].copy().view(np.complex128)
    angle = np.arange(50)[:, None] / 10000 ** (np.arange(4) / 4)
    np.testing.assert_allclose(out[..., :8].view(np.complex128), pairs * np.exp(1j * angle)[:, None], atol=1e-5)
    np.testing.assert_array_equal(out[..., 8:], x.numpy()[..., 8:])


@pytest.mark.parametrize("frames", [7, 8, 21])
def test_attention_is_full_within_groups_and_linear_beyond(frames):
    layer = Flash(SMALL.flash).eval()
    chance = torch.Generator().manual_seed(frames)
    heads, hidden = torch.randn(1, frames, 4, 12, generator=chance), torch.randn(1, frames, 10, generator=chance)
    out = layer._attended(heads, hidden)[0].numpy()
    near_query, far_query, near_key, far_key = heads[0].numpy().transpose(1, 0, 2)
    group = np.arange(frames) // 8
    weight = np.maximum(near_query @ near_key.T / 8, 0) ** 2 * (group[:, None] == group)
    wanted = (weight + far_query @ far_key.T / frames) @ hidden[0].numpy()
    np.testing.assert_allclose(out, wanted, atol=1e-5)


def test_half_of_the_channels_come_a_frame_later():
    x = torch.randn(1, 20, 16, generator=torch.Generator().manual_seed(0))
    shifted = Flash._shifted(x)
    torch.testing.assert_close(shifted[..., 8:], x[..., 8:])
    torch.testing.assert_close(shifted[:, 1:, :8], x[:, :-1, :8])
    assert not shifted[:, 0, :8].any()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_dense_memory_against_sums_written_out(depth):
    """Each output channel c of layer i: instance norm and PReLU of the sum of its (i + 1) inputs, filtered with a dilation."""
    config = MemoryConfig(inner=4, order=3, depth=depth)
    memory = DenseMemory(config)
    for p in memory.parameters():
        torch.nn.init.normal_(p)
    x = torch.randn(1, 4, 30, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        out = memory(x)[0].numpy()
    heard = [*x[0].numpy()]
    for i in range(depth):
        now = [_channel(memory, heard, i, c) for c in range(4)]
        heard = now + heard
    np.testing.assert_allclose(out, np.stack(heard[:4]), atol=1e-4)


def _channel(memory, heard, i, c):
    filters = memory.convolutions[i].weight.detach().numpy()[c]  # (i + 1, 5)
    total, reach = np.zeros(30), 2**i
    for part, taps in enumerate(filters):
        source = np.pad(heard[c * (i + 1) + part], 2 * reach)
        total += sum(taps[j] * source[j * reach : j * reach + 30] for j in range(5))
    gain, offset = (getattr(memory.norms[i], name)[c].item() for name in ("weight", "bias"))
    normed = (total - total.mean()) / np.sqrt(total.var() + 1e-5) * gain + offset
    return np.where(normed > 0, normed, normed * memory.curves[i].weight[c].item())


@pytest.mark.parametrize("time", [17, 400, 1001, 2047])
@pytest.mark.parametrize("masking", [True, False])
def test_any_length_stays_as_it_is(time, masking):
    network = MossFormer2(replace(SMALL, talkers=3, masking=masking)).eval()
    assert network(torch.randn(2, time)).shape == (2, 3, time)


def test_the_level_goes_through():
    """Norms take the level out of the masks, so the waveforms follow the recording's."""
    network = MossFormer2(SMALL).eval()
    wave = torch.randn(1, 900, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(network(8 * wave), 8 * network(wave), rtol=1e-3, atol=1e-5)
