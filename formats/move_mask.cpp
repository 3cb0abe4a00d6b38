#include "formats/move_mask.h"

namespace atp {

void settle_move_mask(Structure& structure) {
  const Structure::Section* const s = structure.find(Kind::atom, "move_mask");
  if (s == nullptr) return;
  const ValueView value = decode_value(s->view());
  const std::uint64_t n = structure.n_atoms();
  const NumbersView& given = value.numbers;
  if (n == 0 || (given.scalar != Scalar::i64 && given.scalar != Scalar::i32) || (given.count != n && given.count != 3 * n)) return;
  std::vector<std::int32_t> mask(3 * n);
  for (std::uint64_t i = 0; i < 3 * n; ++i) {
    const std::int64_t v = given.integer(given.count == n ? i / 3 : i);
    if (v != 0 && v != 1) return;
    mask[i] = static_cast<std::int32_t>(v);
  }
  const std::uint32_t shape[] = {static_cast<std::uint32_t>(n), 3};
  structure.put_tensor(Kind::atom, "move_mask", Type::tensor_i32, shape, std::as_bytes(std::span(mask)));
}

}  // namespace atp
