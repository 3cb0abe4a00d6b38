#include "tests/support/export_frames.h"

#include "core/atp/record.h"
#include "tests/support/files.h"

namespace atp::test {

void export_frames(const ExportFormat& format, std::vector<Structure>& structures, const std::string& path, const ExportOptions& options) {
  const bool stream = format.output == ExportFormat::Output::stream;
  const auto exporter = format.open(path, options);
  std::string all;
  std::uint64_t number = 0;
  for (Structure& s : structures) {
    std::vector<std::byte> record;
    encode_record(s, record);
    std::string encoded;
    exporter->encode(RecordView(record, s.positions_type), number++, encoded);
    if (stream) {
      all += encoded;
    } else {
      exporter->take(encoded);
    }
  }
  if (stream) return write_text(path, all);
  exporter->finish();
}

}  // namespace atp::test
