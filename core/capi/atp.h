/* atp.h: reads .atp datasets and plans mini-batches, from C and from whatever calls C. Link with libatp.
 *
 * Every function returns ATP_OK or an error code, unless said otherwise; none lets an exception out, prints, or ends the
 * process. atp_last_error() says in words what was wrong with the last call of the same thread.
 *
 * Memory: arrays that are filled belong to the caller, who says how much room they have; they are written to in place and
 * not kept. Handles (atp_dataset, atp_plan) belong to the caller from open or make until close or free.
 *
 * Threads: any number of threads may read through one atp_dataset or look at one atp_plan at once; opening, closing,
 * making and freeing a handle is one thread's business. A dataset may be opened before fork() and read in the children.
 *
 * Files must not be cut short while they are open: their bytes are mapped into memory.
 *
 * Stable: functions and struct members keep their meaning; later versions add functions, and members at the end of
 * structs, for which `struct_bytes` is there.
 */
#ifndef ATP_H
#define ATP_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ATP_API __attribute__((visibility("default")))
#else
#define ATP_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What functions return. */
enum {
  ATP_OK = 0,
  ATP_E_ARGUMENT = 2,  /* NULL where something must be, an index that is not there, an unknown name */
  ATP_E_INPUT = 3,     /* no such file, not an .atp file, or damaged */
  ATP_E_SYSTEM = 4,    /* the system refused: permission, input/output */
  ATP_E_TOO_SMALL = 5, /* the arrays have too little room; what is needed is told, and nothing was written */
  ATP_E_MEMORY = 6,    /* no memory left */
  ATP_E_INTERNAL = 7   /* a mistake in this library */
};

/* "0.1.0". Never NULL; static. */
ATP_API const char* atp_version(void);

/* One line that says why the last call of this thread failed; "" when it did not. Valid until the thread's next call. */
ATP_API const char* atp_last_error(void);

/* ---- datasets ---------------------------------------------------------------------------------------------------- */

typedef struct atp_dataset atp_dataset;

/* Opens an .atp file, a folder (all *.atp files below it, in bytewise order of their paths) or a glob pattern as one
 * sequence of records, and puts a handle into *dataset (NULL when it fails). Reads headers
 * only: what else is wrong with a file is an error of the first read of its records. */
ATP_API int atp_open(const char* path, atp_dataset** dataset);

/* Closes it; nobody may be reading. NULL is allowed. */
ATP_API void atp_close(atp_dataset* dataset);

/* The number of records. */
ATP_API int atp_count(const atp_dataset* dataset, uint64_t* records);

/* atoms[i] = atoms of record first + i, for i < n, from the index alone: no record is read. atoms: [n]. */
ATP_API int atp_atom_counts(const atp_dataset* dataset, uint64_t first, uint64_t n, uint32_t* atoms);

/* Types of the numbers in atp_batch.positions and forces. */
enum { ATP_F32 = 4, ATP_F64 = 8 };

/* What atp_read and atp_gather fill: records side by side in flat arrays, in C order. Atoms [offsets[g], offsets[g+1])
 * are those of graph g. Arrays that are NULL are not asked for, and what they would hold is not read. What a record does
 * not have is NaN (energy, forces, stress) or 0 (cell, pbc). */
typedef struct atp_batch {
  size_t struct_bytes;     /* sizeof(atp_batch) */
  uint64_t graph_room;     /* the arrays below have room for so many graphs, */
  uint64_t atom_room;      /* and so many atoms */
  uint32_t real;           /* ATP_F32 or ATP_F64; numbers are converted where the file has the other type */
  uint32_t reserved;       /* must be 0 */
  int64_t* offsets;        /* [graph_room + 1] */
  uint8_t* atomic_numbers; /* [atom_room] */
  void* positions;         /* [atom_room, 3] real, angstrom */
  void* forces;            /* [atom_room, 3] real, eV/angstrom */
  double* energy;          /* [graph_room] eV */
  double* cell;            /* [graph_room, 3, 3] angstrom; rows are the lattice vectors */
  double* stress;          /* [graph_room, 3, 3] eV/angstrom^3; positive for a cell under tension */
  uint8_t* pbc;            /* [graph_room, 3] 0 or 1 */
  uint64_t graphs;         /* set: how many graphs there are; with ATP_E_TOO_SMALL, how many there would be */
  uint64_t atoms;          /* set: the same for atoms */
} atp_batch;

/* For the `flags` of atp_read and atp_gather. */
enum { ATP_VERIFY = 1 }; /* hold each record against its checksum, where the file has one */

/* Reads one record into the caller's arrays, as a batch of one graph. */
ATP_API int atp_read(const atp_dataset* dataset, uint64_t record, uint32_t flags, atp_batch* batch);

/* Reads the records indices[0 ... n - 1], in that order; one may come more than once, and negative ones, as two's
 * complement, count from the end: (uint64_t)-1 is the last record, here and for atp_read. When it fails with anything but
 * ATP_E_TOO_SMALL and ATP_E_ARGUMENT, the contents of the arrays are undefined. The atoms that are needed follow from
 * atp_atom_counts(); or call with atom_room 0 and read batch->atoms. */
ATP_API int atp_gather(const atp_dataset* dataset, const uint64_t* indices, size_t n, uint32_t flags, atp_batch* batch);

/* ---- plans -------------------------------------------------------------------------------------------------------- */

/* What atp_plan_make is asked for. */
typedef struct atp_plan_options {
  size_t struct_bytes;  /* sizeof(atp_plan_options) */
  const char* strategy; /* as atp plan-batches --strategy: "deal", "ffd", "fixed:16", ...; NULL: "deal" */
  uint64_t max_atoms;   /* of a batch; 0: no limit */
  uint64_t max_edges;   /* the same; needs edges */
  uint64_t max_graphs;  /* the same */
  uint32_t gpus;        /* batches that are trained at the same time; 0: 1 */
  uint32_t tail;        /* the last step, when there are not enough batches: 0 empty ones fill it up, 1 it is left out, */
                        /* 2 batches from the beginning fill it up */
  uint64_t seed;
  uint64_t epoch; /* another one, another order */
} atp_plan_options;

typedef struct atp_plan atp_plan;

/* Puts graphs into balanced batches: atoms[i] (and edges[i], unless edges is NULL) are the size of graph i, i < n < 2^32.
 * Each graph must be within the limits. The same input gives the same plan on any machine. *plan is NULL on failure. */
ATP_API int atp_plan_make(const uint32_t* atoms, const uint32_t* edges, size_t n, const atp_plan_options* options, atp_plan** plan);

/* A plan, laid out in the order of training: batch b = step * gpus + rank holds the graphs
 * indices[offsets[b] ... offsets[b + 1] - 1]. The arrays are the plan's own and live as long as it does. */
typedef struct atp_plan_arrays {
  size_t struct_bytes;     /* sizeof(atp_plan_arrays) */
  uint64_t steps;          /* set, as all below */
  uint64_t gpus;
  uint64_t graphs;         /* = offsets[steps * gpus] */
  const int64_t* offsets;  /* [steps * gpus + 1] */
  const uint32_t* indices; /* [graphs] */
} atp_plan_arrays;

ATP_API int atp_plan_view(const atp_plan* plan, atp_plan_arrays* arrays);

/* NULL is allowed. */
ATP_API void atp_plan_free(atp_plan* plan);

#ifdef __cplusplus
}
#endif

#endif
