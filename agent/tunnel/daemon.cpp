#include "agent/tunnel/daemon.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

namespace vpn::agent {
namespace {

constexpr auto patience = std::chrono::seconds(3);

tl::unexpected<Error> system_error(std::string what, const std::string& where) {
  return fail(ErrorKind::environment, std::move(what) + ": " + std::strerror(errno), where);
}

// glibc 2.36 declares its own for C only.
int pidfd_open(pid_t process) { return static_cast<int>(::syscall(SYS_pidfd_open, process, 0)); }
void send_signal(const Descriptor& handle, int number) {
  ::syscall(SYS_pidfd_send_signal, handle.get(), number, nullptr, 0);
}

// In the child, between fork and exec: only what is safe there. Writes errno to `report` when something fails; a
// successful exec closes it.
[[noreturn]] void become(char* const* arguments, char* const* environment, int cgroup, int input, int output,
                         int report) {
  const auto give_up = [report] {
    const int code = errno;
    [[maybe_unused]] const ssize_t sent = ::write(report, &code, sizeof code);
    ::_exit(127);
  };
  if (cgroup >= 0 && ::write(cgroup, "0", 1) != 1) give_up();
  if (::setsid() < 0) give_up();
  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0 || ::dup2(input >= 0 ? input : null, STDIN_FILENO) < 0 ||
      ::dup2(output >= 0 ? output : STDERR_FILENO, STDOUT_FILENO) < 0)
    give_up();
  ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGTERM, SIGINT, SIGHUP}) ::signal(number, SIG_DFL);
  ::execve(arguments[0], arguments, environment);
  give_up();
  ::_exit(127);
}

/// As exec wants them, with a null at the end.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

Result<Descriptor> open_cgroup(const std::string& folder) {
  if (folder.empty()) return Descriptor();
  if (auto made = make_cgroup(folder); !made) return tl::unexpected(std::move(made.error()));
  Descriptor file(::open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return system_error("cannot open the daemon's cgroup", folder);
  return file;
}

/// The text in memory, at its beginning; none for an empty one.
Result<Descriptor> input_file(std::string_view text) {
  if (text.empty()) return Descriptor();
  Descriptor file(::memfd_create("input", MFD_CLOEXEC));
  if (!file) return system_error("cannot keep the daemon's input", {});
  while (!text.empty()) {
    const ssize_t count = ::write(file.get(), text.data(), text.size());
    if (count < 0) return system_error("cannot keep the daemon's input", {});
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return system_error("cannot keep the daemon's input", {});
  return file;
}

std::string ending(const Descriptor& handle, bool& succeeded) {
  siginfo_t info{};
  // Not our child when it was adopted: then nobody tells us how it ended.
  if (::waitid(P_PIDFD, static_cast<id_t>(handle.get()), &info, WEXITED) != 0 || info.si_pid == 0) {
    return "the daemon has ended";
  }
  succeeded = info.si_code == CLD_EXITED && info.si_status == 0;
  if (info.si_code == CLD_EXITED) return "the daemon has ended with status " + std::to_string(info.si_status);
  return "the daemon was ended by signal " + std::to_string(info.si_status);
}

}  // namespace

Result<void> make_cgroup(const std::string& folder) {
  std::error_code code;
  if (!folder.empty()) std::filesystem::create_directories(folder, code);
  if (code) return fail(ErrorKind::environment, "cannot make the daemon's cgroup: " + code.message(), folder);
  return {};
}

Result<std::unique_ptr<Daemon>> Daemon::start(Loop& loop, const DaemonProgram& program, Ended ended) {
  auto cgroup = open_cgroup(program.cgroup);
  if (!cgroup) return tl::unexpected(std::move(cgroup.error()));
  const auto input = input_file(program.input);
  if (!input) return tl::unexpected(input.error());
  std::vector<std::string> arguments{program.path}, environment{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  arguments.insert(arguments.end(), program.arguments.begin(), program.arguments.end());
  environment.insert(environment.end(), program.environment.begin(), program.environment.end());
  const auto argument_list = pointers(arguments), environment_list = pointers(environment);
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return system_error("cannot start the daemon", program.path);
  const Descriptor report(pipe[0]);
  Descriptor child_report(pipe[1]);
  const pid_t process = ::fork();
  if (process == 0)
    become(argument_list.data(), environment_list.data(), cgroup->get(), input->get(), program.output,
           child_report.get());
  if (process < 0) return system_error("cannot start the daemon", program.path);
  child_report = Descriptor();
  // Returns when the child has executed the program, or says why not: some milliseconds at most.
  int code = 0;
  ssize_t got = 0;
  do got = ::read(report.get(), &code, sizeof code);
  while (got < 0 && errno == EINTR);
  if (got == sizeof code) {
    ::waitpid(process, nullptr, 0);
    errno = code;
    return system_error("cannot start the daemon", program.path);
  }
  return adopt(loop, process, std::move(ended));
}

Result<std::unique_ptr<Daemon>> Daemon::adopt(Loop& loop, pid_t process, Ended ended) {
  Descriptor handle(process > 0 ? pidfd_open(process) : -1);
  if (!handle) return system_error("the daemon has ended", std::to_string(process));
  return std::unique_ptr<Daemon>(new Daemon(loop, process, std::move(handle), std::move(ended)));
}

Daemon::Daemon(Loop& loop, pid_t process, Descriptor handle, Ended ended)
    : loop_(loop), process_(process), handle_(std::move(handle)), ended_(std::move(ended)) {
  gone_ = loop_.readable(handle_.get(), [this] { finished(); });
}

void Daemon::stop() {
  send_signal(handle_, SIGTERM);
  if (patience_) return;
  patience_ = loop_.after(patience, [this] { send_signal(handle_, SIGKILL); });
}

void Daemon::finished() {
  // Its end is waited for below: it has to be certain.
  pollfd state{handle_.get(), POLLIN, 0};
  if (::poll(&state, 1, 0) != 1 || (state.revents & POLLIN) == 0) return;
  gone_.reset();
  patience_.reset();
  const std::string reason = ending(handle_, succeeded_);
  const Ended ended = std::move(ended_);
  ended(reason);
}

}  // namespace vpn::agent
