#include "core/atp/record_encoder.h"

#include <fmt/format.h>

#include <limits>

#include "core/atp/record.h"
#include "core/base/error.h"
#include "core/base/hash.h"

namespace atp {

// A record whose sections look like those of one that passed passes: looking at it takes a fraction of checking it.
void RecordEncoder::encode(const StructureView& structure, std::vector<std::byte>& out) {
  const std::size_t start = out.size();
  const auto record = [&] { return RecordView(Bytes(out).subspan(start), structure.positions_type); };
  lay_out_record(structure, out);
  if (patterns_.match(record(), [](std::size_t, std::size_t, const std::byte*) {}) != SectionPatterns::kMost) return;
  const bool moved = sort_sections(structure.sections);
  try {
    check_sections(structure);
  } catch (...) {
    out.resize(start);
    throw;
  }
  if (moved) {  // some records have no pattern (tensors): what stands right is not laid out twice
    out.resize(start);
    lay_out_record(structure, out);
  }
  patterns_.learn(record());
}

std::string RecordEncoder::add(const StructureView& structure, EncodedRecords& out) {
  const std::size_t start = out.bytes.size();
  // A record that is stored as it is needs no place of its own.
  const bool plain = context_.codec().id == CodecId::none;
  std::vector<std::byte>& record = plain ? out.bytes : record_;
  record_.clear();
  const std::size_t before = record.size();
  encode(structure, record);
  const std::size_t size = record.size() - before;
  if (std::string problem = out.schema.add(structure); !problem.empty()) {
    out.bytes.resize(start);
    return problem;
  }
  const std::size_t stored = plain ? size : context_.compress(record_, out.bytes);
  if (stored > std::numeric_limits<std::uint32_t>::max()) {
    out.bytes.resize(start);
    fail_input("", fmt::format("the compressed record has {} bytes, more than an index entry can say", stored));
  }
  const Bytes bytes = Bytes(out.bytes).subspan(start, stored);
  out.entries.push_back({static_cast<std::uint32_t>(stored), static_cast<std::uint32_t>(size),
                         static_cast<std::uint32_t>(structure.n_atoms()), record_checksum(bytes)});
  return {};
}

std::string RecordEncoder::add(Structure& structure, EncodedRecords& out) {
  structure.sort_sections();
  return add(structure.view(sections_), out);
}

}  // namespace atp
