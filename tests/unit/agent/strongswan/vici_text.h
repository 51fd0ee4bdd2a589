// A message of VICI as text, read from its bytes by a reader of the test's own: what the wire holds, not what the code
// under test thinks.
#pragma once

#include <cctype>
#include <cstddef>
#include <span>
#include <string>

namespace vpn::test {

class ViciText {
 public:
  static std::string of(std::span<const std::byte> bytes) { return ViciText(bytes).run(); }

 private:
  explicit ViciText(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::string run() {
    std::string out;
    while (at_ < bytes_.size()) {
      switch (number(1)) {
        case 1:
          out += indent() + take(number(1)) + " {\n";
          ++depth_;
          break;
        case 2:
          --depth_;
          out += indent() + "}\n";
          break;
        case 3: {
          const std::string name = take(number(1));
          out += indent() + name + " = " + shown(take(number(2))) + "\n";
          break;
        }
        case 4:
          out += indent() + take(number(1)) + " = [";
          break;
        case 5:
          out += " " + shown(take(number(2)));
          break;
        case 6:
          out += " ]\n";
          break;
        default:
          return out + "?";
      }
    }
    return out;
  }

  std::size_t number(int size) {
    std::size_t out = 0;
    while (size-- > 0) out = out << 8 | std::to_integer<std::size_t>(bytes_[at_++]);
    return out;
  }
  std::string take(std::size_t size) {
    const auto piece = bytes_.subspan(at_, size);
    at_ += size;
    return {reinterpret_cast<const char*>(piece.data()), piece.size()};
  }
  static std::string shown(const std::string& value) {
    for (const char c : value) {
      if (std::isprint(static_cast<unsigned char>(c)) == 0) return "<" + std::to_string(value.size()) + " bytes>";
    }
    return value;
  }
  std::string indent() const { return std::string(2 * depth_, ' '); }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace vpn::test
