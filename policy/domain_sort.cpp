#include "policy/domain_sort.h"

#include <algorithm>

#include "policy/little_endian.h"

namespace vpn::policy {

std::size_t shared_suffix(std::string_view a, std::string_view b) {
  const std::size_t limit = std::min(a.size(), b.size());
  const char* a_end = a.data() + a.size();
  const char* b_end = b.data() + b.size();
  std::size_t n = 0;
  while (n + 8 <= limit) {
    const std::uint64_t differ = load_le64(a_end - n - 8) ^ load_le64(b_end - n - 8);
    if (differ != 0) return n + static_cast<std::size_t>(std::countl_zero(differ)) / 8;
    n += 8;
  }
  while (n < limit && *(a_end - n - 1) == *(b_end - n - 1)) ++n;
  return n;
}

namespace {

bool before(const DomainItem& a, const DomainItem& b) {
  const std::size_t shared = shared_suffix(a.name(), b.name());
  if (shared == a.length || shared == b.length)
    return a.length != b.length ? a.length < b.length : a.membership < b.membership;
  return a.text[a.length - shared - 1] < b.text[b.length - shared - 1];
}

}  // namespace

void sort_by_suffix(std::vector<DomainItem>& items) { std::sort(items.begin(), items.end(), before); }

}  // namespace vpn::policy
