// Whose sockets are whose: what the programs look up by cgroup, by a cgroup's name and by executable.
#include <bpf/bpf.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "agent/datapath/datapath_data.h"
#include "guard.skel.h"

namespace vpn::agent {
namespace {

using Groups = std::map<std::string, vpn_owner>;
using Patterns = std::map<std::string, vpn_pattern_owner>;
using PatternMap = MirroredMap<vpn_pattern, vpn_pattern_owner>;

constexpr vpn_owner nobody{}, not_certain{0, 0, 0, VPN_OWNER_UNKNOWN};
/// Stands for what finds no room, and for what is being changed.
constexpr vpn_pattern everything{{1, 0, 0, 0}, {}, {}};
constexpr vpn_pattern_owner whoever{not_certain, 0};

bool same(const vpn_owner& a, const vpn_owner& b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

vpn_owner kernel_owner(const Owner& owner) {
  return {owner.app, owner.spawner, owner.provider, owner.agent ? std::uint32_t{VPN_OWNER_AGENT} : 0};
}

/// Those with an owner first, for there may be too many.
Groups kernel_groups(std::span<const CgroupOwner> cgroups) {
  Groups out;
  const auto add = [&](bool owned) {
    for (const CgroupOwner& g : cgroups) {
      const vpn_owner owner = kernel_owner(g.owner);
      if (same(owner, nobody) == owned || (!owned && out.size() >= VPN_MAX_CGROUPS / 2)) continue;
      out[MirroredMap<std::uint64_t, vpn_owner>::bytes(g.id)] = owner;
    }
  };
  add(true);
  add(false);
  return out;
}

Groups kernel_files(std::span<const ExecutableOwner> executables) {
  Groups out;
  for (const ExecutableOwner& e : executables) {
    /* The kernel keeps 20 bits for the minor number in memory, user space sees it split. */
    const vpn_executable key{e.inode, static_cast<std::uint32_t>(major(e.device) << 20 | minor(e.device)), 0};
    out[MirroredMap<vpn_executable, vpn_owner>::bytes(key)] = kernel_owner(e.owner);
  }
  return out;
}

/// What does not fit a key is cut, and tells less.
std::pair<vpn_pattern, vpn_pattern_owner> kernel_pattern(const CgroupPattern& p, std::uint32_t order) {
  const auto start = std::string_view(p.start).substr(0, VPN_PATTERN_START);
  const auto end = std::string_view(p.end).substr(p.end.size() - std::min<std::size_t>(p.end.size(), VPN_PATTERN_END));
  const bool cut = start.size() != p.start.size() || end.size() != p.end.size();
  vpn_pattern key{};
  key.shape = {1, static_cast<std::uint8_t>(p.whole && !cut ? 1 : 0), static_cast<std::uint8_t>(start.size()),
               static_cast<std::uint8_t>(end.size())};
  std::copy(start.begin(), start.end(), key.start);
  std::copy(end.begin(), end.end(), key.end);
  return {key, {p.certain && !cut ? vpn_owner{p.app, 0, 0, 0} : not_certain, order}};
}

struct Table {
  Patterns patterns;
  std::vector<vpn_shape> shapes;  ///< but that of `everything`
};

Table pattern_table(std::span<const CgroupPattern> patterns) {
  Table out;
  std::set<std::tuple<int, int, int>> shapes;
  std::uint32_t order = 1; /* 0: of what matches everything */
  for (const CgroupPattern& p : patterns) {
    const auto [key, owner] = kernel_pattern(p, order++);
    const std::tuple shape(key.shape.whole, key.shape.start, key.shape.end);
    if ((!shapes.contains(shape) && shapes.size() >= VPN_SHAPES - 1) || out.patterns.size() >= VPN_MAX_PATTERNS / 2) {
      out.patterns[PatternMap::bytes(everything)] = whoever;
      continue;
    }
    if (shapes.insert(shape).second) out.shapes.push_back(key.shape);
    out.patterns.emplace(PatternMap::bytes(key), owner);
  }
  return out;
}

/// Both, and where they differ, it is not certain.
Groups united(const Groups& held, Groups wanted) {
  for (const auto& [key, owner] : held) {
    if (same(owner, nobody)) continue;
    const auto [it, is_new] = wanted.emplace(key, owner);
    if (!is_new && !same(it->second, owner)) it->second = not_certain;
  }
  return wanted;
}

bool equal(const Patterns& a, const Patterns& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && std::memcmp(&x.second, &y.second, sizeof(x.second)) == 0;
  });
}

Result<void> write_shape(int map, std::uint32_t index, const vpn_shape& shape) {
  return detail::write_entry(map, &index, &shape);
}

}  // namespace

