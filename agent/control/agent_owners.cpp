// Whose sockets are whose: what the kernel's programs are told of apps, providers and the agent.
#include <algorithm>
#include <fstream>

#include "agent/control/agent.h"
#include "agent/control/providers.h"
#include "agent/control/publication.h"
#include "agent/files/files.h"
#include "agent/tunnel/daemon.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

// The agent's own sockets (S1.d, S1.f): by its service's cgroup, into which only root can put a process, or else by its
// executable.
std::string own_service() {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line))
    if (line.starts_with("0::/") && line.ends_with(".service")) return line.substr(3);
  return {};
}

}  // namespace

// Only what is something on this device can own a socket here: the others need no number.
Result<void> Agent::set_numbers() {
  app_numbers_.clear();
  tunnel_numbers_.clear();
  names_.clear();
  std::vector<std::string_view> wanted;
  for (const AppIdentity& identity : identities_) wanted.push_back(active_->policy.apps().name(identity.app));
  const std::size_t apps = wanted.size();
  if (const auto* tunnels = active_->policy.body().tunnels())
    for (const auto* t : *tunnels) wanted.push_back(t->id()->string_view());
  auto numbers = guard_->datapath().numbers(wanted);
  if (!numbers) return tl::unexpected(numbers.error());
  for (std::size_t i = 0; i < numbers->size(); ++i) {
    names_[(*numbers)[i]] = std::string(wanted[i]);
    if (i < apps) {
      app_numbers_[identities_[i].app] = (*numbers)[i];
    } else {
      tunnel_numbers_.push_back((*numbers)[i]);
    }
  }
  return {};
}

// The program of the administrator's is not the agent: its lookups and probes have no exemption (S1.d, S1.f).
void Agent::place_enrolment() {
  std::string& folder = config_.enrolment.cgroup;
  folder = config_.enrolment.program.empty() ? std::string() : enrolment_cgroup(options_);
  const auto made = folder.empty() ? Result<void>() : make_cgroup(folder);
  if (made) return;
  log("the enrolment program runs as a part of the agent: " + made.error().what, true);
  folder.clear();
}

void Agent::owners_changed() {
  std::map<std::uint64_t, Owner> cgroups;
  std::map<FoundOwners::Executable, Owner> executables;
  for (const auto& [id, app] : owners_->found().app_cgroups) cgroups[id].app = app_numbers_[app];
  for (const auto& [file, app] : owners_->found().app_executables) executables[file].app = app_numbers_[app];
  const std::string mount = cgroup_mount();
  for (std::size_t t = 0; t < tunnels_.named().size() && t < tunnel_numbers_.size(); ++t) {
    const ProviderProcess& process = tunnels_.named()[t].life->report.process;
    for (const std::string& path : process.executables)
      if (const auto file = executable_of(path)) executables[*file].provider = tunnel_numbers_[t];
    for (const std::string& path : process.cgroups)
      if (const std::uint64_t id = cgroup_id(mount + path); id != 0) cgroups[id].provider = tunnel_numbers_[t];
  }
  const std::string service = own_service();
  if (const std::uint64_t id = service.empty() ? 0 : cgroup_id(mount + service); id != 0) {
    cgroups[id].agent = true;
  } else if (const auto self = executable_of("/proc/self/exe")) {
    executables[*self].agent = true;
  }
  // What runs in our service's cgroup is ours, but for this.
  if (const std::string& folder = config_.enrolment.cgroup; !folder.empty())
    if (const std::uint64_t id = cgroup_id(folder); id != 0) cgroups.try_emplace(id);
  std::vector<ExecutableOwner> e;
  std::string now;  // what is told, to see whether it is news
  const auto words = [](const Owner& o) {
    return " " + std::to_string(o.app) + " " + std::to_string(o.provider) + (o.agent ? " agent;" : ";");
  };
  const auto c = with_descendants(cgroups, owners_->found().parents);
  const auto patterns = cgroup_patterns(identities_, app_numbers_);
  const bool certain = std::all_of(patterns.begin(), patterns.end(), [](const CgroupPattern& p) { return p.certain; });
  for (const auto& [id, owner] : cgroups) now += std::to_string(id) + words(owner);
  if (!certain)  // sockets in a cgroup that is nobody's wait to be told so
    for (const auto& [id, above] : owners_->found().parents) now += std::to_string(id) + ",";
  for (const auto& [file, owner] : executables) {
    e.push_back({file.device, file.inode, owner});
    now += std::to_string(file.device) + "/" + std::to_string(file.inode) + words(owner);
  }
  if (between_tables_) now += "both";
  const bool news = now != owners_in_place_;
  owners_in_place_ = std::move(now);
  // Until its table is in force, a policy's owners are those of the one before too: nobody is taken for somebody else.
  Datapath& datapath = guard_->datapath();
  Result<void> done = between_tables_ ? datapath.add_owners(c, e, patterns) : datapath.set_owners(c, e, patterns);
  // Sockets that were there before, and those whose process has become somebody else's.
  if (done && news) done = datapath.attribute_existing();
  if (!done) {
    owners_in_place_.clear();
    guard(guard_event::Failed{part_programs, done.error().what, false});
  }
  if (news)
    for (const std::string& fault : owners_->faults()) log(printable(fault), true);
}

}  // namespace vpn::agent
