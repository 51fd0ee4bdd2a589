// Messages of netlink, made byte by byte.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace vpn::agent::test {

using Bytes = std::vector<std::byte>;

template <class T>
void append(Bytes& out, const T& value) {
  const auto* p = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), p, p + sizeof value);
}

// A message written by hand: what the reader has to understand does not come from its own writer.
class Message {
 public:
  template <class Header>
  Message(std::uint16_t type, const Header& header) {
    nlmsghdr h{};
    h.nlmsg_type = type;
    append(bytes_, h);
    append(bytes_, header);
    pad();
  }
  Message& attribute(std::uint16_t type, const void* data, std::size_t size) {
    nlattr a{static_cast<std::uint16_t>(sizeof(nlattr) + size), type};
    append(bytes_, a);
    const auto* p = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), p, p + size);
    pad();
    return *this;
  }
  Message& attribute(std::uint16_t type, std::uint32_t value) { return attribute(type, &value, sizeof value); }
  Message& attribute(std::uint16_t type, const std::string& text) {
    return attribute(type, text.c_str(), text.size() + 1);
  }
  Message& attribute(std::uint16_t type, const Bytes& value) { return attribute(type, value.data(), value.size()); }
  /// As it is, behind what there is.
  Message& raw(const Bytes& value) {
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    return *this;
  }
  Bytes bytes() const {
    Bytes out = bytes_;
    const auto size = static_cast<std::uint32_t>(out.size());
    std::memcpy(out.data(), &size, sizeof size);
    return out;
  }

 private:
  void pad() {
    while (bytes_.size() % 4 != 0) bytes_.push_back(std::byte{0});
  }
  Bytes bytes_;
};

}  // namespace vpn::agent::test
