#!/usr/bin/env python3
"""Batches for training through libatp and ctypes, straight into NumPy arrays: gather.py LIBATP DATASET

Prints the number of records and the sum of their energies. Exit code 77 where NumPy is missing.
"""
import ctypes
import sys
from ctypes import POINTER, Structure, byref, c_char_p, c_double, c_int64, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p

try:
    import numpy as np
except ImportError:
    print("no NumPy")
    sys.exit(77)


class Batch(Structure):
    _fields_ = [("struct_bytes", c_size_t), ("graph_room", c_uint64), ("atom_room", c_uint64), ("real", c_uint32), ("reserved", c_uint32)]
    _fields_ += [(name, c_void_p) for name in ("offsets", "atomic_numbers", "positions", "forces", "energy", "cell", "stress", "pbc")]
    _fields_ += [("graphs", c_uint64), ("atoms", c_uint64)]


class PlanOptions(Structure):
    _fields_ = [("struct_bytes", c_size_t), ("strategy", c_char_p), ("max_atoms", c_uint64), ("max_edges", c_uint64), ("max_graphs", c_uint64)]
    _fields_ += [("gpus", c_uint32), ("tail", c_uint32), ("seed", c_uint64), ("epoch", c_uint64)]


class PlanArrays(Structure):
    _fields_ = [("struct_bytes", c_size_t), ("steps", c_uint64), ("gpus", c_uint64), ("graphs", c_uint64)]
    _fields_ += [("offsets", POINTER(c_int64)), ("indices", POINTER(c_uint32))]


def load(path):
    lib = ctypes.CDLL(path)
    lib.atp_last_error.restype = lib.atp_version.restype = c_char_p
    lib.atp_open.argtypes = [c_char_p, POINTER(c_void_p)]
    lib.atp_close.argtypes = lib.atp_plan_free.argtypes = [c_void_p]
    lib.atp_close.restype = lib.atp_plan_free.restype = None
    lib.atp_count.argtypes = [c_void_p, POINTER(c_uint64)]
    lib.atp_atom_counts.argtypes = [c_void_p, c_uint64, c_uint64, c_void_p]
    lib.atp_gather.argtypes = [c_void_p, c_void_p, c_size_t, c_uint32, POINTER(Batch)]
    lib.atp_plan_make.argtypes = [c_void_p, c_void_p, c_size_t, POINTER(PlanOptions), POINTER(c_void_p)]
    lib.atp_plan_view.argtypes = [c_void_p, POINTER(PlanArrays)]
    return lib


class Dataset:
    """Arrays of a fixed size that every batch is read into; what gather() gives are views of them."""

    def __init__(self, lib, path, graph_room, atom_room):
        self.lib, self.handle = lib, c_void_p()
        self.check(lib.atp_open(path.encode(), byref(self.handle)))
        records = c_uint64()
        self.check(lib.atp_count(self.handle, byref(records)))
        self.atoms = np.empty(records.value, np.uint32)  # per record
        self.check(lib.atp_atom_counts(self.handle, 0, len(self.atoms), self.atoms.ctypes.data))
        self.offsets = np.empty(graph_room + 1, np.int64)
        self.atomic_numbers = np.empty(atom_room, np.uint8)
        self.positions = np.empty((atom_room, 3), np.float32)
        self.energy = np.empty(graph_room, np.float64)
        self.batch = Batch(ctypes.sizeof(Batch), graph_room, atom_room, 4)
        for name in ("offsets", "atomic_numbers", "positions", "energy"):
            setattr(self.batch, name, getattr(self, name).ctypes.data)

    def check(self, code):
        if code != 0:
            raise RuntimeError(self.lib.atp_last_error().decode())

    def gather(self, indices):
        indices = np.ascontiguousarray(indices, np.uint64)
        self.check(self.lib.atp_gather(self.handle, indices.ctypes.data, len(indices), 0, byref(self.batch)))
        graphs, atoms = self.batch.graphs, self.batch.atoms
        return self.offsets[: graphs + 1], self.atomic_numbers[:atoms], self.positions[:atoms], self.energy[:graphs]

    def plan(self, max_atoms, gpus=1, epoch=0):
        """The batches of an epoch, each an array of record indices."""
        options = PlanOptions(ctypes.sizeof(PlanOptions), None, max_atoms, 0, 0, gpus, 0, 0, epoch)
        plan, view = c_void_p(), PlanArrays(ctypes.sizeof(PlanArrays))
        self.check(self.lib.atp_plan_make(self.atoms.ctypes.data, None, len(self.atoms), byref(options), byref(plan)))
        try:
            self.check(self.lib.atp_plan_view(plan, byref(view)))
            offsets = np.ctypeslib.as_array(view.offsets, (view.steps * view.gpus + 1,))
            indices = np.ctypeslib.as_array(view.indices, (view.graphs,))
            for begin, end in zip(offsets[:-1], offsets[1:]):
                yield indices[begin:end]
        finally:
            self.lib.atp_plan_free(plan)

    def close(self):
        self.lib.atp_close(self.handle)


def main():
    lib = load(sys.argv[1])
    dataset = Dataset(lib, sys.argv[2], graph_room=128, atom_room=128)
    records, energy, atoms = 0, 0.0, 0
    for batch in dataset.plan(max_atoms=128, gpus=2):
        offsets, numbers, positions, energies = dataset.gather(batch)
        assert positions.base is dataset.positions and np.array_equal(np.diff(offsets), dataset.atoms[batch])
        assert np.isfinite(positions).all() and (numbers > 0).all()
        records, atoms, energy = records + len(batch), atoms + len(numbers), energy + energies.sum()
    assert records == len(dataset.atoms) and atoms == dataset.atoms.sum()
    print("%d records, %.6f eV" % (records, energy))
    try:
        dataset.gather([10**9])
        sys.exit("an index that is not there was taken")
    except RuntimeError as e:
        assert "record 1000000000 was asked for" in str(e)
    dataset.close()


if __name__ == "__main__":
    main()
