#include "core/shard/copy.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <limits>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/hash.h"

namespace atp {

void CopiedRecords::append(Bytes stored) {
  const bool continues = borrowed.empty() || borrowed.data() + borrowed.size() == stored.data();
  if (!owning && !continues) take_ownership();
  if (owning) {
    own.insert(own.end(), stored.begin(), stored.end());
  } else {
    borrowed = borrowed.empty() ? stored : Bytes(borrowed.data(), borrowed.size() + stored.size());
  }
}

void CopiedRecords::take_ownership() {
  if (owning) return;
  own.assign(borrowed.begin(), borrowed.end());
  borrowed = {};
  owning = true;
}

RecordCopier::RecordCopier(const Dataset& dataset, const CopyRules& rules)
    : dataset_(dataset), rules_(rules), finder_(dataset), compressor_(rules.codec), encoder_(rules.codec) {}

CopiedRecords RecordCopier::copy(std::span<const std::uint64_t> records) {
  CopiedRecords out;
  out.entries.reserve(records.size());
  for (std::size_t k = 0; k < records.size(); ++k) {
    try {
      add(records[k], out);
    } catch (const Error& e) {
      if (!rules_.skip_damaged || e.exit() != Exit::input) throw;
      const Dataset::Place at = finder_.place(records[k]);
      out.damaged.push_back({records[k], dataset_.shards()[at.shard].path(), at.record, e.problem()});
      out.left_out.push_back(k);
    }
  }
  return out;
}

void RecordCopier::add(std::uint64_t record, CopiedRecords& out) {
  const Dataset::Place at = finder_.place(record);
  const Reader& file = dataset_.shards()[at.shard];
  if (rules_.recoding.any()) return add_recoded(file, at.record, out);
  if (file.codec() == rules_.codec) return add_as_stored(file, at.record, out);
  add_compressed_anew(file, at.record, out);
}

// A stated checksum says that the bytes are those that were written. Where there is none, decoding says at
// least that they are a record.
void RecordCopier::check_stored(const Reader& file, std::uint64_t i, const IndexEntry& e, Bytes stored) {
  const auto stated = file.checksum(i);
  const auto fail = [&](const std::string& why) {
    fail_input(fmt::format("{}: record {}", file.path(), i), why, "--on-error skip leaves such records out, atp verify lists them");
  };
  if (stated) {
    if (record_checksum(stored) != *stated) fail("is damaged: its checksum does not fit");
    return;
  }
  const auto checker = checkers_.try_emplace(&file, file.codec(), &file.schema(), file.positions_type()).first;
  if (const auto problem = checker->second.check(e, stored, 0)) fail("is damaged: " + problem->message);
}

void RecordCopier::add_as_stored(const Reader& file, std::uint64_t i, CopiedRecords& out) {
  const IndexEntry e = file.entry(i);
  const Bytes stored = file.stored(i);
  if (rules_.verify) check_stored(file, i, e, stored);
  out.append(stored);
  const std::uint64_t checksum = file.checksum(i).value_or(rules_.verify ? record_checksum(stored) : 0);
  out.entries.push_back({e.stored, e.unpacked, e.atoms, checksum});
}

// For records that are stored anew. They are always verified: their new checksum must not bless damage.
RecordView RecordCopier::record(const Reader& file, std::uint64_t i) { return file.verified_record(i, scratch_); }

// The record's bytes; record() has left them in scratch_, or they are the stored ones.
Bytes RecordCopier::unpacked(const Reader& file, std::uint64_t i) {
  record(file, i).check();
  const IndexEntry e = file.entry(i);
  return file.codec().id == CodecId::none ? file.stored(i) : Bytes(scratch_.buffer()).first(e.unpacked);
}

void RecordCopier::add_compressed_anew(const Reader& file, std::uint64_t i, CopiedRecords& out) {
  const Bytes bytes = unpacked(file, i);
  out.take_ownership();
  const std::size_t start = out.own.size();
  const std::size_t stored = compressor_.compress(bytes, out.own);
  if (stored > std::numeric_limits<std::uint32_t>::max()) {
    out.own.resize(start);
    fail_input(fmt::format("{}: record {}", file.path(), i), "compresses to more bytes than an index entry can say");
  }
  out.entries.push_back({static_cast<std::uint32_t>(stored), static_cast<std::uint32_t>(bytes.size()), file.entry(i).atoms,
                         record_checksum(Bytes(out.own).subspan(start, stored))});
}

void RecordCopier::add_recoded(const Reader& file, std::uint64_t i, CopiedRecords& out) {
  record(file, i).copy_to(structure_);
  try {
    for (const auto& [kind, key] : rules_.recoding.dropped) structure_.erase(kind, key);
    if (rules_.recoding.dtype) apply_dtype(structure_, *rules_.recoding.dtype);
    encoded_.bytes.clear();
    encoded_.entries.clear();
    if (encoded_.schema.entries.empty()) encoded_.schema = rules_.schema;
    if (const std::string problem = encoder_.add(structure_, encoded_); !problem.empty()) fail_input("", problem);
  } catch (const Error& e) {
    throw e.within(fmt::format("{}: record {}", file.path(), i));
  }
  out.take_ownership();
  out.own.insert(out.own.end(), encoded_.bytes.begin(), encoded_.bytes.end());
  out.entries.push_back(encoded_.entries.front());
}

void prefetch(const Dataset& dataset, std::span<const std::uint64_t> records) {
  constexpr std::ptrdiff_t kGap = 1 << 20;  // cheaper read than jumped over
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  RecordFinder finder(dataset);
  const std::byte *begin = nullptr, *end = nullptr;
  std::vector<std::pair<std::uintptr_t, std::size_t>> ranges;
  const auto ask = [&] {
    if (begin == nullptr) return;
    const std::uintptr_t from = reinterpret_cast<std::uintptr_t>(begin) / page * page;
    // A hint: where it is refused, the pages come one by one.
    (void)::madvise(reinterpret_cast<void*>(from), reinterpret_cast<std::uintptr_t>(end) - from, MADV_WILLNEED);
    ranges.emplace_back(from, reinterpret_cast<std::uintptr_t>(end) - from);
  };
  for (const std::uint64_t record : records) {
    const Dataset::Place at = finder.place(record);
    const Reader& file = dataset.shards()[at.shard];
    const IndexEntry e = file.raw_entry(at.record);
    if (e.offset > file.file_bytes() || e.stored > file.file_bytes() - e.offset) continue;  // copy() says so
    const Bytes stored = file.stored(at.record);
    if (stored.empty()) continue;
    if (begin != nullptr && stored.data() >= end && stored.data() - end <= kGap) {
      end = stored.data() + stored.size();
      continue;
    }
    ask();
    begin = stored.data();
    end = begin + stored.size();
  }
  ask();
  // With all reads under way: the pages of each range in one call, and not in a fault for each few of them.
  for (const auto& [from, size] : ranges) (void)::madvise(reinterpret_cast<void*>(from), size, MADV_POPULATE_READ);
}

}  // namespace atp
