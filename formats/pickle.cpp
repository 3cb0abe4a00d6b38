#include "formats/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "core/base/error.h"
#include "formats/excerpt.h"
#include "formats/pickle_text.h"
#include "formats/torch_storage.h"

namespace atp {

namespace {

// Classes whose objects are kept with their state, and functions that are understood below.
constexpr std::string_view kClasses[] = {
    "torch_geometric.data.data Data",
    "torch_geometric.data.data DataEdgeAttr",
    "torch_geometric.data.data DataTensorAttr",
    "torch_geometric.data.storage GlobalStorage",
    "torch_geometric.data.storage BaseStorage",
    "numpy ndarray",
    "builtins object",
    "__builtin__ object",
};
constexpr std::string_view kFunctions[] = {
    "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor", "torch.storage _load_from_bytes", "torch Size",
    "collections OrderedDict",         "collections defaultdict",      "builtins dict",                  "builtins list",
    "__builtin__ dict",                "__builtin__ list",              "__builtin__ set",               "__builtin__ bytearray",
    "torch._utils _rebuild_parameter", "builtins set",                  "numpy dtype",                  "numpy.core.multiarray scalar",   "numpy._core.multiarray scalar",
    "numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct", "numpy.core.numeric _frombuffer",
    "numpy._core.numeric _frombuffer", "_codecs encode",               "copyreg _reconstructor",         "copy_reg _reconstructor",
    "torch.serialization _get_layout", "builtins bytearray",
};

bool is_known(std::string_view name) {
  if (std::ranges::find(kClasses, name) != std::end(kClasses) || std::ranges::find(kFunctions, name) != std::end(kFunctions)) return true;
  return torch_dtype(name).has_value();
}

}  // namespace

// Bytes written as texts, and pickled storages, are copies of the pickle's bytes; more than these are not.
constexpr std::size_t kMostCopies = 4;
// A value takes 80 bytes of memory, and may take one in a file, of which compression leaves nothing.
constexpr std::size_t kMostValues = std::size_t{16} << 20;

// Runs the opcodes of one pickle.
class PickleMachine {
 public:
  PickleMachine(Pickle& out, Bytes bytes, unsigned depth) : out_(out), in_(bytes), whole_(bytes.size()), depth_(depth) {}

  void run() {
    while (step()) {
    }
    out_.root_ = pop();
    out_.size_ = whole_ - in_.rest().size();
  }

 private:
  [[noreturn]] static void fail(std::string what) { fail_pickle(std::move(what)); }

