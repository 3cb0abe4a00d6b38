#include "core/stats/sample.h"

#include "core/base/little.h"

namespace atp {
namespace {

template <class T>
void convert(const NumbersView& numbers, std::vector<double>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(load<T>(numbers.data + i * sizeof(T)));
}

}  // namespace

void Sample::fill(const RecordView& record) {
  atomic_numbers = record.atomic_numbers();
  positions = record.positions();
  positions_type = record.positions_type();
  sections.clear();
  record.for_each_section([&](const SectionView& section) { sections.push_back(section); });
}

void Sample::fill(const Structure& structure) {
  atomic_numbers = std::as_bytes(std::span(structure.atomic_numbers));
  positions_type = structure.positions_type;
  positions = {type_info(positions_type).scalar, 3 * structure.n_atoms(), structure.positions.data()};
  sections.clear();
  for (const Structure::Section& section : structure.sections()) sections.push_back(section.view());
}

void to_doubles(const NumbersView& numbers, std::vector<double>& out) {
  out.resize(static_cast<std::size_t>(numbers.count));
  switch (numbers.scalar) {
    case Scalar::f32: return convert<float>(numbers, out);
    case Scalar::f64: return convert<double>(numbers, out);
    case Scalar::i32: return convert<std::int32_t>(numbers, out);
    case Scalar::i64: return convert<std::int64_t>(numbers, out);
    case Scalar::boolean: return convert<std::uint8_t>(numbers, out);
    case Scalar::none:
    case Scalar::text: out.clear();
  }
}

}  // namespace atp
