#include "agent/control/resident.h"

#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vpn::agent {
namespace {

using Parts = std::span<const ElfW(Phdr)>;

struct Pages {
  std::uintptr_t first, end;
};

Pages pages_of(const dl_phdr_info& object, const ElfW(Phdr) & part) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const std::uintptr_t start = object.dlpi_addr + part.p_vaddr;
  return {start & ~(page - 1), (start + part.p_memsz + page - 1) & ~(page - 1)};
}

/// Whether the dynamic linker writes into segments that are not writable afterwards.
bool has_text_relocations(const dl_phdr_info& object) {
  for (const auto& part : Parts(object.dlpi_phdr, object.dlpi_phnum)) {
    if (part.p_type != PT_DYNAMIC) continue;
    const auto* entry = std::bit_cast<const ElfW(Dyn)*>(object.dlpi_addr + part.p_vaddr);
    for (; entry->d_tag != DT_NULL; ++entry)
      if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0))
        return true;
  }
  return false;
}

/// What the linker writes before it takes the permission away (RELRO) is in segments that are writable.
int give_back(dl_phdr_info* object, std::size_t /*size*/, void* /*context*/) {
  if (has_text_relocations(*object)) return 0;
  const Parts parts(object->dlpi_phdr, object->dlpi_phnum);
  for (const auto& part : parts) {
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
    const Pages own = pages_of(*object, part);
    const bool shared = std::any_of(parts.begin(), parts.end(), [&](const auto& other) {
      const Pages theirs = pages_of(*object, other);
      return other.p_type == PT_LOAD && (other.p_flags & PF_W) != 0 && theirs.first < own.end && own.first < theirs.end;
    });
    if (!shared) ::madvise(std::bit_cast<void*>(own.first), own.end - own.first, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void give_back_memory() noexcept {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
  ::dl_iterate_phdr(give_back, nullptr);
}

}  // namespace vpn::agent
