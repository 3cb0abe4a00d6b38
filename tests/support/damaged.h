// Small .atp files, and ways to break them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/atp/codec.h"
#include "core/atp/structure.h"
#include "core/atp/salvage.h"
#include "core/atp/verify.h"
#include "core/io/input_file.h"

namespace atp::test {

using File = std::vector<std::byte>;

std::vector<Codec> codecs();  // none, zstd, lz4

// A file of these structures, committed once.
void write(const std::string& path, const std::vector<Structure>& all, Codec codec = {});
// `count` random structures under one schema.
void write_many(const std::string& path, int count, Codec codec);
// Two generations of 3 and 2 random records, with every block of the format. Returns its bytes.
File sample(const std::string& path, Codec codec);
// Gives a file whose only record is stored uncompressed these bytes for it, as a writer that is not
// ours would: no extension. The schema stays.
void rewrite_single_record(const std::string& path, const File& record);

// The stored bytes of all records.
std::vector<File> records_of(const std::string& path);

void zero(File& file, std::uint64_t begin, std::uint64_t length);

// verify_file() and salvage_file() as the commands call them.
FileReport check(const std::string& path);
SalvageReport salvage(const std::string& path, const std::string& out);

// A file whose disk cannot read [begin, end).
class FailingFile final : public InputFile {
 public:
  FailingFile(const std::string& path, std::uint64_t begin, std::uint64_t end) : file_(open_input_file(path)), begin_(begin), end_(end) {}

  const std::string& path() const override { return file_->path(); }
  std::uint64_t size() const override { return file_->size(); }
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> out) const override;
  void expect_sequential() const override {}

 private:
  std::unique_ptr<InputFile> file_;
  std::uint64_t begin_, end_;
};

}  // namespace atp::test
