#include "agent/control/owners.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <openssl/evp.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>

#include "agent/files/files.h"
#include "agent/network/interface_types.h"
#include "policy/ascii.h"
#include "policy/flat_text.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

constexpr std::size_t most_cgroups = 65536;
constexpr unsigned deepest_cgroup = 32;
constexpr std::size_t largest_executable = std::size_t{1} << 30;
constexpr std::uint32_t file_events = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_ATTRIB;
constexpr std::uint32_t cgroup_events = IN_CREATE | IN_DELETE | IN_ONLYDIR;

AppIdentity identity_of(std::uint32_t app, const std::string& flatpak, const std::string& snap,
                        const std::string& cgroup) {
  AppIdentity out;
  out.app = app;
  // As systemd names what these start: app-flatpak-ID-PID.scope, snap.NAME.APP-UUID.scope, snap.NAME.APP.service.
  if (!flatpak.empty()) out.cgroups.push_back("app-flatpak-" + flatpak + "-*.scope");
  if (!snap.empty()) out.cgroups.push_back("snap." + snap + ".*");
  if (!cgroup.empty()) out.cgroups.push_back(cgroup);
  return out;
}

bool has_digest(const std::string& path, const std::vector<std::uint8_t>& digest) {
  const auto content = read_file(path, largest_executable);
  std::array<unsigned char, EVP_MAX_MD_SIZE> computed{};
  unsigned size = 0;
  return content && EVP_Digest(content->data(), content->size(), computed.data(), &size, EVP_sha256(), nullptr) == 1 &&
         std::equal(digest.begin(), digest.end(), computed.begin(), computed.begin() + size);
}

bool is_number(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), ascii::is_digit);
}

bool is_cgroup(const std::string& folder) {
  struct statfs s {};
  return ::statfs(folder.c_str(), &s) == 0 && s.f_type == CGROUP2_SUPER_MAGIC;
}

// Calls back with the name of each entry.
template <class Each>
void list(const std::string& folder, Each each) {
  DIR* dir = ::opendir(folder.c_str());
  if (dir == nullptr) return;
  while (const dirent* entry = ::readdir(dir)) each(*entry);
  ::closedir(dir);
}

}  // namespace

std::vector<AppIdentity> identities(const policy::Policy& policy, const std::vector<policy::MappedApp>& local) {
  std::map<std::uint32_t, AppIdentity> all;
  if (const auto* apps = policy.body().apps()) {
    for (std::uint32_t i = 0; i < apps->size(); ++i) {
      const auto* identity = apps->Get(i)->identity();
      if (identity == nullptr) continue;
      AppIdentity out = identity_of(i, policy::copy(identity->flatpak()), policy::copy(identity->snap()),
                                    policy::copy(identity->cgroup()));
      if (identity->paths() != nullptr)
        for (const auto* path : *identity->paths()) out.paths.push_back(path->str());
      if (identity->digest() != nullptr) out.digest.assign(identity->digest()->begin(), identity->digest()->end());
      all[i] = std::move(out);
    }
  }
  for (const policy::MappedApp& app : local) {
    const std::uint32_t index = policy.apps().find(app.identifier);
    if (index == policy::none) continue;  // the policy says nothing of it
    AppIdentity out = identity_of(index, app.flatpak, app.snap, app.cgroup);
    out.paths = app.paths;
    out.digest = app.digest;
    all[index] = std::move(out);
  }
  std::vector<AppIdentity> out;
  for (auto& [index, identity] : all)
    if (!identity.paths.empty() || !identity.cgroups.empty()) out.push_back(std::move(identity));
  return out;
}

bool is_cgroup_of(const AppIdentity& identity, std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return std::any_of(identity.cgroups.begin(), identity.cgroups.end(), [&](const std::string& pattern) {
    return matches(pattern, pattern.find('/') == std::string::npos ? name : path);
  });
}

