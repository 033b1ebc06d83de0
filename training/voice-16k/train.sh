#!/usr/bin/env bash
# Trains voice-16k. DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES its length; further arguments go to `winnow train`
# (--resume goes on with a run).
set -euo pipefail
HERE=$(dirname "$0") DATA=${DATA:?folder of the recordings} RUN=${RUN:-runs/voice-16k} MINUTES=${MINUTES:-60} LISTS=${LISTS:-runs/lists}
[ -e "$LISTS/train-speech.jsonl" ] || DATA=$DATA LISTS=$LISTS "$HERE/../lists.sh"
# Begins with what talkers-16k knows, and two blocks more (of the shipped network: what it knew after its second part, talkers-16k/train.sh).
[ -e "$RUN/state.pt" ] || set -- --from "$HERE/../talkers-16k" "$@"
exec winnow train voice --precision bf16 --run "$RUN" --minutes "$MINUTES" \
  --speech "$LISTS/train-speech.jsonl" --noise "$LISTS/train-noise.jsonl" --rooms "$LISTS/train-rooms.jsonl" \
  --valid-speech "$LISTS/valid-speech.jsonl" --valid-noise "$LISTS/valid-noise.jsonl" --valid-rooms "$LISTS/valid-rooms.jsonl" "$@"
