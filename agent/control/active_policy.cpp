#include "agent/control/active_policy.h"

#include "agent/files/files.h"
#include "policy/public_key.h"
#include "policy_generated.h"

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
  SecretSources sources = config.secrets;
  if (sources.file.empty()) sources.file = path + ".secrets";
  auto secrets = Secrets::read(*opened, sources);
  auto out = std::make_unique<ActivePolicy>(std::move(*opened), std::move(*classes),
                                            secrets ? std::move(*secrets) : Secrets());
  const bool separate = out->policy.body().secret_count() != 0 && out->policy.body().secrets() == nullptr;
  if (secrets && separate) out->secrets_file = sources.file;
  if (!secrets)
    out->secrets_fault = (secrets.error().where.empty() ? "" : secrets.error().where + ": ") + secrets.error().what;
  return out;
}

}  // namespace vpn::agent
