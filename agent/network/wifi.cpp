#include "agent/network/wifi.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace vpn::agent {
namespace {

constexpr int most_readings = 20;
constexpr std::size_t most_datagrams = 4096;  // of one answer

}  // namespace

Result<std::unique_ptr<WifiNetworks>> WifiNetworks::open(Loop& loop, std::function<void()> changed) {
  constexpr std::array<unsigned, 1> notify{GENL_ID_CTRL};  // the controller's only group: families that come and go
  auto events = NetlinkSocket::open(NETLINK_GENERIC, notify);
  if (!events) return tl::unexpected(events.error());
  auto requests = NetlinkSocket::open(NETLINK_GENERIC, {});
  if (!requests) return tl::unexpected(requests.error());
  std::unique_ptr<WifiNetworks> out(new WifiNetworks(std::move(changed), std::move(*events), std::move(*requests)));
  out->find();
  out->read();
  out->waiting_ = loop.readable(out->events_.descriptor(), [w = out.get()] { w->readable(); });
  return out;
}

WifiNetworks::WifiNetworks(std::function<void()> changed, NetlinkSocket events, NetlinkSocket requests)
    : changed_(std::move(changed)), events_(std::move(events)), requests_(std::move(requests)) {}

// False: there is no answer, or it is not of one moment.
bool WifiNetworks::ask(const std::vector<std::byte>& question, std::uint32_t sequence, WifiNews& all) {
  if (!requests_.send(question)) return false;
  for (std::size_t i = 0; i < most_datagrams && !all.done; ++i) {
    const auto datagram = requests_.receive_datagram();
    if (!datagram) return false;
    WifiNews news = read_wifi(*datagram, family_.number, sequence);
    std::move(news.interfaces.begin(), news.interfaces.end(), std::back_inserter(all.interfaces));
    if (news.family) all.family = std::move(news.family);
    all.interrupted = all.interrupted || news.interrupted;
    all.done = news.done;
    if (news.error != 0) all.error = news.error;
  }
  return all.done && all.error == 0 && !all.interrupted;
}

void WifiNetworks::find() {
  family_ = {};
  WifiNews news;
  const std::uint32_t sequence = requests_.next_sequence();
  if (ask(ask_wifi_family(sequence), sequence, news) && news.family) use(*news.family);
}

void WifiNetworks::use(const WifiFamily& family) {
  const auto is_joined = [this](unsigned group) { return events_.join(group); };
  // Without its events the names would be those of some time ago: better none.
  family_ = std::all_of(family.groups.begin(), family.groups.end(), is_joined) ? family : WifiFamily{};
}

bool WifiNetworks::read() {
  WifiNames now;
  for (int attempt = 0; family_.number != 0 && attempt < most_readings; ++attempt) {
    WifiNews news;
    const std::uint32_t sequence = requests_.next_sequence();
    if (ask(ask_wifi_interfaces(family_.number, sequence), sequence, news)) {
      for (WifiInterface& i : news.interfaces) now[i.index] = std::move(i.ssid);
      break;
    }
    if (!news.interrupted) break;
  }
  const bool other = now != names_;
  names_ = std::move(now);
  return other;
}

void WifiNetworks::readable() {
  bool look = false;
  const auto drained = events_.drain_datagrams([&](NetlinkSocket::Datagram datagram) {
    const WifiNews news = read_wifi(datagram, family_.number, std::nullopt);
    if (news.family_gone) family_ = {};
    if (news.family) use(*news.family);
    look = look || news.family_gone || news.family || news.changed;
  });
  if (drained == NetlinkSocket::Drained::failed) {
    waiting_.reset();  // what cannot be heard of any more is not known
    family_ = {};
  } else if (drained == NetlinkSocket::Drained::lost) {
    find();
  }
  if ((look || drained != NetlinkSocket::Drained::all) && read()) changed_();
}

}  // namespace vpn::agent
