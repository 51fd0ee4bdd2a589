// The lists beside the payloads: services (S2), well-known apps, probe targets, foreign payload types.
#include <algorithm>
#include <set>

#include "compiler/schema/generate/yaml.h"

namespace vpn::schema::generate {
namespace {

std::uint32_t read_roles(Attributes& attributes) {
  std::uint32_t roles = 0;
  for (const std::string& word : attributes.texts("roles")) {
    policy::Role role{};
    if (!policy::parse(word, role))
      attributes.diagnostics().error(attributes.where("roles"), "'" + word + "' is no role");
    roles |= policy::bit(role);
  }
  return roles;
}

bool to_port(const std::string& text, std::uint16_t& port) {
  std::int64_t number = 0;
  if (!to_integer(text, number) || number < 1 || number > 65535) return false;
  port = static_cast<std::uint16_t>(number);
  return true;
}

void read_selector(Attributes& attributes, policy::Service service, Catalogue& catalogue) {
  ServiceSpec selector;
  selector.service = service;
  selector.roles = read_roles(attributes);
  if (const int word = attributes.word("protocol", {"tcp", "udp"}); word >= 0) selector.protocol = word == 0 ? 6 : 17;
  for (const std::string& text : attributes.texts("ports")) {
    std::uint16_t port = 0;
    if (!to_port(text, port)) attributes.diagnostics().error(attributes.where("ports"), "'" + text + "' is no port");
    selector.ports.push_back(port);
  }
  if (!selector.ports.empty() && selector.protocol == 0)
    attributes.diagnostics().error(attributes.where("ports"), "'ports' needs 'protocol'");
  selector.prefixes = attributes.texts("prefixes");
  for (const std::string& prefix : selector.prefixes) {
    if (prefix.find('/') == std::string::npos)
      attributes.diagnostics().error(attributes.where("prefixes"), "'" + prefix + "' has no prefix length");
  }
  selector.local_only = attributes.boolean("local", false);
  attributes.finish();
  if (selector.roles == 0 && selector.protocol == 0 && selector.prefixes.empty() && !selector.local_only)
    attributes.diagnostics().error(attributes.where(), "a selector without any condition would take every flow");
  catalogue.services.push_back(std::move(selector));
}

void load_services(const std::string& file, Catalogue& catalogue, Diagnostics& diagnostics) {
  for (const YAML::Node& node : load_file(file, diagnostics)) {
    each_member(node, file, diagnostics,
                [&](const std::string& name, const YAML::Node& name_node, const YAML::Node& selectors) {
                  policy::Service service{};
                  const Where where{file, name_node.Mark().line + 1, name_node.Mark().column + 1};
                  if (!policy::parse(name, service) || service == policy::Service::none)
                    return diagnostics.error(where, "'" + name + "' is no service");
                  if (!selectors.IsSequence()) return diagnostics.error(where, "a list of selectors is expected");
                  for (const YAML::Node& selector : selectors) {
                    Attributes attributes(selector, file, diagnostics);
                    read_selector(attributes, service, catalogue);
                  }
                });
  }
  std::stable_sort(catalogue.services.begin(), catalogue.services.end(),
                   [](const ServiceSpec& a, const ServiceSpec& b) { return a.service < b.service; });
}

void load_apps(const std::string& file, Catalogue& catalogue, Diagnostics& diagnostics) {
  std::set<std::string> seen;  // an executable is one app
  for (const YAML::Node& node : load_file(file, diagnostics)) {
    each_member(node, file, diagnostics, [&](const std::string& name, const YAML::Node&, const YAML::Node& value) {
      Attributes attributes(value, file, diagnostics);
      AppSpec app{name,
                  attributes.required_text("title"),
                  attributes.text("flatpak"),
                  attributes.text("snap"),
                  read_roles(attributes),
                  attributes.texts("paths")};
      attributes.finish();
      for (const std::string& path : app.paths) {
        if (path.empty() || path.front() != '/')
          diagnostics.error(attributes.where("paths"), "'" + path + "' is not absolute");
        if (!seen.insert(path).second) diagnostics.error(attributes.where("paths"), "'" + path + "' is another app's");
      }
      catalogue.apps.push_back(std::move(app));
    });
  }
  std::sort(catalogue.apps.begin(), catalogue.apps.end(),
            [](const AppSpec& a, const AppSpec& b) { return a.identifier < b.identifier; });
}

void load_probes(const std::string& file, Catalogue& catalogue, Diagnostics& diagnostics) {
  for (const YAML::Node& node : load_file(file, diagnostics)) {
    Attributes list(node, file, diagnostics);
    const YAML::Node probes = list.take("captive");
    list.finish();
    if (!probes.IsSequence()) {
      diagnostics.error(list.where(), "'captive' must be a list");
      continue;
    }
    for (const YAML::Node& item : probes) {
      Attributes attributes(item, file, diagnostics);
      ProbeSpec probe{attributes.required_text("host"), 0};
      if (!to_port(attributes.required_text("port"), probe.port))
        diagnostics.error(attributes.where("port"), "'port' must be from 1 to 65535");
      attributes.finish();
      catalogue.probes.push_back(std::move(probe));
    }
  }
}

void load_foreign(const std::string& file, Catalogue& catalogue, Diagnostics& diagnostics) {
  for (const YAML::Node& node : load_file(file, diagnostics)) {
    Attributes attributes(node, file, diagnostics);
    catalogue.foreign = attributes.texts("types");
    attributes.finish();
  }
  std::sort(catalogue.foreign.begin(), catalogue.foreign.end());
}

}  // namespace

void load_lists(const std::string& folder, Catalogue& catalogue, Diagnostics& diagnostics) {
  load_services(folder + "/services.yaml", catalogue, diagnostics);
  load_apps(folder + "/apps.yaml", catalogue, diagnostics);
  load_probes(folder + "/probes.yaml", catalogue, diagnostics);
  load_foreign(folder + "/foreign.yaml", catalogue, diagnostics);
}

}  // namespace vpn::schema::generate
