// Messages on a stream: "Content-Length: N", an empty line, N bytes (LSP 3.17, base protocol).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vpn::lsp {

/// What a message may be; a longer one is passed over, and the peer hears of it.
inline constexpr std::size_t largest_message = std::size_t{64} << 20;
inline constexpr std::size_t largest_header = std::size_t{8} << 10;

struct Frame {
  enum class Kind : std::uint8_t {
    message,
    too_large,  ///< was passed over; the stream goes on behind it
  };
  Kind kind = Kind::message;
  std::string content;
};

/// Cuts a stream into messages.
class FrameReader {
 public:
  /// Takes bytes as they come; whole messages are appended to `frames`.
  void feed(std::string_view bytes, std::vector<Frame>& frames);
  /// The header made no sense, so nobody knows where the next message begins: nothing is read any more.
  bool lost() const { return lost_; }

 private:
  void header(std::string_view& bytes);
  void body(std::string_view& bytes, std::vector<Frame>& frames);
  bool read_length();

  std::string header_;
  std::string body_;
  std::size_t missing_ = 0;  ///< of the body
  bool in_body_ = false, too_large_ = false, lost_ = false;
};

std::string framed(std::string_view content);

}  // namespace vpn::lsp
