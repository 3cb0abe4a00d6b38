#include "tests/support/damaged.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "core/atp/reader.h"
#include "core/atp/writer.h"
#include "core/base/error.h"
#include "tests/support/files.h"
#include "tests/support/random_structure.h"

namespace atp::test {
namespace {

void add(Writer& writer, std::vector<Structure> all) {
  RecordEncoder encoder(writer.codec());
  EncodedRecords records;
  for (auto& s : all) CHECK(encoder.add(s, records) == "");
  writer.add(records);
  writer.finish();
}

std::vector<Structure> random_structures(std::uint64_t seed, int count) {
  std::mt19937_64 random(seed);
  std::vector<Structure> all(static_cast<std::size_t>(count));
  for (auto& s : all) fill_random(s, random, true);
  return all;
}

WriterOptions options_for(Codec codec) {
  WriterOptions options;
  options.codec = codec;
  options.overwrite = true;
  options.metadata = R"({"generator":"test"})";
  return options;
}

}  // namespace

std::vector<Codec> codecs() { return {{CodecId::none, 0}, {CodecId::zstd, 3}, {CodecId::lz4, 0}}; }

void write(const std::string& path, const std::vector<Structure>& all, Codec codec) {
  Writer writer = Writer::create(path, options_for(codec));
  add(writer, all);
}

void write_many(const std::string& path, int count, Codec codec) { write(path, random_structures(7, count), codec); }

File sample(const std::string& path, Codec codec) {
  Writer writer = Writer::create(path, options_for(codec));
  add(writer, random_structures(42, 3));
  Writer again = Writer::append(path, {});
  add(again, random_structures(43, 2));
  return read_bytes(path);
}

void rewrite_single_record(const std::string& path, const File& record) {
  File bytes(kFirstData);
  Slot slot;
  std::vector<std::byte> schema;
  IndexEntry e;
  {
    const Reader reader(path);
    slot = reader.slot();
    schema = reader.schema().encode();
    e = reader.entry(0);
  }
  const auto append = [&](Bytes b) { bytes.insert(bytes.end(), b.begin(), b.end()); };
  append(record);
  slot.schema_offset = bytes.size();
  slot.schema_len = schema.size();
  append(schema);
  slot.index_offset = bytes.size();
  const le_u64 count = 1;
  append(std::as_bytes(std::span(&count, 1)));
  const auto size = static_cast<std::uint32_t>(record.size());
  const RawIndexEntry entry{kFirstData, size, size, e.atoms};
  append(std::as_bytes(std::span(&entry, 1)));
  slot.extension.reset();
  const auto head = encode_slot(slot);
  std::copy(head.begin(), head.end(), bytes.begin());
  std::copy(head.begin(), head.end(), bytes.begin() + kSlotBytes);
  write_bytes(path, bytes);
}

std::vector<File> records_of(const std::string& path) {
  const Reader reader(path);
  std::vector<File> all;
  for (std::uint64_t i = 0; i < reader.size(); ++i) {
    const Bytes b = reader.stored(i);
    all.emplace_back(b.begin(), b.end());
  }
  return all;
}

void zero(File& file, std::uint64_t begin, std::uint64_t length) {
  std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(begin), length, std::byte{0});
}

FileReport check(const std::string& path) { return verify_file(*open_input_file(path), {}); }

SalvageReport salvage(const std::string& path, const std::string& out) {
  SalvageOptions options;
  options.overwrite = true;
  options.metadata = R"({"generator":"salvage"})";
  return salvage_file(path, out, options);
}

std::size_t FailingFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset < end_ && offset + out.size() > begin_) fail_system(path(), "cannot read", EIO);
  return file_->read_at(offset, out);
}

}  // namespace atp::test
