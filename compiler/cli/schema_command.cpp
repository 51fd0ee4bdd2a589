// vpnprofile schema: what keys a payload has.
#include <nlohmann/json.hpp>
#include <string>

#include "compiler/cli/commands.h"
#include "compiler/cli/help.h"
#include "compiler/schema/export/export.h"

namespace vpn::cli {
namespace {

constexpr Option options[] = {
    {"format", 0, "FORMAT", "how to print", "text,json,json-schema,completion"},
};

Error unknown_type(const std::string& type, std::vector<std::string_view> candidates) {
  Error error{ErrorKind::usage, "'" + type + "' is no payload type that is described here", {}, {}};
  if (schema::is_foreign_payload(type)) error.what = "'" + type + "' exists, but is not judged and not described here";
  if (candidates.empty() && type.size() < 100) {
    for (const schema::Payload& payload : schema::payloads()) {
      if (edit_distance(type, payload.type) <= 3) candidates.push_back(payload.type);
    }
  }
  for (const std::string_view candidate : candidates)
    error.help += (error.help.empty() ? "did you mean " : " or ") + std::string(candidate);
  if (error.help.empty()) error.help = "'vpnprofile schema' lists them";
  return error;
}

std::string render(const schema::Subject& subject, const std::string& format) {
  const bool all = subject.payload == nullptr;
  if (format == "json") return (all ? schema::list_json() : schema::subject_json(subject)).dump(2) + '\n';
  if (format == "json-schema")
    return (all ? schema::profile_json_schema() : schema::subject_json_schema(subject)).dump(2) + '\n';
  if (format == "completion") return all ? schema::list_completion() : schema::subject_completion(subject);
  return all ? schema::list_text(use_color(1)) : schema::subject_text(subject, use_color(1));
}

int run(const Arguments& arguments) {
  schema::Subject subject;
  const std::vector<std::string>& positional = arguments.positional();
  if (!positional.empty()) {
    std::vector<std::string_view> candidates;
    subject.payload = schema::find_type(positional[0], candidates);
    if (subject.payload == nullptr) return report(unknown_type(positional[0], std::move(candidates)));
  }
  if (positional.size() > 1) {
    std::string unknown;
    subject.key = schema::find_path(*subject.payload, positional[1], subject.path, unknown);
    if (subject.key == nullptr)
      return report({ErrorKind::usage, "there is no key '" + unknown + "' in '" + positional[1] + "'",
                     std::string(subject.payload->type),
                     "'vpnprofile schema " + std::string(subject.payload->type) + "' lists the keys"});
  }
  return print(render(subject, arguments.get("format", "text"))) ? Exit::ok : Exit::unreadable;
}

}  // namespace

extern const Command schema_command{"schema",
                                    "show what keys a payload has",
                                    "[TYPE [KEY.PATH]]",
                                    0,
                                    2,
                                    options,
                                    "  vpnprofile schema\n"
                                    "  vpnprofile schema com.apple.vpn.managed IKEv2.AuthenticationMethod\n"
                                    "  vpnprofile schema --format json-schema > vpn-profile.schema.json",
                                    run};

}  // namespace vpn::cli
