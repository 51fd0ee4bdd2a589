#include "policy/policy.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "policy/file_checker.h"
#include "policy/file_header.h"

namespace vpn::policy {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

class Mapping {
 public:
  Mapping() = default;
  Mapping(void* begin, std::size_t size) : begin_(begin), size_(size) {}
  ~Mapping() {
    if (begin_ != nullptr) ::munmap(begin_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  Mapping(Mapping&& other) noexcept : begin_(std::exchange(other.begin_, nullptr)), size_(other.size_) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(begin_, other.begin_);
    std::swap(size_, other.size_);
    return *this;
  }
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(begin_), size_}; }

 private:
  void* begin_ = nullptr;
  std::size_t size_ = 0;
};

bool same(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

tl::unexpected<Error> cannot_read(const std::string& path) {
  return fail(ErrorKind::unreadable, std::string("cannot read the policy: ") + std::strerror(errno), path);
}

}  // namespace

struct Policy::Data {
  Mapping mapping;
  Bytes owned;
  std::span<const std::byte> bytes;
  FileHeader header;
  const fb::Policy* body = nullptr;
  DomainTable domains;
  AppTable apps;

  Result<void> check(const OpenOptions& options);
};

// The order matters: nothing of the body is looked at before its digest holds.
Result<void> Policy::Data::check(const OpenOptions& options) {
  auto read = decode(bytes);
  if (!read) return tl::unexpected(std::move(read.error()));
  header = *read;
  const auto content = bytes.subspan(header_bytes);
  if (auto ok = check_body_digest(header, content); !ok) return ok;
  if (options.public_key) {
    if (auto ok = check_signature(header, *options.public_key); !ok) return ok;
  }
  if (header.shown.serial < options.minimum_serial) {
    return fail(ErrorKind::invalid_input,
                "the policy's serial is " + std::to_string(header.shown.serial) + ", at least " +
                    std::to_string(options.minimum_serial) + " is asked for",
                "offset 16", "use the newer policy, or compile this one with a higher --serial");
  }
  auto checked = check_body(content, apps, domains);
  if (!checked) return tl::unexpected(std::move(checked.error()));
  body = *checked;
  return {};
}

Policy::Policy() : data_(std::make_unique<Data>()) {}
Policy::Policy(Policy&&) noexcept = default;
Policy& Policy::operator=(Policy&&) noexcept = default;
Policy::~Policy() = default;

Result<Policy> Policy::open(const std::string& path, const OpenOptions& options) {
  // O_NONBLOCK: opening a FIFO that nobody writes to must not hang; it has no effect on regular files.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat before {};
  if (file.get() < 0 || ::fstat(file.get(), &before) != 0) return cannot_read(path);
  if (!S_ISREG(before.st_mode)) return fail(ErrorKind::unreadable, "a policy must be a regular file", path);
  const auto size = static_cast<std::uint64_t>(before.st_size);
  if (size > largest_body + header_bytes)
    return fail(ErrorKind::invalid_input, "the file is too large for a policy", path);
  Policy policy;
  if (size != 0) {
    void* begin = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ, MAP_PRIVATE | MAP_POPULATE, file.get(), 0);
    if (begin == MAP_FAILED) return cannot_read(path);
    policy.data_->mapping = Mapping(begin, static_cast<std::size_t>(size));
    policy.data_->bytes = policy.data_->mapping.bytes();
  }
  if (auto ok = policy.data_->check(options); !ok) {
    Error error = std::move(ok.error());
    error.where = error.where.empty() ? path : path + ": " + error.where;
    return tl::unexpected(std::move(error));
  }
  // Policies are replaced by renaming a new file over the old one. One that is written in place may change again at any
  // time.
  struct stat after {};
  if (::fstat(file.get(), &after) != 0) return cannot_read(path);
  if (!same(before, after))
    return fail(ErrorKind::unreadable, "the policy changed while it was read", path, "try again");
  return policy;
}

Result<Policy> Policy::from_bytes(Bytes bytes, const OpenOptions& options) {
  Policy policy;
  policy.data_->owned = std::move(bytes);
  policy.data_->bytes = policy.data_->owned;
  if (auto ok = policy.data_->check(options); !ok) return tl::unexpected(std::move(ok.error()));
  return policy;
}

Result<Policy> Policy::from_bytes(std::span<const std::byte> bytes, const OpenOptions& options) {
  Bytes copy = Bytes::copy(bytes);
  if (copy.size() != bytes.size()) return fail(ErrorKind::environment, "there is not enough memory for the policy");
  return from_bytes(std::move(copy), options);
}

const Header& Policy::header() const { return data_->header.shown; }
const fb::Policy& Policy::body() const { return *data_->body; }
const DomainTable& Policy::domains() const { return data_->domains; }
const AppTable& Policy::apps() const { return data_->apps; }
std::span<const std::byte> Policy::bytes() const { return data_->bytes; }

}  // namespace vpn::policy
