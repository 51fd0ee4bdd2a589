// Bytes that claim to be the kernel's, of options in routers' advertisements.
#include <cstdlib>

#include "agent/network/router_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpn::agent;
  RouterTable table;
  for (const RouterFact& f : read_router_options(std::as_bytes(std::span(data, size))).facts) {
    if (f.link == 0 || f.text.empty() || f.lifetime > longest_router_fact) std::abort();
    const bool nat64 = f.kind == RouterFact::Kind::nat64;
    if (nat64 && (f.nat64.length < 32 || f.nat64.length > 96 || f.nat64 != vpn::policy::Prefix::parse(f.text)))
      std::abort();
    if (f.kind == RouterFact::Kind::resolver && !vpn::policy::Address::parse(f.text)) std::abort();
    table.hear(f, {});
  }
  for (const auto& [link, facts] : table.facts())
    if (facts.dns_servers.size() > RouterTable::most_of_kind || facts.nat64.size() > RouterTable::most_of_kind)
      std::abort();
  return 0;
}
