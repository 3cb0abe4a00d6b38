// What measuring processes in Python run: the commands of serve.h for four ways of storing. Private to core/bench.
#pragma once

#include <string_view>

namespace atp {

// Reading is timed as it is; the checksum comes from a second pass outside of the clock, because NumPy's sums would cost
// as much as some of the reads.
inline constexpr std::string_view kPythonScript = R"PY(
import importlib, os, sys, time

BACKEND, FOLDER, RAW = sys.argv[1:4]
CUSTOM = sys.argv[4] == "1"
PACKAGES = {"numpy": "python3-numpy", "lmdb": "python3-lmdb", "h5py": "python3-h5py", "ase.db": "python3-ase"}
NEEDS = {"py-lmdb-pickle": ["numpy", "lmdb"], "py-hdf5": ["numpy", "h5py"],
         "py-ase-sqlite": ["numpy", "ase.db"], "py-ase-lmdb": ["numpy", "lmdb", "ase.db"]}

def say(text):
    sys.stdout.write(text.replace("\n", " ") + "\n")
    sys.stdout.flush()

for name in NEEDS[BACKEND]:
    try:
        importlib.import_module(name)
    except ImportError:
        say("error Python %s has no module %s (Debian: %s)" % (sys.version.split()[0], name.split(".")[0], PACKAGES[name]))
        sys.exit(0)

import json, pickle, resource, struct, zlib
import numpy as np

SHARES = [i / 20 for i in range(20)] + [.99, .999, 1]
FEWEST_TIMES = 20  # as kFewestTimes
WRAP = 1 << 64

class Molecules:
    """The file of packed molecules: n, energy, cell, pbc, numbers, positions, forces, custom properties."""
    def __init__(self, path):
        self.data = open(path, "rb").read()
        self.at = 0

