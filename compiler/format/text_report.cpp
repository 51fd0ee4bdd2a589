// Findings for people: place, message, excerpt, help.
#include "compiler/format/excerpt.h"
#include "compiler/format/fingerprint.h"
#include "compiler/format/machine.h"
#include "compiler/format/secrets.h"
#include "compiler/format/styles.h"
#include "compiler/format/terminal.h"

namespace vpn::format {
namespace {

/// SGR sequences; all empty without colour.
struct Palette {
  std::string_view reset, bold, frame, error, warning, note, help;
};
constexpr Palette colors{"\x1b[0m", "\x1b[1m", "\x1b[34m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;36m", "\x1b[32m"};
constexpr Palette plain{};

class TextWriter {
 public:
  explicit TextWriter(const Options& options)
      : options_(options), secrets_(options.secret_keys), palette_(options.color ? colors : plain) {}

  void finding(const findings::Finding& f) {
    const Place place = f.source == nullptr ? Place{} : places_.locate(*f.source, f.span);
    std::string label(findings::to_string(f.severity));
    label.append("[").append(findings::info(f.code).id).append("]:");
    heading(file_name(f), place, f.path, color_of(f.severity), label, f.message, palette_.bold);
    show(f.source, f.span, place, color_of(f.severity), '^');
    if (!f.help.empty()) line("help", palette_.help, f.help);
    if (is_fixable(f)) line("fix", palette_.help, f.fix_title + " (--fix)");
    for (const findings::Related& r : f.related) {
      const Place where = r.source == nullptr ? Place{} : other_places_.locate(*r.source, r.span);
      heading(r.source == nullptr ? "<none>" : r.source->name(), where, {}, palette_.note, "note:", r.message, {});
      show(r.source, r.span, where, palette_.note, '-');
    }
    text_ += "\n";
  }

  std::string take() { return std::move(text_); }

 private:
  std::string_view color_of(findings::Severity severity) const {
    switch (severity) {
      case findings::Severity::error:
        return palette_.error;
      case findings::Severity::warning:
        return palette_.warning;
      case findings::Severity::note:
        break;
    }
    return palette_.note;
  }

  void painted(std::string_view color, std::string_view text) {
    if (color.empty()) {
      text_ += text;
    } else {
      text_.append(color).append(text).append(palette_.reset);
    }
  }

  void heading(std::string_view file, const Place& place, std::string_view path, std::string_view color,
               std::string_view label, std::string_view message, std::string_view message_color) {
    std::string where = printable(file);
    if (place.begin.line != 0) {
      where += ":" + std::to_string(place.begin.line) + ":" + std::to_string(place.begin.column);
    } else if (!path.empty()) {
      where += ": " + printable(path);
    }
    painted(palette_.bold, where + ":");
    text_ += " ";
    painted(color, label);
    text_ += " ";
    painted(message_color, printable(message));
    text_ += "\n";
  }

  void show(const document::Source* source, document::Span span, const Place& place, std::string_view mark, char sign) {
    if (source == nullptr || place.begin.line == 0) return;
    text_ += excerpt(*source, span, place, secrets_.of(*source),
                     {palette_.frame, mark, palette_.reset, options_.width, sign});
  }

  void line(std::string_view label, std::string_view color, std::string_view message) {
    painted(palette_.frame, "    = ");
    painted(color, std::string(label) + ":");
    text_ += " " + printable(message) + "\n";
  }

  const Options& options_;
  Secrets secrets_;
  Palette palette_;
  Locator places_, other_places_;
  std::string text_;
};

}  // namespace

std::string text_report(const Report& report, const Options& options) {
  TextWriter writer(options);
  for (const findings::Finding& f : report.findings) writer.finding(f);
  return writer.take() + summary(report) + "\n";
}

}  // namespace vpn::format
