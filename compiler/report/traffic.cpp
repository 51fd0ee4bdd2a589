#include "compiler/report/traffic.h"

#include <algorithm>
#include <map>

#include "compiler/report/states.h"
#include "compiler/report/words.h"
#include "compiler/verdict/text.h"
#include "policy/json/json.h"
#include "policy/kernel_classes.h"

namespace vpn::report {
namespace {

using policy::Address;
using policy::Flow;
using policy::Owner;
using policy::Service;

constexpr std::uint8_t igmp = 2, tcp = 6, udp = 17, esp = 50, icmp6 = 58;
constexpr std::size_t most_members = 12;
constexpr std::size_t most_pairs = 200'000;  // of classes of owners and names that are described one by one

class Items {
 public:
  Flow& add(std::string title, std::uint8_t protocol, Address remote, std::uint16_t port) {
    Item& item = out_.emplace_back();
    item.title = std::move(title);
    item.flow.protocol = protocol;
    item.flow.remote = remote;
    item.flow.remote_port = port;
    return item.flow;
  }
  void add(const char* title, std::uint8_t protocol, const char* v4, const char* v6, std::uint16_t port,
           bool is_rest = false) {
    for (const char* a : {v4, v6}) {
      add(title, protocol, address_of(a), port);
      out_.back().is_rest = is_rest;
    }
  }
  std::vector<Item> take() {
    for (Item& item : out_) item.sample = sample_of(item.flow);
    return std::move(out_);
  }

