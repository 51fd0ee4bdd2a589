#include "agent/datapath/datapath.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <ctime>

#include "agent/datapath/datapath_data.h"

namespace vpn::agent {
namespace {

constexpr std::uint64_t second = 1000000000;

std::uint64_t monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * second + static_cast<std::uint64_t>(now.tv_nsec);
}

Result<std::uint64_t> own_namespace() {
  const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  std::uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  if (!socket || ::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0)
    return kernel_error("cannot tell which network namespace this is", errno);
  return cookie;
}

Result<std::uint32_t> random_word() {
  std::uint32_t out = 0;
  while (out == 0)
    if (::getrandom(&out, sizeof(out), 0) != sizeof(out)) return kernel_error("no random numbers", errno);
  return out;
}

/// Two different secrets in the bits of marks that are not the row's, and one for the priority.
Result<void> draw_forward_marks(vpn_control& control) {
  const std::uint32_t mask = ~control.row_mask;
  while (control.outward == 0 || control.inward == 0 || control.outward == control.inward) {
    const auto a = random_word(), b = random_word();
    if (!a || !b) return tl::unexpected((a ? b : a).error());
    control.outward = *a & mask;
    control.inward = *b & mask;
  }
  while (control.priority == 0) {
    const auto word = random_word();
    if (!word) return tl::unexpected(word.error());
    /* As a queueing class it is one that nobody has (major numbers 4000 to 7fff), and best effort (the lowest bits). */
    control.priority = 0x40000000 | (*word & 0x3ffffff0);
  }
  return {};
}

}  // namespace

void store(__u64& word, std::uint64_t value) { std::atomic_ref(word).store(value, std::memory_order_seq_cst); }

void Datapath::Data::change() {
  const std::uint64_t current = control().current;
  store(control().current, current + 0x100);
}

void Datapath::Data::flag(std::uint32_t bit, bool on) {
  const std::uint32_t flags = control().flags;
  std::atomic_ref(control().flags).store(on ? flags | bit : flags & ~bit);
}

Datapath::Datapath(std::unique_ptr<Data> data) : data_(std::move(data)) {}
Datapath::Datapath(Datapath&&) noexcept = default;
Datapath& Datapath::operator=(Datapath&&) noexcept = default;
Datapath::~Datapath() = default;

Result<Datapath> Datapath::open(const Options& options) {
  if (options.mark_mask == 0 || std::popcount(options.mark_mask) != 8 ||
      options.mark_mask >> std::countr_zero(options.mark_mask) != 0xff)
    return fail(ErrorKind::usage, "the mask of marks must have eight adjacent bits");
  const auto netns = own_namespace();
  if (!netns) return tl::unexpected(netns.error());
  auto programs = Programs::load(options);
  if (!programs) return tl::unexpected(programs.error());
  auto data = std::make_unique<Data>(std::move(*programs));
  if (auto done = data->take_maps(); !done) return tl::unexpected(done.error());
  vpn_control& control = data->control();
  data->adopted = control.current != 0 && control.netns == *netns;
  if (data->adopted) {
    data->wait_early();
  } else {
    control.heartbeat = 0;
    control.outward = control.inward = control.priority = 0;
  }
  control.layout = VPN_LAYOUT;
  control.netns = *netns;
  control.row_mask = options.mark_mask;
  control.row_shift = static_cast<std::uint32_t>(std::countr_zero(options.mark_mask));
  control.network_uid = options.network_uid;
  control.heartbeat_limit = static_cast<std::uint64_t>(options.heartbeat_limit.count()) * second;
  data->flag(VPN_AUDIT, options.audit);
  if (auto done = draw_forward_marks(control); !done) return tl::unexpected(done.error());
  if (auto done = data->programs.attach(); !done) return tl::unexpected(done.error());
  return Datapath(std::move(data));
}

bool Datapath::is_pinned(const Options& options) { return Programs::are_pinned(options); }

std::string Datapath::link_folder() const { return data_->programs.links(); }

bool Datapath::adopted() const { return data_->adopted; }
std::uint64_t Datapath::netns_cookie() const { return data_->control().netns; }

Result<void> Datapath::attribute_existing() {
  auto done = data_->programs.attribute();
  data_->change(); /* what sockets remember, they remember for an owner that was unknown */
  return done;
}

void Datapath::set_connected(std::uint32_t tunnel, bool connected) noexcept {
  set_tunnel(tunnel, connected ? tunnel_connected : tunnel_down);
}

void Datapath::set_tunnel(std::uint32_t tunnel, TunnelWord word) noexcept {
  if (tunnel >= VPN_MAX_TUNNELS) return;
  const auto slot = static_cast<std::uint32_t>(data_->control().current & 0xff) % VPN_SLOTS;
  std::atomic_ref(data_->status(slot).connected[tunnel]).store(word, std::memory_order_seq_cst);
  if (word == tunnel_awaited) data_->flag(VPN_HAS_WAITED, true);
}

void Datapath::heartbeat() noexcept { store(data_->control().heartbeat, monotonic_now()); }

std::array<std::uint32_t, 2> Datapath::draw_ticket() {
  const auto fresh = random_word();
  return {fresh ? *fresh : 0, data_->control().ticket};
}

void Datapath::use_ticket(std::uint32_t ticket) noexcept { std::atomic_ref(data_->control().ticket).store(ticket); }

Datapath::ForwardMarks Datapath::forward_marks() const {
  const vpn_control& control = data_->control();
  return {~control.row_mask, control.outward, control.inward, control.priority};
}

Health Datapath::check() const {
  Health out;
  data_->programs.check(out);
  return out;
}

Result<void> Datapath::reattach() { return data_->programs.attach(); }

Result<void> Datapath::remove_guard() { return data_->programs.remove(); }

}  // namespace vpn::agent
