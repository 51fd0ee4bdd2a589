#include "compiler/cli/ci_base.h"

#include <algorithm>
#include <filesystem>

#include "compiler/cli/inputs.h"
#include "policy/app_map/app_map.h"

namespace vpn::cli {
namespace {

bool is_hidden(std::string_view path) { return path.starts_with('.') || path.find("/.") != std::string_view::npos; }

/// What of `path` is below `folder` ("" is everything); nothing where it is not.
std::optional<std::string_view> below(std::string_view path, std::string_view folder) {
  if (folder.empty()) return path;
  if (path.size() <= folder.size() || !path.starts_with(folder) || path[folder.size()] != '/') return std::nullopt;
  return path.substr(folder.size() + 1);
}

}  // namespace

Result<const CiBase::At*> CiBase::at(const std::string& path) {
  auto repository = ci::Repository::around(path);
  if (!repository) return tl::unexpected(repository.error());
  const auto known = repositories_.find(repository->top());
  if (known != repositories_.end()) return &known->second;
  auto commit = repository->commit(revision_);
  if (!commit) return tl::unexpected(commit.error());
  const std::string top = repository->top();
  return &repositories_.emplace(top, At{std::move(*repository), std::move(*commit)}).first->second;
}

Result<std::vector<std::pair<std::string, std::string>>> CiBase::profiles(const At& at, const CiDevice& device) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& path : device.paths) {
    const auto relative = at.repository.relative(path);
    if (!relative) return tl::unexpected(relative.error());
    auto files = at.repository.files(at.commit, {*relative});
    if (!files) return tl::unexpected(files.error());
    const auto is_named = [&](const ci::OldFile& f) { return f.path == *relative; };
    const bool single = std::any_of(files->begin(), files->end(), is_named);
    std::vector<ci::OldFile> wanted;
    for (const ci::OldFile& file : *files) {
      const auto inside = below(file.path, *relative);
      if (single ? is_named(file) : inside && !is_hidden(*inside) && may_be_input(*inside)) wanted.push_back(file);
    }
    auto texts = at.repository.contents(wanted);
    if (!texts) return tl::unexpected(texts.error());
    for (auto& [name, text] : *texts) {
      if (single) {
        out.emplace_back(path, std::move(text));
      } else if (is_input(name, text)) {
        const auto shown = (std::filesystem::path(path) / *below(name, *relative)).lexically_normal();
        out.emplace_back(shown.string(), std::move(text));
      }
    }
  }
  return out;
}

Result<std::vector<model::MappedApp>> CiBase::app_map(const At& at, const CiDevice& device) const {
  for (const std::string& path : device.app_maps) {
    const auto relative = at.repository.relative(path);
    if (!relative) return tl::unexpected(relative.error());
    const auto files = at.repository.files(at.commit, {*relative});
    if (!files) return tl::unexpected(files.error());
    if (files->size() != 1) continue;
    const auto texts = at.repository.contents(*files);
    if (!texts) return tl::unexpected(texts.error());
    return policy::parse_app_map(path, texts->begin()->second);
  }
  return std::vector<model::MappedApp>{};
}

Result<CiBase::Old> CiBase::build(const CiDevice& device, CompileSettings settings) {
  const auto where = at(device.paths.front());
  if (!where) return tl::unexpected(where.error());
  auto texts = profiles(**where, device);
  if (!texts) return tl::unexpected(texts.error());
  if (texts->empty()) return Old{{}, "there is no such device in " + revision_};
  const auto map = app_map(**where, device);
  if (!map) return Old{{}, "the app map of " + revision_ + " cannot be read: " + map.error().what};
  settings.build.app_map = *map;
  std::vector<std::string> names;
  std::map<std::string, std::string> by_name;
  for (auto& [name, text] : *texts)
    if (by_name.emplace(name, std::move(text)).second) names.push_back(name);
  const ReadFile read = [&](const std::string& name) -> Result<std::unique_ptr<document::Source>> {
    return std::make_unique<document::Source>(name, std::move(by_name[name]));
  };
  LintRun run(settings.lint, std::nullopt);
  Built built = build_device(run, settings, names, read);
  Old old;
  old.policy = std::move(built.policy);
  if (!old.policy)
    old.why_not = "the profiles of " + revision_ +
                  (built.problems.empty() ? " have errors" : " do not compile: " + built.problems.front().what);
  return old;
}

}  // namespace vpn::cli