 private:
  std::vector<Item> out_;
};

const char* service_title(Service service) {
  switch (service) {
    case Service::voicemail:
      return "Voicemail";
    case Service::airprint:
      return "Printing (AirPrint)";
    case Service::cellular_services:
      return "Cellular services (Wi-Fi calling, MMS)";
    case Service::device_communication:
      return "Communication with attached devices";
    case Service::companion:
      return "Companion device (a watch)";
    case Service::apns:
      return "Push notifications (APNs)";
    case Service::cellular_only:
      return "Carrier traffic (VoLTE)";
    case Service::none:
      break;
  }
  return "";
}

/// Services that are told by what is sent; those told by the app's role are said to be of the service.
void add_services(const policy::Policy& policy, Items& items) {
  const auto* selectors = policy.body().services();
  if (selectors == nullptr) return;
  for (unsigned number = 1; number < policy::service_count; ++number) {
    const auto service = static_cast<Service>(number);
    bool by_role = false;
    const auto is_open = [&](const fb::ServiceSelector* s) { return s->service() == number && s->role() == 0; };
    const bool several = std::count_if(selectors->begin(), selectors->end(), is_open) > 1;
    for (const fb::ServiceSelector* s : *selectors) {
      if (s->service() != number) continue;
      by_role = by_role || s->role() != 0;
      if (s->role() != 0) continue;
      const std::uint8_t protocol = s->protocol() != 0 ? s->protocol() : tcp;
      const std::uint16_t port = s->ports() != nullptr && s->ports()->size() != 0 ? s->ports()->Get(0) : 443;
      std::vector<Address> remotes;
      if (s->prefixes() != nullptr) {
        for (const flatbuffers::String* text : *s->prefixes()) {
          const auto prefix = policy::Prefix::parse(text->string_view());
          const bool known = !prefix || std::any_of(remotes.begin(), remotes.end(),
                                                    [&](const Address& a) { return a.v6 == prefix->base.v6; });
          if (known) continue;
          remotes.push_back(prefix->base);
          if (prefix->length < (prefix->base.v6 ? 128 : 32)) ++remotes.back().low;
        }
      }
      if (remotes.empty() && s->local_only())
        remotes = {address_of(example::neighbour), address_of(example::neighbour6)};
      if (remotes.empty()) remotes = {address_of(example::host), address_of(example::host6)};
      std::string title = service_title(service);
      if (several) title += " by " + policy::protocol_name(protocol) + " " + std::to_string(port);
      for (const Address& remote : remotes) items.add(title, protocol, remote, port);
    }
    if (!by_role || service == Service::cellular_only) continue;
    for (const char* host : {example::host, example::host6})
      items.add(service_title(service), tcp, address_of(host), 443).service = service;
  }
}

/// Names of apps, by what they are to the rules as owner of a socket.
struct OwnerClass {
  std::vector<std::uint32_t> apps;  // of the policy, without a spawner that matters
  std::uint32_t more = 0;
  std::uint32_t app = policy::none, spawner = policy::none;  // one pair
  bool unnamed = false;                                      // holds apps that the policy does not name
};

std::map<std::uint32_t, OwnerClass> owner_classes(const policy::Policy& policy, const policy::KernelClasses& classes) {
  std::map<std::uint32_t, OwnerClass> out;
  const std::uint32_t apps = policy.apps().size();
  out[classes.owner(policy::none, policy::none)].unnamed = true;
  for (std::uint32_t app = 0; app < apps; ++app) {
    OwnerClass& c = out[classes.owner(app, policy::none)];
    c.app = app;
    if (c.apps.size() < most_members) {
      c.apps.push_back(app);
    } else {
      ++c.more;
    }
  }
  std::vector<std::uint32_t> spawners;  // one app for each class of spawners
  for (std::uint32_t app = 0, seen = 0; app < apps && seen + 1 < classes.spawners(); ++app) {
    if (classes.as_spawner()[app] == 0) continue;
    const auto alike = [&](std::uint32_t other) { return classes.as_spawner()[other] == classes.as_spawner()[app]; };
    if (std::any_of(spawners.begin(), spawners.end(), alike)) continue;
    spawners.push_back(app);
    ++seen;
  }
  for (const std::uint32_t spawner : spawners) {
    out.try_emplace(classes.owner(policy::none, spawner), OwnerClass{{}, 0, policy::none, spawner, false});
    for (std::uint32_t app = 0; app < apps && out.size() < 4096; ++app)
      out.try_emplace(classes.owner(app, spawner), OwnerClass{{}, 0, app, spawner, false});
  }
  return out;
}

std::string owner_title(const policy::Policy& policy, const OwnerClass& c) {
  const auto name = [&](std::uint32_t app) { return std::string(policy.apps().name(app)); };
  if (c.apps.empty() && !c.unnamed) {
    const std::string by = name(c.spawner);
    return c.app == policy::none ? "What " + by + " starts" : name(c.app) + " started by " + by;
  }
  if (c.unnamed) return "Every app that no rule names";
  std::vector<std::string> names;
  for (std::size_t i = 0; i < c.apps.size() && i < 2; ++i) names.push_back(name(c.apps[i]));
  const std::size_t more = c.apps.size() - names.size() + c.more;
  if (more != 0) names.push_back(counted(more, "more app", "more apps"));
  return joined(names, ", ", " and ");
}

/// "hosts in SafariDomains of Intranet"; empty: of no list that matters.
std::string names_title(const policy::Policy& policy, policy::DomainClass domain) {
  std::vector<std::string> lists;
  for (const std::uint32_t number : policy.domains().lists(domain)) {
    const fb::DomainList& list = *policy.body().domain_lists()->Get(number);
    if (list.kind() > fb::ListKind::smb) continue;
    const std::uint32_t tunnel = policy.body().per_app()->Get(list.owner())->tunnel();
    lists.push_back(std::string(list_name(list.kind())) + " of " + tunnel_name(policy, tunnel));
    if (lists.size() == 3) break;
  }
  return lists.empty() ? std::string{} : "hosts in " + joined(lists, ", ", " and ");
}

/// One group of the classes: its owners, each with the names that put it there.
class Groups {
 public:
  Groups(const policy::Policy& policy, const policy::KernelClasses& classes)
      : policy_(policy), classes_(classes), owners_(owner_classes(policy, classes)) {
    std::vector<policy::DomainClass> names(classes.domain_count(), 0);
    for (policy::DomainClass c = 0; c < policy.domains().class_count(); ++c)
      if (names[classes.domain(c)] == 0) names[classes.domain(c)] = c;
    if (owners_.size() * names.size() > most_pairs) return;
    for (const auto& [number, owner] : owners_) {
      std::map<std::uint32_t, std::vector<policy::DomainClass>> by_group;
      for (std::uint32_t d = 0; d < names.size(); ++d) by_group[classes.group(number, d)].push_back(names[d]);
      for (const auto& [group, domains] : by_group) describe(group, owner, domains, by_group.size() == 1);
    }
  }

