#!/bin/sh
# Stands for the deploy script that you have: it takes the canary's share in whole percents.
set -eu
case "${1:-}" in '' | *[!0-9]*) echo "usage: set-weight.sh PERCENT" >&2; exit 64 ;; esac
[ "$1" -le 100 ] || { echo "not a percentage: $1" >&2; exit 64; }
printf '%s\n' "$1" > "${WEIGHT_FILE:?names the file with the weight}.new"
mv "$WEIGHT_FILE.new" "$WEIGHT_FILE"
