// What can be asked of a record: the columns of the table `records`, and their values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/atp/dataset.h"

namespace atp {

// NULL, an integer, a number, text or bytes. Text and bytes are borrowed.
using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string_view, Bytes>;

enum class ColumnId {
  record, shard, n_atoms,  // of the index: no record is read for them
  formula, n_elements, energy, energy_per_atom, max_force, rms_force, volume, pressure, pbc, name,
  property,
};

struct RecordColumn {
  ColumnId id;
  std::string name;       // in SQL, where capitals do not count
  std::string_view type;  // "INTEGER", "REAL", "TEXT", or empty when shards disagree
  std::string key;        // of a property
};

// The columns of a dataset: those of every dataset, in the order of ColumnId, then each property of
// molecules that is a number or a text in some shard, by key. A property whose name is taken is called
// "molecule:NAME". Throws Error (exit 3) when there are more than `most`.
std::vector<RecordColumn> record_columns(const Dataset& dataset, std::size_t most);

// One record at a time; nothing is read or computed before it is asked for. One thread. Borrows the
// dataset.
class RecordRow {
 public:
  // With `verify`, records are held against their checksums.
  explicit RecordRow(const Dataset& dataset, bool verify = true) : dataset_(dataset), verify_(verify) {}

  // Requires i < dataset.size().
  void move_to(std::uint64_t i);

  // Nothing (NULL) where the record has no such field or the question no answer: no forces, an energy per
  // atom of no atoms. Text is valid until the next call of value() or move_to(). Throws Error (exit 3)
  // naming file and record: damage, a property that is neither number nor text in this record.
  //
  // Energies, forces and pressure in the file's units (eV, eV/Å, eV/Å³ by default); a pressure is
  // -trace(stress)/3, volumes are in Å³, formulas in Hill order, pbc is "TTF". Forces of which one is NaN
  // have a maximum of NaN.
  SqlValue value(const RecordColumn& column);
  std::uint32_t n_atoms() const { return reader().entry(at_ - begin_).atoms; }
  // [n] u8, valid until move_to(). Throws likewise.
  Bytes atomic_numbers();

 private:
  const RecordView& view();
  SqlValue from_index(ColumnId id) const;
  SqlValue from_record(const RecordColumn& column);
  SqlValue property(std::string_view key);
  bool read_forces();
  const Reader& reader() const { return dataset_.shards()[shard_]; }

  const Dataset& dataset_;
  bool verify_;
  std::uint64_t at_ = 0;
  std::size_t shard_ = 0;
  std::uint64_t begin_ = 0, end_ = 0;  // the shard's records
  Scratch scratch_;
  std::optional<RecordView> view_;  // of at_, once it was asked for
  std::string text_;
  std::vector<double> forces_;  // 3n
};

}  // namespace atp