  // ---- stack and values
  std::uint32_t add(PickleValue v) {
    if (out_.values_.size() == kMostValues) fail(fmt::format("holds more than {} values in one pickle", kMostValues));
    out_.values_.push_back(std::move(v));
    return static_cast<std::uint32_t>(out_.values_.size() - 1);
  }
  PickleValue& at(std::uint32_t i) { return out_.values_[i]; }
  void push(PickleValue v) { stack_.push_back(add(std::move(v))); }
  void push_kind(PickleKind kind) {
    PickleValue v;
    v.kind = kind;
    push(std::move(v));
  }
  void push_integer(std::int64_t i) {
    PickleValue v;
    v.kind = PickleKind::integer;
    v.integer = i;
    push(std::move(v));
  }
  void push_real(double d) {
    PickleValue v;
    v.kind = PickleKind::real;
    v.real = d;
    push(std::move(v));
  }
  void push_bytes(PickleKind kind, Bytes b) {
    PickleValue v;
    v.kind = kind;
    v.bytes = b;
    push(std::move(v));
  }
  void push_logical(bool b) {
    PickleValue v;
    v.kind = PickleKind::logical;
    v.logical = b;
    push(std::move(v));
  }
  // What never changes and takes a byte or two in the file is there once.
  template <class Push>
  void push_shared(std::optional<std::uint32_t>& shared, Push&& push) {
    if (shared) return stack_.push_back(*shared);
    push();
    shared = top();
  }
  std::uint32_t empty_tuple() {
    if (!empty_) empty_ = add(PickleValue{PickleKind::tuple, false, 0, 0, {}, {}});
    return *empty_;
  }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  std::uint32_t pop() {
    if (stack_.size() <= floor()) fail("is a damaged pickle: it takes a value from an empty stack");
    const std::uint32_t i = stack_.back();
    stack_.pop_back();
    return i;
  }
  std::uint32_t top() const {
    if (stack_.size() <= floor()) fail("is a damaged pickle: it needs a value and has none");
    return stack_.back();
  }
  std::vector<std::uint32_t> pop_to_mark() {
    if (marks_.empty()) fail("is a damaged pickle: it has no mark");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<std::uint32_t> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  void push_items(PickleKind kind, std::vector<std::uint32_t> items) {
    PickleValue v;
    v.kind = kind;
    v.items = std::move(items);
    push(std::move(v));
  }
  void push_last(std::size_t n) {
    std::vector<std::uint32_t> items(n);
    for (std::size_t k = n; k-- > 0;) items[k] = pop();
    push_items(PickleKind::tuple, std::move(items));
  }
  void append(std::uint32_t to, const std::vector<std::uint32_t>& items, PickleKind kind) {
    PickleValue& v = at(to);
    if (v.kind != kind && !(v.kind == PickleKind::object && kind == PickleKind::dict)) fail("is a damaged pickle: it adds to a value that holds none");
    if (kind == PickleKind::dict && items.size() % 2 != 0) fail("is a damaged pickle: a key has no value");
    if (v.kind == kind) v.items.insert(v.items.end(), items.begin(), items.end());
  }

  // ---- input
  template <class T>
  T number() {
    return in_.number<T>("the pickle");
  }
  Bytes take(std::uint64_t n) { return in_.take(n, "the pickle"); }
  std::string_view line() {
    const std::string_view rest = as_text(in_.rest());
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) fail("is a pickle that is cut short");
    return as_text(take(end + 1)).substr(0, end);
  }
  std::int64_t line_integer() {
    std::string_view text = line();
    if (text.ends_with('L')) text.remove_suffix(1);
    std::int64_t v = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (error != std::errc() || end != text.data() + text.size()) fail(fmt::format("is a damaged pickle: '{}' is no whole number", excerpt(text)));
    return v;
  }
  // Two's complement, little-endian; longer ones as the nearest float.
  void push_long(Bytes b) {
    if (b.size() <= 8) {
      std::uint64_t v = 0;
      for (std::size_t k = 0; k < b.size(); ++k) v |= std::uint64_t{static_cast<std::uint8_t>(b[k])} << (8 * k);
      if (!b.empty() && b.size() < 8 && (static_cast<std::uint8_t>(b.back()) & 0x80) != 0) v |= ~std::uint64_t{0} << (8 * b.size());
      return push_integer(static_cast<std::int64_t>(v));
    }
    if (b.size() > 128) fail(fmt::format("holds a whole number of {} bytes", b.size()));
    double d = 0;
    for (std::size_t k = b.size(); k-- > 0;) d = d * 256 + static_cast<std::uint8_t>(b[k]);
    if ((static_cast<std::uint8_t>(b.back()) & 0x80) != 0) d -= std::ldexp(1.0, static_cast<int>(8 * b.size()));
    push_real(d);
    at(top()).bytes = b;
  }

  // Copies of what was recalled would grow with the square of the pickle's size.
  void spend(std::size_t n) {
    spent_ += n;
    if (spent_ > kMostCopies * whole_) fail("copies the same values again and again");
  }

  // Slots are numbered as they come by all that write pickles: 4 bytes each, for what takes one byte in the file.
  void memoize(std::uint64_t slot) {
    if (slot < memo_.size()) {
      memo_[slot] = top();
    } else if (slot == memo_.size()) {
      memo_.push_back(top());
      scattered_.erase(slot);
    } else {
      scattered_[slot] = top();
    }
  }
  void recall(std::uint64_t slot) {
    if (slot < memo_.size()) return stack_.push_back(memo_[slot]);
    const auto found = scattered_.find(slot);
    if (found == scattered_.end()) fail("is a damaged pickle: it recalls what it has not stored");
    stack_.push_back(found->second);
  }

  // ---- names and calls
  void push_global(std::string_view module, std::string_view name) {
    std::string text = fmt::format("{} {}", module, name);
    if (!is_known(text)) fail(fmt::format("names '{}.{}', which atp does not know", excerpt(module), excerpt(name)));
    push_bytes(PickleKind::global, as_bytes(out_.owned_.emplace_back(std::move(text))));
  }

