#!/usr/bin/env bash
# Debian has no static library of simdjson, but its sources: fetch_simdjson.sh FOLDER puts simdjson.cpp there, of the version
# whose header is installed. Needs no root and changes nothing of the system's package lists.
set -euo pipefail
folder=$(realpath -m "$1")
version=$(dpkg-query -W -f '${source:Version}' libsimdjson-dev)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{parts,lists/partial,cache/archives/partial,source}
shopt -s nullglob
for list in /etc/apt/sources.list.d/*.sources; do
  sed 's/^Types:.*/Types: deb-src/' "$list" >"$work/parts/$(basename "$list")"
done
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ ! -f "$list" ] || sed -n 's/^deb \(.*\)/deb-src \1/p' "$list" >"$work/parts/$(basename "$list" .list).list"
done
apt=(apt-get -q -o APT::Sandbox::User= -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/parts"
  -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache")
"${apt[@]}" update || true  # a third party's list without sources is no obstacle
cd "$work/source"
"${apt[@]}" source --download-only "simdjson=$version"
mkdir -p "$folder"
tar -xf simdjson_*.orig.tar.* --strip-components=2 -C "$folder" --wildcards '*/singleheader/simdjson.cpp'