  Sender sender(std::uint32_t group) const {
    const policy::KernelClasses::Group& g = classes_.groups()[group];
    Sender out;
    if (group == classes_.group(classes_.owner(policy::none, policy::none), 0)) out.unnamed = other_apps;
    out.as.owner = g.owner;
    if (g.app != policy::none) out.as.app = policy_.apps().name(g.app);
    if (g.spawner != policy::none) out.as.spawned_by = policy_.apps().name(g.spawner);
    out.as.domain = g.domain;
    out.is_named = g.app != policy::none || g.spawner != policy::none;
    if (const auto it = described_.find(group); it != described_.end()) {
      out.groups = it->second.groups;
      out.members = it->second.members;
      out.more = it->second.more;
      return out;
    }
    OwnerClass one;
    one.app = g.app;
    one.spawner = g.spawner;
    if (g.spawner == policy::none && g.app != policy::none) one.apps = {g.app};
    one.unnamed = g.app == policy::none && g.spawner == policy::none;
    std::string title = owner_title(policy_, one);
    if (const std::string names = names_title(policy_, g.domain); !names.empty()) title += ", to " + names;
    if (out.unnamed == 0) out.groups = {title};
    return out;
  }

 private:
  void describe(std::uint32_t group, const OwnerClass& owner, const std::vector<policy::DomainClass>& domains,
                bool all) {
    Sender& s = described_[group];
    std::string title = owner_title(policy_, owner);
    // A single class of names is named; where it is one of many, the group is what is left.
    if (!all && domains.size() == 1 && !names_title(policy_, domains[0]).empty())
      title += ", to " + names_title(policy_, domains[0]);
    else if (!all)
      title += domains[0] == 0 ? other_hosts : ", to hosts in several lists";
    if (!owner.unnamed || !all) s.groups.push_back(std::move(title));
    for (const std::uint32_t app : owner.apps) {
      if (s.members.size() < most_members) {
        s.members.emplace_back(policy_.apps().name(app));
      } else {
        ++s.more;
      }
    }
    s.more += owner.more;
  }

