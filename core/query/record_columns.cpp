#include "core/query/record_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/base/error.h"
#include "core/chem/cell.h"
#include "core/chem/formula.h"
#include "core/stats/sample.h"

namespace atp {
namespace {

std::vector<RecordColumn> builtin_columns() {
  return {{ColumnId::record, "record", "INTEGER", {}},
          {ColumnId::shard, "shard", "TEXT", {}},
          {ColumnId::n_atoms, "n_atoms", "INTEGER", {}},
          {ColumnId::formula, "formula", "TEXT", {}},
          {ColumnId::n_elements, "n_elements", "INTEGER", {}},
          {ColumnId::energy, "energy", "REAL", {}},
          {ColumnId::energy_per_atom, "energy_per_atom", "REAL", {}},
          {ColumnId::max_force, "max_force", "REAL", {}},
          {ColumnId::rms_force, "rms_force", "REAL", {}},
          {ColumnId::volume, "volume", "REAL", {}},
          {ColumnId::pressure, "pressure", "REAL", {}},
          {ColumnId::pbc, "pbc", "TEXT", {}},
          {ColumnId::name, "name", "TEXT", {}}};
}

// As SQLite compares names: only the letters of ASCII have capitals.
std::string folded(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

// "REAL", "INTEGER", "TEXT" for a property that can be a column, else empty.
std::string_view sql_type(Type type) {
  const TypeInfo& info = type_info(type);
  if (info.form == Form::text) return "TEXT";
  if (info.form != Form::scalar) return {};
  return info.scalar == Scalar::f32 || info.scalar == Scalar::f64 ? "REAL" : "INTEGER";
}

// The type of each property that is a number or a text somewhere; empty when shards disagree. A name
// with NUL cannot be written in SQL.
std::map<std::string, std::string_view> column_properties(const Dataset& dataset) {
  std::map<std::string, std::string_view> types;
  for (const Reader& reader : dataset.shards()) {
    for (const auto& [key, entry] : reader.schema().entries) {
      const std::string_view type = sql_type(entry.type);
      if (key.first != Kind::molecule || type.empty() || key.second.find('\0') != std::string::npos) continue;
      const auto [found, added] = types.emplace(key.second, type);
      if (!added && found->second != type) found->second = {};
    }
  }
  return types;
}

// The root of the mean squared component, as `atp inspect --stats` has it.
SqlValue rms_force(const std::vector<double>& xyz) {
  if (xyz.empty()) return {};
  double squares = 0;
  for (const double v : xyz) squares += v * v;
  return std::sqrt(squares / static_cast<double>(xyz.size()));
}

SqlValue max_force(const std::vector<double>& xyz) {
  if (xyz.empty()) return {};
  double most = 0;
  for (std::size_t i = 0; i < xyz.size(); i += 3) {
    const double square = xyz[i] * xyz[i] + xyz[i + 1] * xyz[i + 1] + xyz[i + 2] * xyz[i + 2];
    if (std::isnan(square)) return square;  // a maximum would pass over it
    most = std::max(most, square);
  }
  return std::sqrt(most);
}

std::string periodic_axes(const std::array<bool, 3>& pbc) {
  std::string text;
  for (const bool periodic : pbc) text += periodic ? 'T' : 'F';
  return text;
}

}  // namespace

std::vector<RecordColumn> record_columns(const Dataset& dataset, std::size_t most) {
  std::vector<RecordColumn> columns = builtin_columns();
  std::set<std::string> taken = {"rowid", "oid", "_rowid_"};  // SQLite's own names of the row's number
  for (const RecordColumn& column : columns) taken.insert(column.name);
  for (const auto& [key, type] : column_properties(dataset)) {
    std::string name = key;
    while (!taken.insert(folded(name)).second) name = "molecule:" + name;
    columns.push_back({ColumnId::property, name, type, key});
  }
  if (columns.size() > most) {
    fail_input(dataset.shards().front().path(),
               fmt::format("has {} columns (properties that are a number or a text among them), SQLite takes {}",
                           columns.size(), most));
  }
  return columns;
}

void RecordRow::move_to(std::uint64_t i) {
  if (i < begin_ || i >= end_) {
    shard_ = dataset_.locate(i).shard;
    begin_ = dataset_.start_of(shard_);
    end_ = dataset_.start_of(shard_ + 1);
  }
  at_ = i;
  view_.reset();
}

const RecordView& RecordRow::view() {
  const std::uint64_t i = at_ - begin_;
  if (!view_) view_ = verify_ ? reader().verified_record(i, scratch_) : reader().record(i, scratch_);
  return *view_;
}

Bytes RecordRow::atomic_numbers() { return view().atomic_numbers(); }

bool RecordRow::read_forces() {
  const auto forces = view_->forces();
  if (forces) to_doubles(*forces, forces_);
  return forces.has_value();
}

SqlValue RecordRow::value(const RecordColumn& column) {
  if (column.id <= ColumnId::n_atoms) return from_index(column.id);
  view();  // its errors name the record themselves
  try {
    return from_record(column);
  } catch (const Error& e) {
    throw e.within(fmt::format("{}: record {}", reader().path(), at_ - begin_));
  }
}

SqlValue RecordRow::from_index(ColumnId id) const {
  switch (id) {
    case ColumnId::shard: return std::string_view(reader().path());
    case ColumnId::n_atoms: return std::int64_t{n_atoms()};
    default: return static_cast<std::int64_t>(at_);
  }
}

SqlValue RecordRow::from_record(const RecordColumn& column) {
  const RecordView& record = *view_;
  const auto text = [this](std::string t) -> SqlValue {
    text_ = std::move(t);
    return std::string_view(text_);
  };
  switch (column.id) {
    case ColumnId::formula: return text(Composition(record.atomic_numbers()).formula());
    case ColumnId::n_elements: return std::int64_t{Composition(record.atomic_numbers()).n_elements()};
    case ColumnId::energy:
      if (const auto energy = record.energy()) return *energy;
      return {};
    case ColumnId::energy_per_atom:
      if (const auto energy = record.energy(); energy && record.n_atoms() > 0) return *energy / record.n_atoms();
      return {};
    case ColumnId::max_force: return read_forces() ? max_force(forces_) : SqlValue();
    case ColumnId::rms_force: return read_forces() ? rms_force(forces_) : SqlValue();
    case ColumnId::volume:
      if (const auto cell = record.cell()) return cell_volume(*cell);
      return {};
    case ColumnId::pressure:
      if (const auto stress = record.stress()) return -((*stress)[0] + (*stress)[4] + (*stress)[8]) / 3;
      return {};
    case ColumnId::pbc:
      if (const auto pbc = record.pbc()) return text(periodic_axes(*pbc));
      return {};
    case ColumnId::name:
      if (const auto name = record.name()) return *name;
      return {};
    case ColumnId::property: return property(column.key);
    case ColumnId::record:
    case ColumnId::shard:
    case ColumnId::n_atoms: break;
  }
  return from_index(column.id);
}

SqlValue RecordRow::property(std::string_view key) {
  const auto section = view_->find(Kind::molecule, key);
  if (!section) return {};
  const ValueView value = decode_value(*section);
  const bool rank_0 = value.info->form == Form::tensor && value.raw_dims.empty();
  if (value.info->form == Form::null) return {};
  if (value.info->form == Form::text) return value.text;
  if (value.info->form != Form::scalar && !rank_0) {
    fail_input("", fmt::format("{} is {} here, not one number or text", describe_key(Kind::molecule, key), value.info->name),
               "leave the column out, or query the shards apart");
  }
  const Scalar scalar = value.numbers.scalar;
  if (scalar == Scalar::f32 || scalar == Scalar::f64) return value.numbers.real(0);
  return value.numbers.integer(0);
}

}  // namespace atp
