#include "agent/datapath/kernel_map.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>

namespace vpn::agent {

tl::unexpected<Error> kernel_error(std::string what, int error, std::string help) {
  std::array<char, 128> text{};
  what += ": ";
  what += ::strerror_r(error < 0 ? -error : error, text.data(), text.size());
  return fail(ErrorKind::environment, std::move(what), {}, std::move(help));
}

Result<Mapping> Mapping::of(int map_fd, std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  Mapping out;
  out.bytes_ = (bytes + page - 1) / page * page;
  void* start = ::mmap(nullptr, out.bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (start == MAP_FAILED) return kernel_error("cannot map a map of the datapath", errno);
  out.start_ = start;
  return out;
}

Mapping::~Mapping() {
  if (start_) ::munmap(start_, bytes_);
}

namespace detail {

Result<void> load_map(int fd, std::size_t key_size, std::size_t value_size,
                      const std::function<void(const char* key, const char* value)>& each) {
  std::vector<char> key(key_size), next(key_size), value(value_size);
  const char* from = nullptr;
  while (::bpf_map_get_next_key(fd, from, next.data()) == 0) {
    key = next;
    from = key.data();
    if (::bpf_map_lookup_elem(fd, key.data(), value.data()) == 0) each(key.data(), value.data());
  }
  if (errno != ENOENT) return kernel_error("cannot read a map of the datapath", errno);
  return {};
}

Result<void> write_entry(int fd, const void* key, const void* value) {
  if (::bpf_map_update_elem(fd, key, value, BPF_ANY) == 0) return {};
  return kernel_error("cannot write to a map of the datapath", errno,
                      errno == E2BIG ? "there are more entries than the map can hold" : "");
}

Result<void> erase_entry(int fd, const void* key) {
  if (::bpf_map_delete_elem(fd, key) == 0 || errno == ENOENT) return {};
  return kernel_error("cannot delete from a map of the datapath", errno);
}

}  // namespace detail
}  // namespace vpn::agent
