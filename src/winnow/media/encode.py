"""From float32 blocks to packets: sample format, rate, layout and bit depth that an encoder takes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from winnow.audio import Samples
from winnow.errors import BadAudio, BadOption
from winnow.media import formats

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet

DEFAULT_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

_OPTIONS = {
    # The default grows with the rate, and FFmpeg's own parser finds no frames in 8 channels at 192 kHz.
    "flac": {"frame_size": "4096"},
    # Speech at 160 kbit/s: 2.5 times as fast as the default search, for 0.6 dB of signal to coding noise.
    "aac": {"aac_coder": "fast"},
    # 1.7 times as fast as the default of 10, for 0.1 dB.
    "libopus": {"compression_level": "5"},
    "libmp3lame": {"compression_level": "5"},
}

_SKIP_SAMPLES = 11  # AV_PKT_DATA_SKIP_SAMPLES

_SLICE = 1 << 16  # samples per frame handed to an encoder: a whole recording in one call costs no second copy


@dataclass(frozen=True)
class Plan:
    """How a stream is encoded: names of the encoder, sample format and layout, the encoder's rate, bits per second."""

    encoder: str
    rate: int
    layout: str
    sample_format: str
    bit_rate: int | None


def make_plan(
    encoder: str, rate: int, channels: int, *, layout: str | None, bits: int | None, bit_rate: int | None
) -> Plan:
    """Settings that the encoder accepts. Raises BadOption with one line when there are none."""
    if rate < 1 or channels < 1:
        raise BadOption(f"{channels} channels at {rate} Hz cannot be written: both are at least 1.")
    limit = formats.MAX_CHANNELS.get(encoder, 64)
    if channels > limit:
        raise BadOption(
            f"{channels} channels do not fit into {encoder.removeprefix('lib')} (at most {limit}). "
            "Use .wav, .flac or .m4a."
        )
    out_rate = formats.nearest_rate(encoder, rate)
    sample_format = _sample_format(encoder, bits)
    bit_rate = bit_rate or formats.default_bit_rate(encoder, out_rate, channels)
    for candidate in _layouts(channels, layout):
        plan = Plan(encoder, out_rate, candidate, sample_format, bit_rate)
        if _opens(plan):
            return plan
    raise BadOption(f"{channels} channels at {rate} Hz do not fit into {encoder}. Use .wav or .flac.")


def _layouts(channels: int, layout: str | None) -> list[str]:
    """The wished layout, then others of as many channels: the label may change, the samples never."""
    from av.audio.layout import AudioLayout

    names = [layout, DEFAULT_LAYOUTS.get(channels), f"{channels} channels"]
    kept = [name for name in names if name]
    try:
        return [name for name in kept if AudioLayout(name).nb_channels == channels]
    except ValueError as error:
        raise BadOption(f'no channel layout named "{layout}". Use mono, stereo, 5.1 or 7.1.') from error


def _opens(plan: Plan) -> bool:
    import av

    context: Any = av.CodecContext.create(plan.encoder, "w")
    _configure(context, plan)
    try:
        context.open()
    except (av.FFmpegError, ValueError):
        return False
    return True


def encoder_delay(plan: Plan) -> int:
    """Samples by which an encoder's first packet begins before the first sample."""
    import av
    from av.audio.frame import AudioFrame

    context: Any = av.CodecContext.create(plan.encoder, "w")
    _configure(context, plan)
    frame = AudioFrame(plan.sample_format, plan.layout, 4096)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.sample_rate, frame.pts, frame.time_base = plan.rate, 0, Fraction(1, plan.rate)
    packets = context.encode(frame) + context.encode(None)
    return max(0, -(packets[0].pts or 0)) if packets else 0


def _configure(context: Any, plan: Plan) -> None:
    context.sample_rate, context.layout, context.format = plan.rate, plan.layout, plan.sample_format
    context.time_base = Fraction(1, plan.rate)
    context.thread_count = 1
    if plan.bit_rate:
        context.bit_rate = plan.bit_rate
    context.options = {**context.options, **_OPTIONS.get(plan.encoder, {})}
    if plan.encoder == "libopus" and context.layout.nb_channels in (5, 7):
        # As 5.0 and 6.1 FFmpeg's encoder swaps channels (tried: 8.1); as single channels they stay in order.
        context.options = {**context.options, "mapping_family": "255"}


