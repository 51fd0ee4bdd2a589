#include "compiler/cli/state_input.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <map>

#include "compiler/cli/file_input.h"
#include "console/command.h"
#include "console/similar/similar.h"
#include "policy/json/json.h"

namespace vpn::cli {

void warn(const std::string& text) { std::fprintf(stderr, "warning: %s\n", without_controls(text).c_str()); }

void warn_unknown(const std::string& place, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const std::string_view last = std::string_view(key).substr(key.rfind('.') + 1);  // npos + 1 is 0
    const std::string_view meant = nearest(last, policy::known_keys());
    std::string text = place;
    text.append(": '").append(key).append("' is not a known key and is not read");
    if (!meant.empty()) text.append("; did you mean '").append(meant).append("'?");
    warn(text);
  }
}

namespace {

Result<policy::DeviceState> read_existing(const std::string& path) {
  const auto text = read_input(path);
  if (!text) return tl::unexpected(text.error());
  std::vector<std::string> unknown;
  auto state = policy::parse_state(*text, &unknown);
  if (!state) {
    state.error().where = path;
    return state;
  }
  warn_unknown(path, unknown);
  return state;
}

}  // namespace

Result<policy::DeviceState> read_state(const std::string& path) {
  if (path.empty()) return policy::DeviceState{};
  struct stat info {};
  if (path == "-" || ::stat(path.c_str(), &info) == 0 || errno != ENOENT) return read_existing(path);
  warn("'" + path + "' does not exist: taken for a booting device");
  return policy::DeviceState{};
}

Result<std::vector<policy::DeviceState>> read_states(const std::vector<std::string>& paths) {
  std::vector<policy::DeviceState> out;
  for (const std::string& path : paths) {
    auto state = read_existing(path);
    if (!state) return tl::unexpected(std::move(state.error()));
    out.push_back(std::move(*state));
  }
  return out;
}

void warn_strange_tunnels(const std::vector<const policy::Policy*>& policies, const policy::DeviceState& state,
                          const std::string& name) {
  const std::string which = name.empty() ? "the state" : "the state '" + name + "'";
  std::map<std::string, std::size_t> lacking;
  for (const policy::Policy* const policy : policies)
    for (const std::string& id : policy::strange_tunnels(*policy, state)) ++lacking[id];
  for (const auto& [id, count] : lacking)
    if (count == policies.size()) {
      warn(std::string(which).append(" lists the tunnel '").append(id).append("', which the policy does not have"));
    }
}

void warn_strange_tunnels(const std::vector<const policy::Policy*>& policies,
                          const std::vector<policy::DeviceState>& states, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < states.size(); ++i)
    warn_strange_tunnels(policies, states[i], states.size() == 1 ? std::string{} : names[i]);
}

}  // namespace vpn::cli
