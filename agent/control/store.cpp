#include "agent/control/store.h"

#include <openssl/crypto.h>

#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "agent/files/files.h"
#include "agent/tunnel/external_protocol.h"

namespace vpn::agent {

using Json = nlohmann::json;

namespace {

// What is there already is not written again: a start would wait for the disk, several times.
Result<void> replace(const std::string& path, std::string_view content) {
  auto there = read_file(path, content.size());
  const bool same = there && *there == content;
  if (there) OPENSSL_cleanse(there->data(), there->size());
  return same ? Result<void>() : write_file(path, content);
}

}  // namespace

Result<void> Store::prepare() { return make_folder(folder_, 0700); }

Result<std::uint64_t> Store::lowest_serial() const {
  const std::string path = folder_ + "/serial";
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return 0;
  auto text = read_file(path, 64);
  if (!text) return tl::unexpected(text.error());
  while (!text->empty() && text->back() == '\n') text->pop_back();
  std::uint64_t out = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), out);
  if (fault != std::errc{} || end != text->data() + text->size() || text->empty()) {
    return fail(ErrorKind::invalid_input, "this should hold the serial of the newest policy that was in force", path,
                "write that number into it; without it an older policy could come back");
  }
  return out;
}

Result<void> Store::keep(const policy::Policy& policy, const std::string& secrets_file) {
  const auto bytes = policy.bytes();
  const std::string secrets = policy_path() + ".secrets";
  if (!secrets_file.empty() && secrets_file != secrets) {
    auto text = read_file(secrets_file);
    if (!text) return tl::unexpected(text.error());
    auto kept = replace(secrets, *text);
    OPENSSL_cleanse(text->data(), text->size());
    if (!kept) return kept;
  }
  if (auto kept = replace(policy_path(), {reinterpret_cast<const char*>(bytes.data()), bytes.size()}); !kept)
    return kept;
  return replace(folder_ + "/serial", std::to_string(policy.header().serial) + "\n");
}

RememberedTunnels Store::tunnels() const {
  const auto text = read_file(folder_ + "/tunnels.json", std::size_t{16} << 20);
  if (!text) return {};
  return parse_tunnels(*text).value_or(RememberedTunnels{});
}

Result<void> Store::keep(const RememberedTunnels& tunnels) {
  return write_file(folder_ + "/tunnels.json", write_tunnels(tunnels));
}

std::string write_tunnels(const RememberedTunnels& tunnels) {
  Json out = Json::object();
  for (const auto& [id, t] : tunnels) {
    out[id] = {{"was_up", t.was_up}, {"settings", settings_json(t.settings)}, {"process", process_json(t.process)}};
  }
  return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<RememberedTunnels> parse_tunnels(std::string_view text) {
  const Json tree = Json::parse(text, nullptr, false);
  if (!tree.is_object()) return std::nullopt;
  RememberedTunnels out;
  for (const auto& [id, value] : tree.items()) {
    if (!value.is_object() || !value.contains("was_up") || !value["was_up"].is_boolean() || !value.contains("settings"))
      return std::nullopt;
    auto settings = parse_settings(value["settings"]);
    // A file of an agent before has no process.
    auto process = value.contains("process") ? parse_process(value["process"]) : Result<ProviderProcess>();
    if (!settings || !process) return std::nullopt;
    out[id] = {value["was_up"].get<bool>(), std::move(*settings), std::move(*process)};
  }
  return out;
}

}  // namespace vpn::agent