  void stack_global() {
    const std::uint32_t name = pop(), module = pop();
    if (at(name).kind != PickleKind::text || at(module).kind != PickleKind::text) fail("is a damaged pickle: a class has no name");
    push_global(at(module).text(), at(name).text());
  }

  const std::vector<std::uint32_t>& arguments(std::uint32_t tuple, std::size_t least) {
    if (at(tuple).kind != PickleKind::tuple || at(tuple).items.size() < least) fail("is a damaged pickle: a call lacks arguments");
    return at(tuple).items;
  }

  void push_object(Bytes name) { push_bytes(as_text(name) == "numpy ndarray" ? PickleKind::ndarray : PickleKind::object, name); }

  void reduce() {
    const std::uint32_t args = pop(), function = pop();
    if (at(function).kind != PickleKind::global) fail("calls what is no function atp knows");
    const std::string_view name = at(function).text();
    const auto ends = [&](std::string_view what) { return name.ends_with(what) && name[name.size() - what.size() - 1] == ' '; };
    if (ends("_rebuild_tensor_v2") || ends("_rebuild_tensor")) {
      const auto& a = arguments(args, 4);
      push_items(PickleKind::tensor, {a[0], a[1], a[2], a[3]});
    } else if (ends("_rebuild_parameter")) {  // a tensor and whether it is trained
      stack_.push_back(arguments(args, 1)[0]);
    } else if (ends("_load_from_bytes")) {
      const std::uint32_t b = arguments(args, 1)[0];
      if (at(b).kind != PickleKind::bytes) fail("has a tensor storage that is no bytes");
      push_storage(at(b).bytes);
    } else if (ends("OrderedDict") || ends("defaultdict") || ends("dict")) {
      push_items(PickleKind::dict, {});
    } else if (ends("Size") || ends("list") || ends("set")) {
      const auto items = at(args).items.empty() ? std::vector<std::uint32_t>() : at(arguments(args, 1)[0]).items;
      spend(items.size());
      push_items(ends("Size") ? PickleKind::tuple : PickleKind::list, items);
    } else if (ends("dtype")) {
      push_bytes(PickleKind::dtype, at(arguments(args, 1)[0]).bytes);
    } else if (ends("scalar")) {
      const auto a = arguments(args, 2);
      const std::uint32_t shape = empty_tuple();
      push_items(PickleKind::ndarray, {shape, a[0], a[1]});
    } else if (ends("_reconstruct")) {
      push_kind(PickleKind::ndarray);
    } else if (ends("_frombuffer")) {
      const auto a = arguments(args, 4);
      push_items(PickleKind::ndarray, {a[2], a[1], a[0]});
      at(top()).logical = at(a[3]).text() == "F";
    } else if (ends("encode")) {
      const std::string_view text = at(arguments(args, 1)[0]).text();
      spend(text.size());
      push_bytes(PickleKind::bytes, as_bytes(out_.owned_.emplace_back(bytes_of_latin1(text))));
    } else if (ends("_reconstructor")) {
      const std::uint32_t cls = arguments(args, 1)[0];
      if (at(cls).kind != PickleKind::global) fail("makes an object of no class");
      push_object(at(cls).bytes);
    } else if (ends("bytearray")) {
      push_bytes(PickleKind::bytes, at(args).items.empty() ? Bytes() : at(at(args).items[0]).bytes);
    } else if (ends("_get_layout")) {
      push_kind(PickleKind::none);
    } else {
      fail(fmt::format("calls '{}', which atp does not know", excerpt(name)));
    }
  }

  void push_storage(Bytes file) {
    if (depth_ > 0) fail("has a pickle in a pickle in a pickle");
    const TorchStorage s = read_torch_storage(file, [this](Bytes b) {
      Pickle p(b, depth_ + 1);
      spend(p.size());
      return p;
    });
    Bytes values = s.values;
    if (s.big_endian) {
      spend(values.size());
      values = out_.keep_swapped(values, s.item_bytes);
    }
    push_bytes(PickleKind::storage, values);
    at(top()).items = {add(PickleValue{PickleKind::text, false, 0, 0, as_bytes(out_.owned_.emplace_back(s.type)), {}})};
  }

