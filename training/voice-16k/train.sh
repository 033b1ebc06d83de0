#!/usr/bin/env bash
# Trains voice-16k. DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES its length; further arguments go to `winnow train`
# (--resume goes on with a run).
set -euo pipefail
HERE=$(dirname "$0") DATA=${DATA:?folder of the recordings} RUN=${RUN:-runs/voice-16k} MINUTES=${MINUTES:-60} LISTS=${LISTS:-runs/lists}
[ -e "$LISTS/train-speech.jsonl" ] || DATA=$DATA LISTS=$LISTS "$HERE/../lists.sh"
# Begins with what talkers-16k knew after its second part, which its train.sh leaves in FROM, and two blocks more.
[ -e "$RUN/state.pt" ] || set -- --from "${FROM:-runs/talkers-16k-second}" "$@"
exec winnow train voice --precision bf16 --run "$RUN" --minutes "$MINUTES" \
  --speech "$LISTS/train-speech.jsonl" --noise "$LISTS/train-noise.jsonl" --rooms "$LISTS/train-rooms.jsonl" \
  --valid-speech "$LISTS/valid-speech.jsonl" --valid-noise "$LISTS/valid-noise.jsonl" --valid-rooms "$LISTS/valid-rooms.jsonl" "$@"
