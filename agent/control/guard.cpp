#include "agent/control/guard.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <future>

#include "agent/control/publication.h"
#include "agent/files/files.h"
#include "agent/network/sysctls.h"

namespace vpn::agent {
namespace {

std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (const std::string& s : all) out += (out.empty() ? "" : "; ") + s;
  return out;
}

// One whose name nftables cannot write cannot be gated: the programs are not told of it, so nothing leaves by it.
std::vector<Interface> gateable(const std::vector<Interface>& all) {
  std::vector<Interface> out;
  for (const Interface& i : all) {
    GatePlan alone;
    alone.interfaces = {i};
    if (gate_commands(alone)) out.push_back(i);
  }
  return out;
}

// Without tickets nothing gets through that needs one.
GatePlan shut_gate(const std::vector<Interface>& interfaces, std::uint32_t network_uid) {
  GatePlan out;
  out.network_uid = network_uid;
  out.interfaces = gateable(interfaces);
  return out;
}

}  // namespace

Result<Guard> Guard::open(const Settings& settings, const std::vector<Interface>& interfaces,
                          const std::function<void()>& shut) {
  auto sysctls = set_sysctls(settings.sysctl_root);
  if (!sysctls) return tl::unexpected(sysctls.error());
  auto gate = Gate::open();
  if (!gate) return tl::unexpected(gate.error());
  auto routes = RouteWriter::open();
  if (!routes) return tl::unexpected(routes.error());
  // A gate whose programs are gone lets nothing through as it is, for nobody knows its tickets.
  const bool first = !Datapath::is_pinned(settings.datapath) && !settings.datapath.audit && !gate->is_there();
  // The kernel takes tens of milliseconds to look through the programs: beside the rest.
  auto loading = std::async(std::launch::async, [&] { return Datapath::open(settings.datapath); });
  if (first && gate->apply(shut_gate(interfaces, settings.datapath.network_uid))) shut();
  auto datapath = loading.get();
  if (!datapath) {
    if (first) gate->remove();
    return tl::unexpected(datapath.error());
  }
  Descriptor pins(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!pins || ::inotify_add_watch(pins.get(), datapath->link_folder().c_str(), IN_DELETE | IN_MOVED_FROM) < 0)
    return kernel_error("cannot watch the pins of the guard", errno);
  return Guard(settings, std::move(*sysctls), std::move(*datapath), std::move(*gate), std::move(*routes),
               std::move(pins));
}

Guard::Guard(Settings settings, std::string sysctls, Datapath datapath, Gate gate, RouteWriter routes, Descriptor pins)
    : settings_(std::move(settings)),
      sysctls_(std::move(sysctls)),
      datapath_(std::move(datapath)),
      gate_(std::move(gate)),
      routes_(std::move(routes)),
      pins_(std::move(pins)) {}

GatePlan Guard::gate_plan() const {
  GatePlan plan;
  plan.interfaces = last_->interfaces;
  plan.tickets = tickets_;
  plan.tunnel_addresses = last_->unanswered;
  plan.outer = last_->outer;
  plan.forward = datapath_.forward_marks();
  plan.network_uid = settings_.datapath.network_uid;
  plan.audit = settings_.datapath.audit;
  return plan;
}

Result<void> Guard::publish(const Tables& tables) {
  auto done = datapath_.publish(tables.publication());
  if (done) datapath_.heartbeat();
  return done;
}

std::vector<PartFailure> Guard::put(Desired desired) {
  std::vector<PartFailure> failures;
  const auto note = [&](std::uint8_t part, const Result<void>& result) {
    if (!result) failures.push_back({part, result.error()});
    return result.has_value();
  };
  const bool news = tables_.want(std::move(desired.tables));
  last_ = std::move(desired);
  last_->interfaces = gateable(last_->interfaces);
  if (hooks_missing_ && note(part_programs, datapath_.reattach())) hooks_missing_ = false;
  std::vector<std::string> judged;
  for (const Interface& i : last_->interfaces)
    if (i.kind == InterfaceKind::tunnel || i.kind == InterfaceKind::inner) judged.push_back(i.name);
  loosen_reverse_path(settings_.sysctl_root, judged);
  // Interfaces first: by one that the programs do not know, nothing leaves.
  note(part_programs, datapath_.set_interfaces(last_->interfaces));
  note(part_programs, datapath_.set_tunnel_addresses(last_->tunnel_addresses));
  note(part_programs, datapath_.set_tunnel_sources(last_->sources));
  note(part_programs, set_exemptions());
  GatePlan plan = gate_plan();
  if (tickets_.empty()) {
    const auto drawn = datapath_.draw_ticket();
    tickets_.assign(drawn.begin(), drawn.end());
    plan.tickets = tickets_;
  }
  GatePlan without_tickets = plan;
  without_tickets.tickets.clear();
  auto commands = gate_commands(without_tickets);
  if (!commands) {
    failures.push_back({part_gate, commands.error()});
  } else if (*commands != gate_in_place_ && note(part_gate, gate_.apply(plan))) {
    gate_in_place_ = std::move(*commands);
    gate_.drain();  // of what we did ourselves
    datapath_.use_ticket(tickets_.front());
  }
  if (news && note(part_table, publish(*tables_.wanted()))) tables_.published();
  note(part_routes, routes_.apply(last_->routes));
  return failures;
}

