"""What atp export writes, read by ASE, LMDB and NumPy: export_ase.py ATP

Extended XYZ (both key styles), SQLite, LMDB and .npz of the shipped data must give the numbers that ASE reads from the
original. Skipped (77) without ASE or NumPy.
"""

import json
import os
import subprocess
import sys
import tempfile
import warnings
import zlib

try:
    import lmdb
except ImportError:
    lmdb = None  # Debian: python3-lmdb
try:
    import ase.db
    import ase.io
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing} (Debian: python3-ase, python3-numpy)")
    sys.exit(77)

warnings.simplefilter("ignore")
atp = os.path.abspath(sys.argv[1])
data = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "extxyz")
failures = 0


def check(good, what):
    global failures
    if not good:
        failures += 1
        print("differs:", what)


def run(*arguments):
    subprocess.run([atp, *arguments, "-q"], check=True)


def results(atoms):
    return atoms.calc.results if atoms.calc is not None else {}


def compare(name, original, written, stress_6=False):
    check(len(original) == len(written), f"{name}: number of frames")
    for i, (a, b) in enumerate(zip(original, written)):
        where = f"{name} frame {i}"
        check(np.array_equal(a.numbers, b.numbers), f"{where}: numbers")
        check(np.array_equal(a.positions, b.positions), f"{where}: positions")
        check(np.array_equal(a.cell[:], b.cell[:]), f"{where}: cell")
        check(np.array_equal(a.pbc, b.pbc), f"{where}: pbc")
        for key in ("energy", "forces"):
            if key in results(a):
                check(key in results(b) and np.array_equal(results(a)[key], results(b)[key]), f"{where}: {key}")
        if "stress" in results(a):
            check("stress" in results(b) and np.allclose(results(a)["stress"], results(b)["stress"], rtol=1e-14, atol=0), f"{where}: stress")


def array(value):
    shape, dtype, flat = value["__ndarray__"]
    return np.array(flat, dtype=dtype).reshape(shape)


def compare_lmdb(name, original, path):
    with lmdb.open(path, subdir=False, readonly=True, lock=False) as env, env.begin() as rows:
        keys = {key for key, _ in rows.cursor()}
        n = len(original)
        check(keys == {b"nextid", *(b"%d" % i for i in range(1, n + 1))}, f"{name}: keys")
        check(json.loads(zlib.decompress(rows.get(b"nextid"))) == n + 1, f"{name}: nextid")
        for i, atoms in enumerate(original):
            row = json.loads(zlib.decompress(rows.get(b"%d" % (i + 1))))
            check(np.array_equal(array(row["numbers"]), atoms.numbers), f"{name} frame {i}: numbers")
            check(np.array_equal(array(row["positions"]), atoms.positions), f"{name} frame {i}: positions")
            check(np.array_equal(array(row["cell"]), atoms.cell[:]), f"{name} frame {i}: cell")
            check(np.array_equal(array(row["pbc"]), atoms.pbc), f"{name} frame {i}: pbc")
            if "energy" in results(atoms):
                check(row["energy"] == results(atoms)["energy"], f"{name} frame {i}: energy")
            if "stress" in results(atoms):
                check(np.allclose(array(row["stress"]), results(atoms)["stress"], rtol=1e-14, atol=0), f"{name} frame {i}: stress")


def compare_npz(name, original, path):
    with np.load(path) as arrays:
        positions, numbers = arrays["positions"], arrays["atomic_numbers"]
        if "atom_offsets" in arrays:
            begins = arrays["atom_offsets"][1:-1]
            positions, numbers = np.split(positions, begins), np.split(numbers, begins)
        check(len(positions) == len(original), f"{name}: number of frames")
        for i, atoms in enumerate(original):
            check(np.array_equal(positions[i], atoms.positions), f"{name} frame {i}: positions")
            check(np.array_equal(numbers[i], atoms.numbers), f"{name} frame {i}: numbers")
            if "energy" in results(atoms):
                check(arrays["energy"][i] == results(atoms)["energy"], f"{name} frame {i}: energy")


