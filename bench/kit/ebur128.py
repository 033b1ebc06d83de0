"""FFmpeg's loudness meter, to compare ours with."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt


def measure(samples: npt.NDArray[np.float32], rate: int, layout: str) -> tuple[float, float]:
    """Integrated loudness (LUFS) and the highest true peak (dBTP) of `(channels, time)` by the filter ebur128."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="fltp", layout=layout, time_base=Fraction(1, rate))
    meter, sink = graph.add("ebur128", "metadata=1:peak=true:framelog=quiet"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    told: dict[str, str] = {}
    for begin in range(0, samples.shape[1], 4800):
        block = np.ascontiguousarray(samples[:, begin : begin + 4800], np.float32)
        frame = av.AudioFrame.from_ndarray(block, "fltp", layout)
        frame.sample_rate, frame.pts = rate, begin
        graph.push(frame)
        _pull(sink, told)
    graph.push(None)
    _pull(sink, told)
    peaks = [float(value) for name, value in told.items() if "true_peak" in name]
    return float(told["lavfi.r128.I"]), float(20 * np.log10(max(peaks)))


def _pull(sink: av.filter.context.FilterContext, told: dict[str, str]) -> None:
    while True:
        try:
            told |= dict(sink.pull().metadata)
        except (av.BlockingIOError, av.EOFError):
            return
