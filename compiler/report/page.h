// The page's sections. Internal to compiler/report.
#pragma once

#include <string>
#include <vector>

#include "compiler/report/facts.h"
#include "compiler/report/model.h"
#include "compiler/report/report.h"
#include "compiler/report/scene.h"

namespace vpn::report {

/// All that the sections are made from.
struct Content {
  const Request& request;
  Scenes scenes;
  std::vector<Exception> exceptions;
  std::vector<Space> spaces;
};

/// A section and its line in the table of contents; without text there is neither.
struct Section {
  std::string id, title, html;
};

Section summary_section(const Content& content);
std::vector<Section> scene_sections(const Content& content);
Section exceptions_section(const Content& content);
Section spaces_section(const Content& content);
Section apps_section(const Content& content);
Section domains_section(const Content& content);
Section findings_section(const Content& content);
Section proofs_section(const Content& content);
Section changes_section(const Content& content);
Section legend_section();

/// "a.mobileconfig:41:5" with its key path; empty for none.
std::string place_html(const Place& place);
std::string source_html(const policy::Policy& policy, std::uint32_t source);
/// The verdict's name with its sign, as page.css shows it.
std::string chip(const std::string& look, const std::string& name);

}  // namespace vpn::report
