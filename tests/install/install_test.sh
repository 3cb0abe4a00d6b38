#!/usr/bin/env bash
# What other programs get: installs the build into a folder of its own, then builds and runs programs against it:
# install_test.sh BUILD CXX
set -uo pipefail
build=$(realpath "$1") cxx=$2 here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

checks=0 failed=0
check() {  # check WHAT COMMAND...
  local what=$1
  shift
  checks=$((checks + 1))
  "$@" >"$work/out" 2>&1 && return
  failed=$((failed + 1))
  echo "FAILED: $what: $*" >&2
  tail -30 "$work/out" >&2
}
same() { [ "$1" = "$2" ] || { echo "expected: $1"; echo "found: $2"; return 1; }; }

check "install" cmake --install "$build" --prefix "$prefix"
[ $failed = 0 ] || exit 1
lib=$(dirname "$(find "$prefix" -name libatp-core.a)")

# A header needs nothing but itself.
alone() { printf '#include "%s"\n' "$1" | "$cxx" -std=c++20 -fsyntax-only -Wall -Wextra -I"$prefix/include/atp" -x c++ -; }
export -f alone
export cxx prefix
check "each header compiles alone" bash -c 'cd "$prefix/include/atp" && find core -name "*.h" -print0 | xargs -0 -P2 -n1 bash -c "alone \"\$1\" || exit 1" _'
check "atp.h compiles as C++" "$cxx" -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ "$prefix/include/atp.h"

# The examples, against energies that awk adds up.
"$prefix/bin/atp" pack "$here/../data/extxyz/mpf-alkali-TP.xyz" -o "$work/x.atp" --quiet >/dev/null
sum=$(grep -oE '[^_]energy=[-0-9.eE+]+' "$here/../data/extxyz/mpf-alkali-TP.xyz" | awk -F= '{n += 1; s += $2} END {printf "%d records, %.6f eV", n, s}')
check "find_package(atp)" cmake -S "$here/programs" -B "$work/programs" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$cxx"
check "the examples build" cmake --build "$work/programs"
check "C++" same "$sum" "$("$work/programs/sum_energies" "$work/x.atp")"

if [ -e "$lib/libatp.so" ]; then
  check "C" same "$sum" "$("$work/programs/sum_energies_c" "$work/x.atp")"
  check "C says what is wrong" same "$work/none.atp: no such file or directory" "$("$work/programs/sum_energies_c" "$work/none.atp" 2>&1)"
  # It shows what atp.h declares, and nothing else.
  declared=$(grep -oE '\batp_[a-z_]+\(' "$prefix/include/atp.h" | tr -d '(' | sort -u | while read -r f; do grep -qE "ATP_API.*\b$f\(" "$prefix/include/atp.h" && echo "$f"; done)
  shown=$(nm -D --defined-only "$lib/libatp.so" | awk '$2 != "A" {print $3}' | sort)
  check "exported symbols" same "$declared" "$(sed 's/@@ATP_[0-9.]*$//' <<<"$shown")"
  check "each has a version" same "" "$(grep -v '@@ATP_' <<<"$shown")"
  check "soname" bash -c "readelf -d '$lib/libatp.so' | grep -q 'SONAME.*libatp.so.0\]'"
  for python in /usr/bin/python3 python3; do
    out=$("$python" "$here/gather.py" "$lib/libatp.so" "$work/x.atp" 2>&1)
    status=$?
    [ $status = 77 ] || break
  done
  if [ $status = 77 ]; then
    echo "no NumPy: the example in Python is not run"
  else
    check "Python" same "$sum" "$out"
  fi
fi

echo "install_test.sh: $checks checks, $failed failed"
[ $failed = 0 ]