Result<void> Guard::set_exemptions() {
  std::vector<Exemption> all = probes_;  // an endpoint that is both stays when the probe's time is over
  all.insert(all.end(), associations_.begin(), associations_.end());
  if (last_) all.insert(all.end(), last_->exemptions.begin(), last_->exemptions.end());
  return datapath_.set_exemptions(all);
}

Result<void> Guard::exempt_probes(std::vector<Exemption> probes) {
  probes_ = std::move(probes);
  return set_exemptions();
}

Result<void> Guard::exempt_associations(std::vector<Exemption> associations) {
  associations_ = std::move(associations);
  return set_exemptions();
}

void Guard::set_disconnected(std::uint32_t tunnel) {
  if (tables_.set_tunnel(tunnel, tunnel_down)) datapath_.set_tunnel(tunnel, tunnel_down);
}

void Guard::set_waits(std::uint32_t tunnel, bool waits) {
  const Tables* now = tables_.wanted();
  if (now == nullptr || tunnel >= now->connected.size() || now->connected[tunnel] == tunnel_connected) return;
  const TunnelWord word = waits ? tunnel_awaited : tunnel_down;
  if (tables_.set_tunnel(tunnel, word)) datapath_.set_tunnel(tunnel, word);
}

void Guard::block() {
  if (tables_.wanted() == nullptr || tables_.blocked()) return;
  Tables none = *tables_.wanted();
  none.fresh = vpn::agent::blocked(std::move(none.fresh));
  none.stale = vpn::agent::blocked(std::move(none.stale));
  if (publish(none)) return tables_.published_blocked();
  tables_.failed();
}

std::optional<PartFailure> Guard::beat() {
  if (tables_.current()) datapath_.heartbeat();
  if (tickets_.empty()) return std::nullopt;
  const auto drawn = datapath_.draw_ticket();
  const std::vector<std::uint32_t> tickets(drawn.begin(), drawn.end());
  if (auto set = gate_.set_tickets(tickets); !set) {
    gate_in_place_.clear();
    return PartFailure{part_gate, set.error()};
  }
  gate_.drain();
  tickets_ = tickets;
  datapath_.use_ticket(tickets_.front());
  return std::nullopt;
}

void Guard::drain_pins() {
  std::array<char, 4096> ignored{};
  while (::read(pins_.get(), ignored.data(), ignored.size()) > 0) {
  }
}

std::vector<PartFailure> Guard::check() {
  std::vector<PartFailure> failures;
  const auto note = [&](std::uint8_t part, const Health& health) {
    if (!health.good()) failures.push_back({part, {ErrorKind::environment, joined(health.missing), {}, {}}});
  };
  note(part_programs, datapath_.check());
  hooks_missing_ = !failures.empty();
  if (!gate_in_place_.empty()) {
    note(part_gate, gate_.check());
    if (!failures.empty() && failures.back().parts == part_gate) gate_in_place_.clear();
  }
  return failures;
}

bool Guard::routes_in_place() {
  if (!last_) return true;
  const auto there = routes_.in_place(last_->routes);
  return there && *there;
}

Result<void> Guard::keep_sysctls() const {
  std::error_code ignored;
  if (settings_.sysctl_backup.empty() || std::filesystem::exists(settings_.sysctl_backup, ignored)) return {};
  return write_file(settings_.sysctl_backup, sysctls_);
}

Result<void> Guard::remove() {
  // The gate last: until then nothing leaves that was not judged.
  if (auto removed = routes_.remove_all(); !removed) return removed;
  if (auto removed = datapath_.remove_guard(); !removed) return removed;
  if (auto removed = gate_.remove(); !removed) return removed;
  if (const auto before = read_file(settings_.sysctl_backup, 65536)) {
    restore_sysctls(settings_.sysctl_root, *before);
    std::error_code ignored;
    std::filesystem::remove(settings_.sysctl_backup, ignored);
  }
  return {};
}

}  // namespace vpn::agent
