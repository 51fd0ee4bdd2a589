// Replacing the tables, all at once.
#include <bpf/bpf.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <future>
#include <system_error>
#include <vector>

#include "agent/datapath/datapath_data.h"
#include "guard.skel.h"

namespace vpn::agent {
namespace {

/// An array map of words, filled through memory: no system call for each.
Result<Descriptor> words_map(const char* name, std::span<const std::uint64_t> words) {
  bpf_map_create_opts options{};
  options.sz = sizeof(options);
  options.map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP;
  const auto count = std::max<std::size_t>(words.size(), 1);
  Descriptor map(::bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(std::uint32_t), sizeof(std::uint64_t),
                                  static_cast<std::uint32_t>(count), &options));
  if (!map)
    return kernel_error("the kernel has no room for a table of " + std::to_string(words.size()) + " words", errno);
  const auto memory = Mapping::of(map.get(), count * sizeof(std::uint64_t));
  if (!memory) return tl::unexpected(memory.error());
  if (!words.empty()) std::memcpy(memory->get(), words.data(), words.size_bytes());
  return map;
}

Result<Descriptor> apps_map(std::span<const AppClass> apps) {
  bpf_map_create_opts options{};
  options.sz = sizeof(options);
  options.map_flags = BPF_F_NO_PREALLOC;
  auto count = static_cast<std::uint32_t>(apps.size());
  Descriptor map(::bpf_map_create(BPF_MAP_TYPE_HASH, "vpn_apps", sizeof(std::uint32_t), sizeof(vpn_app_class),
                                  std::max(count, 1u), &options));
  if (!map) return kernel_error("the kernel has no room for the classes of apps", errno);
  if (count == 0) return map;
  std::vector<std::uint32_t> keys;
  std::vector<vpn_app_class> values;
  for (const AppClass& app : apps) {
    keys.push_back(app.app);
    values.push_back({app.as_owner, app.as_spawner});
  }
  if (::bpf_map_update_batch(map.get(), keys.data(), values.data(), &count, nullptr) != 0 || count != apps.size())
    return kernel_error("cannot write the classes of apps", errno);
  return map;
}

/// Puts maps into slots of an outer map. In one call: after each, the kernel waits until no program reads the old one.
Result<void> put(int outer, std::span<const std::uint32_t> slots, std::span<const std::uint32_t> inner) {
  auto count = static_cast<std::uint32_t>(slots.size());
  if (::bpf_map_update_batch(outer, slots.data(), inner.data(), &count, nullptr) == 0 && count == slots.size())
    return {};
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (::bpf_map_update_elem(outer, &slots[i], &inner[i], BPF_ANY) != 0)
      return kernel_error("cannot put a table into its slot", errno);
  return {};
}

Result<void> valid(const Publication& p) {
  for (const auto& table : {p.fresh, p.stale})
    if (table.size() < VPN_W_COUNT || table.size() > VPN_MAX_WORDS || table[VPN_W_MAGIC] != VPN_TABLE_MAGIC)
      return fail(ErrorKind::invalid_input, "this is no table for the kernel");
  if (p.connected.size() > VPN_MAX_TUNNELS)
    return fail(ErrorKind::invalid_input, "more tunnels than the kernel's table can hold");
  if (p.pairs.size() % std::max(p.spawners, 1u) != 0 || p.spawners == 0)
    return fail(ErrorKind::invalid_input, "the classes of apps do not hold together");
  return {};
}

/// In a thread of its own; or later in ours, where there can be none.
std::future<Result<void>> aside(std::function<Result<void>()> work) {
  try {
    return std::async(std::launch::async, work);
  } catch (const std::system_error&) {
    return std::async(std::launch::deferred, std::move(work));
  }
}

/// Waits until no program runs that has read an older `current`: the idle slot is then read by nobody.
void wait_for_readers() { ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0); }

}  // namespace

void Datapath::Data::wait_early() {
  readers = aside([]() -> Result<void> {
    wait_for_readers();
    return {};
  });
}