std::vector<CgroupPattern> cgroup_patterns(const std::vector<AppIdentity>& identities,
                                           const std::map<std::uint32_t, Number>& numbers) {
  constexpr std::string_view wildcards = "*?";
  std::vector<CgroupPattern> out;
  for (const AppIdentity& identity : identities) {
    const auto number = numbers.find(identity.app);
    if (number == numbers.end()) continue;
    for (const std::string& text : identity.cgroups) {
      // A wildcard may stand for a '/', so of a path only what follows the last one of both is sure.
      const bool is_path = text.find('/') != std::string::npos;
      const std::string name = text.substr(is_path ? text.rfind('/') + 1 : 0);
      const std::size_t first = name.find_first_of(wildcards), last = name.find_last_of(wildcards);
      CgroupPattern p;
      p.app = number->second;
      p.whole = first == std::string::npos;
      if (p.whole || !is_path) p.start = name.substr(0, first);
      if (!p.whole) p.end = name.substr(last + 1);
      p.certain = !is_path && (p.whole || (first == last && name[first] == '*'));
      out.push_back(std::move(p));
    }
  }
  return out;
}

std::vector<CgroupOwner> with_descendants(const std::map<std::uint64_t, Owner>& owners,
                                          const std::map<std::uint64_t, std::uint64_t>& parents) {
  std::vector<CgroupOwner> out;
  out.reserve(owners.size());
  for (const auto& [id, owner] : owners) out.push_back({id, owner});
  for (const auto& [id, above] : parents) {
    if (owners.contains(id)) continue;
    std::uint64_t nearest = above;
    for (unsigned i = 0; i < 2 * deepest_cgroup && nearest != 0 && !owners.contains(nearest); ++i) {
      const auto next = parents.find(nearest);
      nearest = next == parents.end() ? 0 : next->second;
    }
    const auto owner = owners.find(nearest);
    out.push_back({id, owner == owners.end() ? Owner{} : owner->second});
  }
  return out;
}

std::optional<FoundOwners::Executable> executable_of(const std::string& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0 || !S_ISREG(s.st_mode)) return std::nullopt;
  return FoundOwners::Executable{s.st_dev, s.st_ino};
}

std::uint64_t cgroup_id(const std::string& folder) {
  struct stat s {};
  return ::stat(folder.c_str(), &s) == 0 && S_ISDIR(s.st_mode) ? s.st_ino : 0;
}

std::string cgroup_mount() {
  std::ifstream mounts("/proc/self/mounts");
  std::string device, place, type, rest;
  while (mounts >> device >> place >> type && std::getline(mounts, rest))
    if (type == "cgroup2") return place;
  return {};
}

OwnerWatch::OwnerWatch(Loop& loop, std::string cgroup_root, std::function<void()> changed)
    : loop_(loop), cgroup_root_(std::move(cgroup_root)), changed_(std::move(changed)) {
  inotify_ = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (inotify_ >= 0) waiting_ = loop_.readable(inotify_, [this] { readable(); });
}

OwnerWatch::~OwnerWatch() {
  waiting_.reset();
  if (inotify_ >= 0) ::close(inotify_);
}

void OwnerWatch::set(std::vector<AppIdentity> identities) {
  identities_ = std::move(identities);
  any_cgroups_ =
      std::any_of(identities_.begin(), identities_.end(), [](const AppIdentity& i) { return !i.cgroups.empty(); });
  replaced_.clear();
  found_ = {};
  scan();
}

void OwnerWatch::watch(const std::string& folder, bool cgroup) {
  if (inotify_ < 0 || folder.empty() || watched_.contains(folder)) return;
  const int number = ::inotify_add_watch(inotify_, folder.c_str(), cgroup ? cgroup_events : file_events);
  if (number >= 0) {
    watched_[folder] = number;
  } else if (errno == ENOENT || errno == ENOTDIR) {
    // Not installed: what is above it tells when it comes.
    if (!cgroup && folder != "/") watch(std::filesystem::path(folder).parent_path().string(), cgroup);
  } else {
    faults_.push_back(folder + " cannot be watched (fs.inotify.max_user_watches?): what changes there is seen late");
  }
}

