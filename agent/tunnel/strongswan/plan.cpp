#include "agent/tunnel/strongswan/plan.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "agent/tunnel/strongswan/plan_parts.h"

namespace vpn::agent::strongswan {
namespace {

namespace fb = policy::fb;
using std::chrono::minutes;
using std::chrono::seconds;

// Apple's rates: never, every half hour, every ten minutes, every minute.
Result<seconds> dead_peer_delay(const fb::Ike& ike, const PlanSettings& settings) {
  const std::string_view rate = view(ike.dead_peer_detection());
  if (rate == "None") return seconds(0);
  if (settings.dead_peer_delay > seconds(0)) return settings.dead_peer_delay;
  if (rate == "Low") return seconds(minutes(30));
  if (rate == "Medium" || rate.empty()) return seconds(minutes(10));
  if (rate == "High") return seconds(minutes(1));
  return refuse("DeadPeerDetectionRate", "rate '" + std::string(rate) + "' is unknown");
}

std::string seconds_text(seconds time) { return std::to_string(time.count()) + "s"; }

seconds lifetime(const fb::SecurityAssociation& sa) {
  return minutes(std::max<std::uint32_t>(sa.lifetime_minutes(), 1));
}

std::string hexadecimal(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::byte b : bytes) {
    out += digits[std::to_integer<unsigned>(b) >> 4];
    out += digits[std::to_integer<unsigned>(b) & 15];
  }
  return out;
}

std::vector<WipedBytes> to_list(const std::vector<Authority>& authorities) {
  std::vector<WipedBytes> out;
  out.reserve(authorities.size());
  for (const Authority& authority : authorities) out.push_back(wiped(authority.certificate));
  return out;
}

Section local_section(const Parts& parts) {
  Section out;
  switch (parts.method) {
    case Method::shared_secret:
      out.set("auth", "psk");
      break;
    case Method::certificate:
      out.set("auth", "pubkey");
      break;
    case Method::eap_password:
      out.set("auth", "eap-mschapv2").set("eap_id", plain_identity(parts.user));
      break;
    case Method::eap_certificate:
      out.set("auth", "eap-tls");
      break;
    case Method::hybrid:
      out.set("auth", "xauth").set("xauth_id", plain_identity(parts.user));
      break;
  }
  if (!parts.local.empty()) out.set("id", parts.local);
  if (parts.identity) {
    std::vector<WipedBytes> certificates;
    certificates.push_back(wiped(parts.identity->certificate));
    out.list("certs", std::move(certificates));
  }
  return out;
}

// IKEv1's second round.
Section xauth_section(const Parts& parts) {
  Section out;
  out.set("auth", "xauth").set("xauth_id", plain_identity(parts.user));
  return out;
}

Section remote_section(const Parts& parts) {
  Section out;
  out.set("auth", parts.server_by_secret ? "psk" : "pubkey").set("id", parts.remote);
  if (parts.server_by_secret) return out;
  // RFC 5280's answer "unknown" counts as not revoked, as the payload's key has it.
  out.set("revocation", "relaxed");
  if (!parts.trusted.empty() && !parts.trust_is_system) out.list("cacerts", to_list(parts.trusted));
  return out;
}

Section child_section(const Parts& parts, const PlanSettings& settings, const Plan& plan, const CharonPaths& paths) {
  Section out;
  out.list("esp_proposals", plan.proposals.esp);
  // All of it; the server narrows it to what it lets in, and that becomes the included routes.
  // IKEv1 has one selector for each child, and addresses are assigned for IPv4.
  out.list("remote_ts",
           parts.ikev1 ? std::vector<std::string>{"0.0.0.0/0"} : std::vector<std::string>{"0.0.0.0/0", "::/0"});
  out.set("rekey_time", seconds_text(lifetime(*parts.ike->child_sa())));
  // The agent decides what happens after a failure, so that there is one back-off and one place that knows the status.
  out.set("dpd_action", "clear").set("close_action", "none").set("start_action", "none");
  out.set("updown", updown_command(paths.updown));
  if (settings.backend == EspBackend::kernel) {
    const std::string id = std::to_string(settings.if_id);
    out.set("if_id_in", id).set("if_id_out", id);
    if (settings.outer_mark != 0) out.set("set_mark_out", std::to_string(settings.outer_mark));
  }
  return out;
}

}  // namespace

std::string plain_identity(std::string_view text) { return "keyid:#" + hexadecimal(std::as_bytes(std::span(text))); }

std::string updown_command(const std::string& path) {
  // Builtins of the shell only; nothing of the peer's is evaluated, for the resolvers are printed addresses.
  return "umask 077; printf '%s\\n' \"$PLUTO_VERB\" $PLUTO_DNS4_1 $PLUTO_DNS4_2 $PLUTO_DNS4_3 $PLUTO_DNS4_4 "
         "$PLUTO_DNS6_1 $PLUTO_DNS6_2 $PLUTO_DNS6_3 $PLUTO_DNS6_4 >'" +
         path + "'";
}

