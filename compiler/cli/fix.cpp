#include "compiler/cli/fix.h"

#include <algorithm>
#include <set>

namespace vpn::cli {
namespace {

/// Edits by place; at most one touches any byte or gap between bytes.
class Plan {
 public:
  explicit Plan(std::size_t size) : size_(size) {}

  /// All edits of a finding, or none.
  bool take(const std::vector<findings::Edit>& edits) {
    std::vector<const findings::Edit*> taken;
    for (const findings::Edit& e : edits) {
      if (!e.span.known() || e.span.begin > e.span.end || e.span.end > size_ || touches(e.span)) {
        for (const findings::Edit* t : taken) edits_.erase(t);
        return false;
      }
      edits_.insert(&e);
      taken.push_back(&e);
    }
    return true;
  }

  std::string apply(std::string_view text) const {
    std::string result;
    std::size_t at = 0;
    for (const findings::Edit* e : edits_) {
      result.append(text.substr(at, e->span.begin - at)).append(e->replacement);
      at = e->span.end;
    }
    return result.append(text.substr(at));
  }

 private:
  struct ByPlace {
    bool operator()(const findings::Edit* a, const findings::Edit* b) const {
      return std::pair(a->span.begin, a->span.end) < std::pair(b->span.begin, b->span.end);
    }
  };

  /// Two changes side by side are as doubtful as two that overlap: which insertion comes first?
  bool touches(document::Span span) const {
    findings::Edit probe;
    probe.span = {span.begin, span.begin};
    auto next = edits_.lower_bound(&probe);
    if (next != edits_.end() && (*next)->span.begin <= span.end) return true;
    return next != edits_.begin() && (*std::prev(next))->span.end >= span.begin;
  }

  std::size_t size_;
  std::set<const findings::Edit*, ByPlace> edits_;
};

}  // namespace

Fixed apply_fixes(const document::Source& source, const std::vector<findings::Finding>& findings) {
  Plan plan(source.text().size());
  Fixed result;
  for (const findings::Finding& f : findings) {
    if (f.source != &source || f.edits.empty()) continue;
    ++(plan.take(f.edits) ? result.applied : result.deferred);
  }
  result.text = plan.apply(source.text());
  return result;
}

}  // namespace vpn::cli
