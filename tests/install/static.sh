#!/usr/bin/env bash
# The statically linked program where nothing is installed: a root folder that holds it, a certificate bundle and the
# address of a host, and no more: static.sh ATP. Exit code 77 where nobody may change the root, or nginx or openssl is missing.
set -uo pipefail
atp=$(realpath "$1") here=$(cd "$(dirname "$0")" && pwd)
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || { echo "no nginx"; exit 77; }
command -v openssl >/dev/null || { echo "no openssl"; exit 77; }

work=$(mktemp -d)
server=
clean_up() {
  [ -z "$server" ] || kill "$server"
  rm -rf "$work"
}
trap clean_up EXIT
cd "$work" || exit 1
root=$work/root
mkdir -p root/{etc/ssl/certs,data,tmp,home} www
cp "$atp" root/atp
cp "$here"/../data/extxyz/mpf-alkali-TP.xyz root/data/

enter=("$(PATH=$PATH:/usr/sbin command -v chroot)")
if [ "$(id -u)" != 0 ]; then enter=("$(command -v unshare)" -r "${enter[@]}"); fi
"${enter[@]}" root /atp --version >out 2>err || { grep -qi "permitted" err && { echo "may not change the root"; exit 77; }; cat err >&2; exit 1; }

checks=0 failed=0
inside() { env -i HOME=/home TMPDIR=/tmp ATP_RETRY_WAIT=0.02 "${enter[@]}" "$root" /atp "$@"; }
check() {  # check WHAT COMMAND...
  local what=$1
  shift
  checks=$((checks + 1))
  if ! "$@" >out 2>err; then
    failed=$((failed + 1))
    echo "FAILED: $what: $*" >&2
    cat out err >&2
  fi
}

check "nothing else is there" test "$(find root -type f | wc -l)" = 2
check "pack" inside pack data/mpf-alkali-TP.xyz -o data/a.atp --codec zstd
check "inspect" inside inspect data/a.atp --stats
check "SQL" inside inspect data/a.atp --sql "SELECT count(*) FROM records"
check "verify" inside verify data/a.atp
check "shard" inside shard data/a.atp -o data/train --shards 3
check "plan" inside plan-batches data/train -o data/plan --max-atoms 60
check "export" inside export data/a.atp --to ase-db -o data/a.db
check "read back" inside inspect data/a.db
check "a build for bug reports" inside doctor
check "formats" inside formats
check "help" inside help pull

# A web server with a certificate of an authority that only the bundle knows.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-authority -keyout ca.key -out ca.pem 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj /CN=shards.test -keyout server.key -out server.csr 2>/dev/null
printf 'subjectAltName=DNS:shards.test\n' >extension
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extension -out server.pem 2>/dev/null
cp ca.pem root/etc/ssl/certs/ca-certificates.crt
echo "127.0.0.1 shards.test" >root/etc/hosts
cp -r root/data/train www/train
for _ in 1 2 3 4 5; do
  port=$((20000 + RANDOM % 40000))
  cat >nginx.conf <<EOF
daemon off; master_process off; pid $work/pid; error_log $work/log;
events {}
http {
  access_log off; client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server { listen 127.0.0.1:$port ssl http2; root $work/www; ssl_certificate $work/server.pem; ssl_certificate_key $work/server.key; }
}
EOF
  "$nginx" -p "$work" -c "$work/nginx.conf" -e "$work/log" 2>/dev/null &
  server=$!
  for _ in {1..50}; do
    kill -0 $server 2>/dev/null || break
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break 2
    sleep 0.1
  done
  server=
done
[ -n "$server" ] || { cat log >&2; echo "nginx does not start" >&2; exit 1; }

check "pull over TLS" inside pull "https://shards.test:$port/train/manifest.json" --local-dir data/pulled
check "the same files" diff -r www/train root/data/pulled -x manifest.json
check "look without pulling" inside inspect "https://shards.test:$port/train/manifest.json"

echo "static.sh: $checks checks, $failed failed"
[ $failed = 0 ]
