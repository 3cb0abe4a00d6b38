#!/usr/bin/env bash
# How fast `atp pack` and `atp inspect` read extended XYZ, beside ASE's reader in the same run.
#   tests/bench/pack_extxyz.sh [BUILD_FOLDER] [--memory]     (default: build)
# --memory also packs a 4 GB file and prints the peak resident memory.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build memory=no
for argument in "$@"; do
  if [ "$argument" = --memory ]; then memory=yes; else build=$argument; fi
done
atp=$build/atp
cmake --build "$build" --target make_extxyz >/dev/null
make=$build/tests/make_extxyz
work=$(mktemp -d "${TMPDIR:-/tmp}/atp-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

seconds() {  # the best wall time of three runs, in seconds
  local best='' start end t
  for _ in 1 2 3; do
    start=$(date +%s.%N)
    "$@" >/dev/null 2>&1
    end=$(date +%s.%N)
    t=$(awk "BEGIN {print $end - $start}")
    best=$(awk "BEGIN {b = \"$best\"; print (b == \"\" || $t < b) ? $t : b}")
  done
  echo "$best"
}

row() {  # row NAME SECONDS FRAMES BYTES [PEER_FRAMES_PER_SECOND]
  awk -v name="$1" -v s="$2" -v n="$3" -v b="$4" -v peer="${5:-0}" 'BEGIN {
    printf "  %-22s %9.3f s  %10.0f frames/s  %7.1f MB/s", name, s, n / s, b / s / 1e6
    if (peer > 0) printf "   %6.1f x ASE", n / s / peer
    printf "\n" }'
}

ase=''
if /usr/bin/python3 -c 'import ase' 2>/dev/null; then
  ase='import sys,time
from ase.io import iread
t=time.perf_counter(); n=0; a=0
for x in iread(sys.argv[1], index=":", format="extxyz"):
    n+=1; a+=len(x)
print(n, a, time.perf_counter()-t)'
else
  echo "python3-ase is not there: no peer in this run"
fi

echo "atp pack, extended XYZ ($(uname -m), $(nproc) CPUs, $("$atp" --version | head -1))"
for shape in '10 400000 ase' '192 20000 ase' '64 50000 digits'; do
  read -r atoms frames style <<<"$shape"
  file=$work/$atoms.xyz
  "$make" "$atoms" "$frames" "$style" >"$file"
  bytes=$(stat -c %s "$file")
  echo "$atoms atoms a frame, $frames frames, $((bytes / 1000000)) MB, $style format"
  peer=0
  if [ -n "$ase" ]; then
    few=$((frames / 100 > 200 ? frames / 100 : 200))
    "$make" "$atoms" "$few" "$style" >"$work/few.xyz"
    read -r ase_frames _ ase_seconds < <(/usr/bin/python3 -c "$ase" "$work/few.xyz")
    [ "$ase_frames" = "$few" ] || { echo "ASE read $ase_frames of $few frames" >&2; exit 1; }
    peer=$(awk "BEGIN {print $ase_frames / $ase_seconds}")
    row "ASE 1 process" "$ase_seconds" "$few" "$(stat -c %s "$work/few.xyz")"
  fi
  for j in 1 $(nproc); do
    row "atp pack -j $j" "$(seconds "$atp" pack -f -q -j "$j" "$file" -o "$work/x.atp")" "$frames" "$bytes" "$peer"
    row "atp pack --dry-run -j $j" "$(seconds "$atp" pack -q --dry-run -j "$j" "$file")" "$frames" "$bytes" "$peer"
  done
  row "cat (page cache)" "$(seconds cat "$file")" "$frames" "$bytes"
  got=$("$atp" inspect "$work/x.atp" --json | tr ',' '\n' | sed -nE 's/.*"records":([0-9]+)$/\1/p' | head -1)
  [ "$got" = "$frames" ] || { echo "packed $got of $frames frames" >&2; exit 1; }
  rm -f "$work"/*
done

if [ $memory = yes ]; then
  "$make" 64 620000 ase >"$work/big.xyz"
  echo "peak memory, $(($(stat -c %s "$work/big.xyz") / 1000000)) MB of 64-atom frames:"
  for codec in none zstd; do
    /usr/bin/env python3 - "$atp" "$work" "$codec" <<'PY'
import resource, subprocess, sys
atp, work, codec = sys.argv[1:]
subprocess.run([atp, "pack", "-q", "-f", "--codec", codec, f"{work}/big.xyz", "-o", f"{work}/big.atp"], check=True)
print(f"  --codec {codec}: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB resident")
PY
  done
fi
