// What an enrolment program writes: an identity that is taken has a key and the certificate that fits it.
#include <cstdlib>
#include <span>

#include "agent/tunnel/identity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpn::agent;
  const auto identity = read_enrolled(std::as_bytes(std::span(data, size)));
  if (!identity) return 0;
  if (identity->key.empty() || identity->certificate.empty() || identity->others.size() > 32) std::abort();
  if (!pem_of_key(identity->key)) std::abort();
  static_cast<void>(has_expired(identity->certificate));
  return 0;
}
