// Reads records of a dataset in random order and says how they came into memory: read_shuffled DATASET RECORDS WAY
#include <fmt/format.h>

#include <chrono>
#include <random>

#include "core/atp/batch_reader.h"

int main(int argc, char** argv) {
  using namespace atp;
  if (argc != 4) return 2;
  const Dataset dataset({argv[1]});
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> indices(std::stoul(argv[2]));
  for (auto& i : indices) i = random() % dataset.size();
  Io way = Io::automatic;
  for (const Io io : {Io::map, Io::pread, Io::uring}) {
    if (io_name(io) == argv[3]) way = io;
  }
  BatchReader reader(dataset, {way, false});
  std::uint64_t atoms = 0;
  const auto begin = std::chrono::steady_clock::now();
  reader.for_each(indices, [&](std::size_t, const RecordView& record) { atoms += record.n_atoms(); });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("{} atoms={} seconds={:.3f}\n", io_name(reader.used()), atoms, seconds);
}
