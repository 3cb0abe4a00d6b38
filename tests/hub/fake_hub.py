#!/usr/bin/env python3
"""A Hub for tests: the part of huggingface.co that datasets need, on two ports of loopback, with faults on demand.

The first port is the Hub: revision, tree, paths-info and resolve, with tokens. Large files are redirected, as there, to
the second port, which stands for another host: it knows only signed addresses and must never see a token.

    fake_hub.py ROOT [PORT]      serves ROOT/OWNER/NAME/... until killed; prints HF_ENDPOINT=...
"""
import gzip
import hashlib
import http.server
import json
import os
import socket
import sys
import threading
import time
import urllib.parse

BLOCK = 1 << 18


class File:
    """A file of a repository: bytes, or a path on disk with its hash (which is computed unless given)."""

    def __init__(self, content, large=None, sha256=None):
        self.path = content if isinstance(content, str) else None
        self.data = None if self.path else content
        self.size = os.path.getsize(content) if self.path else len(content)
        self.large = large if large is not None else self.size > 4096 or bool(self.path)
        self.sha1 = hashlib.sha1(b"blob %d\0" % self.size + self.data).hexdigest() if self.data is not None else "1" * 40
        if sha256 is None and self.large:
            sha256 = self._sha256()
        self.sha256 = sha256 if self.large else None
        if self.large:  # git names the pointer
            self.sha1 = hashlib.sha1(self.sha256.encode()).hexdigest()

    def _sha256(self):
        h = hashlib.sha256()
        for piece in self.pieces(0, self.size):
            h.update(piece)
        return h.hexdigest()

    def pieces(self, begin, end):
        if self.data is not None:
            for at in range(begin, end, BLOCK):
                yield self.data[at : min(at + BLOCK, end)]
            return
        with open(self.path, "rb") as f:
            f.seek(begin)
            while begin < end:
                piece = f.read(min(BLOCK, end - begin))
                if not piece:
                    return
                begin += len(piece)
                yield piece

    @property
    def etag(self):
        return self.sha256 or self.sha1


class Repo:
    def __init__(self, files, private=False, gated=False):
        self.commits = {}
        self.refs = {}
        self.private, self.gated = private, gated
        self.commit(files)

    def commit(self, files, ref="main"):
        files = {p: f if isinstance(f, File) else File(f) for p, f in files.items()}
        text = json.dumps(sorted((p, f.etag) for p, f in files.items()))
        sha = hashlib.sha1(text.encode()).hexdigest()
        self.commits[sha] = files
        self.refs[ref] = sha
        return sha

    def find(self, revision):
        return self.refs.get(revision, revision if revision in self.commits else None)


class Fault:
    """Something that goes wrong `times` times with requests whose "PORT METHOD PATH" has all of `match` in it.

    after: bytes of the body that go out well before drop, stall or flip.
    """

    def __init__(self, match, times=1, skip=0, **what):
        self.match = match if isinstance(match, (list, tuple)) else [match]
        self.times, self.skip, self.what = times, skip, what

    def take(self, line):
        if self.times == 0 or not all(m in line for m in self.match):
            return None
        if self.skip > 0:
            self.skip -= 1
            return None
        self.times -= 1
        return self.what


class Hub:
    def __init__(self, repos=None, token="hf_secret", page=1000, rate=None, ports=(0, 0), host="127.0.0.1", prefix="", protocol="HTTP/1.1"):
        self.repos = repos or {}
        self.host, self.prefix, self.protocol = host, prefix, protocol  # prefix: before /api and /datasets, as behind a mirror
        self.token, self.page, self.rate = token, page, rate
        self.faults, self.log, self.lock = [], [], threading.Lock()
        self.plain = {}  # plain files by path, for a web server
        self.signature = "sig0"
        self.servers = [_Server(self, name, port) for name, port in zip(("hub", "cdn"), ports)]
        shown = "[%s]" % host if ":" in host else host
        self.endpoint, self.cdn = ("http://%s:%d" % (shown, s.server_address[1]) for s in self.servers)
        self.endpoint += prefix
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def fault(self, match, times=1, skip=0, **what):
        with self.lock:
            self.faults.append(Fault(match, times, skip, **what))

    def clear(self):
        with self.lock:
            self.faults, self.log = [], []

    def clear_log(self):
        with self.lock:
            self.log = []

    def take_fault(self, line):
        with self.lock:
            for fault in self.faults:
                what = fault.take(line)
                if what is not None:
                    return what
        return {}

    def bytes_sent(self, port=None):
        return sum(e["sent"] for e in self.log if port in (None, e["port"]))


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, hub, name, port):
        self.hub, self.name = hub, name
        self.address_family = socket.AF_INET6 if ":" in hub.host else socket.AF_INET
        super().__init__((hub.host, port), type("Handler", (_Handler,), {"protocol_version": hub.protocol}))

    def handle_error(self, request, address):
        pass  # clients hang up


