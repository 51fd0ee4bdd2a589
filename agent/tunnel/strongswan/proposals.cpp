#include "agent/tunnel/strongswan/proposals.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "agent/tunnel/strongswan/plan_parts.h"
#include "policy_generated.h"

namespace vpn::agent::strongswan {
namespace {

namespace fb = policy::fb;

struct Cipher {
  std::string_view payload, charon;
  int bits;
  bool aead;  ///< brings its own integrity check
};
constexpr std::array<Cipher, 6> ciphers{{{"3DES", "3des", 112, false},
                                         {"AES-128", "aes128", 128, false},
                                         {"AES-256", "aes256", 256, false},
                                         {"AES-128-GCM", "aes128gcm16", 128, true},
                                         {"AES-256-GCM", "aes256gcm16", 256, true},
                                         {"ChaCha20Poly1305", "chacha20poly1305", 256, true}}};

struct Integrity {
  std::string_view payload, charon, function;  ///< function: the pseudo-random one that goes with it
};
constexpr std::array<Integrity, 5> integrities{{{"SHA1-96", "sha1", "prfsha1"},
                                                {"SHA1-160", "sha1_160", "prfsha1"},
                                                {"SHA2-256", "sha256", "prfsha256"},
                                                {"SHA2-384", "sha384", "prfsha384"},
                                                {"SHA2-512", "sha512", "prfsha512"}}};

struct Group {
  std::uint16_t number;  // IANA, "Key Exchange Method Transform IDs"
  std::string_view charon;
};
constexpr std::array<Group, 13> groups{{{1, "modp768"},
                                        {2, "modp1024"},
                                        {5, "modp1536"},
                                        {14, "modp2048"},
                                        {15, "modp3072"},
                                        {16, "modp4096"},
                                        {17, "modp6144"},
                                        {18, "modp8192"},
                                        {19, "ecp256"},
                                        {20, "ecp384"},
                                        {21, "ecp521"},
                                        {31, "curve25519"},
                                        {32, "curve448"}}};
constexpr std::array<Group, 2> further_groups{{{36, "mlkem768"}, {37, "mlkem1024"}}};
constexpr std::size_t most_further = 7;  // RFC 9370

template <class List, class Key>
auto* find(const List& list, Key wanted, auto member) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const auto& e) { return e.*member == wanted; });
  return found == list.end() ? nullptr : &*found;
}

/// One association's choice, as the payload has it.
struct Choice {
  const Cipher* cipher = nullptr;
  const Integrity* integrity = nullptr;
  const Group* group = nullptr;
  std::string further;  ///< "-ke1_mlkem768-…"; empty: none
};

Result<std::string> further_exchanges(std::string_view where, const fb::SecurityAssociation& sa) {
  std::string out;
  const auto* methods = sa.post_quantum();
  if (methods == nullptr) return out;
  if (methods->size() > most_further) return refuse(where, "there are more than seven further key exchanges");
  for (flatbuffers::uoffset_t i = 0; i < methods->size(); ++i) {
    const std::uint16_t method = methods->Get(i);
    if (method == 0) continue;  // this place stays empty
    const Group* group = find(further_groups, method, &Group::number);
    if (group == nullptr) {
      return refuse(where, "key exchange " + std::to_string(method) + " is none that charon has",
                    "36 is ML-KEM-768, 37 is ML-KEM-1024");
    }
    out += "-ke" + std::to_string(i + 1) + "_" + std::string(group->charon);
  }
  return out;
}

Result<Choice> choose(std::string_view where, const fb::SecurityAssociation& sa) {
  Choice out;
  const std::string_view encryption = view(sa.encryption());
  out.cipher = find(ciphers, encryption, &Cipher::payload);
  if (out.cipher == nullptr) {
    const std::string name(encryption);
    return refuse(
        where, encryption == "DES" ? "DES protects nothing: its keys have 56 bits" : "cipher '" + name + "' is unknown",
        "use AES-256-GCM on both sides");
  }
  out.integrity = find(integrities, view(sa.integrity()), &Integrity::payload);
  if (out.integrity == nullptr)
    return refuse(where, "integrity check '" + std::string(view(sa.integrity())) + "' is unknown");
  out.group = find(groups, sa.dh_group(), &Group::number);
  if (out.group == nullptr)
    return refuse(where, "Diffie-Hellman group " + std::to_string(sa.dh_group()) + " is unknown");
  auto further = further_exchanges(where, sa);
  if (!further) return tl::unexpected(std::move(further.error()));
  out.further = std::move(*further);
  return out;
}

