#!/usr/bin/env bash
# Lists of the recordings whose talker is known, of noise and of rooms, for the recipes that need to know who speaks: writes LISTS/train-speech.jsonl,
# valid-speech.jsonl and so on. DATA is the folder with train/ and valid/. Non-commercial corpora are left out, and those whose folders are no talkers.
set -euo pipefail
DATA=${DATA:?folder of the recordings} LISTS=${LISTS:-runs/lists}
mkdir -p "$LISTS"
winnow data scan tree "$DATA" -o "$LISTS/all.jsonl" --quiet
for SPLIT in train valid; do
  of() { grep "\"split\": \"$SPLIT\"" "$LISTS/all.jsonl" | grep "\"kind\": \"$1\"" | grep -vE '"corpus": "(ravdess|urbansound8k|picovoice-intent|picovoice-wakeword)"'; }
  of speech > "$LISTS/$SPLIT-speech.jsonl"
  of noise > "$LISTS/$SPLIT-noise.jsonl"
  of room > "$LISTS/$SPLIT-rooms.jsonl"
done
