// vpnprofile schema: what keys a payload has.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "compiler/cli/commands.h"
#include "compiler/schema/export/export.h"
#include "console/similar/similar.h"

namespace vpn::cli {
namespace {

constexpr Option schema_options[] = {
    {"format", 0, "FORMAT", "how to print", "text,json,json-schema,completion"},
};

/// "did you mean 'A' or 'B'?", or `otherwise`.
std::string did_you_mean(const std::vector<std::string_view>& candidates, const std::string& otherwise) {
  std::string out;
  for (const std::string_view candidate : candidates)
    out += (out.empty() ? "did you mean '" : "' or '") + std::string(candidate);
  return out.empty() ? otherwise : out + "'?";
}

void add_if_close(std::string_view word, std::string_view known, std::vector<std::string_view>& candidates) {
  const std::size_t close = std::min<std::size_t>(3, known.size() / 2 + 1);
  if (cli::edit_distance(word, known, close) <= close) candidates.push_back(known);
}

Error unknown_type(const std::string& type, std::vector<std::string_view> candidates) {
  Error error{ErrorKind::usage, "'" + type + "' is no payload type that is described here", {}, {}};
  if (schema::is_foreign_payload(type)) error.what = "'" + type + "' exists, but is not judged and not described here";
  if (candidates.size() > 1) error.what = "'" + type + "' is the end of more than one type";
  if (candidates.empty()) {
    for (const schema::Payload& payload : schema::payloads()) add_if_close(type, payload.type, candidates);
  }
  error.help = did_you_mean(candidates, "'vpnprofile schema' lists the types");
  return error;
}

Error unknown_key(const schema::FoundKey& found, const std::string& path) {
  const std::string type(found.subject.payload->type);
  std::vector<std::string_view> candidates;
  for (const schema::Key& key : found.around->keys) add_if_close(found.unknown, key.name, candidates);
  return {ErrorKind::usage,
          "there is no key '" + found.unknown + "'" + (path == found.unknown ? "" : " in '" + path + "'"), type,
          did_you_mean(candidates, "'vpnprofile schema " + type + "' lists the keys")};
}

std::string render_schema(const schema::Subject& subject, const std::string& format) {
  const bool all = subject.payload == nullptr;
  if (format == "json") return (all ? schema::list_json() : schema::subject_json(subject)).dump(2) + '\n';
  if (format == "json-schema")
    return (all ? schema::profile_json_schema() : schema::subject_json_schema(subject)).dump(2) + '\n';
  if (format == "completion") return all ? schema::list_completion() : schema::subject_completion(subject);
  return all ? schema::list_text(use_color(1)) : schema::subject_text(subject, use_color(1));
}

int run_schema(const Arguments& arguments) {
  schema::Subject subject;
  const std::vector<std::string>& positional = arguments.positional();
  if (!positional.empty()) {
    std::vector<std::string_view> candidates;
    subject.payload = schema::find_type(positional[0], candidates);
    if (subject.payload == nullptr) return report(unknown_type(positional[0], std::move(candidates)));
  }
  if (positional.size() > 1) {
    schema::FoundKey found = schema::find_path(*subject.payload, positional[1]);
    if (found.subject.key == nullptr) return report(unknown_key(found, positional[1]));
    subject = std::move(found.subject);
    if (subject.path.empty()) subject.key = nullptr;  // the payload itself: "" or "PayloadContent[0]"
  }
  return print(render_schema(subject, arguments.get("format", "text"))) ? Exit::ok : Exit::unreadable;
}

}  // namespace

extern const Command schema_command{"schema",
                                    "show what keys a payload has",
                                    "[TYPE [KEY.PATH]]",
                                    0,
                                    2,
                                    schema_options,
                                    "  vpnprofile schema\n"
                                    "  vpnprofile schema com.apple.vpn.managed IKEv2.AuthenticationMethod\n"
                                    "  vpnprofile schema --format json-schema > vpn-profile.schema.json",
                                    run_schema};

}  // namespace vpn::cli