Result<void> Datapath::publish(const Publication& p) {
  if (auto ok = valid(p); !ok) return ok;
  const guard& skeleton = data_->programs.skeleton();
  const std::vector<std::uint64_t> pairs(p.pairs.begin(), p.pairs.end());
  const auto fresh = words_map("vpn_table", p.fresh), stale = words_map("vpn_stale", p.stale),
             classes = words_map("vpn_pairs", pairs), apps = apps_map(p.apps);
  for (const auto* made : {&fresh, &stale, &classes, &apps})
    if (!*made) return tl::unexpected(made->error());
  const bool proxies =
      data_->control().relay_port != 0 &&
      std::any_of(p.proxies.begin(), p.proxies.end(), [](std::uint8_t word) { return word != no_proxy; });
  const bool lookups = data_->control().forwarder_port != 0 &&
                       std::any_of(p.pairs.begin(), p.pairs.end(), [](std::uint32_t pair) { return pair & steered; });
  const bool steers = lookups || proxies;
  if (auto done = data_->programs.watch_datagrams(steers || p.fresh[VPN_W_DOMAINS] > 1); !done) return done;
  /* What hides the forwarder comes before it has anything to do, and stays while sockets are connected to it. */
  if (steers)
    if (auto done = data_->programs.hide_forwarder(); !done) return done;
  const std::uint64_t current = data_->control().current;
  const auto slot = current == 0 ? 0 : static_cast<std::uint32_t>((current & 0xff) ^ 1) % VPN_SLOTS;
  if (data_->readers.valid()) {
    data_->readers.get();
  } else if (data_->published || data_->adopted) {
    wait_for_readers();
  }
  const auto fd = [](const Result<Descriptor>& map) { return static_cast<std::uint32_t>(map->get()); };
  const std::array slots{slot, slot + VPN_SLOTS};
  const std::array both{fd(fresh), fd(stale)};
  const std::array pairs_one{fd(classes)}, apps_one{fd(apps)};
  const std::span one(slots.data(), 1);
  Data::Classes& held = data_->classes[slot];
  Data::Classes wanted{{p.apps.begin(), p.apps.end()}, pairs};
  std::vector<std::future<Result<void>>> waits; /* for the kernel's readers, milliseconds each: all at once */
  if (!(held == wanted)) {                      /* they change with the policy only */
    held = {};
    waits.push_back(aside([&] { return put(Programs::fd(skeleton.maps.pairs), one, pairs_one); }));
    waits.push_back(aside([&] { return put(Programs::fd(skeleton.maps.apps), one, apps_one); }));
  }
  auto done = put(Programs::fd(skeleton.maps.tables), slots, both);
  for (auto& wait : waits)
    if (auto other = wait.get(); !other) done = std::move(other);
  if (!done) return done;
  held = std::move(wanted);
  vpn_status& status = data_->status(slot);
  for (std::size_t i = 0; i < VPN_MAX_TUNNELS; ++i)
    std::atomic_ref(status.connected[i]).store(i < p.connected.size() ? p.connected[i] : 0u);
  std::fill(std::begin(status.streams_only), std::end(status.streams_only), 0);
  for (std::size_t i = 0; i < p.proxies.size() && i < VPN_MAX_TUNNELS; ++i)
    if (p.proxies[i] == stream_proxy) status.streams_only[i / 32] |= 1u << (i % 32);
  if (std::find(p.connected.begin(), p.connected.end(), tunnel_awaited) != p.connected.end())
    data_->flag(VPN_HAS_WAITED, true); /* and for as long as such connections may live */
  status.spawners = p.spawners;
  status.numbers = data_->last_number();
  if (data_->control().heartbeat == 0) heartbeat();
  data_->flag(VPN_STEERS, steers);
  data_->control().policy = p.policy;
  store(data_->control().current, ((current >> 8) + 1) << 8 | slot);
  data_->published = true;
  return {};
}

}  // namespace vpn::agent