def _sample_format(encoder: str, bits: int | None) -> str:
    import av

    offered = [each.name for each in av.Codec(encoder, "w").audio_formats or ()]
    lossy = not is_lossless(encoder)
    if len(offered) == 1 or not offered:
        return offered[0] if offered else "fltp"
    wanted = {None: "s16", 8: "u8", 16: "s16", 24: "s32", 32: "flt"}.get(bits) if not lossy else "flt"
    for name in (wanted, f"{wanted}p"):
        if name in offered:
            return name
    if lossy:
        return offered[0]
    raise BadOption(f"{encoder} does not hold {bits} bits per sample. Use 16 or 24, or .wav for 32-bit floating point.")


class AudioEncoder:
    """Encodes blocks `(channels, time)` float32 into a stream of `container`, every sample in its place.

    The container writes its header at the first packet, so all streams are added before. start: time of the first
    sample on the container's clock, seconds. `clipped` counts samples beyond full scale that had to be limited to it,
    `written` the samples at the encoder's rate.
    """

    def __init__(
        self, container: OutputContainer, plan: Plan, rate: int, channels: int, start: Fraction = Fraction(0)
    ) -> None:
        try:
            self.stream: Any = container.add_stream(plan.encoder, rate=plan.rate)
        except ValueError as error:
            kind = container.format.name
            raise BadOption(
                f"{kind} files cannot hold {plan.encoder.removeprefix('lib')}. Choose another codec."
            ) from error
        _configure(self.stream.codec_context, plan)
        self.stream.time_base = Fraction(1, plan.rate)
        self.clipped = self.written = self._taken = 0
        self._first = round(start * plan.rate)
        self._packets, self._delay = 0, 0
        # Lossy codecs are limited too: players would, and LAME was not made for samples far beyond full scale.
        self._limits = not (is_float(plan.sample_format) and is_lossless(plan.encoder))
        # AVI has no timestamps, so its sound would be late by the encoder's delay: that much goes at the start instead.
        self._skip = encoder_delay(plan) if container.format.name == "avi" else 0
        self._plan, self._channels, self._rate = plan, channels, rate
        self._resampler: Any = None
        if plan.rate != rate:
            import soxr

            self._resampler = soxr.ResampleStream(rate, plan.rate, channels, dtype="float32", quality="HQ")

    def encode(self, block: Samples) -> Iterator[Packet[Any]]:
        """Packets for a block; any number of samples."""
        samples = np.atleast_2d(np.asarray(block, np.float32))
        if samples.shape[0] != self._channels or samples.ndim != 2:
            raise BadAudio(f"blocks have shape ({self._channels}, time), not {np.shape(block)}")
        self._taken += samples.shape[1]
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(np.ascontiguousarray(samples.T)).reshape(-1, self._channels).T
        yield from self._frames(samples)

    def flush(self) -> Iterator[Packet[Any]]:
        """The last packets."""
        if self._resampler is not None:
            yield from self._frames(self._tail())
        if self.written:
            yield from self._last(list(self._counted(self.stream.encode(None))))

    @property
    def seconds(self) -> float:
        """Time reached, on the clock of the container."""
        return (self._first + self.written) / self._plan.rate

    def _counted(self, packets: Iterable[Packet[Any]]) -> Iterator[Packet[Any]]:
        for packet in packets:
            if not self._packets and packet.pts is not None:
                self._delay = self._first - packet.pts
            self._packets += 1
            yield packet

    def _last(self, packets: list[Packet[Any]]) -> list[Packet[Any]]:
        """Mark the padding in the last packet, where the encoder has not done so: Matroska keeps the mark.

        A packet of LAME's that is nothing but padding goes: MP3's header has room for the padding of the last packet
        alone. Two stay, for a single one is not recognised as MP3.
        """
        size = self.stream.codec_context.frame_size
        padding = self._packets * size - self._delay - self.written
        if self._packets > 2 and len(packets) > 1 and padding >= size and packets[-1].has_sidedata("skip_samples"):
            packets.pop()
            padding -= size
        if packets and 0 < padding < size and not packets[-1].has_sidedata("skip_samples"):
            _mark_padding(packets[-1], padding)
            packets[-1].duration = size - padding  # what MP4 keeps instead
        return packets

    def _tail(self) -> Samples:
        """The resampler's rest, cut or filled so that the length is exact."""
        rest = self._resampler.resample_chunk(np.zeros((0, self._channels), np.float32), last=True)
        rest = rest.reshape(-1, self._channels).T
        missing = round(self._taken * self._plan.rate / self._rate) - self.written
        return np.pad(rest[:, : max(missing, 0)], ((0, 0), (0, max(missing - rest.shape[1], 0))))

    def _frames(self, samples: Samples) -> Iterator[Packet[Any]]:
        skipped = min(self._skip, samples.shape[1])
        self._skip -= skipped
        for begin in range(skipped, samples.shape[1], _SLICE):
            yield from self._counted(self.stream.encode(self._frame(samples[:, begin : begin + _SLICE])))

    def _frame(self, samples: Samples) -> Any:
        from av.audio.frame import AudioFrame

        if not (np.isfinite(samples.min()) and np.isfinite(samples.max())):
            samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)  # LAME aborts the process on them
        if self._limits:
            self.clipped += int(np.count_nonzero(np.abs(samples) > 1.0))
            samples = np.clip(samples, -1.0, 1.0)
        packed = to_format(samples, self._plan.sample_format)
        frame = AudioFrame(self._plan.sample_format, self._plan.layout, samples.shape[1])
        # Not AudioFrame.from_ndarray: it sees a ninth plane where there are eight.
        for plane, row in zip(frame.planes, packed, strict=False):
            plane.update(row)
        # Without its own clock an AAC frame lands 1024 samples late.
        frame.sample_rate, frame.time_base = self._plan.rate, Fraction(1, self._plan.rate)
        frame.pts = self._first + self.written
        self.written += samples.shape[1]
        return frame


