#include "agent/datapath/gate.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <sstream>

#include "agent/datapath/kernel_map.h"

namespace vpn::agent {
namespace {

struct ContextCloser {
  void operator()(nft_ctx* context) const { ::nft_ctx_free(context); }
};
using Context = std::unique_ptr<nft_ctx, ContextCloser>;

Result<Context> context(unsigned flags) {
  Context out(::nft_ctx_new(NFT_CTX_DEFAULT));
  if (!out || ::nft_ctx_buffer_output(out.get()) != 0 || ::nft_ctx_buffer_error(out.get()) != 0)
    return fail(ErrorKind::environment, "libnftables cannot be used");
  ::nft_ctx_output_set_flags(out.get(), flags);
  return out;
}

Result<std::string> run(nft_ctx* context, const std::string& commands) {
  const int status = ::nft_run_cmd_from_buffer(context, commands.c_str());
  std::string out = ::nft_ctx_get_output_buffer(context), error = ::nft_ctx_get_error_buffer(context);
  if (status == 0) return out;
  return fail(ErrorKind::environment, "the kernel refuses the gate", error.substr(0, error.find('\n')),
              "it needs root, nf_tables and CONFIG_NETFILTER_EGRESS");
}

constexpr const char* listings[] = {"list table netdev vpn_guard", "list table inet vpn_guard"};

/// Descriptor that hears of every change of a ruleset.
Result<Descriptor> listener() {
  Descriptor out(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1u << (NFNLGRP_NFTABLES - 1);
  if (!out || ::bind(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return kernel_error("cannot listen to changes of nftables", errno);
  return out;
}

/// The chains as commands make them.
GateChains chains_of(const std::string& commands, const GatePlan& plan) {
  GateChains out;
  std::istringstream lines(commands);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string verb, object, family, table, name;
    words >> verb >> object >> family >> table >> name;
    if (verb != "add" || (object != "chain" && object != "rule")) continue;
    family.append(" ").append(name);
    GateChain& chain = out[family];
    if (object == "rule") ++chain.rules;
    if (line.find(" hook ") == std::string::npos) continue;
    chain.hooked = true;
    chain.refuses = !plan.audit;
    if (const auto at = line.find("device \""); at != std::string::npos)
      chain.device = line.substr(at + 8, line.find('"', at + 8) - at - 8);
  }
  return out;
}

std::uint64_t number_after(std::string_view text, std::string_view word) {
  std::uint64_t out = 0;
  const auto at = text.find(word);
  if (at != std::string_view::npos) {
    const std::string_view digits = text.substr(at + word.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), out);
  }
  return out;
}

}  // namespace

struct Gate::Data {
  Context stateless, counting;
  Descriptor changes;
  GatePlan plan;
  std::string listing;  ///< as it was right after we wrote it

  Result<std::string> list(nft_ctx* context) const {
    std::string out;
    for (const char* command : listings) {
      auto text = run(context, command);
      if (!text) return text;
      out += *text;
    }
    return out;
  }

  /// What the kernel holds is what was meant: each chain with its hook, its policy and its number of rules.
  Result<void> read_back() {
    auto text = list(stateless.get());
    if (!text) return tl::unexpected(text.error());
    const auto commands = gate_commands(plan);
    if (!commands) return tl::unexpected(commands.error());
    const GateChains wanted = chains_of(*commands, plan), held = gate_chains(*text);
    for (const auto& [name, chain] : wanted)
      if (const auto found = held.find(name); found == held.end() || !(found->second == chain))
        return fail(ErrorKind::environment, "the gate does not read back as it was written", name);
    if (held.size() != wanted.size())
      return fail(ErrorKind::environment, "there are chains in the gate's tables that are not the gate's");
    listing = std::move(*text);
    return {};
  }
};

Gate::Gate(std::unique_ptr<Data> data) : data_(std::move(data)) {}
Gate::Gate(Gate&&) noexcept = default;
Gate& Gate::operator=(Gate&&) noexcept = default;
Gate::~Gate() = default;

Result<Gate> Gate::open() {
  constexpr unsigned plain = NFT_CTX_OUTPUT_NUMERIC_ALL;
  auto data = std::make_unique<Data>();
  auto stateless = context(plain | NFT_CTX_OUTPUT_STATELESS), counting = context(plain);
  if (!stateless) return tl::unexpected(stateless.error());
  if (!counting) return tl::unexpected(counting.error());
  auto changes = listener();
  if (!changes) return tl::unexpected(changes.error());
  data->stateless = std::move(*stateless);
  data->counting = std::move(*counting);
  data->changes = std::move(*changes);
  return Gate(std::move(data));
}

bool Gate::is_there() const { return data_->list(data_->stateless.get()).has_value(); }

Result<void> Gate::apply(const GatePlan& plan) {
  GateChains present;
  if (const auto now = run(data_->stateless.get(), listings[0])) present = gate_chains(*now);
  const auto commands = gate_commands(plan, present);
  if (!commands) return tl::unexpected(commands.error());
  if (auto done = run(data_->stateless.get(), *commands); !done) return tl::unexpected(done.error());
  data_->plan = plan;
  data_->listing.clear();
  return data_->read_back();
}

Result<void> Gate::set_tickets(const std::vector<std::uint32_t>& tickets) {
  GatePlan plan = data_->plan;
  plan.tickets = tickets;
  if (auto done = run(data_->stateless.get(), gate_ticket_commands(plan)); !done) return tl::unexpected(done.error());
  data_->plan = std::move(plan);
  return data_->read_back();
}

Health Gate::check() const {
  Health out;
  const auto text = data_->list(data_->stateless.get());
  if (!text)
    out.missing.emplace_back("the gate is not in the kernel: " + text.error().where);
  else if (data_->listing.empty() || *text != data_->listing)
    out.missing.emplace_back("the gate is not what the agent wrote");
  return out;
}

int Gate::changes_fd() const { return data_->changes.get(); }

void Gate::drain() {
  std::array<char, 8192> ignored{};
  /* ENOBUFS says that some were lost: they count as changes too */
  while (::recv(data_->changes.get(), ignored.data(), ignored.size(), 0) > 0 || errno == ENOBUFS) {
  }
}

Result<std::vector<Gate::Dropped>> Gate::dropped() const {
  const auto text = data_->list(data_->counting.get());
  if (!text) return tl::unexpected(text.error());
  std::map<std::string, std::string> named{{"exempt", "refused by name"}, {"forward", "forward"}};
  for (const Interface& i : data_->plan.interfaces)
    for (const char* kind : {"refuse_", "audit_"}) named[kind + std::to_string(i.index)] = "egress " + i.name;
  std::map<std::string, Dropped> out;
  std::istringstream lines(*text);
  std::string chain;
  for (std::string line; std::getline(lines, line);) {
    if (const auto at = line.find("chain "); at != std::string::npos)
      chain = line.substr(at + 6, line.find(' ', at + 6) - at - 6);
    if (line.find("counter packets ") == std::string::npos || !named.contains(chain)) continue;
    Dropped& one = out[named[chain]];
    one.what = named[chain];
    one.packets += number_after(line, "packets ");
    one.bytes += number_after(line, "bytes ");
  }
  std::vector<Dropped> list;
  list.reserve(out.size());
  for (auto& [what, one] : out) list.push_back(std::move(one));
  return list;
}

Result<void> Gate::remove() {
  if (auto done = run(data_->stateless.get(), gate_removal_commands()); !done) return tl::unexpected(done.error());
  data_->listing.clear();
  return {};
}

}  // namespace vpn::agent
