// The lists of names of a policy, numbered, with the domain table over all of them. Internal to compiler/lower/.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "compiler/lower/sources.h"
#include "policy/domain_table.h"

namespace vpn::lower {

class DomainLists {
 public:
  DomainLists(flatbuffers::FlatBufferBuilder& builder, Sources& sources) : builder_(builder), sources_(sources) {}

  /// Adds a list and gives its number. Entries that no host name can match are left out: lint has reported them.
  /// `has_empty`, where given, tells whether the empty name is among them (SupplementalMatchDomains).
  std::uint32_t add(const model::DomainList& list, std::uint32_t owner, bool* has_empty = nullptr);

  std::size_t size() const { return lists_.size(); }
  /// The table's bytes; to be asked for once, after the last add().
  Result<std::vector<std::byte>> table() { return table_.finish(); }
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::DomainList>>> lists() {
    return builder_.CreateVector(lists_);
  }

 private:
  bool add_name(std::string_view name, std::uint32_t number);

  flatbuffers::FlatBufferBuilder& builder_;
  Sources& sources_;
  policy::DomainTableBuilder table_;
  std::deque<std::string>
      normalised_;  ///< names that were not in A-label form; the table views them until it is finished
  std::string storage_;
  std::size_t names_ = 0;
  std::vector<flatbuffers::Offset<fb::DomainList>> lists_;
};

}  // namespace vpn::lower
