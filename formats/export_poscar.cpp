// Records as a folder of POSCAR files: 000000.poscar and so on.
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <numeric>
#include <set>

#include "core/chem/units.h"
#include "core/io/output_folder.h"
#include "formats/export_ase_row.h"
#include "formats/exporters.h"
#include "formats/move_mask.h"
#include "formats/shortest.h"

namespace atp {
namespace {

class PoscarExporter : public RecordExporter {
 public:
  PoscarExporter(const std::string& path, const ExportOptions& options) : options_(options), folder_(path) {}

  void encode(const RecordView& record, std::uint64_t number, std::string& out) const override {
    const auto cell = record.cell();
    if (!cell) fail_input("", "has no cell, which a POSCAR needs");
    const RecordFields fields(record);
    const auto* name = fields.builtin("name");
    std::string comment = name == nullptr ? fmt::format("record {}", number) : std::string(name->value.text);
    std::ranges::replace_if(comment, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    out += comment + "\n1.0\n";
    for (std::size_t i = 0; i < 9; ++i) {
      append_number(out, fields.builtin("cell")->value.numbers, i);
      out += i % 3 == 2 ? '\n' : ' ';
    }
    const std::vector<std::uint32_t> order = by_element(record);
    append_species(out, record, order);
    const std::vector<std::int32_t> mask = move_mask_of(fields);
    out += mask.empty() ? "Cartesian\n" : "Selective dynamics\nCartesian\n";
    const NumbersView positions = record.positions();
    for (const std::uint32_t atom : order) {
      append_three(out, [&](std::uint64_t k) { append_number(out, positions, std::uint64_t{3} * atom + k); });
      for (std::size_t k = 0; k < 3 && !mask.empty(); ++k) out += mask[std::size_t{3} * atom + k] != 0 ? " T" : " F";
      out += '\n';
    }
    if (const auto* velocities = fields.builtin("velocities")) append_velocities(out, velocities->value.numbers, order);
    note_changes(record, fields, order, mask);
  }

  void take(std::string_view encoded) override { folder_.write(fmt::format("{:06}.poscar", written_++), {as_bytes(encoded)}); }
  void finish() override {
    std::string names;
    for (const std::string& name : left_out_) names += (names.empty() ? "" : ", ") + name;
    if (!names.empty()) options_.note(fmt::format("a POSCAR holds atoms, cell, velocities and what may move; left out: {}", names));
    folder_.commit(options_.replace, [](std::string_view name) { return name.ends_with(".poscar"); });
  }

 private:
  template <class Append>
  static void append_three(std::string& out, const Append& append) {
    for (std::uint64_t k = 0; k < 3; ++k) {
      if (k > 0) out += ' ';
      append(k);
    }
  }

  void append_velocities(std::string& out, const NumbersView& v, const std::vector<std::uint32_t>& order) const {
    out += "Cartesian\n";
    bool exact = true;
    for (const std::uint32_t atom : order) {
      append_three(out, [&](std::uint64_t k) {
        const double given = v.real(std::uint64_t{3} * atom + k), written = given / kAngstromPerFsInVelocity, again = written * kAngstromPerFsInVelocity;
        append_real(out, written);
        exact = exact && (v.scalar == Scalar::f32 ? static_cast<float>(again) == static_cast<float>(given) : again == given);
      });
      out += '\n';
    }
    if (!exact) options_.note("velocities are written in A/fs, and the last of their digits is read back as another in some records");
  }

  void note_changes(const RecordView& record, const RecordFields& fields, const std::vector<std::uint32_t>& order, std::span<const std::int32_t> mask) const {
    options_.note("the comment of each POSCAR is the record's name, or its number: it is read back as the property 'comment'");
    if (!std::ranges::is_sorted(order)) options_.note("atoms of one element are written together, so atoms change their order in some records");
    if (record.pbc() != std::array<bool, 3>{true, true, true}) options_.note("a POSCAR is periodic in all directions, which some records are not, or do not say");
    const bool lattice = text_property(fields, kMaskAxes) == kLatticeAxes;
    if (!lattice && !is_along_axes(*record.cell()) && fixes_in_part(mask)) {
      options_.note("atoms of some records are fixed along some of x, y and z, and a POSCAR fixes along lattice vectors, which are others there");
    }
    const std::lock_guard lock(mutex_);
    for (const auto& f : fields.fields) {
      const std::string_view key = f.section.key;
      const bool said = !mask.empty() && (f.section.kind == Kind::atom ? key == "move_mask" : lattice && key == kMaskAxes);
      const bool held = f.section.kind == Kind::builtin ? key == "cell" || key == "pbc" || key == "velocities" || key == "name" : said;
      if (!held && left_out_.size() < 1000) left_out_.emplace(key);
    }
  }

  // Atoms of one element together, in the order in which elements occur.
  static std::vector<std::uint32_t> by_element(const RecordView& record) {
    std::array<std::uint32_t, 256> first;
    first.fill(UINT32_MAX);
    const Bytes z = record.atomic_numbers();
    for (std::uint32_t i = 0; i < z.size(); ++i) first[std::to_integer<std::size_t>(z[i])] = std::min(first[std::to_integer<std::size_t>(z[i])], i);
    std::vector<std::uint32_t> order(z.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, {}, [&](std::uint32_t i) { return first[std::to_integer<std::size_t>(z[i])]; });
    return order;
  }

  static void append_species(std::string& out, const RecordView& record, const std::vector<std::uint32_t>& order) {
    const Bytes z = record.atomic_numbers();
    std::string symbols, counts;
    for (std::size_t i = 0; i < order.size();) {
      std::size_t end = i;
      while (end < order.size() && z[order[end]] == z[order[i]]) ++end;
      symbols += fmt::format("{}{}", symbols.empty() ? "" : " ", symbol_of(z[order[i]]));
      counts += fmt::format("{}{}", counts.empty() ? "" : " ", end - i);
      i = end;
    }
    out += symbols + "\n" + counts + "\n";
  }

  ExportOptions options_;
  mutable std::mutex mutex_;
  mutable std::set<std::string, std::less<>> left_out_;  // guarded by mutex_ while records are encoded
  OutputFolder folder_;
  std::uint64_t written_ = 0;
};

}  // namespace

std::unique_ptr<RecordExporter> export_poscar(const std::string& path, const ExportOptions& options) {
  return std::make_unique<PoscarExporter>(path, options);
}

}  // namespace atp