Result<Plan> make_plan(const policy::Policy& policy, std::uint32_t tunnel, const FindSecret& secrets,
                       const PlanSettings& settings) {
  auto parts = read_parts(policy, tunnel, secrets, settings);
  if (!parts) return tl::unexpected(std::move(parts.error()));
  auto algorithms = parts->ikev1
                        ? ikev1_proposals()
                        : proposals(*parts->ike, {parts->tunnel->kind() == fb::VpnKind::always_on, settings.ml_kem});
  if (!algorithms) return tl::unexpected(std::move(algorithms.error()));
  Plan out;
  out.server = view(parts->tunnel->server());
  out.proposals = std::move(*algorithms);
  out.mobike = !parts->ikev1 && !parts->ike->disable_mobike();
  out.mtu = parts->ike->mtu();
  auto body = settings_body(*parts, settings);
  if (!body) return tl::unexpected(std::move(body.error()));
  out.settings = std::move(*body);
  out.asks_user = parts->asks_user;
  out.asks_password = parts->asks_password;
  out.user = view(parts->ike->user());
  out.asks_pin = parts->ike->asks_pin();
  out.asks_always = parts->ike->asks_always();
  // The message without addresses, and without what people say, is what tells one configuration from another.
  PlanSettings silent = settings;
  silent.user = silent.password = nullptr;
  auto message = connection(policy, tunnel, secrets, silent, out, {}, {});
  if (!message) return tl::unexpected(std::move(message.error()));
  const auto bytes = message->message.encode();
  if (!bytes) return tl::unexpected(bytes.error());
  std::string all = out.settings;
  all += text_of(*bytes);
  std::array<std::byte, 32> digest{};
  if (EVP_Digest(all.data(), all.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_sha256(),
                 nullptr) != 1) {
    return fail(ErrorKind::environment, "OpenSSL has no SHA-256");
  }
  out.connection = "vpn-" + hexadecimal(std::span(digest).first(8));
  return out;
}

Result<Request> connection(const policy::Policy& policy, std::uint32_t tunnel, const FindSecret& secrets,
                           const PlanSettings& settings, const Plan& plan, const CharonPaths& paths, const Path& path) {
  auto parts = read_parts(policy, tunnel, secrets, settings);
  if (!parts) return tl::unexpected(std::move(parts.error()));
  // A payload of type IPSec has no key for it.
  const auto delay = parts->ikev1 && settings.dead_peer_delay == seconds(0) ? Result<seconds>(minutes(1))
                                                                            : dead_peer_delay(*parts->ike, settings);
  if (!delay) return tl::unexpected(delay.error());
  Request out{"load-conn", {}};
  Section& conn = out.message.section(plan.connection);
  std::vector<std::string> local;
  for (const policy::Address& address : path.local) local.push_back(address.to_string());
  if (!local.empty()) conn.list("local_addrs", local);
  conn.list("remote_addrs", std::vector<std::string>{path.remote.to_string()});
  conn.set("version", parts->ikev1 ? "1" : "2").set("mobike", plan.mobike ? "yes" : "no").set("fragmentation", "yes");
  if (parts->ikev1) conn.set("aggressive", parts->aggressive ? "yes" : "no");
  // Two tunnels to one gateway have two charons: each would tell it to forget the other's association.
  const auto* always_on = policy.body().always_on();
  if (always_on != nullptr && always_on->tunnels()->size() > 1) conn.set("unique", "never");
  conn.set("send_cert", "always").set("keyingtries", "1").set("dpd_delay", seconds_text(*delay));
  conn.set("rekey_time", seconds_text(lifetime(*parts->ike->ike_sa()))).set("reauth_time", "0s");
  conn.list("proposals", plan.proposals.ike);
  conn.list("vips", parts->ikev1 ? std::vector<std::string>{"0.0.0.0"} : std::vector<std::string>{"0.0.0.0", "::"});
  if (!view(parts->ike->ppk_identifier()).empty()) {
    conn.set("ppk_id", plain_identity(view(parts->ike->ppk_identifier())));
    conn.set("ppk_required", parts->ike->ppk_mandatory() ? "yes" : "no");
  }
  conn.section("local", local_section(*parts));
  if (parts->xauth && parts->method != Method::hybrid) conn.section("local-xauth", xauth_section(*parts));
  conn.section("remote", remote_section(*parts));
  conn.section("children").section(child_name, child_section(*parts, settings, plan, paths));
  return out;
}

Result<std::vector<Request>> credentials(const policy::Policy& policy, std::uint32_t tunnel, const FindSecret& secrets,
                                         const PlanSettings& settings) {
  auto parts = read_parts(policy, tunnel, secrets, settings);
  if (!parts) return tl::unexpected(std::move(parts.error()));
  std::vector<Request> out;
  for (const Authority& authority : parts->trusted) {
    out.push_back({"load-cert", {}});
    out.back().message.set("type", "X509").set("flag", "CA").set("data", authority.certificate);
  }
  if (parts->identity) {
    // charon trusts every authority that it is given, so those of the container must not widen what is trusted.
    if (!parts->trust_is_system && !parts->trusted.empty()) {
      for (const Der& other : parts->identity->others) {
        out.push_back({"load-cert", {}});
        out.back().message.set("type", "X509").set("flag", "NONE").set("data", other);
      }
    }
    out.push_back({"load-key", {}});
    out.back().message.set("type", "any").set("data", parts->identity->key);
  }
  const auto share = [&](const char* type, std::string owner, const WipedBytes& data) {
    out.push_back({"load-shared", {}});
    out.back().message.set("id", std::string("vpn-") + type).set("type", type).set("data", data);
    if (!owner.empty()) out.back().message.list("owners", std::vector<std::string>{std::move(owner)});
  };
  // Whatever the server of a group calls itself: this charon has one connection.
  if (!parts->secret.empty()) share("ike", parts->ikev1 ? std::string() : parts->remote, parts->secret);
  if (!parts->password.empty()) share(parts->ikev1 ? "xauth" : "eap", plain_identity(parts->user), parts->password);
  if (!parts->ppk.empty()) {
    share("ppk", plain_identity(view(parts->ike->ppk_identifier())), parts->ppk);
  }
  return out;
}

}  // namespace vpn::agent::strongswan