with tempfile.TemporaryDirectory() as folder:
    for file in ("hfo2.extxyz", "mpf-alkali-TP.xyz", "isolated_atoms.xyz", "high_level_water.xyz"):
        original = ase.io.read(os.path.join(data, file), ":", format="extxyz")
        packed = os.path.join(folder, "x.atp")
        run("pack", os.path.join(data, file), "-o", packed, "-f", "--dtype", "keep")
        out = os.path.join(folder, "x.extxyz")
        run("export", packed, "-o", out, "-f")
        compare(file, original, ase.io.read(out, ":", format="extxyz"))
        out = os.path.join(folder, "x.npz")
        run("export", packed, "-o", out, "-f")
        compare_npz(file + " as npz", original, out)
        if lmdb is not None:
            out = os.path.join(folder, "x.aselmdb")
            run("export", packed, "-o", out, "-f")
            compare_lmdb(file + " as LMDB", original, out)
        out = os.path.join(folder, "x.db")
        run("export", packed, "-o", out, "-f")
        rows = list(ase.db.connect(out).select())
        compare(file + " as SQLite", original, [row.toatoms() for row in rows])
        check(ase.db.connect(out).count() == len(original), f"{file}: rows")
        for a, row in zip(original, rows):
            for key, value in row.key_value_pairs.items():
                if key in a.info and np.isscalar(a.info[key]):
                    check(value == a.info[key], f"{file}: {key}")


# Momenta, constraints, stress, masses and an energy that is NaN, as ASE writes them itself, through each format and back to ASE.
def difficult():
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.constraints import FixAtoms, FixCartesian

    rng = np.random.default_rng(1)
    frames = []
    for i in range(4):
        atoms = Atoms("OHH", positions=rng.normal(size=(3, 3)), cell=np.diag([4.0, 5, 6]) + 0.1, pbc=i % 2 == 0)
        atoms.set_momenta(rng.normal(size=(3, 3)))
        if i == 1:
            atoms.set_masses([16.5, 2.014, 1])
        if i == 2:
            atoms.set_constraint(FixAtoms([0, 2]))
        if i == 3:
            atoms.set_constraint([FixCartesian(1, mask=[True, False, True])])
        energy = float("nan") if i == 0 else -1.0 / (i + 2)
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=rng.normal(size=(3, 3)), stress=rng.normal(size=6) if i != 1 else None)
        frames.append(atoms)
    return frames


def fixed(atoms):
    free = np.ones((len(atoms), 3), bool)
    for c in atoms.constraints:
        if hasattr(c, "mask"):  # of ASE 3.22: true of directions that are free
            free[c.a] &= c.mask
        else:
            free[c.index] = False
    return ~free


def compare_difficult(name, original, written):
    check(len(original) == len(written), f"{name}: number of frames")
    for i, (a, b) in enumerate(zip(original, written)):
        where = f"{name} frame {i}"
        check(np.array_equal(a.positions, b.positions), f"{where}: positions")
        check(np.allclose(a.get_momenta(), b.get_momenta(), rtol=1e-14), f"{where}: momenta")
        check(np.allclose(a.get_velocities(), b.get_velocities(), rtol=1e-14), f"{where}: velocities")
        check(np.array_equal(fixed(a), fixed(b)), f"{where}: constraints")
        check(np.array_equal(results(a)["forces"], results(b)["forces"]), f"{where}: forces")
        if results(a).get("stress") is not None:
            check(np.allclose(results(a)["stress"], results(b)["stress"], rtol=1e-14), f"{where}: stress")
        if not np.isnan(results(a)["energy"]):
            check(results(a)["energy"] == results(b)["energy"], f"{where}: energy")


with tempfile.TemporaryDirectory() as folder:
    original = difficult()
    source = os.path.join(folder, "in.extxyz")  # ASE 3.22 cannot write FixCartesian to a database
    for atoms in original:
        columns = ["symbols", "positions", "momenta"] + ["masses"] * atoms.has("masses") + ["move_mask"] * bool(atoms.constraints)
        ase.io.write(source, atoms, format="extxyz", append=True, columns=columns)
    original = ase.io.read(source, ":", format="extxyz")
    packed, again = os.path.join(folder, "x.atp"), os.path.join(folder, "y.atp")
    run("pack", source, "-o", packed, "--dtype", "keep")
    for name in ("x.extxyz", "x.db", "x.aselmdb", "x.jsonl"):
        if name == "x.aselmdb" and lmdb is None:
            continue
        out = os.path.join(folder, name)
        run("export", packed, "-o", out)
        run("pack", out, "-o", again, "-f", "--dtype", "keep")
        lines = [subprocess.run([atp, "export", p, "--to", "jsonl"], check=True, capture_output=True).stdout for p in (packed, again)]
        check(lines[0] == lines[1], f"{name}: packed again it is not what it was")
        if name == "x.extxyz":
            compare_difficult(name, original, ase.io.read(out, ":", format="extxyz"))
        elif name == "x.db":
            rows = list(ase.db.connect(out).select())
            compare_difficult(name, original, [row.toatoms() for row in rows])
            check(np.isnan(rows[0].data["energy"]), "x.db: the energy that is NaN")
        elif name == "x.aselmdb":
            with lmdb.open(out, subdir=False, readonly=True, lock=False) as env, env.begin() as rows:
                from ase.db.row import AtomsRow
                from ase.io.jsonio import decode

                rows = [AtomsRow(decode(zlib.decompress(rows.get(b"%d" % (i + 1))).decode())) for i in range(len(original))]
                compare_difficult(name, original, [row.toatoms() for row in rows])
                check(np.isnan(rows[0].energy), "x.aselmdb: the energy that is NaN")

    tables = os.path.join(folder, "tables.db")
    ase.db.connect(tables).write(original[1], external_tables={"features": {"a": 1.5}})
    said = subprocess.run([atp, "pack", tables, "-o", again, "-f"], check=True, capture_output=True, text=True).stderr
    check("external tables of the database are left out: 'features'" in said, "note about external tables")


