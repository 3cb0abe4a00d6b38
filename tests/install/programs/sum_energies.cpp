// The sum of all energies of a dataset: sum_energies DATASET
#include <cstdio>

#include "core/atp/dataset.h"

int main(int, char** argv) try {
  const atp::Dataset dataset({argv[1]});
  atp::Scratch scratch;
  double sum = 0;
  for (std::uint64_t i = 0; i < dataset.size(); ++i) sum += dataset.record(i, scratch).energy().value_or(0);
  std::printf("%llu records, %.6f eV\n", static_cast<unsigned long long>(dataset.size()), sum);
} catch (const atp::Error& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
