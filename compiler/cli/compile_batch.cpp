#include "compiler/cli/compile_batch.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "compiler/cli/fleet_writer.h"
#include "compiler/cli/inputs.h"
#include "compiler/cli/progress.h"
#include "compiler/lower/signals_held.h"
#include "console/command.h"

namespace vpn::cli {
namespace fs = std::filesystem;
namespace {

/// Names of the sub-folders; `strays` counts the profiles beside them.
Result<std::vector<std::string>> sub_folders(const std::string& folder, std::size_t& strays) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    std::string name = it->path().filename().string();
    if (name.starts_with('.')) continue;
    if (it->is_directory(ignored)) {
      names.push_back(std::move(name));
    } else if (name.ends_with(".mobileconfig")) {
      ++strays;
    }
  }
  if (error) return fail(ErrorKind::unreadable, "cannot read the folder: " + error.message(), folder);
  std::sort(names.begin(), names.end());
  return names;
}

/// Files that may wait for the disk, over all threads: each has a descriptor.
constexpr std::size_t most_waiting = 256;

bool is_wanted(const findings::Finding& finding, const CompileSettings& settings) {
  return settings.wants_notes || finding.severity != findings::Severity::note;
}

/// Threads that take one device after the other, until there are no more or a signal asks to end.
class Workers {
 public:
  Workers(const CompileSettings& settings, const std::vector<Device>& devices)
      : settings_(settings), devices_(devices), done_(devices.size()), progress_("compiling", devices.size()) {}

  std::vector<Compilation> run(unsigned threads) {
    const lower::SignalsHeld held;
    std::vector<std::thread> others;
    const std::size_t waiting = std::max<std::size_t>(most_waiting / threads, 1);
    try {
      others.reserve(threads);
      for (unsigned i = 1; i < threads; ++i) others.emplace_back([this, waiting] { work(waiting); });
    } catch (const std::exception&) {
      // As many as the machine gives; this one is there in any case.
    }
    work(waiting);
    for (std::thread& other : others) other.join();
    if (lost_) throw std::bad_alloc();
    return std::move(done_);
  }

 private:
  /// An exception must not leave the thread. What compiling one device meets is told of that device, see compiled().
  void work(std::size_t waiting) {
    try {
      take_devices(waiting);
    } catch (const std::exception&) {
      lost_ = true;
    }
  }

  void take_devices(std::size_t waiting) {
    LintRun lint(settings_.lint, std::nullopt);  // it remembers configurations: one for each thread
    FleetWriter files(waiting);
    for (std::size_t i = next_++; i < devices_.size() && !lower::SignalsHeld::waiting(); i = next_++) {
      done_[i] = compiled(lint, files, i);
      if (files.is_full()) flush(files);
      const std::lock_guard lock(mutex_);
      progress_.advance();
    }
    flush(files);
  }

  void flush(FleetWriter& files) {
    for (auto& [device, error] : files.flush()) done_[device].problems.push_back(std::move(error));
  }

  /// An exception must not end the other devices.
  Compilation compiled(LintRun& lint, FleetWriter& files, std::size_t device) const {
    const auto write = [&](const std::string& path, std::span<const std::byte> bytes, unsigned mode) {
      return files.put(device, path, bytes, mode);
    };
    try {
      Compilation compilation = compile_device(lint, settings_, devices_[device], write);
      const auto& found = compilation.judged.sink.all();
      if (std::none_of(found.begin(), found.end(), [&](const auto& f) { return is_wanted(f, settings_); }))
        compilation.judged = Judged{};
      return compilation;
    } catch (const std::exception& e) {  // of the standard library: no memory left
      files.drop(device);
      Compilation failed;
      failed.problems.push_back(cannot_go_on(e, devices_[device].output));
      return failed;
    }
  }

  const CompileSettings& settings_;
  const std::vector<Device>& devices_;
  std::vector<Compilation> done_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> lost_{false};  ///< something went wrong that cannot even be told of a device
  std::mutex mutex_;               ///< of the progress
  Progress progress_;
};

}  // namespace

Result<Fleet> collect_fleet(const std::string& folder, const std::string& output) {
  Fleet fleet;
  const auto names = sub_folders(folder, fleet.strays);
  if (!names) return tl::unexpected(names.error());
  if (names->empty())
    return fail(ErrorKind::usage, "there is no sub-folder in this folder", folder,
                "--batch wants one sub-folder for each device");
  std::error_code error;
  fs::create_directories(output, error);
  if (error) return fail(ErrorKind::unreadable, "cannot make the folder: " + error.message(), output);
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
