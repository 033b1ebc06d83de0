"""What Python code may hand to `import winnow`, and what it gets back when that is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import winnow
from winnow.audio import Audio
from winnow.errors import BadAudio, BadInput, BadOption, InputNotFound, UnknownModel, WinnowError

WAVE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(4000) / 16000)
PCM = {
    "int16": np.round(WAVE * 2**15).astype(np.int16),
    "int32": np.round(WAVE * 2**31).astype(np.int32),
    "uint8": np.round(WAVE * 2**7 + 128).astype(np.uint8),
}


@pytest.mark.parametrize("kind", PCM)
def test_pcm_of_integers_is_scaled(kind):
    """As `scipy.io.wavfile.read` gives it; without scaling it would be far beyond full scale and pass for loud."""
    step = 2.0**-7 if kind == "uint8" else 2.0**-15
    np.testing.assert_allclose(Audio(PCM[kind], 16000).samples[0], WAVE, atol=0.51 * step)
    stream = winnow.Stream("denoise-16k")
    live = np.concatenate([stream.feed(PCM[kind]), stream.flush()])
    np.testing.assert_allclose(live, winnow.enhance((PCM[kind], 16000)).samples[0], atol=1e-5)
    assert live.dtype == np.float32 and np.abs(live).max() < 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ((np.arange(9), 16000), "int64"),
        ((np.zeros(9, complex), 16000), "complex128"),
        ((["a", "b"], 16000), "floating point"),
        (([[0.1], [0.1, 0.2]], 16000), "differ in length"),
        ((16000, np.zeros(9)), "array first"),
        ((np.zeros(9), None), "hertz, not NoneType"),
        ((np.zeros(9), np.zeros(9)), "hertz, not ndarray"),
        ((np.zeros(9), float("nan")), "hertz, not nan"),
        ((np.zeros(9), float("inf")), "hertz, not inf"),
        ((np.zeros(9), 44100.5), "hertz, not 44100.5"),
        (np.zeros((2, 9)), r"\(array, rate\)"),
        ((np.zeros((0, 9)), 16000), r"\(channels, time\)"),
    ],
)
def test_what_is_no_recording_is_one_line(source, message):
    with pytest.raises(BadAudio, match=message) as caught:
        winnow.load(source)
    assert "\n" not in str(caught.value)


def test_a_rate_may_be_any_whole_number():
    for rate in (16000.0, np.int32(16000), np.float64(16000)):
        assert winnow.load((WAVE, rate)).rate == 16000
    with pytest.raises(BadAudio, match="hertz"):
        Audio(WAVE, 16000).resampled(0)


@pytest.mark.parametrize("options", [{"strength": "high"}, {"max_attenuation": "6"}, {"strength": None}])
def test_options_of_the_wrong_type_are_told(options):
    with pytest.raises(BadOption, match="between"):
        winnow.enhance((WAVE, 16000), **options)


@pytest.mark.parametrize(
    ("call", "kinds"),
    [
        (lambda: winnow.enhance("missing.wav"), (InputNotFound, FileNotFoundError, ValueError)),
        (lambda: winnow.enhance((WAVE, 16000), model="denois"), (UnknownModel, LookupError)),
        (lambda: winnow.Stream("nothing of the kind"), (UnknownModel, LookupError)),
        (lambda: winnow.Stream("auto"), (BadOption, ValueError)),
        (lambda: winnow.Stream(rate=0), (BadAudio, ValueError)),
        (lambda: winnow.Stream(channels=0), (BadAudio, ValueError)),
        (lambda: winnow.Stream().feed("abc"), (BadAudio, ValueError)),
    ],
)
def test_errors_are_also_built_in_ones(call, kinds):
    for kind in (*kinds, WinnowError):
        with pytest.raises(kind):
            call()


def test_a_stream_that_ended_takes_no_more():
    stream = winnow.Stream(rate=44100, channels=2, model="auto")
    assert stream.feed(np.zeros((2, 1000))).shape[1] + stream.flush().shape[1] == 1000
    for call in (lambda: stream.feed(np.zeros((2, 10))), stream.flush):
        with pytest.raises(BadInput, match="flush"):
            call()
