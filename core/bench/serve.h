// What a measuring process does: the commands of the benchmark, carried out on one store.
#pragma once

#include <array>
#include <functional>
#include <memory>

#include "core/bench/load.h"
#include "core/bench/store.h"

namespace atp {

// Of fewer molecules or batches nothing is told.
inline constexpr std::size_t kFewestTimes = 20;
// The shares of a latency distribution that are told: 0 5 10 ... 95 99 99.9 100 %.
inline constexpr std::array<double, 23> kLatencyShares = {0,   .05, .1,  .15, .2,  .25, .3,  .35, .4,  .45,  .5,   .55,
                                                          .6,  .65, .7,  .75, .8,  .85, .9,  .95, .99, .999, 1};

// Answers until the other side of the socket is gone:
//   write MOLECULES SECONDS             writes that many, or as many as it can in that time
//       ok molecules N seconds S
//   order FILE MOLECULES                takes the list of a pass from a file of u64; the store holds that many molecules
//       ok count N
//   open                                opens, and reads the molecule that the list begins with
//       ok seconds S resident BYTES anonymous BYTES    (memory: what came on top)
//   close
//       ok
//   meet T                              waits, at work, until that time of the steady clock, when others begin, too
//       ok
//   pass one|batch|seq FIRST COUNT BATCH TICKS       places [FIRST, FIRST + COUNT) of the list (seq: of the store, again and again)
//       ok start T end T sum N user S system S minor N major N io 0|1 storage BYTES calls N [latency S,S,...]
// or "error TEXT". start and end are of the steady clock; latency, at kLatencyShares, is of molecules or batches and told
// when TICKS is 1 and there are enough of them.
void serve_store(int socket, const std::function<std::unique_ptr<Store>()>& make, const Load& load);

}  // namespace atp
