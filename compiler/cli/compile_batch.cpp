#include "compiler/cli/compile_batch.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "compiler/cli/inputs.h"
#include "compiler/cli/progress.h"

namespace vpn::cli {
namespace fs = std::filesystem;
namespace {

Result<std::vector<std::string>> sub_folders(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    std::string name = it->path().filename().string();
    if (!name.starts_with('.') && it->is_directory(ignored)) names.push_back(std::move(name));
  }
  if (error) return fail(ErrorKind::unreadable, "cannot read the folder: " + error.message(), folder);
  std::sort(names.begin(), names.end());
  return names;
}

/// Threads that take one device after the other.
class Workers {
 public:
  Workers(const CompileSettings& settings, const std::vector<Device>& devices)
      : settings_(settings), devices_(devices), done_(devices.size()), progress_("compiling", devices.size()) {}

  std::vector<Compilation> run(unsigned threads) {
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads; ++i) others.emplace_back([this] { work(); });
    work();
    for (std::thread& other : others) other.join();
    return std::move(done_);
  }

 private:
  void work() {
    LintRun lint(settings_.lint, std::nullopt);  // it remembers configurations: one for each thread
    for (std::size_t i = next_++; i < devices_.size(); i = next_++) {
      Compilation compilation = compile_device(lint, settings_, devices_[i]);
      if (compilation.judged.sink.all().empty()) compilation.judged = Judged{};
      done_[i] = std::move(compilation);
      const std::lock_guard lock(mutex_);
      progress_.advance();
    }
  }

  const CompileSettings& settings_;
  const std::vector<Device>& devices_;
  std::vector<Compilation> done_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;  ///< of the progress
  Progress progress_;
};

}  // namespace

Result<Fleet> collect_fleet(const std::string& folder, const std::string& output) {
  const auto names = sub_folders(folder);
  if (!names) return tl::unexpected(names.error());
  if (names->empty())
    return fail(ErrorKind::usage, "there is no sub-folder in this folder", folder,
                "--batch wants one sub-folder for each device");
  std::error_code error;
  fs::create_directories(output, error);
  if (error) return fail(ErrorKind::unreadable, "cannot make the folder: " + error.message(), output);
  Fleet fleet;
  for (const std::string& name : *names) {
    Inputs inputs = collect_inputs({(fs::path(folder) / name).string()});
    if (!inputs.problems.empty()) {
      std::move(inputs.problems.begin(), inputs.problems.end(), std::back_inserter(fleet.problems));
      continue;
    }
    const std::string policy = (fs::path(output) / (name + ".vpnpolicy")).string();
    fleet.devices.push_back({std::move(inputs.files), policy, policy + ".secrets"});
  }
  return fleet;
}

std::vector<Compilation> compile_fleet(const CompileSettings& settings, const std::vector<Device>& devices,
                                       unsigned jobs) {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const auto most = static_cast<unsigned>(std::min<std::size_t>(devices.size(), 1024));
  return Workers(settings, devices).run(std::clamp(jobs == 0 ? cores : jobs, 1u, std::max(1u, most)));
}

}  // namespace vpn::cli
