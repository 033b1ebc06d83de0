"""The registry: every measure, its unit, what it needs, and one line that says what it means.

Nothing heavy is loaded here; the functions are found when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

Better = Literal["higher", "lower"] | None


@dataclass(frozen=True)
class Measure:
    """One measure.

    name: its key in reports; unit: "dB", "s" ..., "" for a plain number; better: which direction is the better one, None
    where there is none; needs: what must be given beside the estimate ("reference", "mixture", "words");
    explanation: one plain line; source: the paper or standard; home: "module:function" below `winnow.metrics`;
    package: what must be installed for it, None for nothing; on_request: computed only where it is named.
    """

    name: str
    unit: str
    better: Better
    needs: tuple[str, ...]
    explanation: str
    source: str
    home: str
    package: str | None = None
    on_request: bool = False

    @property
    def function(self) -> Callable[..., Any]:
        """The documented function of this measure, on arrays."""
        module, name = self.home.split(":")
        found: Callable[..., Any] = getattr(import_module(f"winnow.metrics.{module}"), name)
        return found


REFERENCE, MIXTURE, WORDS = ("reference",), ("reference", "mixture"), ("words",)
BSS = "Vincent et al., Performance measurement in blind audio source separation, 2006 (BSS Eval 3, 512 taps)"
P862 = "ITU-T P.862 and P.862.1"
HU = "Hu and Loizou, Evaluation of objective quality measures for speech enhancement, 2008"
P835 = "Reddy et al., DNSMOS P.835, 2022; predicts ITU-T P.835 opinions"
BS1770 = "ITU-R BS.1770-4"
OWN = "winnow, docs/measures.md"

_ALL = (
    Measure(
        "si_sdr",
        "dB",
        "higher",
        REFERENCE,
        "How much stronger the wanted speech is than everything else in the result; the level does not matter.",
        "Le Roux et al., SDR - half-baked or well done?, 2019",
        "sdr:si_sdr",
    ),
    Measure(
        "si_sdr_improvement",
        "dB",
        "higher",
        MIXTURE,
        "SI-SDR of the result minus SI-SDR of the untreated mixture: what the processing gained.",
        "Le Roux et al., SDR - half-baked or well done?, 2019",
        "sdr:si_sdr_improvement",
    ),
    Measure(
        "sdr",
        "dB",
        "higher",
        REFERENCE,
        "Like SI-SDR, but a short filter (an equaliser, a small delay) on the speech is forgiven.",
        BSS,
        "bss:sdr",
    ),
    Measure(
        "sir",
        "dB",
        "higher",
        MIXTURE,
        "How far the noise itself (mixture minus reference) is pushed below the speech.",
        BSS,
        "bss:bss_eval",
    ),
    Measure(
        "sar",
        "dB",
        "higher",
        MIXTURE,
        "How far artefacts, sounds that were in neither speech nor noise, are below the result.",
        BSS,
        "bss:bss_eval",
    ),
    Measure(
        "snr",
        "dB",
        "higher",
        REFERENCE,
        "Energy of the reference over energy of the difference; a wrong level counts as an error.",
        "textbook definition",
        "sdr:snr",
    ),
    Measure(
        "segmental_snr",
        "dB",
        "higher",
        REFERENCE,
        "SNR of 30 ms pieces, each limited to -10...35 dB, averaged: pauses count as much as loud words.",
        HU,
        "sdr:segmental_snr",
    ),
    Measure(
        "pesq_wb",
        "MOS",
        "higher",
        REFERENCE,
        "Predicted listeners' opinion of the quality, 1 (bad) to 4.6 (excellent), wide band (16 kHz).",
        "ITU-T P.862.2",
        "perceptual:pesq_wb",
        "pesq",
    ),
    Measure(
        "pesq_nb",
        "MOS",
        "higher",
        REFERENCE,
        "The same for telephone band (8 kHz); its numbers are not comparable with the wide-band ones.",
        P862,
        "perceptual:pesq_nb",
        "pesq",
    ),
    Measure(
        "stoi",
        "",
        "higher",
        REFERENCE,
        "Predicted intelligibility, 0 (nothing is understood) to 1 (everything).",
        "Taal et al., An algorithm for intelligibility prediction, 2011",
        "perceptual:stoi",
        "pystoi",
    ),
    Measure(
        "estoi",
        "",
        "higher",
        REFERENCE,
        "Predicted intelligibility, 0 to 1; better than STOI where the noise itself rises and falls.",
        "Jensen and Taal, An algorithm for predicting the intelligibility of speech, 2016",
        "perceptual:estoi",
        "pystoi",
    ),
    Measure(
        "csig",
        "MOS",
        "higher",
        REFERENCE,
        "Predicted opinion of the speech alone, 1 (very distorted) to 5 (not distorted).",
        HU,
        "composite:composite",
        "pesq",
    ),
    Measure(
        "cbak",
        "MOS",
        "higher",
        REFERENCE,
        "Predicted opinion of the background, 1 (very intrusive) to 5 (not noticeable).",
        HU,
        "composite:composite",
        "pesq",
    ),
    Measure(
        "covl",
        "MOS",
        "higher",
        REFERENCE,
        "Predicted opinion of the whole, 1 (bad) to 5 (excellent).",
        HU,
        "composite:composite",
        "pesq",
    ),
    Measure(
        "lsd",
        "log10",
        "lower",
        REFERENCE,
        "How far the spectrum is from the reference's, frame by frame; 0 is the same.",
        "Gray and Markel, Distance measures for speech processing, 1976; log10 of power as in super-resolution papers",
        "spectral:lsd",
    ),
    Measure(
        "lsd_other_axis",
        "ln",
        "lower",
        REFERENCE,
        "LSD averaged over time before frequency, natural logarithm, at most 10: only to compare with figures that "
        "were published so.",
        "Kuleshov et al., Audio super resolution using neural networks, 2017, as coded",
        "spectral:lsd_other_axis",
    ),
    Measure(
        "log_spectral_distance",
        "dB",
        "lower",
        REFERENCE,
        "Difference of the two spectra in dB at 16 kHz; what is below -80 dB counts as silence.",
        "Gray and Markel, Distance measures for speech processing, 1976",
        "spectral:log_spectral_distance",
    ),
    Measure(
        "mel_distance",
        "ln",
        "lower",
        REFERENCE,
        "Mean difference of the two loudness pictures on the ear's frequency scale; 0 is the same.",
        "Kong et al., HiFi-GAN, 2020 (80 bands, natural logarithm)",
        "spectral:mel_distance",
    ),
    Measure(
        "mask_iou",
        "",
        "higher",
        MIXTURE,
        "How well the places where noise was removed match those where noise was, 0 to 1 (at 8 kHz).",
        "nmd2k/speech-enhancement, as coded",
        "spectral:mask_iou",
    ),
    Measure(
        "delay",
        "ms",
        None,
        REFERENCE,
        "By how much the result lags the reference (negative: leads it); 0 is aligned.",
        "cross-correlation",
        "align:delay",
    ),
    Measure(
        "gain",
        "dB",
        None,
        REFERENCE,
        "By how much the speech in the result is louder than in the reference.",
        "least squares",
        "align:gain",
    ),
    Measure(
        "dnsmos_ovrl",
        "MOS",
        "higher",
        (),
        "Predicted opinion of the whole recording by a network, 1 (bad) to 5 (excellent).",
        P835,
        "dnsmos:dnsmos",
        "speechmos",
    ),
    Measure(
        "dnsmos_sig",
        "MOS",
        "higher",
        (),
        "Predicted opinion of the speech alone by a network, 1 to 5.",
        P835,
        "dnsmos:dnsmos",
        "speechmos",
    ),
    Measure(
        "dnsmos_bak",
        "MOS",
        "higher",
        (),
        "Predicted opinion of the background by a network, 1 (very intrusive) to 5 (not noticeable).",
        P835,
        "dnsmos:dnsmos",
        "speechmos",
    ),
    Measure(
        "dnsmos_p808",
        "MOS",
        "higher",
        (),
        "Predicted opinion of the whole by an older network, 1 to 5.",
        "Reddy et al., DNSMOS, 2021; predicts ITU-T P.808 opinions",
        "dnsmos:dnsmos",
        "speechmos",
    ),
    Measure(
        "lufs",
        "LUFS",
        None,
        (),
        "Loudness of the whole; broadcasters want -23, podcasts about -16.",
        BS1770,
        "loudness:integrated",
        "scipy",
    ),
    Measure(
        "true_peak_dbtp",
        "dBTP",
        None,
        (),
        "Highest peak between the samples too; above -1 a player may distort.",
        BS1770,
        "loudness:true_peak",
    ),
    Measure("rms", "dBFS", None, (), "Mean level; a full-scale sine has -3.", "textbook definition", "level:rms"),
    Measure("peak", "dBFS", None, (), "Highest sample; 0 is full scale.", "textbook definition", "level:peak"),
    Measure(
        "clipping",
        "%",
        "lower",
        (),
        "Share of samples in flat tops, where the recording was too loud for its converter.",
        OWN,
        "level:clipping",
    ),
    Measure(
        "dropouts",
        "",
        "lower",
        (),
        "Number of short holes of digital silence amid sound.",
        OWN,
        "level:dropouts",
    ),
    Measure(
        "bandwidth",
        "Hz",
        None,
        (),
        "Highest frequency that the recording really holds, down to 70 dB below its strongest.",
        OWN,
        "level:bandwidth",
    ),
    Measure("noise_floor", "dBFS", "lower", (), "Level of the quietest tenth.", OWN, "speech:noise_floor"),
    Measure(
        "snr_estimate",
        "dB",
        "higher",
        (),
        "Estimate, without a reference, of how far speech is above steady noise.",
        "Kim and Stern, Robust signal-to-noise ratio estimation (WADA-SNR), 2008",
        "speech:snr_estimate",
    ),
    Measure("speech_share", "%", None, (), "Share of the time in which someone speaks.", OWN, "speech:speech_share"),
    Measure(
        "reverberation",
        "s",
        "lower",
        (),
        "Rough estimate of how long a sound rings on in the room (its decay by 60 dB).",
        OWN,
        "speech:reverberation",
    ),
    Measure(
        "wer",
        "%",
        "lower",
        WORDS,
        "Words that a recogniser got wrong, of the words that were said; more than 100 is possible.",
        "NIST sclite",
        "words:wer",
        "jiwer",
    ),
    Measure("cer", "%", "lower", WORDS, "The same for single characters.", "NIST sclite", "words:cer", "jiwer"),
    Measure(
        "legacy_snr",
        "dB",
        None,
        ("mixture",),
        "Energy of the result over energy of what was removed; says nothing about quality, only for comparison with "
        "figures published so.",
        "ArtoymRu/vocal-noise.separation, SNR.py as coded",
        "legacy:snr",
        on_request=True,
    ),
    Measure(
        "legacy_wer",
        "",
        None,
        WORDS,
        "Word errors over words said, with case and punctuation counted and sums that wrap at 256; only for comparison.",
        "ArtoymRu/vocal-noise.separation, WER.py as coded",
        "legacy:wer",
        on_request=True,
    ),
)

MEASURES: dict[str, Measure] = {measure.name: measure for measure in _ALL}