def _mark_padding(packet: Packet[Any], samples: int) -> None:
    """Attach FFmpeg's note "drop so many samples at the end" (AV_PKT_DATA_SKIP_SAMPLES: start, end, two reasons)."""
    from av.packet import PacketSideData

    note: Any = PacketSideData(_SKIP_SAMPLES, 10)  # type: ignore[call-arg]
    note.update(struct.pack("<IIBB", 0, samples, 0, 0))
    packet.set_sidedata(note)


def is_float(sample_format: str) -> bool:
    """Whether FFmpeg's sample format is floating point."""
    return sample_format.startswith(("flt", "dbl"))


def is_lossless(encoder: str) -> bool:
    """Whether the encoder keeps every sample."""
    return formats.default_bit_rate(encoder, 48000, 1) is None


def to_format(samples: Samples, name: str) -> np.ndarray[Any, Any]:
    """Samples `(channels, time)` within full scale as FFmpeg's sample format `name`: a row per plane.

    32-bit integers carry 24 bits, which is what the formats behind them store.
    """
    kind = name.removesuffix("p")
    values: np.ndarray[Any, Any] = samples
    if kind == "dbl":
        values = samples.astype(np.float64)
    elif kind != "flt":
        top = float({"u8": 1 << 7, "s16": 1 << 15, "s32": 1 << 23}[kind])
        values = np.clip(np.rint(samples * np.float32(top)), -top, top - 1)
        values = {"u8": _to_u8, "s16": _to_s16, "s32": _to_s32}[kind](values)
    return np.ascontiguousarray(values if name.endswith("p") else values.T.reshape(1, -1))


def _to_u8(values: Samples) -> np.ndarray[Any, Any]:
    return (values + 128).astype(np.uint8)


def _to_s16(values: Samples) -> np.ndarray[Any, Any]:
    return values.astype(np.int16)


def _to_s32(values: Samples) -> np.ndarray[Any, Any]:
    return values.astype(np.int32) << 8
