// Writes the filter of suffix_filter.h from Mozilla's public suffix list (https://publicsuffix.org/list/).
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "compiler/lint/suffix_filter.h"
#include "policy/domain_table.h"

namespace {

using vpn::lint::SuffixRule;

void add(std::vector<std::uint64_t>& words, std::string_view rule) {
  const bool wildcard = rule.substr(0, 2) == "*.";
  if (wildcard) rule.remove_prefix(2);
  std::string storage;
  std::string_view name;
  if (vpn::policy::normalise_name(rule, storage, name) != vpn::policy::NameFault::none) return;
  const auto set = [&](SuffixRule kind) {
    const auto bits = vpn::lint::suffix_bits(name, kind);
    for (const std::uint32_t bit : {bits.first, bits.second}) words[bit / 64] |= std::uint64_t{1} << (bit % 64);
  };
  set(SuffixRule::name);  // also of a wildcard: what it stands below is a suffix itself
  if (wildcard) set(SuffixRule::wildcard);
}

/// Gives the number of rules.
std::size_t read(std::istream& in, std::vector<std::uint64_t>& words) {
  std::size_t rules = 0;
  for (std::string line; std::getline(in, line);) {
    line.resize(std::min(line.find_first_of(" \t\r"), line.size()));
    if (line.empty() || line.rfind("//", 0) == 0) continue;
    // An exception lies below a wildcard rule, so the filter lets it pass, as it may.
    if (line.front() == '!') continue;
    add(words, line);
    ++rules;
  }
  return rules;
}

void write(std::ostream& out, const std::vector<std::uint64_t>& words) {
  out << "// Generated from the public suffix list.\n#include <array>\n\n#include \"compiler/lint/suffix_filter.h\"\n\n"
         "namespace vpn::lint {\nnamespace {\n\nconstexpr std::array<std::uint64_t, suffix_filter_words> words{{\n"
      << std::hex;
  for (std::size_t i = 0; i < words.size(); ++i) out << "0x" << words[i] << (i % 8 == 7 ? "u,\n" : "u, ");
  out << "}};\n\n}  // namespace\n\nstd::span<const std::uint64_t, suffix_filter_words> suffix_filter() { return "
         "words; }\n\n"
         "}  // namespace vpn::lint\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " PUBLIC_SUFFIX_LIST OUTPUT\n";
    return 2;
  }
  std::ifstream in(argv[1]);
  std::vector<std::uint64_t> words(vpn::lint::suffix_filter_words);
  if (!in || read(in, words) < 1000) {
    std::cerr << "error: " << argv[1] << " is no public suffix list\n";
    return 1;
  }
  std::ofstream out(argv[2]);
  write(out, words);
  return out.flush() ? 0 : 1;
}
