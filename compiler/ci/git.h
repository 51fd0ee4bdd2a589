// Files of another revision, read from git's object store. The working tree, the index and the configuration of the
// repository are not touched.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace vpn::ci {

/// A file of a revision.
struct OldFile {
  std::string path;  ///< relative to the repository's top folder
  std::string object;
  std::size_t size = 0;
};

class Repository {
 public:
  static constexpr std::size_t most_files = 20'000;
  static constexpr std::size_t most_bytes = std::size_t{512} << 20;

  /// The repository that the file or folder is in. Errors: usage where it is in none, environment where there is no
  /// git.
  static Result<Repository> around(const std::string& path);

  const std::string& top() const { return top_; }  ///< absolute
  /// The full name of a commit. Errors: usage for a revision that is not known here.
  Result<std::string> commit(const std::string& revision) const;
  /// Regular files at or below these paths (relative to top(); "" is everything), by path. Links and submodules are
  /// passed over.
  Result<std::vector<OldFile>> files(const std::string& commit, const std::vector<std::string>& paths) const;
  /// The contents of files, by path.
  Result<std::map<std::string, std::string>> contents(const std::vector<OldFile>& files) const;
  /// A path relative to top(); usage where it is outside.
  Result<std::string> relative(const std::string& path) const;

 private:
  explicit Repository(std::string top) : top_(std::move(top)) {}
  std::string top_;
};

}  // namespace vpn::ci