  void build() {
    const std::uint32_t state = pop(), object = top();
    if (at(object).kind == PickleKind::object) {
      at(object).items = {state};
    } else if (at(object).kind == PickleKind::ndarray) {  // version, shape, dtype, Fortran, bytes
      const auto a = arguments(state, 5);
      at(object).items = {a[1], a[2], a[4]};
      at(object).logical = at(a[3]).logical || at(a[3]).integer != 0;
    } else if (at(object).kind == PickleKind::dtype) {
      const auto a = arguments(state, 2);
      at(object).logical = at(a[1]).text() == ">";
    } else if (at(object).kind != PickleKind::dict) {
      fail("sets the state of what has none");
    }
  }

  // torch's way to name a storage that lies elsewhere: ('storage', its type, key, where, values). In the pickle of one storage
  // it is kept as the tuple it is.
  void push_persistent() {
    const std::uint32_t id = pop();
    if (at(id).kind != PickleKind::tuple) fail("names an object outside of itself");
    if (depth_ > 0) return stack_.push_back(id);
    const auto a = arguments(id, 5);
    if (!out_.in_torch_file_ || at(a[0]).text() != "storage" || at(a[1]).kind != PickleKind::global || at(a[4]).kind != PickleKind::integer || at(a[4]).integer < 0) {
      fail("names an object outside of itself");
    }
    const auto type = torch_dtype(at(a[1]).text());
    if (!type) fail(fmt::format("has a tensor of '{}', which atp does not read", excerpt(at(a[1]).text())));
    const std::uint32_t name = add(PickleValue{PickleKind::text, false, 0, 0, as_bytes(type->name), {}});
    PickleValue storage;
    storage.kind = PickleKind::storage;
    storage.items = {name, a[2]};
    storage.integer = at(a[4]).integer;
    push(std::move(storage));
  }

  // ---- protocol 0
  void push_text(std::string text) { push_bytes(PickleKind::text, as_bytes(out_.owned_.emplace_back(std::move(text)))); }

