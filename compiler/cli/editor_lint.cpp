#include "compiler/cli/editor_lint.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "compiler/cli/file_input.h"
#include "compiler/cli/inputs.h"
#include "compiler/cli/secret_keys.h"
#include "compiler/cli/surroundings.h"
#include "policy/ascii.h"

namespace vpn::cli {
namespace fs = std::filesystem;
namespace {

/// A declaration is judged with so many others of its folder, at the most.
constexpr std::size_t most_others = 200;
constexpr std::size_t most_other_bytes = std::size_t{8} << 20;
/// And no more entries of the folder are looked at.
constexpr std::size_t most_entries = 5000;

std::vector<std::string> json_files_beside(const std::string& path) {
  std::vector<std::string> found;
  std::error_code error;
  std::size_t entries = 0;
  for (fs::directory_iterator at(fs::path(path).parent_path(), error), end;
       !error && at != end && entries < most_entries; at.increment(error), ++entries) {
    const fs::path& file = at->path();
    std::error_code ignored;
    const bool hidden = file.filename().string().starts_with('.');
    if (hidden || file.extension() != ".json" || file.string() == path || !at->is_regular_file(ignored)) continue;
    found.push_back(file.string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

/// What is judged together, the editor's file first.
struct EditorLint::Unit {
  std::vector<LintFile> files;
  std::vector<std::unique_ptr<document::Source>> sources;

  void add(const std::string& path, std::string text, LintRules rules) {
    files.push_back({files.size(), path, std::move(rules)});
    sources.push_back(std::make_unique<document::Source>(path, std::move(text)));
  }
};

EditorLint::EditorLint() {
  settings_.one_device = false;
  settings_.secret_keys = secret_keys();
}

void EditorLint::prepare(const lsp::Request& request) {
  settings_.now = present();
  settings_.read.template_mode = request.settings->template_mode;
  settings_.command_line = {};
  settings_.command_line.platforms = request.settings->platforms;
  settings_.command_line.os_version = request.settings->os_version;
  settings_.command_line.supervised = request.settings->supervised;
}

bool EditorLint::concerns(const lsp::Request& request) {
  const std::string extension = ascii::lower_case(fs::path(request.path).extension().string());
  return extension == ".mobileconfig" || holds_profile(extension, request.text);
}

EditorLint::Unit EditorLint::unit(const lsp::Request& request, LintRun& run, std::string& fault) {
  Unit out;
  auto rules = run.rules_for(request.path);
  if (!rules) fault = (rules.error().where.empty() ? "" : rules.error().where + ": ") + rules.error().what;
  out.add(request.path, std::string(request.text), rules ? std::move(*rules) : LintRules{});
  if (!looks_like_json(request.text)) return out;
  const std::string key = unit_key(out.files.front());
  std::size_t bytes = 0;
  for (const std::string& path : json_files_beside(request.path)) {
    if (out.files.size() > most_others) break;
    auto others = run.rules_for(path);
    if (!others) continue;
    LintFile file{0, path, std::move(*others)};
    if (rules && unit_key(file) != key) continue;
    const auto open = request.open->find(path);
    auto text = open != request.open->end() ? Result<std::string>(std::string(open->second))
                                            : read_input(path, most_other_bytes - bytes);
    if (!text || bytes + text->size() > most_other_bytes || !holds_profile(".json", *text)) continue;
    bytes += text->size();
    out.add(path, std::move(*text), std::move(file.rules));
  }
  return out;
}

lsp::Outcome EditorLint::lint(const lsp::Request& request) {
  prepare(request);
  LintRun run(settings_, std::nullopt);
  lsp::Outcome out;
  Unit together = unit(request, run, out.configuration_fault);
  out.platforms = together.files.front().rules.platforms;
  Judged judged = run.judge(together.files, std::move(together.sources));
  out.documents = std::move(judged.documents);
  out.sink = std::move(judged.sink);
  return out;
}

std::optional<std::string> EditorLint::mend(const lsp::Request& request) {
  prepare(request);
  LintRun run(settings_, std::nullopt);
  std::string fault;
  Unit together = unit(request, run, fault);
  const Judged judged = run.judge(together.files, std::move(together.sources));
  std::vector<std::string> refused;
  auto mended = run.mend(together.files, judged, refused);
  if (!mended) return std::nullopt;
  for (FixedFile& file : mended->files)
    if (file.path == request.path) return std::move(file.after);
  return std::nullopt;
}

}  // namespace vpn::cli
