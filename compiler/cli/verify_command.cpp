// vpnprofile verify: whether a policy is sound, whose it is and how new.
#include <charconv>
#include <cstdio>

#include "compiler/cli/commands.h"
#include "compiler/cli/file_input.h"
#include "compiler/cli/policy_input.h"
#include "compiler/cli/policy_tree.h"
#include "policy/public_key.h"

namespace vpn::cli {
namespace {

constexpr Option verify_options[] = {
    {"key", 'k', "FILE", "Ed25519 public key (PEM) that the policy must be signed with", {}},
    {"serial-at-least", 0, "N", "lowest serial number that is accepted", {}},
    {"format", 0, "FORMAT", "how to print", "text,json"},
};

Result<policy::OpenOptions> options_of(const Arguments& arguments) {
  policy::OpenOptions out;
  if (arguments.has("key")) {
    const std::string path = arguments.get("key");
    const auto pem = read_input(path, std::size_t{1} << 20);
    if (!pem) return tl::unexpected(pem.error());
    const auto key = policy::parse_public_key(*pem, path);
    if (!key) return tl::unexpected(key.error());
    out.public_key = *key;
  }
  const std::string text = arguments.get("serial-at-least", "0");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.minimum_serial);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(ErrorKind::usage, "--serial-at-least wants a number from 0 on");
  return out;
}

const char* signature_word(const policy::Header& header, bool checked) {
  if (!header.is_signed) return "none";
  return checked ? "verified" : "unchecked";
}

Tree describe(const std::string& path, const policy::Policy& policy, bool checked) {
  const policy::Header& h = policy.header();
  return {{"file", path},
          {"valid", true},
          {"format_version", h.format_version},
          {"serial", h.serial},
          {"bytes", policy.bytes().size()},
          {"sha256", hexadecimal(h.sha256)},
          {"signature", signature_word(h, checked)},
          {"key_id", h.is_signed ? Tree(hexadecimal(h.key_id)) : Tree()},
          {"error", nullptr}};
}

std::string for_people(const std::string& path, const policy::Policy& policy, bool checked) {
  const policy::Header& h = policy.header();
  std::string text = path + ": sound\n  serial     " + std::to_string(h.serial) + "\n  format     " +
                     std::to_string(h.format_version) + "\n  size       " + std::to_string(policy.bytes().size()) +
                     " bytes\n  SHA-256    " + hexadecimal(h.sha256) + "\n  signature  " + signature_word(h, checked);
  if (h.is_signed) text += ", key " + hexadecimal(h.key_id);
  if (h.is_signed && !checked) text += "\n             (give the public key with --key to check it)";
  return text + "\n";
}

int run_verify(const Arguments& arguments) {
  const std::string path = arguments.positional()[0];
  const bool json = arguments.get("format", "text") == "json";
  const auto how = options_of(arguments);
  if (!how) return report(how.error());
  const auto policy = open_compiled(path, *how);
  if (!policy) {
    const Error& error = policy.error();
    if (!json || error.kind != ErrorKind::invalid_input) return report(error);
    const Tree tree{{"file", path},
                    {"valid", false},
                    {"format_version", nullptr},
                    {"serial", nullptr},
                    {"bytes", nullptr},
                    {"sha256", nullptr},
                    {"signature", nullptr},
                    {"key_id", nullptr},
                    {"error", {{"what", error.what}, {"where", error.where}, {"help", error.help}}}};
    return print(tree.dump(2, ' ', false, Tree::error_handler_t::replace) + "\n") ? Exit::findings : Exit::unreadable;
  }
  const bool checked = how->public_key.has_value();
  const bool printed =
      print(json ? describe(path, *policy, checked).dump(2, ' ', false, Tree::error_handler_t::replace) + "\n"
                 : for_people(path, *policy, checked));
  return printed ? Exit::ok : Exit::unreadable;
}

}  // namespace

const Command verify_command{"verify",
                             "check a policy: structure, invariants, signature, serial",
                             "POLICY",
                             1,
                             1,
                             verify_options,
                             "  vpnprofile verify device.vpnpolicy --key public.pem --serial-at-least 7",
                             run_verify};

}  // namespace vpn::cli