  const policy::Policy& policy_;
  const policy::KernelClasses& classes_;
  std::map<std::uint32_t, OwnerClass> owners_;
  std::map<std::uint32_t, Sender> described_;
};

Sender plain(Owner owner, unsigned unnamed) {
  Sender out;
  out.as.owner = owner;
  out.unnamed = unnamed;
  return out;
}

}  // namespace

std::string sample_of(const Flow& f) {
  std::string out = verdict::destination_text(f);
  if (f.has_icmp_type) out += " type " + std::to_string(f.icmp_type);
  if (!f.scope.empty()) out += " bound to an interface";
  if (f.service) out += " as " + std::string(policy::to_string(*f.service));
  return out;
}

Senders senders(const policy::Policy& policy) {
  Senders out;
  const policy::Situation situation(policy, policy::DeviceState{});
  constexpr policy::KernelClasses::Limits limits{1u << 20, 1u << 16};  // for the page, not for a kernel
  const auto classes = policy::KernelClasses::of(situation, limits);
  if (!classes) {
    out.notes.emplace_back("Apps are not told apart on this page: the policy has too many groups of them.");
    out.all.push_back(plain(Owner::other, other_apps));
  } else {
    const Groups groups(policy, *classes);
    for (std::uint32_t g = 0; g < classes->groups().size(); ++g)
      if (classes->groups()[g].owner == Owner::app || classes->groups()[g].owner == Owner::other)
        out.all.push_back(groups.sender(g));
    // Those that a rule names come first, all the others last.
    std::stable_partition(out.all.begin(), out.all.end(), [](const Sender& s) { return s.is_named; });
  }
  out.all.push_back(plain(Owner::unattributed, Unnamed::unattributed));
  out.all.push_back(plain(Owner::forwarded, Unnamed::forwarded));
  return out;
}

std::vector<Item> items(const policy::Policy& policy, bool routes) {
  Items out;
  out.add("Web and other TCP", tcp, example::host, example::host6, 443, true);
  out.add("UDP (calls, QUIC)", udp, example::host, example::host6, 3478, true);
  out.add("Other protocols (ESP)", esp, example::host, example::host6, 0, true);
  out.add("Name lookups at a public resolver", udp, example::host, example::host6, 53);
  out.add("Name lookups at the network\u2019s resolver", udp, example::router, example::router6, 53);
  out.add("Local network", tcp, example::neighbour, example::neighbour6, 445);
  add_services(policy, out);
  if (routes) {
    out.add("Routes that the provider brings", tcp, example::in_included, example::in_included6, 443);
    out.add("Routes that the provider excludes", tcp, example::in_excluded, example::in_excluded6, 443);
  }
  for (const char* host : {example::host, example::host6})
    out.add("Bound by the app to one interface", tcp, address_of(host), 443).scope = example::wifi;
  if (policy.body().tunnels() != nullptr && policy.body().tunnels()->size() != 0)
    out.add("To the VPN server\u2019s address, by an app", udp, example::server, example::server6, 4500);
  return out.take();
}

void add_system(const policy::Policy& policy, std::uint32_t tunnel, std::vector<Sender>& senders,
                std::vector<Item>& items) {
  Items made;
  std::vector<std::uint32_t> owners;
  const auto sender = [&](std::string title, Owner owner) -> Sender& {
    Sender& s = senders.emplace_back(plain(owner, 0));
    s.title = std::move(title);
    s.is_system = true;
    return s;
  };
  const auto own = [&](std::size_t count) {
    owners.insert(owners.end(), count, static_cast<std::uint32_t>(senders.size() - 1));
  };
  sender("The operating system", Owner::forwarded);
  for (const auto& [text, port] :
       {std::pair("255.255.255.255", std::uint16_t{67}), {"ff02::1:2", std::uint16_t{547}}}) {
    Flow& dhcp = made.add("Address assignment (DHCP)", udp, address_of(text), port);
    dhcp.local_port = static_cast<std::uint16_t>(port == 67 ? 68 : 546);
  }
  Flow& discovery = made.add("IPv6 neighbour discovery", icmp6, address_of("ff02::1"), 0);
  discovery.icmp_type = 135;
  discovery.has_icmp_type = true;
  made.add("Multicast membership (IGMP)", igmp, address_of("224.0.0.22"), 0);
  made.add("Loopback", tcp, address_of("127.0.0.1"), 80);
  made.add("Loopback", tcp, address_of("::1"), 80);
  own(6);
  if (tunnel == policy::none) tunnel = 0;
  if (policy.body().tunnels() != nullptr && policy.body().tunnels()->size() != 0) {
    Sender& provider = sender("The VPN\u2019s own client", Owner::other);
    provider.as.provider_of = policy.body().tunnels()->Get(tunnel)->id()->string_view();
    made.add("To its own server", udp, address_of(example::server), 4500);
    made.add("To its own server", udp, address_of(example::server6), 4500);
    own(2);
  }
  sender("A carrier\u2019s bearer", Owner::other);
  for (const char* host : {example::host, example::host6})
    made.add(service_title(Service::cellular_only), udp, address_of(host), 5060).service = Service::cellular_only;
  own(2);
  std::vector<Item> all = made.take();
  for (std::size_t i = 0; i < all.size(); ++i) all[i].sender = owners[i];
  items.insert(items.end(), std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()));
}

}  // namespace vpn::report
