#!/usr/bin/env bash
# Trains denoise-16k. DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES its length; further arguments
# go to `winnow train` (--resume goes on with a run: this folder's config.json and state.pt are such a run's).
set -euo pipefail
DATA=${DATA:?folder of the recordings} RUN=${RUN:-runs/denoise-16k} MINUTES=${MINUTES:-90}
S=$DATA/train/speech S48=$DATA/train/speech48 N=$DATA/train/noise N48=$DATA/train/noise48 V=$DATA/valid

# Weights favour corpora with many talkers and noises of many kinds. Non-commercial corpora are left out.
exec winnow train denoise --run "$RUN" --minutes "$MINUTES" "$@" \
  --speech "$S/librispeech=4" --speech "$S/picovoice-intent=2" --speech "$S/picovoice-wakeword=0.6" \
  --speech "$S/rhasspy-flemishguy=0.7" --speech "$S/rhasspy-kerstin=0.7" --speech "$S/vctk=1.5" \
  --speech "$S48/rhasspy-nathalie=0.8" --speech "$S48/vctk=0.3" --speech "$DATA/train/speech8k=0.8" \
  --speech "$DATA/train/paired/voicebank-demand-train/clean=0.5" \
  --noise "$N/esc10=0.16" --noise "$N/clearervoice-samples=0.1" --noise "$N/speechbrain-samples=0.06" \
  --noise "$N48/blanket=0.25" --noise "$N48/esc10=0.15" --noise "$N48/moodist=1" \
  --rooms "$DATA/train/rir" \
  --valid-speech "$V/speech/librispeech" --valid-speech "$V/speech/vctk" \
  --valid-noise "$V/noise/esc10" --valid-noise "$V/noise/picovoice" --valid-noise "$V/noise48" --valid-rooms "$V/rir"
