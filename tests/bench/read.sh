#!/usr/bin/env bash
# What `atp bench --goals` finds on a folder's file system: .atp against LMDB, HDF5, SQLite, ASE, in the same run.
#   tests/bench/read.sh [BUILD_FOLDER] [FOLDER ON THE MOUNT]     (default: build, the temporary folder)
set -euo pipefail
cd "$(dirname "$0")/../.."
atp=$(realpath "${1:-build}/atp")
work=$(mktemp -d "${2:-${TMPDIR:-/tmp}}/atp-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
"$atp" bench --goals --seconds 110
