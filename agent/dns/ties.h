// Which addresses an app knows by which names, and for how long ("Domain match" of docs/semantics.md). An address that
// an app got for several names at once counts under the one that the rules are strictest with; when that name's answer
// has run out, under the next. Pure: time comes from outside.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/dns/message.h"
#include "policy/address.h"
#include "policy/domain_table.h"

namespace vpn::agent::dns {

/// Whom an answer is for: numbers of Datapath.
struct TieOwner {
  std::uint32_t app = 0;
  std::uint32_t spawner = 0;
  /// Under which its ties are kept: what is no app of its own knows what its spawner does.
  std::uint32_t key() const { return app != 0 ? app : spawner; }
};

/// What the kernel has to be told.
struct TieChange {
  std::uint32_t app = 0;
  policy::Address address;
  policy::DomainClass domain = 0;      ///< of the policy's domain table
  std::chrono::nanoseconds expires{};  ///< 0: the tie is over
};

class Ties {
 public:
  using Time = std::chrono::nanoseconds;  ///< CLOCK_MONOTONIC
  /// Whether an app's flow to the address is judged more strictly under name `a` than under `b`.
  using Stricter = std::function<bool(const TieOwner& owner, const policy::Address& address, policy::DomainClass a,
                                      policy::DomainClass b)>;
  /// Two names of one address, told once for each address of an app as long as it has any tie.
  using Shared = std::function<void(const TieOwner& owner, const policy::Address& address, const std::string& holds,
                                    const std::string& loses)>;
  /// How long an answer counts beyond its own time.
  static constexpr std::chrono::seconds grace{1};
  static constexpr std::size_t most = 49152;         ///< addresses of all apps together
  static constexpr std::size_t most_of_one = 16384;  ///< of one app

  explicit Ties(Stricter stricter, Shared shared) : stricter_(std::move(stricter)), shared_(std::move(shared)) {}

  /// The app is about to get these addresses for this name. Nothing: there is no room, so it must not get them.
  std::optional<std::vector<TieChange>> add(const TieOwner& owner, const std::string& name, policy::DomainClass domain,
                                            std::span<const AddressAnswer> addresses, Time now);
  /// What has run out by now.
  std::vector<TieChange> expire(Time now);
  /// When expire() is due; nothing: never.
  std::optional<Time> next() const;
  /// What counts in a state of the device in which other names may be the stricter ones.
  std::vector<TieChange> again(Time now);
  /// Another policy, of which the kernel knows no tie yet: `domain_of` gives a name's class. again() tells them all.
  void reclassify(const std::function<policy::DomainClass(const std::string& name)>& domain_of);
  /// What the kernel knows already, of a name that nobody remembers.
  void remember(std::uint32_t app, const policy::Address& address, policy::DomainClass domain, Time expires);
  std::size_t size() const { return known_.size(); }
  /// The name of an address that the app got last, for people; empty: none.
  std::string name_of(std::uint32_t app, const policy::Address& address) const;

 private:
  struct Named {
    policy::DomainClass domain = 0;
    std::string name;  ///< the last one of this class; empty: not known
    Time expires{};
  };
  struct Known {
    TieOwner owner;
    std::vector<Named> names;  ///< one for each class
    std::size_t counts = 0;    ///< which of them
    Time told{};               ///< what the kernel was told
    policy::DomainClass told_domain = 0;
    bool told_shared = false;
  };
  using Key = std::pair<std::uint32_t, policy::Address>;
  void settle(const Key& key, Known& known, std::vector<TieChange>& out);
  void wait_for(const Key& key, const Known& known, bool wait);

  Stricter stricter_;
  Shared shared_;
  std::map<Key, Known> known_;
  std::map<std::uint32_t, std::size_t> counts_;  ///< addresses of each app
  std::set<std::pair<Time, Key>> due_;
};

}  // namespace vpn::agent::dns
