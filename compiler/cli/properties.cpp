#include "compiler/cli/properties.h"

#include <sys/stat.h>

#include <algorithm>

namespace vpn::cli {
namespace {

bool is_regular_file(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

/// A name, a sentence or a file.
Result<void> add_property(const std::string& word, std::vector<analyse::Property>& out,
                          std::vector<std::string>& files) {
  const bool looks_like_file = word.ends_with(".yaml") || word.ends_with(".yml") || word.ends_with(".json");
  if (is_regular_file(word) || looks_like_file) {
    files.push_back(word);
    auto read = analyse::read_properties(word);
    if (!read) return tl::unexpected(read.error());
    out.insert(out.end(), read->begin(), read->end());
    return {};
  }
  auto parsed = analyse::parse_property(word);
  if (!parsed) return tl::unexpected(parsed.error());
  out.push_back(std::move(*parsed));
  return {};
}

}  // namespace

Result<std::vector<analyse::Property>> named_properties(const std::vector<std::string>& words,
                                                        std::vector<std::string>& files) {
  std::vector<analyse::Property> out;
  for (const std::string& word : words) {
    if (is_regular_file(word)) {
      if (auto added = add_property(word, out, files); !added) return tl::unexpected(added.error());
      continue;
    }
    for (std::size_t begin = 0; begin <= word.size();) {
      const std::size_t end = std::min(word.find(',', begin), word.size());
      if (auto added = add_property(word.substr(begin, end - begin), out, files); !added)
        return tl::unexpected(added.error());
      begin = end + 1;
    }
  }
  return out;
}

Result<std::vector<analyse::Expected>> expected_changes(const std::vector<std::string>& files) {
  std::vector<analyse::Expected> out;
  for (const std::string& file : files) {
    const auto read = analyse::read_expected(file);
    if (!read) return tl::unexpected(read.error());
    out.insert(out.end(), read->begin(), read->end());
  }
  return out;
}

}  // namespace vpn::cli