Result<void> check(std::string_view where, const Choice& choice, bool strict, bool always_on) {
  if (strict && choice.cipher->bits < 128) {
    return refuse(where, "EnforceStrictAlgorithmSelection forbids " + std::string(choice.cipher->payload));
  }
  if ((strict || always_on) && choice.group->number < 14) {
    return refuse(where,
                  std::string(strict ? "EnforceStrictAlgorithmSelection forbids" : "an always-on tunnel refuses") +
                      " Diffie-Hellman group " + std::to_string(choice.group->number),
                  "use group 14 or above on both sides");
  }
  return {};
}

std::string ike_proposal(const Choice& c) {
  std::string out(c.cipher->charon);
  out += "-";
  out += c.cipher->aead ? c.integrity->function : c.integrity->charon;
  // Otherwise charon would offer the function that the integrity check implies: the same, but say it.
  if (!c.cipher->aead) out += "-" + std::string(c.integrity->function);
  return out + "-" + std::string(c.group->charon);
}

std::string esp_proposal(const Choice& c, bool forward_secrecy) {
  std::string out(c.cipher->charon);
  if (!c.cipher->aead) out += "-" + std::string(c.integrity->charon);
  if (forward_secrecy) out += "-" + std::string(c.group->charon);
  return out;
}

}  // namespace

Result<Proposals> proposals(const fb::Ike& ike, const ProposalSettings& settings) {
  constexpr std::string_view ike_key = "IKESecurityAssociationParameters";
  constexpr std::string_view child_key = "ChildSecurityAssociationParameters";
  if (ike.ike_sa() == nullptr || ike.child_sa() == nullptr) return refuse(ike_key, "the policy has no algorithms");
  const auto parent = choose(ike_key, *ike.ike_sa());
  if (!parent) return tl::unexpected(parent.error());
  const auto child = choose(child_key, *ike.child_sa());
  if (!child) return tl::unexpected(child.error());
  for (const auto& [where, choice] : {std::pair(ike_key, &*parent), std::pair(child_key, &*child)}) {
    if (auto ok = check(where, *choice, ike.strict_algorithms(), settings.always_on); !ok)
      return tl::unexpected(ok.error());
  }
  if (ike.strict_algorithms() && parent->cipher->bits < child->cipher->bits) {
    return refuse(ike_key, "EnforceStrictAlgorithmSelection forbids an IKE cipher that is weaker than the child's");
  }
  Proposals out;
  const bool wanted = !parent->further.empty() || !child->further.empty();
  if (wanted && settings.ml_kem) {
    out.post_quantum = true;
    out.ike.push_back(ike_proposal(*parent) + parent->further);
    out.esp.push_back(esp_proposal(*child, true) + child->further);
  } else if (wanted && !ike.post_quantum_fallback()) {
    return refuse("PostQuantumKeyExchangeMethods", "this charon has no ML-KEM",
                  "install strongSwan 6.0 or later, or set AllowPostQuantumKeyExchangeFallback");
  }
  if (!wanted || ike.post_quantum_fallback()) {
    out.ike.push_back(ike_proposal(*parent));
    out.esp.push_back(esp_proposal(*child, ike.perfect_forward_secrecy()));
  }
  return out;
}

Result<Proposals> ikev1_proposals() {
  Proposals out;
  for (const char* cipher : {"aes256", "aes128"}) {
    for (const char* digest : {"sha512", "sha384", "sha256", "sha1"}) {
      out.ike.push_back(std::string(cipher) + "-" + digest + "-modp2048");
      out.esp.push_back(std::string(cipher) + "-" + digest);
    }
  }
  return out;
}

}  // namespace vpn::agent::strongswan
