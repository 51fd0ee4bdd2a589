// Changes that are expected, as users write them.
#include <algorithm>

#include "compiler/analyse/diff.h"
#include "compiler/analyse/selector_reader.h"

namespace vpn::analyse {
namespace {

using scenario::Member;
using scenario::Node;

class ExpectedReader : private SelectorReader {
 public:
  explicit ExpectedReader(const std::string& path) : SelectorReader(path) {}

  Result<std::vector<Expected>> read() {
    const auto root = scenario::read_tree(file());
    if (!root) return tl::unexpected(root.error());
    const Node* list = &*root;
    if (const Member* m = root->find("allow")) {
      constexpr std::string_view only[] = {"allow"};
      check_keys(*root, only);
      list = &m->value;
    }
    if (!list->is(Node::Kind::list)) problem(list->position, "expected changes are a list");
    for (const Node& item : list->items) change(item);
    if (!problems().empty()) return tl::unexpected(problems().front());
    return std::move(out_);
  }

 private:
  void change(const Node& node) {
    if (!node.is(Node::Kind::map)) return problem(node.position, "an expected change is a mapping of keys to values");
    constexpr std::string_view known[] = {"why", "flows", "states", "from", "to"};
    check_keys(node, known);
    Expected out;
    out.where = scenario::place(file(), node.position);
    if (node.find("why") != nullptr) text(node, "why");
    if (const Member* m = node.find("flows")) out.flows = flows(m->value, true);
    if (const Member* m = node.find("states")) out.states = states(m->value);
    out.before = verdicts(node, "from");
    out.after = verdicts(node, "to");
    if (out.flows == FlowSelector{} && out.states == StateSelector{} && out.before.empty() && out.after.empty())
      problem(node.position, "a change without a selector would expect everything");
    out_.push_back(std::move(out));
  }

  std::vector<Expected> out_;
};

}  // namespace

Result<std::vector<Expected>> read_expected(const std::string& path) { return ExpectedReader(path).read(); }

}  // namespace vpn::analyse