void OwnerWatch::readable() {
  alignas(inotify_event) std::array<char, 16384> buffer{};
  bool gone = false;
  for (;;) {
    const ssize_t n = ::read(inotify_, buffer.data(), buffer.size());
    if (n <= 0) break;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(n);) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      if ((event->mask & IN_IGNORED) != 0) {
        gone = true;
        std::erase_if(watched_, [&](const auto& w) { return w.second == event->wd; });
      }
      at += sizeof(inotify_event) + event->len;
    }
  }
  if (soon_ != nullptr) return;
  // Shortly, for an upgrade changes many files; a new scope must not wait for long.
  soon_ = loop_.after(std::chrono::milliseconds(gone ? 20 : 2), [this] {
    soon_.reset();
    scan();
  });
}

void OwnerWatch::scan() {
  FoundOwners before;
  std::swap(before, found_);
  faults_.clear();
  scan_executables();
  if (any_cgroups_) scan_cgroups();
  for (const auto& [executable, app] : before.app_executables)
    if (!found_.app_executables.contains(executable)) replaced_[executable] = app;
  keep_running(found_);
  if (!(found_ == before)) changed_();
}

void OwnerWatch::scan_executables() {
  for (const AppIdentity& identity : identities_) {
    for (const std::string& path : identity.paths) {
      watch(std::filesystem::path(path).parent_path().string(), false);
      const auto executable = executable_of(path);
      if (!executable) continue;  // not installed
      if (!identity.digest.empty() && !has_digest(path, identity.digest)) {
        faults_.push_back(path + " does not have the digest that the app map asks for");
        continue;
      }
      const auto [it, is_new] = found_.app_executables.emplace(*executable, identity.app);
      if (!is_new && it->second != identity.app)
        faults_.push_back(path + " is an executable of two apps: the first counts");
    }
  }
}

void OwnerWatch::scan_cgroups() {
  too_many_ = false;
  // What is above belongs to the way up, too.
  std::uint64_t above = 0;
  const std::filesystem::path root(cgroup_root_);
  std::filesystem::path at;
  for (const auto& part : root.parent_path()) {
    at /= part;
    if (const std::uint64_t id = cgroup_id(at.string()); id != 0 && is_cgroup(at.string())) {
      found_.parents.emplace(id, above);
      above = id;
    }
  }
  scan_cgroups(cgroup_root_, {}, above, 0);
  if (too_many_)
    faults_.emplace_back("there are too many cgroups to watch; apps in the others are told by their names");
}

void OwnerWatch::scan_cgroups(const std::string& folder, const std::string& path, std::uint64_t parent,
                              unsigned depth) {
  if (depth > deepest_cgroup || found_.parents.size() >= most_cgroups) {
    too_many_ = true;
    return;
  }
  watch(folder, true);
  const std::uint64_t own = cgroup_id(folder);
  if (own == 0) return;  // it has gone
  found_.parents.emplace(own, parent);
  list(folder, [&](const dirent& entry) {
    const std::string_view name = entry.d_name;
    if (entry.d_type != DT_DIR || name == "." || name == "..") return;
    const std::string below = path + "/" + std::string(name);
    for (const AppIdentity& identity : identities_) {
      if (!is_cgroup_of(identity, below)) continue;
      if (const std::uint64_t id = cgroup_id(folder + "/" + std::string(name)); id != 0)
        found_.app_cgroups.emplace(id, identity.app);
      break;
    }
    scan_cgroups(folder + "/" + std::string(name), below, own, depth + 1);
  });
}

// A package was upgraded while the app runs: the file that it runs is still the app's, as long as it does. An inode is
// not used again before.
void OwnerWatch::keep_running(FoundOwners& now) {
  if (replaced_.empty()) return;
  std::set<FoundOwners::Executable> running;
  list("/proc", [&](const dirent& entry) {
    if (!is_number(entry.d_name)) return;
    if (const auto executable = executable_of("/proc/" + std::string(entry.d_name) + "/exe"))
      running.insert(*executable);
  });
  std::erase_if(replaced_,
                [&](const auto& r) { return !running.contains(r.first) || now.app_executables.contains(r.first); });
  for (const auto& [executable, app] : replaced_) now.app_executables.emplace(executable, app);
}

}  // namespace vpn::agent
