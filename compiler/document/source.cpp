#include "compiler/document/source.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace vpn::document {
namespace {

/// Offsets are 32 bits wide, and Span::npos is taken.
constexpr std::size_t largest = Span::npos - 1;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string reason(int error) { return std::generic_category().message(error); }

tl::unexpected<Error> too_large(const std::string& name, std::size_t limit) {
  return fail(ErrorKind::invalid_input, "the file is larger than the limit of " + std::to_string(limit) + " bytes",
              name, "a file of this size is not plausible here; split it");
}

struct Buffer {
  std::unique_ptr<char[]> bytes;
  std::size_t size = 0;
  std::size_t capacity = 0;

  void grow(std::size_t wanted) {
    auto larger = std::make_unique_for_overwrite<char[]>(wanted);
    if (size != 0) std::memcpy(larger.get(), bytes.get(), size);
    bytes = std::move(larger);
    capacity = wanted;
  }
};

/// Reads to the end. One byte more than the expected size is asked for, so that a file that grew is noticed; a regular
/// file that has less to give is at its end.
Result<Buffer> read_all(int fd, const std::string& name, std::size_t expected, std::size_t limit, bool is_regular) {
  Buffer buffer;
  buffer.grow(std::min(expected, limit) + 1);
  while (true) {
    if (buffer.size > limit) return too_large(name, limit);
    if (buffer.size == buffer.capacity) buffer.grow(std::min(buffer.capacity * 2, limit + 1));
    const std::size_t room = buffer.capacity - buffer.size;
    const ssize_t n = ::read(fd, buffer.bytes.get() + buffer.size, room);
    if (n == 0) return buffer;
    if (n > 0) {
      const auto count = static_cast<std::size_t>(n);
      buffer.size += count;
      constexpr std::size_t most = std::size_t{1} << 20;  // of more than that, one call need not give all
      if (is_regular && count < room && room <= most) return buffer;
    } else if (errno != EINTR) {
      return fail(ErrorKind::unreadable, "cannot read the file: " + reason(errno), name);
    }
  }
}

/// A byte order mark is no part of the first line.
std::uint32_t mark_size(std::string_view text) { return text.substr(0, 3) == "\xef\xbb\xbf" ? 3 : 0; }

/// Of long lines, the code points before every so many bytes are remembered.
constexpr std::uint32_t stride = 4096;

/// A code point starts at every byte that does not continue one.
std::uint32_t points_in(std::string_view text) {
  return static_cast<std::uint32_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

bool ends_line(std::string_view text, std::size_t i) {
  return text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n'));
}

}  // namespace

Source::Source(std::string name, std::string text) : name_(std::move(name)), owned_(std::move(text)), text_(owned_) {}
Source::~Source() {
  if (wipe_) OPENSSL_cleanse(owned_.data(), owned_.size());
}

Result<std::unique_ptr<Source>> Source::read(const std::string& path, std::size_t limit) {
  limit = std::min(limit, largest);
  const bool standard_input = path == "-";
  const std::string name = standard_input ? "<stdin>" : path;
  const Descriptor file(standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return fail(ErrorKind::unreadable, "cannot open the file: " + reason(errno), name);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0)
    return fail(ErrorKind::unreadable, "cannot read the file: " + reason(errno), name);
  if (S_ISDIR(info.st_mode)) return fail(ErrorKind::unreadable, "this is a folder, not a file", name);
  const auto size = static_cast<std::size_t>(std::max<off_t>(info.st_size, 0));
  if (S_ISREG(info.st_mode) && size > limit) return too_large(name, limit);
  const bool is_regular = S_ISREG(info.st_mode) && size > 0;  // those of /proc say 0
  auto buffer = read_all(file.get(), name, is_regular ? size : std::size_t{64} << 10, limit, is_regular);
  if (!buffer) return tl::unexpected(buffer.error());
  auto source = std::make_unique<Source>(name, std::string());
  source->buffer_ = std::move(buffer->bytes);
  source->text_ = {source->buffer_.get(), buffer->size};
  return source;
}

Result<std::unique_ptr<Source>> Source::read_up_to(const std::string& path, std::size_t limit) {
  auto source = read(path, limit);
  if (source || source.error().kind != ErrorKind::invalid_input) return source;
  auto empty = std::make_unique<Source>(path == "-" ? "<stdin>" : path, std::string());
  empty->is_too_large_ = true;
  return empty;
}

void Source::replace_text(std::string text, bool is_original) {
  if (wipe_) OPENSSL_cleanse(owned_.data(), owned_.size());
  owned_ = std::move(text);
  text_ = owned_;
  buffer_.reset();
  is_original_ = is_original;
  lines_.clear();
  points_.clear();
}

const std::vector<std::uint32_t>& Source::lines() const {
  if (lines_.empty()) {
    lines_.push_back(0);
    std::size_t feed = text_.find('\n'), carriage_return = text_.find('\r');
    while (true) {
      const std::size_t end = std::min(feed, carriage_return);
      if (end == std::string_view::npos) break;
      if (ends_line(text_, end)) lines_.push_back(static_cast<std::uint32_t>(end + 1));
      (end == feed ? feed : carriage_return) = text_.find(text_[end], end + 1);
    }
  }
  return lines_;
}

std::uint32_t Source::line_count() const {
  const auto& starts = lines();
  const bool last_is_empty = starts.size() > 1 && starts.back() == text_.size();
  return static_cast<std::uint32_t>(starts.size() - (last_is_empty ? 1 : 0));
}

Position Source::position(std::uint32_t offset) const {
  if (offset == Span::npos) return {};
  const auto& starts = lines();
  offset = std::min(offset, static_cast<std::uint32_t>(text_.size()));
  const auto next = std::upper_bound(starts.begin(), starts.end(), offset);
  const std::uint32_t start = next - 1 == starts.begin() ? std::min(mark_size(text_), offset) : *(next - 1);
  const std::uint32_t points = offset - start <= stride ? points_in(text_.substr(start, offset - start))
                                                        : points_before(offset) - points_before(start);
  return {static_cast<std::uint32_t>(next - starts.begin()), points + 1};
}

std::uint32_t Source::points_before(std::uint32_t offset) const {
  if (points_.empty()) {
    points_.push_back(0);
    for (std::size_t i = stride; i <= text_.size(); i += stride)
      points_.push_back(points_.back() + points_in(text_.substr(i - stride, stride)));
  }
  const std::uint32_t whole = offset / stride;
  return points_[whole] + points_in(text_.substr(std::size_t{whole} * stride, offset % stride));
}

std::string_view Source::line(std::uint32_t line) const {
  const auto& starts = lines();
  if (line == 0 || line > starts.size()) return {};
  const std::size_t begin = line == 1 ? mark_size(text_) : starts[line - 1];
  std::size_t end = line < starts.size() ? starts[line] : text_.size();
  while (end > begin && (text_[end - 1] == '\n' || text_[end - 1] == '\r')) --end;
  return text_.substr(begin, end - begin);
}

}  // namespace vpn::document
