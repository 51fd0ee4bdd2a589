// Counters and drop events.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>

#include "agent/datapath/datapath_data.h"
#include "guard.skel.h"

namespace vpn::agent {
namespace {

Result<std::vector<vpn_counter>> on_each_cpu(int map, std::uint32_t entry) {
  std::vector<vpn_counter> out(static_cast<std::size_t>(std::max(::libbpf_num_possible_cpus(), 1)));
  if (::bpf_map_lookup_elem(map, &entry, out.data()) != 0) return kernel_error("cannot read the counters", errno);
  return out;
}

int take(void* context, void* bytes, std::size_t size) {
  const auto& each = *static_cast<std::function<void(const DropEvent&)>*>(context);
  if (size < sizeof(vpn_drop_event) || !each) return 0;
  vpn_drop_event e;
  std::memcpy(&e, bytes, sizeof(e));
  DropEvent out;
  out.when = std::chrono::nanoseconds(e.when);
  out.app = e.app;
  out.spawner = e.spawner;
  out.pid = e.pid;
  out.uid = e.uid;
  out.interface = e.interface;
  out.remote = from_kernel(e.remote);
  out.remote_port = e.remote_port;
  out.local_port = e.local_port;
  out.cookie = e.cookie;
  out.protocol = e.protocol;
  out.rule = e.rule;
  out.tunnel = e.tunnel;
  out.incoming = (e.flags & VPN_DROP_INCOMING) != 0;
  out.early = (e.flags & VPN_DROP_EARLY) != 0;
  out.waits = (e.flags & VPN_DROP_WAITS) != 0;
  each(out);
  return 0;
}

}  // namespace

void RingCloser::operator()(ring_buffer* ring) const { ::ring_buffer__free(ring); }

Result<std::vector<Counter>> Datapath::counters() const {
  const guard& s = data_->programs.skeleton();
  const int sums = Programs::fd(s.maps.counters);
  std::vector<Counter> out;
  std::optional<Error> failed;
  const auto add = [&](Counter counter, std::uint32_t entry) {
    const auto parts = on_each_cpu(sums, entry);
    if (!parts) {
      failed = parts.error();
      return;
    }
    for (const vpn_counter& part : *parts) {
      counter.packets += part.packets;
      counter.bytes += part.bytes;
    }
    if (counter.packets != 0) out.push_back(counter);
  };
  auto read = detail::load_map(Programs::fd(s.maps.counter_of), sizeof(vpn_counter_key), sizeof(std::uint32_t),
                               [&](const char* key, const char* value) {
                                 vpn_counter_key k;
                                 std::uint32_t entry = 0;
                                 std::memcpy(&k, key, sizeof(k));
                                 std::memcpy(&entry, value, sizeof(entry));
                                 Counter c;
                                 c.app = k.app;
                                 c.spawner = k.spawner;
                                 c.owner = k.owner;
                                 c.verdict = k.verdict;
                                 c.rule = k.rule;
                                 c.tunnel = k.tunnel;
                                 c.incoming = k.incoming != 0;
                                 add(c, entry);
                               });
  if (!read) return tl::unexpected(read.error());
  Counter rest; /* for which there was no entry left */
  rest.rule = VPN_NO_RULE;
  rest.tunnel = VPN_NO_TUNNEL;
  add(rest, 0);
  if (failed) return tl::unexpected(*failed);
  return out;
}

int Datapath::drops_fd() const { return Programs::fd(data_->programs.skeleton().maps.drops); }

Result<void> Datapath::read_drops(const std::function<void(const DropEvent&)>& each) {
  Data& d = *data_;
  if (!d.drops) d.drops.reset(::ring_buffer__new(drops_fd(), take, &d.on_drop, nullptr));
  if (!d.drops) return kernel_error("cannot read the drop events", errno);
  d.on_drop = each;
  const int n = ::ring_buffer__consume(d.drops.get());
  d.on_drop = nullptr;
  if (n < 0) return kernel_error("cannot read the drop events", n);
  return {};
}

std::uint64_t Datapath::drops_lost() const {
  std::vector<std::uint64_t> parts(static_cast<std::size_t>(std::max(::libbpf_num_possible_cpus(), 1)));
  constexpr std::uint32_t zero = 0;
  std::uint64_t out = 0;
  if (::bpf_map_lookup_elem(Programs::fd(data_->programs.skeleton().maps.drops_lost), &zero, parts.data()) == 0)
    for (const std::uint64_t part : parts) out += part;
  return out;
}

}  // namespace vpn::agent