# Names, shapes and types of all kinds, one atom and none of periodicity among them.
def rich():
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.constraints import FixAtoms, FixScaled

    rng = np.random.default_rng(2)
    frames = []
    for n in (5, 1, 7, 1):
        cell = rng.random((3, 3)) + 4 * np.eye(3)
        atoms = Atoms(rng.integers(1, 90, n), positions=rng.random((n, 3)), cell=cell if n != 7 else None, pbc=n != 7)
        atoms.calc = SinglePointCalculator(atoms, energy=float(rng.random()), forces=rng.random((n, 3)), magmoms=rng.random(n), free_energy=-1.5)
        if n == 5:
            atoms.set_constraint([FixAtoms([2]), FixScaled(cell, 0, [True, False, True])])
        pairs = {"flag": True, "count": -3, "x": 1e-300, "text": 'say "hi" \\ Å', "numbers_as_text": "x12"}
        data = {"vector": rng.random(3), "matrix": rng.random((3, 3)), "rows": rng.random((2, 5)), "whole": np.arange(4), "small": np.arange(2, dtype="int32"),
                "single": np.float32(rng.random(6)), "nan": np.array([np.nan, np.inf, -np.inf]), "odd name": 2.5, "größe": 1.5, "a-b": np.array([1.0, 2]), "per_atom": rng.random((n, 2)),
                "empty": np.zeros((0, 3)), "list": [1, 2, 3]}
        frames.append((atoms, pairs, data))
    return frames


with tempfile.TemporaryDirectory() as folder:
    source, packed, out = (os.path.join(folder, name) for name in ("in.db", "x.atp", "out.db"))
    with ase.db.connect(source) as db:
        for atoms, pairs, data in rich():
            db.write(atoms, key_value_pairs=pairs, data=data)
    run("pack", source, "-o", packed, "--dtype", "keep")
    run("export", packed, "-o", out)
    before, after = list(ase.db.connect(source).select()), list(ase.db.connect(out).select())
    check(len(before) == len(after), "rich: rows")
    for i, (a, b) in enumerate(zip(before, after)):
        x, y = a.toatoms(), b.toatoms()
        compare(f"rich {i}", [x], [y])
        for key in ("magmoms", "free_energy"):
            check(np.array_equal(a.get(key), b.get(key)), f"rich {i}: {key}")
        check([c.todict() for c in x.constraints] == [c.todict() for c in y.constraints], f"rich {i}: constraints")
        written = {**b.key_value_pairs, **b.data}
        for key, value in {**a.key_value_pairs, **a.data}.items():
            check(key in written, f"rich {i}: {key} is missing")
            if key in written and not isinstance(value, str):
                check(np.shape(value) == np.shape(written[key]) and np.array_equal(value, written[key], equal_nan=True), f"rich {i}: {key} is {written[key]!r}, was {value!r}")
            elif key in written:
                check(value == written[key], f"rich {i}: {key} is {written[key]!r}")
    archive = os.path.join(folder, "x.npz")
    run("export", packed, "-o", archive)
    with np.load(archive) as arrays:
        for i, row in enumerate(before):
            for key in ("vector", "matrix", "rows", "whole", "single", "nan", "odd name", "größe", "a-b"):
                check(np.array_equal(arrays[key][i], row.data[key], equal_nan=True), f"rich {i} as npz: {key}")
    for name in ("x.extxyz", "x.aselmdb", "x.jsonl", "x.npz", "out.db"):
        if name == "x.aselmdb" and lmdb is None:
            continue
        out = os.path.join(folder, name)
        again = os.path.join(folder, "y.atp")
        run("export", packed, "-o", out, "-f")
        run("pack", out, "-o", again, "-f", "--dtype", "keep")
        if name != "x.extxyz":  # which has fewer types
            lines = [subprocess.run([atp, "export", p, "--to", "jsonl"], check=True, capture_output=True).stdout for p in (packed, again)]
            check(lines[0] == lines[1], f"{name}: rich records packed again are not what they were")

sys.exit(1 if failures else 0)
