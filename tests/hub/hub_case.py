"""A case of the tests against the fake Hub: a Hub, a cache and the program. Every case has a Hub and a cache of its own;
the Hub's log must show that the token stayed on the first port.
"""
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_hub import File, Hub, Repo  # noqa: E402

ATP = os.path.realpath(sys.argv[1])
FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/fixtures")
CHUNK = 4 << 20
BIG = random.Random(7).randbytes(3 * CHUNK + 12345)  # four chunks; no .atp file, so --verify none
BIG_FILE = File(BIG)


def fixture(name):
    with open(os.path.join(FIXTURES, name), "rb") as f:
        return f.read()


FILES = {
    "omat/train/000.atp": fixture("none_v2_multiflush.atp"),
    "omat/train/001.atp": fixture("zstd3_v2_sizes.atp"),
    "omat/train/manifest.json": b'{"output_files": ["000.atp", "001.atp"]}',
    "omat/val/000.atp": fixture("lz4_v2_builtins.atp"),
    "README.md": b"hello",
}


class Case:
    """A Hub with a repository o/n, a cache, and checks."""

    program = ATP

    def __init__(self, files=None, **hub):
        self.folder = tempfile.mkdtemp(prefix="atp-hub-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.repo = Repo(files if files is not None else FILES)
        self.hub = Hub({"o/n": self.repo}, **hub)
        self.sha = self.repo.refs["main"]
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "http", "HTTP"))}
        self.env.update(HF_ENDPOINT=self.hub.endpoint, HF_HOME=self.folder + "/home", ATP_RETRY_WAIT="0.02",
                        HF_HUB_DOWNLOAD_TIMEOUT="5", HF_HUB_ETAG_TIMEOUT="5", HF_TOKEN=self.hub.token, LC_ALL="C", HOME=self.folder)
        self.cache = self.folder + "/home/hub/datasets--o--n"
        self.token_allowed_on_cdn = False

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.hub.close()
        shutil.rmtree(self.folder)
        if kind is None:
            for e in self.hub.log:
                assert not (e["port"] == "cdn" and (e["token"] or e["cookie"])), "the token reached the second port"
                assert e["encoding"] == "identity", e

    def atp(self, *arguments, code=0, says=None, env=None, stdin=None):
        r = subprocess.run([ATP, *arguments], env={**self.env, **(env or {})}, capture_output=True, timeout=60, cwd=self.folder, input=stdin)
        self.out, self.err = r.stdout.decode(), r.stderr.decode()
        shown = "atp %s: exit %d\n%s%s" % (" ".join(arguments), r.returncode, self.out, self.err)
        assert r.returncode == code, shown
        for text in [says] if isinstance(says, str) else says or []:
            assert text in self.err, "'%s' is not in: %s" % (text, shown)
        assert "Signature" not in self.err + self.out and self.hub.token not in self.err + self.out, shown
        assert self.err.count("\n") == len([line for line in self.err.splitlines() if line.startswith("atp: ")]), shown
        return self.out

    def pull_big(self, **more):
        return self.atp("pull", "o/n", "big.atp", "--verify", "none", **more)

    def blob(self, file=BIG_FILE):
        with open(self.cache + "/blobs/" + file.etag, "rb") as f:
            return f.read()

    def leftovers(self):
        return [os.path.join(d, f) for d, _, files in os.walk(self.folder) for f in files if ".atp-partial" in f or ".tmp-" in f]

    def requests(self, port, method="GET"):
        return [e for e in self.hub.log if e["port"] == port and e["method"] == method]


def big_case(**hub):
    return Case({"big.atp": BIG_FILE}, **hub)


def started(c, *arguments):
    return subprocess.Popen([ATP, "pull", "o/n", "big.atp", "--verify", "none", *arguments], env=c.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def run_cases(names):
    """Runs the test_ functions, four at a time; exits."""
    wanted = sys.argv[2:]
    cases = [(n[5:], f) for n, f in names.items() if n.startswith("test_") and (not wanted or n[5:] in wanted)]
    failed = 0

    def one(case):
        start = time.monotonic()
        try:
            case[1]()
            return case[0], time.monotonic() - start, None
        except Exception as e:  # noqa: BLE001
            return case[0], time.monotonic() - start, "".join(traceback.format_exception(e))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for name, seconds, error in pool.map(one, cases):
            if error:
                failed += 1
                print("FAILED: %s (%.1f s)\n%s" % (name, seconds, error))
            elif seconds > 3 or wanted:
                print("%s: %.1f s" % (name, seconds))
    print("%d cases, %d failed" % (len(cases), failed))
    sys.exit(1 if failed else 0)
