"""Edge counts of atp plan-batches against ASE's neighbour list: plan_ase.py ATP [--bench]

Every record of the shipped data, with small and large cutoffs. With --bench: structures a second of both.
Skipped (77) without ASE or NumPy.
"""

import os
import subprocess
import sys
import tempfile
import time

try:
    import ase.io
    import ase.neighborlist
    import numpy
except ImportError as missing:
    print(f"skipped: {missing} (Debian: python3-ase, python3-numpy)")
    sys.exit(77)

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "extxyz")
FILES = {  # name: cutoffs; far more than a cell's length among them
    "mpf-alkali-TP.xyz": (2.5, 5, 9),
    "hfo2.extxyz": (2.5, 6),
    "solvent_xtb_train_20.xyz": (5,),
    "qm9_reduced_100.xyz": (3, 5),
    "train_300K.xyz": (5,),
}


def edges_of_ase(atoms, cutoff):
    return len(ase.neighborlist.neighbor_list("i", atoms, float(cutoff)))


def counts(atp, packed, cutoff, folder):
    """Counts anew, and returns them with the seconds it took."""
    kept = f"{packed}.edges-{cutoff:g}.npy"
    if os.path.exists(kept):
        os.remove(kept)
    start = time.perf_counter()
    command = [atp, "plan-batches", packed, "--cutoff", str(cutoff), "--max-atoms", "100000", "-o", f"{folder}/plan", "-q", "-f"]
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - start
    return numpy.load(kept, mmap_mode="r"), seconds


def main():
    atp, bench = os.path.abspath(sys.argv[1]), "--bench" in sys.argv
    compared = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, cutoffs in FILES.items():
            packed = f"{folder}/{name}.atp"
            subprocess.run([atp, "pack", f"{DATA}/{name}", "-o", packed, "-q", "--dtype", "f64"], check=True)
            frames = ase.io.read(f"{DATA}/{name}", index=":", format="extxyz")
            for cutoff in cutoffs:
                found, seconds = counts(atp, packed, cutoff, folder)
                start = time.perf_counter()
                expected = [edges_of_ase(atoms, cutoff) for atoms in frames]
                ase_seconds = time.perf_counter() - start
                assert found.tolist() == expected, f"{name}, {cutoff} A: the counts differ"
                compared += len(expected)
                if bench:
                    n = len(frames)
                    print(f"{name:26} {cutoff:4} A {n:5} structures: ASE {n / ase_seconds:9.0f}/s  atp {n / seconds:9.0f}/s  {ase_seconds / seconds:6.1f} x")
    print(f"{compared} counts are those of ASE")


if __name__ == "__main__":
    main()
