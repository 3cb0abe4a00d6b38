#!/usr/bin/env bash
# atp against a real web server: nginx (Debian: nginx-light) serves shards over HTTP/1.1 and, with a certificate of a test
# authority, over TLS: nginx_test.sh ATP. Exit code 77 where nginx or openssl is missing.
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
chmod 755 .
unset "${!HF_@}" "${!http@}" SSL_CERT_FILE SSL_CERT_DIR
export HF_HOME=$work/home ATP_RETRY_WAIT=0.02 LC_ALL=C

checks=0 failed=0
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
fails() {  # fails CODE TEXT COMMAND...
  local code=$1 text=$2
  shift 2
  "$@"
  [ $? = "$code" ] && grep -qF -- "$text" err
}

# Shards with a manifest, and an authority with a certificate for localhost.
mkdir www
"$atp" pack "$here/../data/extxyz/mpf-alkali-TP.xyz" -o one.atp --quiet >/dev/null
"$atp" shard one.atp -o www/train --shards 3 --quiet >/dev/null
head -c 9000000 /dev/urandom >www/big.bin
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-authority -keyout ca.key -out ca.pem 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr 2>/dev/null
printf 'subjectAltName=DNS:localhost\n' >extension
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extension -out server.pem 2>/dev/null

start_nginx() {  # on two free ports
  for _ in 1 2 3 4 5; do
    http=$((20000 + RANDOM % 20000)) tls=$((40000 + RANDOM % 20000))
    cat >nginx.conf <<EOF
daemon off; master_process off; pid $work/pid; error_log $work/log;
events {}
http {
  access_log off; client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server { listen 127.0.0.1:$http; root $work/www; gzip on; gzip_types *; location /moved { return 302 https://localhost:$tls/train/part_0000.atp; } }
  server {
    listen 127.0.0.1:$tls ssl http2; root $work/www; ssl_certificate $work/server.pem; ssl_certificate_key $work/server.key;
    location /down.atp { return 302 http://localhost:$http/train/part_0000.atp; }
  }
}
EOF
    "$nginx" -p "$work" -c "$work/nginx.conf" -e "$work/log" 2>/dev/null &
    server=$!
    for _ in {1..50}; do
      kill -0 $server 2>/dev/null || break
      (exec 3<>"/dev/tcp/127.0.0.1/$tls") 2>/dev/null && return 0
      sleep 0.1
    done
    server=
  done
  echo "nginx does not start" >&2
  cat log >&2
  exit 1
}
start_nginx

plain=http://localhost:$http secure=https://localhost:$tls
check "over HTTP" "$atp" pull "$plain/train/manifest.json" --local-dir plain
check "the same files" diff -r www/train plain -x manifest.json
check "not trusted without the authority" fails 5 "certificate" "$atp" pull "$secure/train/manifest.json" --local-dir tls
check "nothing was written" test ! -e tls
check "over TLS, HTTP/2" "$atp" pull "$secure/train/manifest.json" --local-dir tls --ca-file ca.pem
check "the same files" diff -r www/train tls -x manifest.json
export SSL_CERT_FILE=$work/ca.pem
check "SSL_CERT_FILE" "$atp" inspect "$secure/train/manifest.json"
check "another name than the certificate's" fails 5 "certificate" "$atp" inspect "https://127.0.0.1:$tls/train/part_0000.atp"
check "https leads to no http" fails 5 "from https to http" "$atp" pull "$secure/down.atp"
check "a record by range" "$atp" inspect "$secure/train/part_0001.atp" --record 3
check "a sample" "$atp" pull "$secure/train/manifest.json" --sample 30 -o sample.atp
check "a sound sample" "$atp" verify sample.atp
check "many ranges of one file" "$atp" pull "$secure/big.bin" --verify none --local-dir big
check "the same bytes" cmp www/big.bin big/big.bin
check "not there" fails 5 "nothing at this address" "$atp" pull "$plain/none.atp"

echo "nginx_test.sh: $checks checks, $failed failed"
[ $failed = 0 ]