Result<void> Datapath::Data::put_patterns(const Patterns& wanted, std::span<const vpn_shape> wanted_shapes,
                                          bool certain) {
  const int shapes = Programs::fd(programs.skeleton().maps.shapes);
  Patterns entries = wanted;
  const bool room = entries.emplace(PatternMap::bytes(everything), whoever).second;
  if (auto done = patterns.set(everything, whoever); !done) return done;
  if (auto done = write_shape(shapes, 0, everything.shape); !done) return done;
  flag(VPN_HAS_PATTERNS, true);
  if (auto done = patterns.replace(entries); !done) return done;
  for (std::uint32_t i = 1; i < VPN_SHAPES; ++i) {
    const vpn_shape shape = i <= wanted_shapes.size() ? wanted_shapes[i - 1] : vpn_shape{};
    if (auto done = write_shape(shapes, i, shape); !done) return done;
  }
  if (!room || !certain) return {};
  if (auto done = write_shape(shapes, 0, vpn_shape{}); !done) return done;
  flag(VPN_HAS_PATTERNS, !wanted_shapes.empty());
  return {};
}

Result<void> Datapath::set_owners(std::span<const CgroupOwner> cgroups, std::span<const ExecutableOwner> executables,
                                  std::span<const CgroupPattern> patterns) {
  Data& d = *data_;
  Result<void> done = d.put_owners(kernel_groups(cgroups), kernel_files(executables));
  Table wanted = pattern_table(patterns);
  if (!done || (d.patterns_in_place && equal(*d.patterns_in_place, wanted.patterns))) return done;
  d.patterns_in_place.reset();
  done = d.put_patterns(wanted.patterns, wanted.shapes, true);
  if (done) d.patterns_in_place = std::move(wanted.patterns);
  return done;
}

Result<void> Datapath::add_owners(std::span<const CgroupOwner> cgroups, std::span<const ExecutableOwner> executables,
                                  std::span<const CgroupPattern> patterns) {
  Data& d = *data_;
  const Table wanted = pattern_table(patterns);
  if (!d.patterns_in_place || !equal(*d.patterns_in_place, wanted.patterns)) {
    d.patterns_in_place.reset();
    if (auto done = d.put_patterns(wanted.patterns, wanted.shapes, false); !done) return done;
  }
  return d.put_owners(united(d.cgroups.held(), kernel_groups(cgroups)),
                      united(d.executables.held(), kernel_files(executables)));
}

Result<void> Datapath::Data::put_owners(const Groups& groups, const Groups& files) {
  /* Before the first entry: what is in the maps has to be asked for. */
  if (!groups.empty()) flag(VPN_HAS_CGROUPS, true);
  if (!files.empty()) flag(VPN_HAS_EXECUTABLES, true);
  if (auto done = cgroups.replace(groups); !done) return done;
  if (auto done = executables.replace(files); !done) return done;
  flag(VPN_HAS_CGROUPS, cgroups.size() != 0);
  flag(VPN_HAS_EXECUTABLES, executables.size() != 0);
  return {};
}

Result<Owner> Datapath::owner_of(std::uint32_t pid) {
  const auto found = data_->programs.owner_of(pid);
  if (!found) return tl::unexpected(found.error());
  return Owner{found->app, found->spawner, found->provider, (found->flags & VPN_OWNER_AGENT) != 0,
               (found->flags & VPN_OWNER_UNKNOWN) != 0};
}

}  // namespace vpn::agent
