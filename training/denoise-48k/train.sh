#!/usr/bin/env bash
# Trains denoise-48k on top of a run of denoise-16k (CORE), which stays as it is below 8 kHz: only the bands above are trained.
# DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES its length.
set -euo pipefail
DATA=${DATA:?folder of the recordings} CORE=${CORE:?run of denoise-16k} RUN=${RUN:-runs/denoise-48k} MINUTES=${MINUTES:-15}

# Recordings below 32 kHz sample rate are left out: their upper bands are empty, which would teach that there is no speech.
exec winnow train denoise --core "$CORE" --run "$RUN" --minutes "$MINUTES" "$@" \
  --speech "$DATA/train/speech48/rhasspy-nathalie=1" --speech "$DATA/train/speech48/vctk=1" \
  --noise "$DATA/train/noise48/blanket=0.3" --noise "$DATA/train/noise48/esc10=0.3" --noise "$DATA/train/noise48/moodist=1" \
  --rooms "$DATA/train/rir" \
  --valid-speech "$DATA/valid/speech48" --valid-noise "$DATA/valid/noise48" --valid-rooms "$DATA/valid/rir"
