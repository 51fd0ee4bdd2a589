#include "agent/dns/inventions.h"

namespace vpn::agent::dns {
namespace {

constexpr unsigned looks_at_once = 64;  // for one that rests

}  // namespace

std::optional<policy::Address> Inventions::address_of(const std::string& name, Time now) {
  const auto address = [&](std::uint32_t number) {
    return policy::Address::from_v4(first().v4() + (start_ + number) % range);
  };
  if (const auto known = numbers_.find(name); known != numbers_.end()) {
    entries_[known->second].used = now;
    return address(known->second);
  }
  if (entries_.size() < most) {
    const auto number = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back({name, now});
    numbers_.emplace(name, number);
    return address(number);
  }
  for (unsigned i = 0; i < looks_at_once; ++i) {
    const std::size_t number = next_;
    next_ = (next_ + 1) % entries_.size();
    if (now - entries_[number].used < rests) continue;
    numbers_.erase(entries_[number].name);
    entries_[number] = {name, now};
    numbers_.emplace(name, static_cast<std::uint32_t>(number));
    return address(static_cast<std::uint32_t>(number));
  }
  return std::nullopt;
}

std::string Inventions::name_of(const policy::Address& address, Time now) {
  if (address.v6 || address.v4() < first().v4()) return {};
  const std::uint32_t place = address.v4() - first().v4();
  if (place >= range) return {};
  const std::uint32_t number = (place + range - start_) % range;
  if (number >= entries_.size()) return {};
  entries_[number].used = now;
  return entries_[number].name;
}

}  // namespace vpn::agent::dns
