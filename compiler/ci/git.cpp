#include "compiler/ci/git.h"

#include <array>
#include <filesystem>
#include <system_error>

#include "compiler/ci/process.h"
#include "policy/ascii.h"

namespace vpn::ci {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t most_words = std::size_t{64} << 20;

/// Reading only: no hook, no watcher, no lock, no question.
std::vector<std::string> git_command(const std::string& folder, std::vector<std::string> words) {
  std::vector<std::string> command{
      "git", "--no-pager", "--no-optional-locks", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-C", folder};
  command.insert(command.end(), std::make_move_iterator(words.begin()), std::make_move_iterator(words.end()));
  return command;
}

/// What a hook of git sets, which would make git take another folder for the repository; and what would make it speak
/// another language than untrusted() reads.
constexpr std::array<std::string_view, 9> unset_variables{"GIT_DIR",     "GIT_WORK_TREE",  "GIT_INDEX_FILE",
                                                          "GIT_PREFIX",  "GIT_COMMON_DIR", "LC_ALL",
                                                          "LC_MESSAGES", "LANG",           "LANGUAGE"};

Result<Finished> run_git(const std::string& folder, std::vector<std::string> words, std::string_view input,
                         std::size_t limit) {
  return run_process(git_command(folder, std::move(words)), input, limit, unset_variables);
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, std::min(text.find('\n'), text.size())));
}

tl::unexpected<Error> git_error(const Finished& finished, std::string what, std::string where, std::string help) {
  const std::string said = first_line(finished.errors);
  return fail(ErrorKind::usage, said.empty() ? std::move(what) : what + ": " + said, std::move(where), std::move(help));
}

/// What git says is to be done about a repository of another user, as in a container of CI; empty: it is not that.
std::string untrusted(const Finished& finished) {
  if (finished.exit == 0 || finished.errors.find("dubious ownership") == std::string::npos) return {};
  const std::size_t remedy = finished.errors.find("git config --global --add safe.directory");
  return remedy == std::string::npos ? "see safe.directory in 'git help config'"
                                     : first_line(std::string_view(finished.errors).substr(remedy));
}

/// "100644 blob 0123… 17\tpath"; nothing for links, submodules and what makes no sense.
bool read_entry(std::string_view line, OldFile& out) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos || !line.starts_with("100")) return false;
  std::string_view head = line.substr(0, tab);
  std::vector<std::string_view> words;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find(' '), head.size());
    if (end > 0) words.push_back(head.substr(0, end));
    head.remove_prefix(std::min(end + 1, head.size()));
  }
  if (words.size() != 4 || words[1] != "blob" || !ascii::read_number(words[3], out.size)) return false;
  out.object = words[2];
  out.path = line.substr(tab + 1);
  return true;
}

std::string existing_folder(const std::string& path) {
  std::error_code error;
  fs::path at = fs::absolute(path, error);
  while (!fs::is_directory(at, error) && at.has_relative_path()) at = at.parent_path();
  return at.string();
}

}  // namespace

Result<Repository> Repository::around(const std::string& path) {
  const std::string folder = existing_folder(path);
  auto done = run_git(folder, {"rev-parse", "--show-toplevel"}, {}, most_words);
  if (!done) return tl::unexpected(done.error());
  if (const std::string remedy = untrusted(*done); !remedy.empty())
    return fail(ErrorKind::usage, "git does not trust this repository, for it belongs to somebody else", folder,
                remedy);
  if (done->exit != 0)
    return git_error(*done, "this is not in a git repository", folder, "--base compares with a revision of git");
  while (!done->out.empty() && done->out.back() == '\n') done->out.pop_back();
  return Repository(done->out);
}

Result<std::string> Repository::commit(const std::string& revision) const {
  const auto done =
      run_git(top_, {"rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"}, {}, most_words);
  if (!done) return tl::unexpected(done.error());
  if (done->exit != 0)
    return git_error(*done, "git does not know the revision '" + revision + "' here", top_,
                     "fetch it first; a shallow clone has the newest commit only ('git fetch --unshallow', "
                     "fetch-depth: 0, GIT_DEPTH: 0)");
  return first_line(done->out);
}

Result<std::vector<OldFile>> Repository::files(const std::string& commit, const std::vector<std::string>& paths) const {
  std::vector<std::string> words{"ls-tree", "-r", "-z", "--long", "--full-tree", commit, "--"};
  for (const std::string& path : paths)
    if (!path.empty() && path != ".") words.push_back(path);
  const auto done = run_git(top_, std::move(words), {}, most_words);
  if (!done) return tl::unexpected(done.error());
  if (done->exit != 0) return git_error(*done, "git cannot list the files of the revision", top_, {});
  std::vector<OldFile> out;
  std::string_view rest = done->out;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    OldFile file;
    if (read_entry(rest.substr(0, end), file)) out.push_back(std::move(file));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (out.size() > most_files)
    return fail(ErrorKind::invalid_input, "the revision has more than " + std::to_string(most_files) + " files here",
                top_, "name the folders of the profiles");
  return out;
}

Result<std::map<std::string, std::string>> Repository::contents(const std::vector<OldFile>& files) const {
  std::map<std::string, std::string> out;
  if (files.empty()) return out;
  std::string asked;
  std::size_t bytes = 0;
  for (const OldFile& file : files) {
    asked += file.object + "\n";
    bytes += file.size;
  }
  if (bytes > most_bytes)
    return fail(ErrorKind::invalid_input, "the files of the revision are larger than 512 MiB together", top_,
                "name the folders of the profiles");
  const auto done = run_git(top_, {"cat-file", "--batch"}, asked, bytes + files.size() * 128);
  if (!done) return tl::unexpected(done.error());
  std::string_view rest = done->out;
  for (const OldFile& file : files) {
    // "OBJECT blob SIZE", the bytes, and a line end.
    const std::size_t head = rest.find('\n');
    const std::string expected = file.object + " blob " + std::to_string(file.size);
    if (done->exit != 0 || rest.substr(0, head) != expected || rest.size() < head + file.size + 2)
      return git_error(*done, "git cannot give '" + file.path + "' of the revision", top_,
                       "a clone with a filter may lack it: 'git fetch' without the filter");
    out[file.path] = rest.substr(head + 1, file.size);
    rest.remove_prefix(head + file.size + 2);
  }
  return out;
}

Result<std::string> Repository::relative(const std::string& path) const {
  std::error_code error;
  const fs::path full = fs::weakly_canonical(fs::absolute(path, error), error);
  const fs::path found = full.lexically_relative(fs::weakly_canonical(top_, error));
  if (error || found.empty() || *found.begin() == "..")
    return fail(ErrorKind::usage, "the path is outside of the repository", path, "the repository is " + top_);
  return found == "." ? std::string{} : found.lexically_normal().string();
}

}  // namespace vpn::ci
