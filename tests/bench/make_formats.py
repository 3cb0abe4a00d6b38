"""Makes and reads the inputs of formats.sh: make_formats.py databases ROWS [STEM] | mptrj MEGABYTES FILE |
read FILE | inflate FILE | load FILE | count FILE. The reading commands print CPU seconds (count: frames)."""
import json
import os
import random
import sys
import time
import zlib


def atoms_of(rng):
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator
    import numpy as np
    n = 40
    a = Atoms(numbers=rng.integers(1, 80, n), positions=rng.random((n, 3)) * 10, cell=np.eye(3) * 10, pbc=True)
    a.calc = SinglePointCalculator(a, energy=float(rng.random()), forces=rng.random((n, 3)), stress=rng.random(6))
    return a


def databases(rows, stem="rows"):
    import lmdb
    import numpy as np
    from ase.db import connect
    from ase.db.row import atoms2dict
    from ase.io.jsonio import encode
    rng = np.random.default_rng(0)
    env = lmdb.open(stem + ".aselmdb", subdir=False, map_size=1 << 32, lock=False)
    with connect(stem + ".db", type="db") as db, env.begin(write=True) as out:
        for i in range(1, rows + 1):
            a = atoms_of(rng)
            db.write(a)
            row = atoms2dict(a)
            row.update(ctime=24.0, mtime=24.0, user="x", energy=a.get_potential_energy(), forces=a.get_forces(), stress=a.get_stress(),
                       calculator="unknown", data={})
            out.put(str(i).encode(), zlib.compress(encode(row).encode()))
        out.put(b"nextid", zlib.compress(str(rows + 1).encode()))
    env.close()


def mptrj(megabytes, path):
    rng = random.Random(0)
    def vector(): return [rng.uniform(-5, 5) for _ in range(3)]
    def frame(key):
        sites = [{"species": [{"element": "Fe", "occu": 1}], "abc": vector(), "xyz": vector(), "label": "Fe", "properties": {"magmom": rng.random()}}
                 for _ in range(31)]
        return {"structure": {"@module": "pymatgen.core.structure", "@class": "Structure", "charge": 0,
                              "lattice": {"matrix": [vector() for _ in range(3)], "a": 1.0}, "sites": sites},
                "uncorrected_total_energy": rng.random(), "corrected_total_energy": rng.random(), "energy_per_atom": rng.random(),
                "force": [vector() for _ in sites], "stress": [vector() for _ in range(3)], "magmom": [rng.random() for _ in sites],
                "bandgap": 0.0, "mp_id": key}
    frames = [json.dumps(frame("mp-1")) for _ in range(50)]
    with open(path, "w") as f:
        f.write("{")
        i = 0
        while f.tell() < megabytes * 1000000:
            f.write(("" if i == 0 else ", ") + f'"mp-{i}": {{"mp-{i}-0-0": {frames[i % 50]}, "mp-{i}-0-1": {frames[(i + 7) % 50]}}}')
            i += 1
        f.write("}")


def read(path):
    if path.endswith(".db"):
        from ase.db import connect
        return [row.toatoms() for row in connect(path).select()]
    import lmdb
    from ase.db.row import AtomsRow
    from ase.io.jsonio import decode
    with lmdb.open(path, subdir=False, readonly=True, lock=False).begin() as t:
        return [AtomsRow(decode(zlib.decompress(v).decode())).toatoms() for k, v in t.cursor() if k.isdigit()]


def inflate(path):
    import lmdb
    with lmdb.open(path, subdir=False, readonly=True, lock=False).begin() as t:
        for _, v in t.cursor():
            zlib.decompress(v)


def timed(f, *arguments):
    start = time.process_time()
    f(*arguments)
    print(time.process_time() - start)


command, arguments = sys.argv[1], sys.argv[2:]
if command == "databases":
    databases(int(arguments[0]), *arguments[1:])
elif command == "mptrj":
    mptrj(int(arguments[0]), arguments[1])
elif command == "read":
    timed(read, arguments[0])
elif command == "inflate":
    timed(inflate, arguments[0])
elif command == "load":
    timed(lambda: json.load(open(arguments[0])))
elif command == "count":
    print(sum(len(v) for v in json.load(open(arguments[0])).values()))