  bool step() {
    const auto op = number<std::uint8_t>();
    switch (op) {
      case 0x80: {  // PROTO
        const auto protocol = number<std::uint8_t>();
        if (protocol > 5) fail(fmt::format("is a pickle of protocol {}, atp reads up to 5", protocol));
        break;
      }
      case 0x95: number<std::uint64_t>(); break;  // FRAME
      case '.': return false;
      case '(': marks_.push_back(stack_.size()); break;
      case '0': pop(); break;
      case '1': pop_to_mark(); break;
      case '2': stack_.push_back(top()); break;
      case 'N': push_shared(none_, [this] { push_kind(PickleKind::none); }); break;
      case 0x88: push_shared(true_, [this] { push_logical(true); }); break;
      case 0x89: push_shared(false_, [this] { push_logical(false); }); break;
      case 'I': {
        const std::string_view rest = as_text(in_.rest());
        if (rest.starts_with("00\n") || rest.starts_with("01\n")) {
          push_logical(line() == "01");
        } else {
          push_integer(line_integer());
        }
        break;
      }
      case 'L': push_integer(line_integer()); break;
      case 'J': push_integer(number<std::int32_t>()); break;
      case 'K': {
        const auto i = number<std::uint8_t>();
        push_shared(small_[i], [&] { push_integer(i); });
        break;
      }
      case 'M': push_integer(number<std::uint16_t>()); break;
      case 0x8A: push_long(take(number<std::uint8_t>())); break;
      case 0x8B: push_long(take(number<std::uint32_t>())); break;
      case 'F': push_text_real(); break;
      case 'G': {
        std::array<std::byte, 8> b;
        const Bytes big = take(8);
        std::reverse_copy(big.begin(), big.end(), b.begin());
        push_real(load<double>(b.data()));
        break;
      }
      case 'X': push_bytes(PickleKind::text, take(number<std::uint32_t>())); break;
      case 0x8C: push_bytes(PickleKind::text, take(number<std::uint8_t>())); break;
      case 0x8D: push_bytes(PickleKind::text, take(number<std::uint64_t>())); break;
      case 'V': push_text(unescaped_text(line())); break;
      case 'S': push_text(unquoted_text(line())); break;
      case 'T': push_bytes(PickleKind::bytes, take(number<std::uint32_t>())); break;
      case 'U': push_bytes(PickleKind::bytes, take(number<std::uint8_t>())); break;
      case 'B': push_bytes(PickleKind::bytes, take(number<std::uint32_t>())); break;
      case 'C': push_bytes(PickleKind::bytes, take(number<std::uint8_t>())); break;
      case 0x8E:
      case 0x96: push_bytes(PickleKind::bytes, take(number<std::uint64_t>())); break;
      case ']': push_kind(PickleKind::list); break;
      case 0x8F: push_kind(PickleKind::list); break;
      case ')': stack_.push_back(empty_tuple()); break;
      case '}': push_kind(PickleKind::dict); break;
      case 'l':
      case 0x91: push_items(PickleKind::list, pop_to_mark()); break;
      case 't': push_items(PickleKind::tuple, pop_to_mark()); break;
      case 'd': {
        auto items = pop_to_mark();
        push_kind(PickleKind::dict);
        append(top(), items, PickleKind::dict);
        break;
      }
      case 0x85: push_last(1); break;
      case 0x86: push_last(2); break;
      case 0x87: push_last(3); break;
      case 'a': {
        const std::uint32_t item = pop();
        append(top(), {item}, PickleKind::list);
        break;
      }
      case 'e':
      case 0x90: {
        const auto items = pop_to_mark();
        append(top(), items, PickleKind::list);
        break;
      }
      case 's': {
        const std::uint32_t value = pop(), key = pop();
        append(top(), {key, value}, PickleKind::dict);
        break;
      }
      case 'u': {
        const auto items = pop_to_mark();
        append(top(), items, PickleKind::dict);
        break;
      }
      case 'c': {
        const std::string_view module = line(), name = line();
        push_global(module, name);
        break;
      }
      case 0x93: stack_global(); break;
      case 'R': reduce(); break;
      case 0x81:
      case 0x92: {
        if (op == 0x92) pop();
        pop();
        const std::uint32_t cls = pop();
        if (at(cls).kind != PickleKind::global) fail("makes an object of no class");
        push_object(at(cls).bytes);
        break;
      }
      case 'b': build(); break;
      case 'q': memoize(number<std::uint8_t>()); break;
      case 'r': memoize(number<std::uint32_t>()); break;
      case 'p': memoize(static_cast<std::uint64_t>(line_integer())); break;
      case 0x94: memoize(memo_.size() + scattered_.size()); break;
      case 'h': recall(number<std::uint8_t>()); break;
      case 'j': recall(number<std::uint32_t>()); break;
      case 'g': recall(static_cast<std::uint64_t>(line_integer())); break;
      case 'Q': push_persistent(); break;
      default: fail(fmt::format("holds the opcode 0x{:02X}, which atp does not know", op));
    }
    return true;
  }

  void push_text_real() {
    const std::string_view text = line();
    double d = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), d);
    if (error != std::errc() || end != text.data() + text.size()) fail(fmt::format("is a damaged pickle: '{}' is no number", excerpt(text)));
    push_real(d);
  }

  Pickle& out_;
  ByteReader in_;
  std::size_t whole_;
  unsigned depth_;
  std::size_t spent_ = 0;
  std::optional<std::uint32_t> none_, true_, false_, empty_;
  std::array<std::optional<std::uint32_t>, 256> small_;
  std::vector<std::uint32_t> stack_;
  std::vector<std::size_t> marks_;
  std::vector<std::uint32_t> memo_;
  std::unordered_map<std::uint64_t, std::uint32_t> scattered_;  // slots beyond those of memo_
};

Pickle::Pickle(Bytes bytes, unsigned depth, bool in_torch_file) : in_torch_file_(in_torch_file) {
  if (bytes.size() >= UINT32_MAX) fail_input("", "is a pickle of more than 4 GB");
  PickleMachine(*this, bytes, depth).run();
}

bool looks_like_pickle(std::string_view head) {
  if (head.size() > 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5) return true;
  // Protocols 0 and 1 have no mark of their own: a list or dict that is stored at once, or a class.
  for (const std::string_view start : {"(lp0\n", "(lp1\n", "(dp0\n", "(dp1\n", "]q", "}q", "(lq", "(dq", "ccopy_reg\n_reconstructor\n", "cnumpy.core.multiarray\n", "ctorch", "cnumpy._core.multiarray\n"}) {
    if (head.starts_with(start)) return true;
  }
  return false;
}

}  // namespace atp
