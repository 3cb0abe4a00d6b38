#!/usr/bin/env bash
# From a fresh clone on Debian 12 to a built atp:
#   ./bootstrap.sh [demo]   install what is missing, build, pack the datasets of tests/data
#   ./bootstrap.sh test     build twice and run all tests: those of the program as released, unit tests with sanitizers,
#                           and what takes hostile input in both
#   ./bootstrap.sh deb      a Debian package, build/atp_VERSION_ARCH.deb
#   ./bootstrap.sh static   build/static/atp, one file that runs where nothing is installed
set -euo pipefail
cd "$(dirname "$0")"

packages=(g++ cmake ninja-build pkg-config git ca-certificates libcli11-dev libfmt-dev libzstd-dev libxxhash-dev
  liblz4-dev zlib1g-dev libbz2-dev liblzma-dev libsimdjson-dev libssl-dev libsqlite3-dev liburing-dev
  liblmdb-dev libdeflate-dev libhdf5-dev libarchive-dev gemmi-dev tao-pegtl-dev libcurl4-openssl-dev doctest-dev)
# Independent readers that results are compared with, MPI for work on several nodes, FUSE for a slow file system, a web server.
# Tests that need them are skipped without them.
peers=(python3-ase python3-numpy python3-h5py python3-lmdb libopenmpi-dev openmpi-bin libfuse3-dev fuse3
  nginx-light openssl curl zsh fish mandoc)
packaging=(dpkg-dev file)
# What a static program needs beside the first list.
static_libraries=(libnghttp2-dev libssh2-1-dev libpsl-dev libidn2-dev libunistring-dev libbrotli-dev nettle-dev libacl1-dev
  libattr1-dev libaec-dev)

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

install_missing() {
  local missing=() package
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  local root=()
  if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null && ! { [ -t 0 ] && command -v sudo >/dev/null; }; then
      echo "bootstrap.sh: packages are missing and only root can install them; run as root:" >&2
      echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
      exit 1
    fi
    root=(sudo)
  fi
  echo "installing: ${missing[*]}"
  "${root[@]}" apt-get update -q
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# As many compilers as there are CPUs, but no more than have 1.5 GB each: the machine must not swap.
build_jobs() {
  local by_cpu by_memory
  by_cpu=$(nproc)
  by_memory=$(awk '/^MemAvailable:/ {print int($2 / 1500000)}' /proc/meminfo)
  if [ "${by_memory:-1}" -lt 1 ]; then by_memory=1; fi
  echo $((by_cpu < by_memory ? by_cpu : by_memory))
}

build() {  # build PRESET [CMAKE OPTION]...
  local preset=$1
  shift
  cmake --preset "$preset" "$@" >"$log" 2>&1 || { cat "$log"; exit 1; }
  grep -F 'is not there' "$log" || true  # optional libraries
  cmake --build --preset "$preset" -j "$(build_jobs)"
}

demo() {
  install_missing "${packages[@]}"
  build release
  mkdir -p build/demo
  local input output shown=build/demo/mpf-alkali-TP.atp made=0
  while IFS= read -r input; do
    output=build/demo/$(basename "${input%.*}").atp
    build/atp pack "$input" -o "$output" --force --quiet
    made=$((made + 1))
  done < <(find tests/data/extxyz -maxdepth 1 -type f -name '*xyz' | LC_ALL=C sort)
  build/atp inspect "$shown"
  echo
  echo "Built build/atp and packed $made datasets of tests/data into build/demo/."
  echo "Above: what is in $shown."
  echo "Pack your own:   build/atp pack train.extxyz -o train.atp --codec zstd"
  echo "Look into it:    build/atp inspect train.atp"
  echo "Read more:       build/atp help, man man/atp.1, man man/atp.5; install with cmake --install build"
}

# Runs a build's tests and adds their numbers to `passed` and `failed`.
run_tests() {  # run_tests FOLDER
  local numbers=0
  ctest --test-dir "$1" --output-on-failure -j "$(nproc)" | tee "$log" || true
  # "98% tests passed, 1 tests failed out of 50"
  numbers=$(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log")
  if [ -z "$numbers" ]; then
    echo "bootstrap.sh: $1 has no test results" >&2
    exit 1
  fi
  failed=$((failed + ${numbers% *}))
  total=$((total + ${numbers#* }))
}

test_all() {
  install_missing "${packages[@]}" "${peers[@]}" "${packaging[@]}" "${static_libraries[@]}"
  build release -DATP_WERROR=ON -DATP_UNIT_TESTS=OFF -DATP_STATIC_TEST=ON
  build debug
  failed=0 total=0
  run_tests build
  run_tests build/debug
  echo
  echo "Both builds together:"
  echo "$(((total - failed) * 100 / total))% tests passed, $failed tests failed out of $total"
  [ "$failed" = 0 ]
}

deb() {
  install_missing "${packages[@]}" "${packaging[@]}"
  build release
  cpack --config build/CPackConfig.cmake -G DEB -B build
  echo "Install it with: sudo apt install ./$(ls build/atp_*.deb)"
}

static() {
  install_missing "${packages[@]}" "${static_libraries[@]}"
  build release-static
  echo "Built build/static/atp: copy it where you need it."
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
case ${1:-demo} in
  demo) demo ;;
  test) test_all ;;
  deb) deb ;;
  static) static ;;
  *)
    echo "usage: ./bootstrap.sh [demo|test|deb|static]" >&2
    exit 2
    ;;
esac
