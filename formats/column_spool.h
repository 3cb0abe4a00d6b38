// Columns that grow side by side and are wanted one after the other: kept in a temporary file without a name.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/atp/layout.h"
#include "core/io/output_file.h"

namespace atp {

// One thread. Memory: a buffer a column (64 MB together at most, but 4 KiB each) and 32 bytes for each that was written out.
class ColumnSpool {
 public:
  // The file lies beside `target` and has no name any more when the constructor returns.
  explicit ColumnSpool(const std::string& target);

  // A new column's number.
  std::size_t add_column();
  // Values of that type, which may be another than that of the values before them.
  void append(std::size_t column, Scalar type, Bytes values);
  // `count` values that are not there, whatever their type.
  void append_missing(std::size_t column, std::uint64_t count);

  // A piece of a column: values, or as many missing ones.
  struct Piece {
    Scalar type = Scalar::none;
    Bytes values;               // borrowed until the next piece
    std::uint64_t missing = 0;  // then `values` is empty
  };
  void for_each(std::size_t column, const std::function<void(const Piece&)>& visit);

 private:
  struct Run {
    Scalar type;
    std::uint64_t offset, bytes, missing;
  };
  struct Column {
    std::vector<Run> runs;
    Scalar type = Scalar::none;  // of what is in the buffer
    std::vector<std::byte> buffer;
  };
  void flush(Column& column);

  std::unique_ptr<OutputFile> file_;
  std::uint64_t size_ = 0;
  std::vector<Column> columns_;
};

}  // namespace atp
