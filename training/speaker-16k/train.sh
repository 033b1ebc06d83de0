#!/usr/bin/env bash
# Trains speaker-16k. DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES its length; further arguments go to
# `winnow train`.
set -euo pipefail
DATA=${DATA:?folder of the recordings} RUN=${RUN:-runs/speaker-16k} MINUTES=${MINUTES:-11}
S=$DATA/train/speech S48=$DATA/train/speech48 N=$DATA/train/noise N48=$DATA/train/noise48 V=$DATA/valid

# All voices whose speakers are known; non-commercial corpora are left out.
exec winnow train speaker --precision bf16 --run "$RUN" --minutes "$MINUTES" "$@" \
  --speech "$S/librispeech" --speech "$S/vctk" --speech "$S/rhasspy-flemishguy" --speech "$S/rhasspy-kerstin" \
  --speech "$S48/rhasspy-nathalie" --speech "$DATA/train/speech8k/dns-enrol" \
  --noise "$N/esc10=0.2" --noise "$N/clearervoice-samples=0.1" --noise "$N/speechbrain-samples=0.05" \
  --noise "$N48/blanket=0.2" --noise "$N48/moodist=0.5" --rooms "$DATA/train/rir" \
  --valid-speech "$V/speech/librispeech" --valid-speech "$V/speech8k/dns-enrol" --valid-speech "$V/speech/vctk" \
  --valid-noise "$V/noise/esc10" --valid-noise "$V/noise48" --valid-rooms "$V/rir"
