// What the HDF5 library hands out, and who gives it back. Only for builds with the library.
#pragma once

#include <hdf5.h>

#include <string>
#include <utility>

namespace atp {

// An identifier of the library; H5Idec_ref closes whatever it stands for.
class Hdf5Id {
 public:
  Hdf5Id() = default;
  explicit Hdf5Id(hid_t id) : id_(id) {}
  Hdf5Id(Hdf5Id&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Hdf5Id& operator=(Hdf5Id&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Hdf5Id() {
    if (id_ >= 0) H5Idec_ref(id_);
  }
  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }

 private:
  hid_t id_ = -1;
};

// The text of an attribute; empty when there is none, or none that is one text of at most a few hundred bytes.
std::string text_attribute(hid_t object, const char* name);

}  // namespace atp
