# Sourced by the tests that need a web server: nginx (Debian: nginx-light) in a temporary folder $work, which goes at the
# end, with what it serves in www and a certificate of a test authority. Ends with 77 where nginx or openssl is missing.
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || { echo "no nginx"; exit 77; }
command -v openssl >/dev/null || { echo "no openssl"; exit 77; }

# shellcheck source=tests/support/check.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"

work=$(mktemp -d)
server=
clean_up() {
  [ -z "$server" ] || kill "$server"
  rm -rf "$work"
}
trap clean_up EXIT
cd "$work" || exit 1
mkdir www

make_certificate() {  # make_certificate HOST: ca.pem, server.pem and server.key
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-authority -keyout ca.key -out ca.pem 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout server.key -out server.csr 2>/dev/null
  printf 'subjectAltName=DNS:%s\n' "$1" >extension
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extension -out server.pem 2>/dev/null
}

start_nginx() {  # start_nginx SERVERS: on free ports $http and $tls, with the server blocks that the function SERVERS prints
  for _ in 1 2 3 4 5; do
    http=$((20000 + RANDOM % 20000)) tls=$((40000 + RANDOM % 20000))
    cat >nginx.conf <<EOF
daemon off; master_process off; pid $work/pid; error_log $work/log;
events {}
http {
  access_log off; client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
$("$1")
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
