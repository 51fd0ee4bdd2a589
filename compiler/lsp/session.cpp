// The life of a session: initialize, settings, notifications.
#include <algorithm>

#include "compiler/lsp/state.h"

namespace vpn::lsp {
namespace {

Encoding agreed_encoding(const Json& capabilities) {
  const Json& offered = member(capabilities, {"general", "positionEncodings"});
  // UTF-8 costs nothing; UTF-16 is what everybody knows.
  for (const Encoding encoding : {Encoding::utf8, Encoding::utf16, Encoding::utf32})
    if (has_word(offered, to_string(encoding))) return encoding;
  return Encoding::utf16;
}

Abilities abilities(const Json& capabilities) {
  Abilities out;
  out.encoding = agreed_encoding(capabilities);
  const Json& document = member(capabilities, {"textDocument"});
  const Json& item = member(document, {"completion", "completionItem"});
  out.snippets = is_true(member(item, {"snippetSupport"}));
  out.markdown_completion = has_word(member(item, {"documentationFormat"}), "markdown");
  const Json& tags = member(item, {"tagSupport", "valueSet"});
  out.deprecated_tag = tags.is_array() && std::find(tags.begin(), tags.end(), 1) != tags.end();
  const Json& modes = member(item, {"insertTextModeSupport", "valueSet"});
  out.adjusts_indentation = modes.is_array() && std::find(modes.begin(), modes.end(), 2) != modes.end();
  out.markdown_hover = has_word(member(document, {"hover", "contentFormat"}), "markdown");
  out.code_action_literals = member(document, {"codeAction", "codeActionLiteralSupport"}).is_object();
  out.versioned_edits = is_true(member(capabilities, {"workspace", "workspaceEdit", "documentChanges"}));
  const Json& said = member(document, {"publishDiagnostics"});
  out.related = is_true(member(said, {"relatedInformation"}));
  out.code_description = is_true(member(said, {"codeDescriptionSupport"}));
  out.diagnostic_tags = member(said, {"tagSupport"}).is_object();
  out.pulls_configuration = is_true(member(capabilities, {"workspace", "configuration"}));
  out.registers_watchers = is_true(member(capabilities, {"workspace", "didChangeWatchedFiles", "dynamicRegistration"}));
  return out;
}

Json offered(Encoding encoding) {
  return {{"positionEncoding", to_string(encoding)},
          {"textDocumentSync", {{"openClose", true}, {"change", 2}, {"save", true}}},
          {"hoverProvider", true},
          {"completionProvider", {{"triggerCharacters", {"<", ">", "\"", ":"}}}},
          {"codeActionProvider", {{"codeActionKinds", {"quickfix", "source.fixAll.vpnprofile"}}}}};
}

std::string workspace_root(const Json& params) {
  const Json& folders = member(params, {"workspaceFolders"});
  if (folders.is_array() && !folders.empty()) return file_path(text_of(member(folders[0], {"uri"})));
  return file_path(text_of(member(params, {"rootUri"})));
}

/// "ios,macos" or ["ios", "macos"].
std::vector<std::string> words_of(const Json& json) {
  std::vector<std::string> out;
  if (json.is_array()) {
    for (const Json& word : json) out.push_back(text_of(word));
  } else {
    std::string rest = text_of(json);
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      out.push_back(rest.substr(0, end));
      rest.erase(0, end + 1);
    }
  }
  return out;
}

}  // namespace

void Server::State::initialize(const Json& id, const Json& params) {
  if (initialized_) return refuse(id, invalid_request, "'initialize' was there already");
  initialized_ = true;
  client_ = abilities(member(params, {"capabilities"}));
  root_ = workspace_root(params);
  answer(id, {{"capabilities", offered(client_.encoding)},
              {"serverInfo", {{"name", "vpnprofile"}, {"version", options_.version}}}});
  const Json& options = member(params, {"initializationOptions"});
  if (options.is_object()) configure(member(options, {"vpnprofile"}).is_object() ? options["vpnprofile"] : options, {});
}

void Server::State::initialized() {
  if (client_.registers_watchers) {
    const Json watcher{{"globPattern", "**/.vpnprofile.yaml"}};
    const Json registration{{"id", "configuration-files"},
                            {"method", "workspace/didChangeWatchedFiles"},
                            {"registerOptions", {{"watchers", Json::array({watcher})}}}};
    ask("watchers", "client/registerCapability", {{"registrations", Json::array({registration})}});
  }
  if (client_.pulls_configuration)
    ask("configuration", "workspace/configuration", {{"items", Json::array({Json{{"section", "vpnprofile"}}})}});
}

void Server::State::handle_notification(const std::string& method, const Json& params, Clock::time_point now) {
  if (method == "exit") {
    ended = true;
    return;
  }
  if (!initialized_ || shut_down) return;
  if (method == "initialized") return initialized();
  if (method == "textDocument/didOpen") return open(params, now);
  if (method == "textDocument/didChange") return change(params, now);
  if (method == "textDocument/didSave") return save(params, now);
  if (method == "textDocument/didClose") return close(params, now);
  if (method == "workspace/didChangeWatchedFiles") return judge_all(now);
  if (method != "workspace/didChangeConfiguration") return;  // $/setTrace and all that others may want
  const Json& settings = member(params, {"settings"});
  if (member(settings, {"vpnprofile"}).is_object()) return configure(settings["vpnprofile"], now);
  if (client_.pulls_configuration)
    return ask("configuration", "workspace/configuration", {{"items", Json::array({Json{{"section", "vpnprofile"}}})}});
  configure(settings, now);
}

bool Server::State::read_settings(const Json& settings, Settings& out, std::string& fault) const {
  for (const std::string& word : words_of(member(settings, {"platform"}))) {
    policy::Platform platform{};
    if (!policy::parse(word, platform)) {
      fault = "'" + word.substr(0, 60) + "' is no platform: ios, macos, visionos, tvos, watchos or linux";
      return false;
    }
    if (std::find(out.platforms.begin(), out.platforms.end(), platform) == out.platforms.end())
      out.platforms.push_back(platform);
  }
  const std::string version = text_of(member(settings, {"os-version"}));
  schema::Version parsed;
  if (!version.empty() && !schema::Version::parse(version, parsed)) {
    fault = "'" + version.substr(0, 60) + "' is no version of an operating system, for instance 18 or 10.15.4";
    return false;
  }
  if (!version.empty()) out.os_version = parsed;
  const Json& supervised = member(settings, {"supervised"});
  if (supervised.is_boolean()) out.supervised = supervised.get<bool>();
  out.template_mode = is_true(member(settings, {"template"}));
  return true;
}

void Server::State::configure(const Json& settings, Clock::time_point now) {
  if (!settings.is_object() && !settings.is_null()) return;
  Settings read;
  std::string fault;
  if (!read_settings(settings, read, fault)) return say(2, "the settings are not used: " + fault);
  settings_ = std::move(read);
  judge_all(now);
}

}  // namespace vpn::lsp
