#include "formats/column_spool.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/interrupt.h"

namespace atp {
namespace {

constexpr std::size_t kAllBuffers = std::size_t{64} << 20, kMostBuffer = std::size_t{256} << 10, kLeastBuffer = std::size_t{4} << 10;
constexpr std::size_t kReadBytes = std::size_t{1} << 20;  // a multiple of every type's size

}  // namespace

ColumnSpool::ColumnSpool(const std::string& target) : file_(real_disk().create_beside(target)) { real_disk().remove(file_->path()); }

std::size_t ColumnSpool::add_column() {
  columns_.emplace_back();
  return columns_.size() - 1;
}

void ColumnSpool::flush(Column& column) {
  if (column.buffer.empty()) return;
  file_->write_at(size_, column.buffer);
  column.runs.push_back({column.type, size_, column.buffer.size(), 0});
  size_ += column.buffer.size();
  column.buffer.clear();
}

void ColumnSpool::append(std::size_t which, Scalar type, Bytes values) {
  Column& column = columns_[which];
  if (column.type != type) flush(column);
  column.type = type;
  column.buffer.insert(column.buffer.end(), values.begin(), values.end());
  if (column.buffer.size() >= std::clamp(kAllBuffers / columns_.size(), kLeastBuffer, kMostBuffer)) flush(column);
}

void ColumnSpool::append_missing(std::size_t which, std::uint64_t count) {
  if (count == 0) return;
  flush(columns_[which]);
  columns_[which].runs.push_back({Scalar::none, 0, 0, count});
}

void ColumnSpool::for_each(std::size_t which, const std::function<void(const Piece&)>& visit) {
  Column& column = columns_[which];
  flush(column);
  std::vector<std::byte> bytes;
  for (const Run& run : column.runs) {
    throw_if_interrupted();
    if (run.missing > 0) visit({Scalar::none, {}, run.missing});
    for (std::uint64_t done = 0; done < run.bytes; done += bytes.size()) {
      bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kReadBytes, run.bytes - done)));
      if (file_->read_at(run.offset + done, bytes) != bytes.size()) throw Error(Exit::system, file_->path(), "is shorter than what was written to it");
      visit({run.type, bytes, 0});
    }
  }
}

}  // namespace atp
