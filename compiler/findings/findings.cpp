#include "compiler/findings/findings.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace vpn::findings {

Finding& Sink::add(Code code, const document::Source& source, document::Span span, std::string message,
                   std::string path) {
  Finding& f = all_.emplace_back();
  f.code = code;
  f.severity = info(code).severity;
  f.message = std::move(message);
  f.source = &source;
  f.span = span;
  f.path = std::move(path);
  return f;
}

std::size_t Sink::count(Severity s) const {
  return static_cast<std::size_t>(
      std::count_if(all_.begin(), all_.end(), [s](const Finding& f) { return f.severity == s; }));
}

void Sink::sort() {
  std::map<const document::Source*, std::size_t> order;
  for (const Finding& f : all_) order.emplace(f.source, order.size());
  const auto key = [&](const Finding& f) {
    return std::tuple(order.find(f.source)->second, f.span.begin, f.span.end, static_cast<unsigned>(f.code));
  };
  std::stable_sort(all_.begin(), all_.end(), [&](const Finding& a, const Finding& b) { return key(a) < key(b); });
  const auto same = [&](const Finding& a, const Finding& b) {
    return key(a) == key(b) && a.message == b.message && a.path == b.path;
  };
  all_.erase(std::unique(all_.begin(), all_.end(), same), all_.end());
}

}  // namespace vpn::findings
