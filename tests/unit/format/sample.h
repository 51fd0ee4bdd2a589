// Findings made by hand that together meet every hard case of a format.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/findings/findings.h"
#include "compiler/format/format.h"

namespace vpn::format {

struct Sample {
  std::vector<std::unique_ptr<document::Source>> sources;
  findings::Sink sink;
  Report report;

  document::Source& add(std::string name, std::string text) {
    sources.push_back(std::make_unique<document::Source>(std::move(name), std::move(text)));
    report.files.push_back(sources.back()->name());
    return *sources.back();
  }

  /// A finding about the first `needle` behind `from` in the text; an empty needle: about the file.
  findings::Finding& find(findings::Code code, const document::Source& source, std::string_view needle,
                          std::string message, std::string path = {}) {
    return sink.add(code, source, span(source, needle), std::move(message), std::move(path));
  }

  static document::Span span(const document::Source& source, std::string_view needle) {
    const auto at = source.text().find(needle);
    if (needle.empty() || at == std::string_view::npos) return {};
    return {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + needle.size())};
  }

  const Report& done() {
    report.findings = sink.all();
    return report;
  }
};

/// Tabs, wide characters, a span over lines, a long line, a secret, text that is no UTF-8, a file without text, a fix.
void fill(Sample& sample);

inline Options plain_options() {
  Options options;
  options.width = 72;
  options.base = "/home/admin";
  options.version = "0.1.0";
  options.secret_keys = {"SharedSecret"};
  return options;
}

}  // namespace vpn::format
