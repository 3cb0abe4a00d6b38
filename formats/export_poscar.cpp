// Records as a folder of POSCAR files: 000000.poscar and so on.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/io/output_folder.h"
#include "formats/exporters.h"
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
    out += "Cartesian\n";
    const NumbersView positions = record.positions();
    for (const std::uint32_t atom : order) {
      for (std::uint64_t k = 0; k < 3; ++k) {
        append_number(out, positions, std::uint64_t{3} * atom + k);
        out += k == 2 ? '\n' : ' ';
      }
    }
    if (fields.builtin("energy") != nullptr || fields.builtin("forces") != nullptr) options_.note("a POSCAR holds atoms and cell: energy, forces and the rest are left out");
  }

  void take(std::string_view encoded) override { folder_.write(fmt::format("{:06}.poscar", written_++), {as_bytes(encoded)}); }
  void finish() override {
    folder_.commit(options_.replace, [](std::string_view name) { return name.ends_with(".poscar"); });
  }

 private:
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
  OutputFolder folder_;
  std::uint64_t written_ = 0;
};

}  // namespace

std::unique_ptr<RecordExporter> export_poscar(const std::string& path, const ExportOptions& options) {
  return std::make_unique<PoscarExporter>(path, options);
}

}  // namespace atp
