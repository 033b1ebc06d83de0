#!/usr/bin/env bash
# Trains voicefilter, the small preset. DATA is the folder with train/ and valid/, RUN the run's folder, MINUTES its length; further arguments go to
# `winnow train`.
set -euo pipefail
RUN=${RUN:-runs/voicefilter} MINUTES=${MINUTES:-14} LISTS=${LISTS:-runs/lists}
[ -e "$LISTS/train-speech.jsonl" ] || LISTS=$LISTS "$(dirname "$0")/../lists.sh"
exec winnow train voicefilter --precision bf16 --run "$RUN" --minutes "$MINUTES" \
  --speech "$LISTS/train-speech.jsonl" --noise "$LISTS/train-noise.jsonl" --rooms "$LISTS/train-rooms.jsonl" \
  --valid-speech "$LISTS/valid-speech.jsonl" --valid-noise "$LISTS/valid-noise.jsonl" --valid-rooms "$LISTS/valid-rooms.jsonl" "$@"
