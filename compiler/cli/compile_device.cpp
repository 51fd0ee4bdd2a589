#include "compiler/cli/compile_device.h"

#include <sys/stat.h>

#include <algorithm>

#include "console/command.h"
#include "policy/policy.h"
#include "policy_generated.h"

namespace vpn::cli {
namespace {

constexpr unsigned policy_mode = 0644;
constexpr unsigned secrets_mode = 0600;

/// Reads every file, with the rules that its configuration gives it.
void read_files(LintRun& run, const CompileSettings& settings, const std::vector<std::string>& paths,
                const ReadFile& read, std::vector<LintFile>& files,
                std::vector<std::unique_ptr<document::Source>>& sources, Built& out) {
  for (const std::string& path : paths) {
    auto rules = run.rules_for(path);
    if (!rules) {
      out.problems.push_back(std::move(rules.error()));
      continue;
    }
    auto source = read ? read(path) : document::Source::read_up_to(path, settings.lint.read.limits.file_bytes);
    if (!source) {
      out.problems.push_back(std::move(source.error()));
      continue;
    }
    files.push_back({files.size(), path, std::move(*rules)});
    out.names.push_back((*source)->name());
    sources.push_back(std::move(*source));
  }
}

Result<void> write_policy(const policy::Policy& policy, const std::string& path, const WriteFile& write) {
  if (path != "-") return write(path, policy.bytes(), policy_mode);
  const auto bytes = policy.bytes();
  if (print({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) return {};
  return fail(ErrorKind::unreadable, "the policy could not be written to standard output");
}

// The secrets come first: a policy without them would be of no use, they without their policy are noticed by its
// digest.
Result<void> write_all(const policy::Policy& policy, const model::Secret& secrets, const Device& device,
                       const WriteFile& write) {
  if (!secrets.empty()) {
    if (device.secrets.empty()) {
      return fail(ErrorKind::usage,
                  "the profiles hold secrets, and a policy on standard output leaves no place for them", {},
                  "seal them with --encrypt-to, or say where they go with --secrets");
    }
    if (auto ok = write(device.secrets, std::as_bytes(secrets.bytes()), secrets_mode); !ok) return ok;
  }
  return write_policy(policy, device.output, write);
}

std::string summarise(const policy::Policy& policy, const model::Secret& secrets, const Device& device) {
  const auto* tunnels = policy.body().tunnels();
  const std::uint32_t vpns = tunnels == nullptr ? 0 : tunnels->size();
  std::string text = device.output + ": " + std::to_string(vpns) + (vpns == 1 ? " VPN, " : " VPNs, ") +
                     std::to_string(policy.bytes().size()) + " bytes, serial " +
                     std::to_string(policy.header().serial) + (policy.header().is_signed ? ", signed" : "");
  if (policy.body().secret_count() == 0) return text;
  return text + ", secrets " + (secrets.empty() ? "sealed inside" : "in " + device.secrets);
}

/// A file of secrets from an earlier run that the new policy does not use: in the clear, and wanted by nobody.
std::string stale_secrets(const model::Secret& secrets, const Device& device) {
  struct stat info {};
  if (!secrets.empty() || device.secrets.empty() || ::stat(device.secrets.c_str(), &info) != 0 ||
      !S_ISREG(info.st_mode))
    return {};
  return device.secrets + ": holds secrets of an earlier policy in the clear; this one does not need the file";
}

/// From judged documents to a policy.
Result<void> lower_documents(const CompileSettings& settings, Built& out) {
  std::vector<const document::Document*> documents;
  for (const auto& document : out.judged.documents) documents.push_back(document.get());
  const model::Model model = model::build(documents, settings.build);
  auto output = lower::lower(model, settings.lower);
  if (!output) return tl::unexpected(std::move(output.error()));
  // The reader's own verification, before anything is written: what a device would refuse must not leave the compiler.
  auto policy = policy::Policy::from_bytes(std::move(output->policy));
  if (!policy) {
    return fail(ErrorKind::invalid_input, "the policy would not pass its own verification: " + policy.error().what,
                policy.error().where, "this is a mistake of vpnprofile, please report it");
  }
  out.policy = std::move(*policy);
  out.secrets = std::move(output->secrets);
  return {};
}

}  // namespace

Built build_device(LintRun& run, const CompileSettings& settings, const std::vector<std::string>& paths,
                   const ReadFile& read) {
  Built out;
  std::vector<LintFile> files;
  std::vector<std::unique_ptr<document::Source>> sources;
  read_files(run, settings, paths, read, files, sources, out);
  if (files.empty()) return out;
  out.judged = run.judge(files, std::move(sources));
  const auto& documents = out.judged.documents;
  const bool unread = std::any_of(documents.begin(), documents.end(), [](const auto& d) { return d == nullptr; });
  out.refused = out.judged.errors > 0 || unread;
  // A policy without one of its profiles would be another policy: nothing comes of it unless all could be read.
  if (out.refused || !out.problems.empty()) return out;
  if (auto ok = lower_documents(settings, out); !ok) out.problems.push_back(std::move(ok.error()));
  return out;
}

Compilation compile_device(LintRun& run, const CompileSettings& settings, const Device& device,
                           const WriteFile& write) {
  Compilation out{build_device(run, settings, device.files), {}, {}};
  if (!out.policy) return out;
  if (auto ok = write_all(*out.policy, out.secrets, device, write); !ok) {
    out.problems.push_back(std::move(ok.error()));
  } else {
    out.summary = summarise(*out.policy, out.secrets, device);
    out.warning = stale_secrets(out.secrets, device);
  }
  out.policy.reset();  // a fleet's policies need not all be in memory
  out.secrets = {};
  return out;
}

}  // namespace vpn::cli