    def next(self):
        d, at = self.data, self.at
        if at >= len(d):
            return None
        n, energy = struct.unpack_from("<Id", d, at)
        m = {"energy": energy, "cell": np.frombuffer(d, "<f8", 9, at + 12).reshape(3, 3),
             "pbc": np.frombuffer(d, "u1", 3, at + 84).astype(bool), "numbers": np.frombuffer(d, "u1", n, at + 87),
             "positions": np.frombuffer(d, "<f4", 3 * n, at + 87 + n).reshape(n, 3),
             "forces": np.frombuffer(d, "<f4", 3 * n, at + 87 + 13 * n).reshape(n, 3)}
        at += 87 + 25 * n
        if CUSTOM:
            m["band_gap"], m["total_charge"] = struct.unpack_from("<dd", d, at)
            m["dipole"] = np.frombuffer(d, "<f8", 3, at + 16)
            m["magmom"] = np.frombuffer(d, "<f4", n, at + 40)
            m["bader_charge"] = np.frombuffer(d, "<f4", n, at + 40 + 4 * n)
            at += 40 + 8 * n
        self.at = at
        return m

def words(a, kind="<f4"):
    return int(np.ascontiguousarray(a, kind).view("<u4").sum(dtype="<u4"))

def touch(m):
    custom = sum(words(a, "<f8") for a in m[4:7]) + sum(words(a) for a in m[7:])
    return (words(m[1]) + words(m[2]) + custom & 0xFFFFFFFF, int(np.float64(m[3]).view("<u8")) + len(m[0]) + int(m[0].sum(dtype="u8")))

def atoms_of(m):
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator
    a = Atoms(numbers=m["numbers"].astype(int), positions=m["positions"].astype(float), cell=m["cell"], pbc=m["pbc"])
    a.calc = SinglePointCalculator(a, energy=m["energy"], forces=m["forces"].astype(float))
    if CUSTOM:
        a.calc.results.update(dipole=m["dipole"], magmoms=m["magmom"].astype(float), charges=m["bader_charge"].astype(float))
    return a

# The custom properties that ASE has no place for are its key-value pairs.
def pairs_of(m):
    return {k: m[k] for k in ("band_gap", "total_charge")} if CUSTOM else {}

def values_of(row):
    a = row.toatoms()
    # Of a molecule without energy ASE's SQLite has NULL, and no result.
    values = a.numbers, a.positions, a.get_forces(), a.calc.results.get("energy", float("nan"))
    if not CUSTOM: return values
    pairs, results = row.key_value_pairs, a.calc.results
    return values + (pairs["band_gap"], pairs["total_charge"], results["dipole"], results["magmoms"], results["charges"])

# Each store: create(), add(i, molecule), finish(), open(), close(), get(i) -> (numbers, positions, forces, energy), and
# of molecules with custom properties (..., band_gap, total_charge, dipole, magmom, bader_charge).
BUILTINS = ("numbers", "positions", "forces", "energy")
CUSTOMS = ("band_gap", "total_charge", "dipole", "magmom", "bader_charge") if CUSTOM else ()
PER_ATOM = {"numbers", "positions", "forces", "magmom", "bader_charge"}

class LmdbPickle:
    path = FOLDER + "/pickle.mdb"
    env = None
    def connect(self, **options):
        import lmdb
        self.env = lmdb.open(self.path, subdir=False, lock=False, map_size=1 << 38, **options)
    def create(self):
        if os.path.exists(self.path): os.remove(self.path)
        self.connect(sync=False)
        self.txn = self.env.begin(write=True)
    def value(self, m):
        return pickle.dumps(m, protocol=5)
    def add(self, i, m):
        self.txn.put(b"%d" % i, self.value(m))
    def finish(self):
        self.txn.commit()
        self.env.sync(True)
        self.env.close()
    def open(self):
        self.connect(readonly=True)
        self.txn = self.env.begin()
    def close(self):
        if self.env is not None: self.txn.abort(); self.env.close()
        self.env = None
    def get(self, i):
        m = pickle.loads(self.txn.get(b"%d" % i))
        return tuple(m[k] for k in BUILTINS + CUSTOMS)

class AseLmdb(LmdbPickle):
    path = FOLDER + "/rows.aselmdb"
    def value(self, m):
        from ase.db.row import AtomsRow
        row = AtomsRow(atoms_of(m))
        fields = {k: v for k, v in row.__dict__.items() if not k.startswith("_")}
        fields["cell"] = np.asarray(row.cell)
        if CUSTOM: fields["key_value_pairs"] = pairs_of(m)
        from ase.io.jsonio import encode
        return zlib.compress(encode(fields).encode())
    def get(self, i):
        from ase.db.row import AtomsRow
        from ase.io.jsonio import decode
        return values_of(AtomsRow(decode(zlib.decompress(self.txn.get(b"%d" % i)).decode())))

class AseSqlite:
    path = FOLDER + "/ase.db"
    db = None
    def create(self):
        import ase.db
        if os.path.exists(self.path): os.remove(self.path)
        self.db = ase.db.connect(self.path)
        self.db.__enter__()
    def add(self, i, m):
        self.db.write(atoms_of(m), **pairs_of(m))
    def finish(self):
        self.db.__exit__(None, None, None)
        self.db = None
    def open(self):
        import ase.db
        self.db = ase.db.connect(self.path)
        self.db.__enter__()
    def close(self):
        if self.db is not None: self.db.__exit__(None, None, None)
        self.db = None
    def get(self, i):
        return values_of(self.db.get(id=int(i) + 1))

class Hdf5:
    path = FOLDER + "/fields.h5"
    file = None
    def create(self):
        self.waiting, self.starts = [], [0]
        import h5py
        self.file = h5py.File(self.path, "w")
    def add(self, i, m):
        self.waiting.append(m)
        self.starts.append(self.starts[-1] + len(m["numbers"]))
        if len(self.waiting) == 1024: self.flush()
    def flush(self):
        if not self.waiting: return
        join = lambda k: np.concatenate if k in PER_ATOM else np.array
        columns = {k: join(k)([m[k] for m in self.waiting]) for k in BUILTINS + ("cell", "pbc") + CUSTOMS}
        for k, v in columns.items():
            if k not in self.file:
                rows = 256 * (len(v) // len(self.waiting) if k in PER_ATOM else 1)
                self.file.create_dataset(k, data=v, maxshape=(None,) + v.shape[1:], chunks=(max(1, rows),) + v.shape[1:])
            else:
                d = self.file[k]
                d.resize(d.shape[0] + len(v), axis=0)
                d[-len(v):] = v
        self.waiting = []
    def finish(self):
        self.flush()
        self.file.create_dataset("offsets", data=np.array(self.starts))
        self.file.close()
        self.file = None
        fd = os.open(self.path, os.O_RDWR)
        os.fsync(fd)
        os.close(fd)
    def open(self):
        import h5py
        self.file = h5py.File(self.path, "r")
        self.starts = self.file["offsets"][:]
        self.d = {k: self.file[k] for k in BUILTINS + CUSTOMS}
    def close(self):
        if self.file is not None: self.file.close()
        self.file = None
    def get(self, i):
        a, b = self.starts[i], self.starts[i + 1]
        return tuple(d[a:b] if k in PER_ATOM else d[i] for k, d in self.d.items())

store = {"py-lmdb-pickle": LmdbPickle, "py-hdf5": Hdf5, "py-ase-sqlite": AseSqlite, "py-ase-lmdb": AseLmdb}[BACKEND]()
order = np.zeros(0, "<u8")
raw = None

def write(wanted, budget):
    global raw
    raw = Molecules(RAW)
    seconds, done = 0.0, 0
    start = time.perf_counter(); store.create(); seconds += time.perf_counter() - start
    while done < wanted and (done == 0 or seconds < budget):
        some = []
        while len(some) < min(1024, max(16, done)) and done + len(some) < wanted:
            m = raw.next()
            if m is None: break
            some.append(m)
        if not some: break
        start = time.perf_counter()
        for k, m in enumerate(some): store.add(done + k, m)
        seconds += time.perf_counter() - start
        done += len(some)
    start = time.perf_counter(); store.finish(); seconds += time.perf_counter() - start
    return "ok molecules %d seconds %r" % (done, seconds)

def memory():
    size, resident, shared = [int(x) for x in open("/proc/self/statm").read().split()[:3]]
    page = resource.getpagesize()
    return resident * page, (resident - shared) * page

def open_store():
    store.close()
    before = memory()
    start = time.perf_counter()
    store.open()
    if len(order): store.get(int(order[0]))
    seconds = time.perf_counter() - start
    after = memory()
    return "ok seconds %r resident %d anonymous %d" % (seconds, max(0, after[0] - before[0]), max(0, after[1] - before[1]))

def counters():
    u = resource.getrusage(resource.RUSAGE_SELF)
    io = {}
    try:
        for line in open("/proc/self/io"):
            name, value = line.split(": ")
            io[name] = int(value)
    except OSError:
        pass
    return (u.ru_utime, u.ru_stime, u.ru_minflt, u.ru_majflt, io.get("read_bytes", 0), io.get("syscr", 0)), "read_bytes" in io

def one_pass(way, first, count, batch, ticks):
    places = [i % molecules for i in range(first, first + count)] if way == "seq" else [int(i) for i in order[first:first + count]]
    step = batch if way == "batch" else 1
    times = []
    before, _ = counters()
    start = last = time.monotonic()
    if way == "batch":
        for at in range(0, count, batch):
            some = [store.get(i) for i in places[at:at + batch]]
            for k, name in enumerate(BUILTINS + CUSTOMS):
                (np.concatenate if name in PER_ATOM else np.array)([m[k] for m in some])
            if ticks: now = time.monotonic(); times.append(now - last); last = now
    else:
        for i in places:
            store.get(i)
            if ticks: now = time.monotonic(); times.append(now - last); last = now
    end = time.monotonic()
    after, has_io = counters()
    total, weight = 0, 1
    for at in range(0, count, step):
        w = rest = 0
        if way == "seq" and places[at] == 0: weight = 1  # each run from the first molecule on has a sum of its own
        for i in places[at:at + step]:
            t = touch(store.get(i))
            w, rest = w + t[0] & 0xFFFFFFFF, rest + t[1]
        total = (total + weight * ((w + rest) % WRAP)) % WRAP
        weight += 2
    d = [b - a for a, b in zip(before, after)]
    line = "ok start %r end %r sum %d user %r system %r minor %d major %d io %d storage %d calls %d" % (
        start, end, total, d[0], d[1], d[2], d[3], has_io, d[4], d[5])
    if len(times) >= FEWEST_TIMES:
        line += " latency " + ",".join(repr(float(q)) for q in np.quantile(times, SHARES))
    return line

def run(w):
    global order, molecules
    if w[0] == "write": return write(int(w[1]), float(w[2]))
    if w[0] == "order":
        order, molecules = np.fromfile(w[1], "<u8"), int(w[2])
        return "ok count %d" % len(order)
    if w[0] == "open": return open_store()
    if w[0] == "pass": return one_pass(w[1], int(w[2]), int(w[3]), int(w[4]), w[5] == "1")
    if w[0] == "close":
        store.close()
        return "ok"
    return "error unknown command " + w[0]

versions = {n.split(".")[0]: importlib.import_module(n.split(".")[0]).__version__ for n in NEEDS[BACKEND]}
say("ok python %s " % sys.version.split()[0] + " ".join("python-%s %s" % v for v in versions.items()))
for line in sys.stdin:
    try:
        say(run(line.split()))
    except Exception as e:
        say("error %s: %s" % (type(e).__name__, e))
)PY";

}  // namespace atp
