#!/usr/bin/env bash
# atp pull against curl on loopback: pull.sh ATP [MEGABYTES]. Needs curl, nginx (Debian: nginx-light) and python3.
# One file over plain HTTP from nginx, hashing included for a manifest's SHA-256; then connections of 20 MB/s each.
set -euo pipefail
atp=$(realpath "$1") megabytes=${2:-1000}
nginx=$(PATH=$PATH:/usr/sbin command -v nginx)
work=$(mktemp -d)
server=
clean_up() {
  [ -z "$server" ] || kill "$server"
  rm -rf "$work"
}
trap clean_up EXIT
cd "$work"
chmod 755 .
unset "${!HF_@}" "${!http@}"
export HF_HOME=$work/home LC_ALL=C

mkdir www
head -c "${megabytes}000000" /dev/urandom >www/big.bin
printf '{"files":[{"path":"big.bin","bytes":%s,"sha256":"%s"}]}' "$(stat -c %s www/big.bin)" "$(sha256sum www/big.bin | cut -d' ' -f1)" >www/manifest.json
port=$((20000 + RANDOM % 20000))
cat >nginx.conf <<EOF
daemon off; pid $work/pid; error_log $work/log; worker_processes 2;
events {}
http {
  access_log off; sendfile on; client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server { listen 127.0.0.1:$port; root $work/www; location /slow/ { alias $work/www/; limit_rate 20m; } }
}
EOF
"$nginx" -p "$work" -c "$work/nginx.conf" -e "$work/log" &
server=$!
sleep 1

seconds() {  # of the quickest of three runs
  local best=999999999 start took
  for _ in 1 2 3; do
    rm -rf out
    sync
    start=${EPOCHREALTIME/./}
    "$@" >/dev/null 2>&1
    took=$((${EPOCHREALTIME/./} - start))
    [ $took -lt $best ] && best=$took
  done
  cmp -s www/big.bin out/big.bin || { echo "wrong bytes from: $*" >&2; exit 1; }
  printf '%d.%03d' $((best / 1000000)) $((best / 1000 % 1000))
}
row() { printf '%-52s %8s s\n' "$1" "$2"; }
url=http://127.0.0.1:$port
echo "$(nproc) CPUs, $megabytes MB on loopback, $(curl --version | head -n 1 | cut -d' ' -f1,2), $("$nginx" -v 2>&1 | cut -d' ' -f3)"
row "curl" "$(seconds curl -s --create-dirs -o out/big.bin "$url/big.bin")"
row "curl, then sha256sum and sync" "$(seconds sh -c "curl -s --create-dirs -o out/big.bin $url/big.bin && sha256sum out/big.bin && sync out/big.bin")"
row "atp pull, no hash known" "$(seconds "$atp" pull "$url/big.bin" --local-dir out --verify none)"
row "atp pull, SHA-256 checked" "$(seconds "$atp" pull "$url/manifest.json" --local-dir out --verify none)"
megabytes_slow=200
head -c "${megabytes_slow}000000" www/big.bin >www/slow.bin && mv www/slow.bin www/big.bin
row "20 MB/s a connection, $megabytes_slow MB: curl" "$(seconds curl -s --create-dirs -o out/big.bin "$url/slow/big.bin")"
row "20 MB/s a connection, $megabytes_slow MB: atp pull" "$(seconds "$atp" pull "$url/slow/big.bin" --local-dir out --verify none)"
