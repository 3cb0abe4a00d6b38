#!/usr/bin/env bash
# Batches for the data sets of the MACE load balancing paper (a synthetic copy of its Table 3), every strategy in the same run.
#   tests/bench/plan.sh [BUILD_FOLDER] [--large]     (default: build; --large: also 100 million graphs, 3 GB of memory)
# CPU time of the best of several runs on one core: a busy machine disturbs it less than wall time, which stands beside it.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build large=no
for argument in "$@"; do
  case $argument in --large) large=yes ;; *) build=$argument ;; esac
done
cmake --build "$build" --target plan_bench >/dev/null

echo "$(nproc) CPUs, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $("$build/atp" --version | head -1)"
"$build/tests/plan_bench" 2650823 740 10
for gpus in 64 8; do "$build/tests/plan_bench" 2650823 "$gpus" 10 next-fit mace deal; done
if [ $large = yes ]; then "$build/tests/plan_bench" 100000000 740 3 mace deal; fi
