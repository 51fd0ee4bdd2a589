#include "agent/control/active_policy.h"

#include "agent/files/files.h"
#include "policy/public_key.h"

namespace vpn::agent {

Result<std::unique_ptr<ActivePolicy>> open_policy(const std::string& path, const Config& config,
                                                  std::uint64_t lowest_serial) {
  policy::OpenOptions options;
  options.minimum_serial = lowest_serial;
  if (!config.public_key.empty()) {
    auto pem = read_file(config.public_key, std::size_t{1} << 20);
    if (!pem) return tl::unexpected(pem.error());
    auto key = policy::parse_public_key(*pem, config.public_key);
    if (!key) return tl::unexpected(key.error());
    options.public_key = *key;
  }
  auto opened = policy::Policy::open(path, options);
  if (!opened) return tl::unexpected(opened.error());
  auto classes = policy::KernelClasses::of(policy::Situation(*opened, {}));
  if (!classes) return tl::unexpected(classes.error());
  auto secrets = Secrets::read(*opened, config.secrets);
  auto out = std::make_unique<ActivePolicy>(std::move(*opened), std::move(*classes),
                                            secrets ? std::move(*secrets) : Secrets());
  if (!secrets)
    out->secrets_fault = (secrets.error().where.empty() ? "" : secrets.error().where + ": ") + secrets.error().what;
  return out;
}

}  // namespace vpn::agent
