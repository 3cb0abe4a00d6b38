#!/usr/bin/env bash
# Structures a second whose edges are counted: `atp plan-batches --cutoff 5` beside ASE's neighbor_list, same run, same counts.
#   tests/bench/plan_edges.sh [BUILD_FOLDER]     (default: build)
# ASE counts each file once, in one process; atp counts a file with the same structures many times over, writing the counts
# included, so that its start does not matter.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build}
atp=$build/atp
python=/usr/bin/python3
"$python" -c 'import ase' 2>/dev/null || { echo "plan_edges.sh: ASE is missing (Debian: python3-ase)" >&2; exit 1; }
work=$(mktemp -d "${TMPDIR:-/tmp}/atp-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "$(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $("$atp" --version | head -1)"
for shape in 'mpf-alkali-TP.xyz 100' 'train_300K.xyz 100' 'qm9_reduced_100.xyz 500' 'hfo2.extxyz 400'; do
  read -r name times <<<"$shape"
  file=tests/data/extxyz/$name inputs=()
  for _ in $(seq "$times"); do inputs+=("$file"); done
  "$atp" pack "${inputs[@]}" -o "$work/x.atp" --force -q --dtype f64
  for jobs in 1 2; do
    rm -f "$work"/x.atp.edges*
    start=$(date +%s.%N)
    "$atp" plan-batches "$work/x.atp" --cutoff 5 --max-atoms 100000 -o "$work/plan" --force -q -j "$jobs"
    end=$(date +%s.%N)
    "$python" - "$file" "$times" "$jobs" "$start" "$end" "$work/x.atp.edges-5.npy" <<'PYTHON'
import sys, time
import ase.io, ase.neighborlist, numpy
file, times, jobs, start, end, kept = sys.argv[1:]
frames = ase.io.read(file, index=":", format="extxyz")
begin = time.perf_counter()
expected = [len(ase.neighborlist.neighbor_list("i", a, 5.0)) for a in frames]
ase_rate = len(frames) / (time.perf_counter() - begin)
counts = numpy.load(kept)
assert counts.tolist() == expected * int(times), "the counts differ"
rate = len(counts) / (float(end) - float(start))
atoms = sum(map(len, frames)) / len(frames)
print(f"{file.split('/')[-1]:22} {atoms:6.1f} atoms  {sum(expected) / len(expected):8.0f} edges  ASE {ase_rate:8.1f}/s  atp -j {jobs} {rate:9.0f}/s  {rate / ase_rate:7.0f} x")
PYTHON
  done
done
