#!/usr/bin/env bash
# Trains looking-small, the small preset of Looking to Listen, which does not ship: a row of docs/talkers-scores.md. DATA is the folder with train/ and
# valid/, RUN the run's folder, MINUTES its length; further arguments go to `winnow train`.
set -euo pipefail
RUN=${RUN:-runs/looking-small} MINUTES=${MINUTES:-9} LISTS=${LISTS:-runs/lists}
[ -e "$LISTS/train-speech.jsonl" ] || LISTS=$LISTS "$(dirname "$0")/../lists.sh"
exec winnow train looking --precision bf16 --run "$RUN" --minutes "$MINUTES" --set mix.overlap=full \
  --speech "$LISTS/train-speech.jsonl" --noise "$LISTS/train-noise.jsonl" --rooms "$LISTS/train-rooms.jsonl" \
  --valid-speech "$LISTS/valid-speech.jsonl" --valid-noise "$LISTS/valid-noise.jsonl" --valid-rooms "$LISTS/valid-rooms.jsonl" "$@"
