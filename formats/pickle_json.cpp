#include "formats/pickle_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/json_writer.h"
#include "formats/shortest.h"

namespace atp {
namespace {

constexpr unsigned kMostDepth = 64;
constexpr std::size_t kMostBytes = std::size_t{64} << 20;  // values may be recalled any number of times

class Converter {
 public:
  explicit Converter(const Pickle& p) : p_(p) {}

  std::string convert(const PickleValue& v) {
    write(v, 0);
    return out_.take();
  }

 private:
  void write(const PickleValue& v, unsigned depth) {
    if (depth > kMostDepth) fail_input("", fmt::format("is nested deeper than {}", kMostDepth));
    if (out_.text().size() > std::min<std::uint64_t>(kMostBytes, p_.most_bytes())) fail_repeated_values();
    switch (v.kind) {
      case PickleKind::logical: out_.boolean(v.logical); break;
      case PickleKind::integer: out_.integer(v.integer); break;
      case PickleKind::real: write_real(v.real); break;
      case PickleKind::text: out_.string(v.text()); break;
      case PickleKind::list:
      case PickleKind::tuple:
        out_.begin_array();
        for (const std::uint32_t i : v.items) write(p_[i], depth + 1);
        out_.end_array();
        break;
      case PickleKind::dict: write_dict(v, depth); break;
      case PickleKind::tensor:
      case PickleKind::ndarray: write_array(v); break;
      default: out_.null();
    }
  }

  void write_dict(const PickleValue& v, unsigned depth) {
    out_.begin_object();
    for (std::size_t i = 0; i + 1 < v.items.size(); i += 2) {
      if (p_[v.items[i]].kind != PickleKind::text) continue;
      out_.key(p_[v.items[i]].text());
      write(p_[v.items[i + 1]], depth + 1);
    }
    out_.end_object();
  }

  void write_array(const PickleValue& v) {
    if (!p_.is_readable(v)) {
      out_.null();
      return;
    }
    std::deque<std::vector<std::byte>> scratch;
    const FrameValue value = p_.value(v, scratch);
    if (value.of == FrameValue::Of::text) {
      out_.string(value.text);
      return;
    }
    std::uint64_t at = 0;
    write_nested(value, 0, at);
  }

  void write_nested(const FrameValue& v, unsigned dimension, std::uint64_t& at) {
    if (dimension == v.rank) return write_number(v, at++);
    out_.begin_array();
    for (std::uint32_t i = 0; i < v.shape[dimension]; ++i) write_nested(v, dimension + 1, at);
    out_.end_array();
  }

  void write_number(const FrameValue& v, std::uint64_t at) {
    if (v.of == FrameValue::Of::logical) {
      out_.boolean(v.real(at) != 0);
    } else if (v.of == FrameValue::Of::i64 || v.of == FrameValue::Of::i32) {
      out_.integer(static_cast<std::int64_t>(v.real(at)));
    } else {
      write_real(v.real(at));
    }
  }

  // As Python's json does, NaN and all.
  void write_real(double d) {
    std::string text;
    append_real(text, d);
    out_.raw(text);
  }

  const Pickle& p_;
  JsonWriter out_;
};

}  // namespace

std::string json_of(const Pickle& p, const PickleValue& value) { return Converter(p).convert(value); }

}  // namespace atp
