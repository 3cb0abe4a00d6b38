#!/usr/bin/env bash
# On a file system whose reads take 5 ms each, many of them are under way at once, whichever way records are read:
# slow.sh ATP SLOW_FS READ_SHUFFLED
set -euo pipefail
atp=$(realpath "$1")
slow_fs=$(realpath "$2")
read_shuffled=$(realpath "$3")
data=$(cd "$(dirname "$0")/../data" && pwd)
if ! [ -w /dev/fuse ] || ! command -v fusermount3 >/dev/null; then
  echo "slow: skipped: there is no /dev/fuse or no fusermount3 (Debian: fuse3)"
  exit 77
fi
work=$(mktemp -d)
unmount() { fusermount3 -u "$work/mount" 2>/dev/null || true; }
trap 'unmount; rm -rf "$work"' EXIT
mkdir "$work/source" "$work/mount"
for i in $(seq 20); do cat "$data/extxyz/mpf-alkali-TP.xyz"; done >"$work/many.xyz"
"$atp" pack "$work/many.xyz" -o "$work/source/x.atp" --quiet >/dev/null

failed=0
for way in map pread uring auto; do
  if ! "$slow_fs" "$work/source" "$work/mount" 5 "$work/most" 2>"$work/said"; then
    echo "slow: skipped: $(cat "$work/said")"
    exit 77
  fi
  if ! timeout 60 "$read_shuffled" "$work/mount/x.atp" 400 $way >"$work/out" 2>&1; then
    [ $way = uring ] && grep -q io_uring "$work/out" || { echo "FAILED: $way: $(cat "$work/out")"; failed=1; }
    unmount
    continue
  fi
  unmount
  for _ in $(seq 50); do [ -s "$work/most" ] && break; sleep 0.1; done
  echo "$way: $(cat "$work/out"), up to $(cat "$work/most") reads at once"
  [ "$(cat "$work/most")" -ge 4 ] || { echo "FAILED: $way: reads came one after the other"; failed=1; }
  rm -f "$work/most"
done
exit $failed