class _Drop(Exception):
    pass


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "fake"

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *args):
        pass

    def do_GET(self):
        self._handle("GET")

    def do_HEAD(self):
        self._handle("HEAD")

    def do_POST(self):
        self._handle("POST")

    # ---- one request ----

    def _handle(self, method):
        hub = self.server.hub
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else b""
        self.method = method
        self.entry = {
            "port": self.server.name, "method": method, "path": self.path, "range": self.headers.get("Range"),
            "token": "Authorization" in self.headers, "cookie": "Cookie" in self.headers, "sent": 0, "status": 0,
            "encoding": self.headers.get("Accept-Encoding"), "time": time.monotonic(),
        }
        with hub.lock:
            hub.log.append(self.entry)
        self.fault = hub.take_fault("%s %s %s %s" % (self.server.name, method, self.path, self.entry["range"] or ""))
        try:
            if "sleep" in self.fault:
                time.sleep(self.fault["sleep"])
            if "status" in self.fault:
                return self._answer(self.fault["status"], self.fault.get("body", b""), self.fault.get("headers", {}))
            if self.fault.get("drop_at_once"):
                raise _Drop
            if self.server.name == "cdn":
                self._cdn()
            elif self.path.startswith("/plain/"):
                self._plain()
            elif self.path.startswith(hub.prefix + "/"):
                self.path = self.path[len(hub.prefix) :]
                self._hub()
            else:
                self._answer(404, b"outside of the endpoint")
        except _Drop:
            self.close_connection = True
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self, status, body=b"", headers=None):
        body = body if isinstance(body, bytes) else body.encode()
        headers = dict(headers or {})
        self.entry["status"] = status
        self.send_response(status)
        headers.setdefault("Content-Length", str(len(body)))
        if self.fault.get("no_length"):
            del headers["Content-Length"]
            self.close_connection = True
        for k, v in headers.items():
            self.send_header(k, v)
        self.end_headers()
        if self.method != "HEAD":
            self.wfile.write(body)
            self.entry["sent"] += len(body)

    def _error(self, status, code="", message=""):
        headers = {"X-Request-Id": "req-1"}
        if code:
            headers["X-Error-Code"] = code
        if message:
            headers["X-Error-Message"] = message
        self._answer(status, json.dumps({"error": message or code}), headers)

    def _json(self, value, headers=None):
        body = json.dumps(value).encode()
        if "cut" in self.fault:
            body = body[: self.fault["cut"]]
        if "json" in self.fault:
            body = self.fault["json"].encode()
        headers = dict(headers or {}, **{"Content-Type": "application/json"})
        headers.update(self.fault.get("headers", {}))
        if self.fault.get("gzip"):
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        if self.fault.get("endless"):
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            self.wfile.write(b"[")
            while True:
                self.wfile.write(b'{"type":"directory","path":"x","size":0,"oid":"' + b"0" * 40 + b'"},' * 5000)
        self._answer(200, body, headers)

    # ---- the Hub ----

    def _hub(self):
        hub = self.server.hub
        given = self.headers.get("Authorization")
        if given is not None and given != "Bearer " + hub.token:
            return self._error(401, "", "Invalid credentials in Authorization header")
        path, _, query = self.path.partition("?")
        parts = [p for p in path.split("/") if p]
        api = parts[:1] == ["api"]
        if api:
            parts = parts[1:]
        if parts[:1] == ["resolve-cache"]:  # resolve-cache/datasets/ns/name/sha/path
            return self._small("/".join(parts[2:4]), parts[4], urllib.parse.unquote("/".join(parts[5:])))
        if parts[:1] != ["datasets"] or len(parts) < 5:
            return self._error(404, "", "Not found")
        name, verb, revision = "/".join(parts[1:3]), parts[3], urllib.parse.unquote(parts[4])
        rest = urllib.parse.unquote("/".join(parts[5:]))
        repo = hub.repos.get(name)
        if repo is None or (repo.private and given is None):
            return self._error(401 if given is None else 404, "RepoNotFound", "Repository not found")
        sha = repo.find(revision)
        if sha is None:
            return self._error(404, "RevisionNotFound", "Invalid rev id: " + revision)
        files = repo.commits[sha]
        if api and verb == "revision":
            return self._json({"id": name, "sha": sha, "private": repo.private, "gated": repo.gated, "siblings": []})
        if api and verb == "tree":
            return self._tree(name, sha, files, rest, urllib.parse.parse_qs(query))
        if api and verb == "paths-info":
            wanted = json.loads(self.body)["paths"]
            return self._json([self._entry(p, files[p]) for p in wanted if p in files])
        if not api and verb == "resolve":
            if repo.gated and given is None:
                return self._error(401, "GatedRepo", "Access to dataset is restricted")
            if rest not in files:
                return self._error(404, "EntryNotFound", "Entry not found")
            return self._resolve(name, sha, rest, files[rest])
        self._error(404, "", "Not found")

    @staticmethod
    def _entry(path, f):
        e = {"type": "file", "path": path, "oid": f.sha1, "size": f.size}
        if f.large:
            e["lfs"] = {"oid": f.sha256, "size": f.size, "pointerSize": 134}
            e["xetHash"] = "9" * 64
        return e

    def _tree(self, name, sha, files, folder, query):
        chosen = sorted(p for p in files if not folder or p.startswith(folder + "/"))
        if folder and not chosen:
            return self._error(404, "EntryNotFound", "Entry not found")
        entries = [{"type": "directory", "path": d, "oid": "0" * 40, "size": 0} for d in sorted({os.path.dirname(p) for p in chosen} - {""})]
        entries += [self._entry(p, files[p]) for p in chosen]
        begin = int(query.get("cursor", ["0"])[0])
        page = self.server.hub.page
        headers = {}
        if begin + page < len(entries):
            base = self.fault.get("next_base", self.server.hub.endpoint)
            url = "%s%s?recursive=true&expand=false&cursor=%d" % (base, self.path.partition("?")[0], self.fault.get("next", begin + page))
            headers["Link"] = '<%s>; rel="next", <%s/>; rel="last"' % (url, base)
        self._json(entries[begin : begin + page], headers)

    def _resolve(self, name, sha, path, f):
        hub = self.server.hub
        headers = {"X-Repo-Commit": self.fault.get("commit", sha), "ETag": '"%s"' % f.sha1, "RateLimit": '"resolvers";r=2999;t=300'}
        if f.large:
            headers["X-Linked-Size"] = str(self.fault.get("size", f.size))
            headers["X-Linked-Etag"] = '"%s"' % self.fault.get("etag", f.sha256)
            headers["X-Xet-Hash"] = "9" * 64
            headers["Location"] = self.fault.get("location") or "%s/%s/%s/%s?sha=%s&Signature=%s" % (hub.cdn, name, sha, urllib.parse.quote(path), f.sha256, hub.signature)
            return self._answer(302, b"Found. Redirecting", headers)
        headers["ETag"] = 'W/"%s"' % self.fault.get("etag", f.sha1)
        headers["Location"] = self.fault.get("location") or hub.prefix + "/api/resolve-cache/datasets/%s/%s/%s?download=1" % (name, sha, urllib.parse.quote(path))
        self._answer(307, b"", headers)

    def _small(self, name, sha, path):
        f = self.server.hub.repos[name].commits[sha][path]
        self._send(f, {"ETag": '"%s"' % f.sha1, "X-Repo-Commit": sha})

    def _plain(self):
        path = urllib.parse.unquote(self.path[len("/plain/"):].partition("?")[0])
        f = self.server.hub.plain.get(path)
        if f is None:
            return self._answer(404, b"no")
        f = f if isinstance(f, File) else File(f, large=False)
        if path.endswith(".json"):
            self._answer(200, f.data)
        else:
            self._send(f, {"ETag": '"%s"' % self.fault.get("etag", f.etag)})

    # ---- the second port ----

    def _cdn(self):
        hub = self.server.hub
        path, _, query = self.path.partition("?")
        parts = path.split("/")
        if "Signature=" + hub.signature not in query:
            return self._answer(403, b"<Error>expired</Error>", {"Content-Type": "application/xml"})
        f = hub.repos["/".join(parts[1:3])].commits[parts[3]][urllib.parse.unquote("/".join(parts[4:]))]
        self._send(f, {"ETag": '"%s"' % ("9" * 64)})

    def _send(self, f, headers):
        fault, begin, end, status = self.fault, 0, f.size, 200
        asked = self.headers.get("Range")
        if asked and not fault.get("ignore_range"):
            first, _, last = asked[len("bytes="):].partition("-")
            begin, end, status = int(first), min(int(last) + 1 if last else f.size, f.size), 206
            if begin >= f.size:
                return self._answer(416, b"", {"Content-Range": "bytes */%d" % f.size})
            total = fault.get("total", f.size)
            headers["Content-Range"] = "bytes %d-%d/%d" % (begin + fault.get("shift", 0), end - 1 + fault.get("shift", 0), total)
        headers["Content-Length"] = str(end - begin + fault.get("longer", 0))
        headers["Accept-Ranges"] = "bytes"
        headers.update(fault.get("headers", {}))
        pieces = f.pieces(begin, end)
        if fault.get("gzip"):
            body = gzip.compress(b"".join(pieces))
            headers["Content-Length"], headers["Content-Encoding"], pieces = str(len(body)), "gzip", [body]
        if fault.get("no_length") or fault.get("chunked"):
            del headers["Content-Length"]
            self.close_connection = not fault.get("chunked")
        if fault.get("chunked"):
            headers["Transfer-Encoding"] = "chunked"
        self.entry["status"] = status
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k, v)
        self.end_headers()
        if self.method == "HEAD":
            return
        if fault.get("chunked"):
            pieces = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece] + [b"0\r\n\r\n"]
        self._pieces(pieces)
        if fault.get("longer"):
            raise _Drop

    def _pieces(self, pieces):
        fault, hub, sent = self.fault, self.server.hub, 0
        after = fault.get("after", 0)
        start = time.monotonic()
        for piece in pieces:
            if fault.get("flip") and sent <= after < sent + len(piece):
                at = after - sent
                piece = piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]
            if fault.get("drop") and sent + len(piece) > after:
                self._write(piece[: after - sent])
                raise _Drop
            if fault.get("stall") and sent + len(piece) > after:
                self._write(piece[: after - sent])
                time.sleep(fault["stall"])
                raise _Drop
            if fault.get("trickle"):
                for i in range(len(piece)):
                    self._write(piece[i : i + 1])
                    time.sleep(1 / fault["trickle"])
            if hub.rate:  # a connection has so many bytes a second
                for at in range(0, len(piece), 1 << 15):
                    self._write(piece[at : at + (1 << 15)])
                    wait = start + (sent + at) / hub.rate - time.monotonic()
                    if wait > 0:
                        time.sleep(wait)
            else:
                self._write(piece)
            sent += len(piece)

    def _write(self, data):
        self.wfile.write(data)
        self.entry["sent"] += len(data)


def repos_below(root):
    repos = {}
    for owner in sorted(os.listdir(root)):
        for name in sorted(os.listdir(os.path.join(root, owner))):
            base, files = os.path.join(root, owner, name), {}
            for folder, _, names in os.walk(base):
                for n in names:
                    path = os.path.join(folder, n)
                    if os.path.getsize(path) > 4096 or n.endswith(".atp"):
                        files[os.path.relpath(path, base)] = File(path)
                    else:
                        with open(path, "rb") as f:
                            files[os.path.relpath(path, base)] = File(f.read())
            repos[owner + "/" + name] = Repo(files)
    return repos


if __name__ == "__main__":
    server = Hub(repos_below(sys.argv[1]), ports=(int(sys.argv[2]) if len(sys.argv) > 2 else 0, 0))
    if os.environ.get("FAKE_HUB_RATE"):
        server.rate = float(os.environ["FAKE_HUB_RATE"])
    print("HF_ENDPOINT=" + server.endpoint, flush=True)
    while True:
        time.sleep(3600)
