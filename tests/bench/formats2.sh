#!/usr/bin/env bash
# How fast `atp pack` reads .npz and HDF5, beside the plain read of the same arrays in the same run, and how
# fast `atp export` writes extended XYZ, beside ASE.
#   tests/bench/formats2.sh [BUILD_FOLDER]     (default: build)
set -euo pipefail
cd "$(dirname "$0")/../.."
atp=$(realpath "${1:-build}/atp")
work=$(mktemp -d "${TMPDIR:-/tmp}/atp-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
/usr/bin/python3 -c 'import h5py, numpy' || { echo "python3-h5py or python3-numpy is not there"; exit 77; }

/usr/bin/python3 - <<'P'
import h5py, numpy as np
rng = np.random.default_rng(0)
m, n = 200000, 20
z = rng.integers(1, 9, n).astype(np.uint8)
R = rng.normal(size=(m, n, 3)); F = rng.normal(size=(m, n, 3)); E = rng.normal(size=(m, 1))
np.savez("a.npz", z=z, R=R, E=E, F=F)
with h5py.File("a.h5", "w") as f:
    g = f.create_group("020")
    g["numbers"] = np.tile(z.astype(np.int32), (m, 1)); g["coord"] = R.astype(np.float32)
    g["energy"] = E[:, 0]; g["forces"] = F.astype(np.float32)
P

best() {  # the least CPU time of five runs, all threads, and the least wall time: what else the machine does counts for less
  local cpu='' wall='' u w TIMEFORMAT='%U %S %R'
  for _ in 1 2 3 4 5; do
    read -r u w < <({ time "$@" >/dev/null 2>&1; } 2>&1 | awk '{print $1 + $2, $3}')
    read -r cpu wall < <(awk "BEGIN {c = \"$cpu\"; w = \"$wall\"; print (c == \"\" || $u < c) ? $u : c, (w == \"\" || $w < w) ? $w : w}")
  done
  echo "$cpu $wall"
}

row() {  # row NAME "CPU WALL" BYTES ["CPU WALL" of the plain read]
  awk -v n="$1" -v s="$2" -v b="$3" -v p="${4:-}" 'BEGIN {
    split(s, t, " "); printf "  %-38s %7.3f CPU s %8.0f MB/s   %7.3f s %8.0f MB/s", n, t[1], b / t[1] / 1e6, t[2], b / t[2] / 1e6
    if (p != "") { split(p, q, " "); printf "   %5.2f and %.2f x the plain read", q[1] / t[1], q[2] / t[2] }
    printf "\n" }'
}

# The output lies in memory: the disk is none of a reader's business.
out=$(mktemp -d /dev/shm/atp-bench-XXXXXX 2>/dev/null || echo "$work")
trap 'rm -rf "$work" "$out"' EXIT
echo "atp pack of arrays, 200000 frames of 20 atoms ($(nproc) CPUs, $("$atp" --version | head -1))"
row "atp --version, which is the start alone" "$(best "$atp" --version)" 0
for kind in npz h5; do
  bytes=$(stat -c %s a.$kind)
  if [ $kind = npz ]; then
    code='a=np.load("a.npz"); s=sum(a[k].nbytes for k in a.files)'
  else
    code='f=h5py.File("a.h5"); s=sum(d[()].nbytes for d in f["020"].values())'
  fi
  code="import time, h5py, numpy as np
t=time.process_time(); w=time.time(); $code; print(time.process_time()-t, time.time()-w)"
  plain=$(for _ in 1 2 3 4 5; do /usr/bin/python3 -c "$code"; done | sort -g | head -1)
  row "$kind: arrays into NumPy" "$plain" "$bytes"
  row "$kind: atp inspect -j1" "$(best "$atp" inspect a.$kind -j1)" "$bytes" "$plain"
  row "$kind: atp inspect" "$(best "$atp" inspect a.$kind)" "$bytes" "$plain"
  row "$kind: atp pack --dry-run -j1" "$(best "$atp" pack a.$kind --dry-run -q -j1)" "$bytes" "$plain"
  row "$kind: atp pack --dry-run" "$(best "$atp" pack a.$kind --dry-run -q)" "$bytes" "$plain"
  row "$kind: atp pack -j1" "$(best "$atp" pack a.$kind -o "$out/a.atp" -f -q -j1)" "$bytes" "$plain"
  row "$kind: atp pack" "$(best "$atp" pack a.$kind -o "$out/a.atp" -f -q)" "$bytes" "$plain"
done
mv "$out/a.atp" a.atp

echo "atp export of the same as extended XYZ"
"$atp" export a.atp -o a.xyz -f -q
bytes=$(stat -c %s a.xyz)
row "atp export -j1" "$(best "$atp" export a.atp -o b.xyz -f -q -j1)" "$bytes"
row "atp export" "$(best "$atp" export a.atp -o b.xyz -f -q)" "$bytes"
if /usr/bin/python3 -c 'import ase' 2>/dev/null; then
  "$atp" export a.atp --records :2000 -o few.xyz -f -q
  few=$(stat -c %s few.xyz)
  ase=$(/usr/bin/python3 -c 'import time, ase.io
a = ase.io.read("few.xyz", ":"); t = time.process_time(); w = time.time(); ase.io.write("o.xyz", a, format="extxyz"); print(time.process_time() - t, time.time() - w)')
  row "ASE writes 2000 of them" "$ase" "$few"
fi
