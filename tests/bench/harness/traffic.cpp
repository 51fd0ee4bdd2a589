#include "tests/bench/harness/traffic.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

namespace vpn::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint16_t port_echo = 7001, port_sink = 7002, port_datagrams = 7003;
constexpr std::size_t small = 64, chunk = std::size_t{256} << 10;

sockaddr_in at(const char* address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  ::inet_pton(AF_INET, address, &out.sin_addr);
  return out;
}

// Both ends of the bulk stream on one core: the ratio is then of work, not of waiting.
void on_core(std::size_t core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

class Socket {
 public:
  Socket(int type, const sockaddr_in& address, bool listen) : fd_(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    constexpr int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    good_ = listen ? ::bind(fd_, to, sizeof address) == 0 && (type != SOCK_STREAM || ::listen(fd_, 1024) == 0)
                   : ::connect(fd_, to, sizeof address) == 0;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { ::close(fd_); }
  explicit operator bool() const { return good_; }
  int get() const { return fd_; }

 private:
  int fd_;
  bool good_ = false;
};

void answer_requests(int listening) {
  std::array<char, small> data{};
  for (;;) {
    const int client = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const ssize_t n = ::recv(client, data.data(), data.size(), 0);
    if (n > 0) ::send(client, data.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL);
    ::recv(client, data.data(), data.size(), 0);  // until the other end closes: it has the TIME_WAIT
    ::close(client);
  }
}

void swallow_streams(int listening) {
  on_core(0);
  std::vector<char> data(chunk);
  for (;;) {
    const int client = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    while (::recv(client, data.data(), data.size(), 0) > 0) {
    }
    ::close(client);
  }
}

// One request on a connection of its own. Closed with a reset: no ports are used up by TIME_WAIT.
bool ask_once(const sockaddr_in& to) {
  std::array<char, small> data{};
  const Socket s(SOCK_STREAM, to, false);
  constexpr linger abort{1, 0};
  ::setsockopt(s.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  return s && ::send(s.get(), data.data(), data.size(), MSG_NOSIGNAL) == small &&
         ::recv(s.get(), data.data(), data.size(), 0) > 0;
}

// Calls `work` for so long; what it gives is added up, a second. Negative: it failed.
template <class Work>
double rate(double seconds, Work work) {
  double sum = 0;
  const auto begin = Clock::now();
  std::chrono::duration<double> spent{};
  while (spent.count() < seconds) {
    for (int i = 0; i < 16; ++i) {
      const double got = work();
      if (got < 0) return -1;
      sum += got;
    }
    spent = Clock::now() - begin;
  }
  return sum / spent.count();
}

}  // namespace

int serve(char** argv) {
  const Socket requests(SOCK_STREAM, at(argv[0], port_echo), true), streams(SOCK_STREAM, at(argv[0], port_sink), true);
  const Socket datagrams(SOCK_DGRAM, at(argv[0], port_datagrams), true);  // nobody reads it: the sender is measured
  if (!requests || !streams || !datagrams) {
    std::perror("cannot listen");
    return 1;
  }
  std::thread(answer_requests, requests.get()).detach();
  std::thread(swallow_streams, streams.get()).detach();
  std::puts("ready");
  std::fflush(stdout);
  for (;;) ::pause();
}

int traffic(char** argv) {
  const std::string_view kind = argv[0];
  const double seconds = std::strtod(argv[2], nullptr);
  const std::array<char, small> data{};
  double result = -1;
  if (kind == "connect") {
    const sockaddr_in to = at(argv[1], port_echo);
    result = rate(seconds, [&] { return ask_once(to) ? 1.0 : -1.0; });
  } else if (kind == "sendto") {
    const sockaddr_in to = at(argv[1], port_datagrams);
    const Socket s(SOCK_DGRAM, at("0.0.0.0", 0), true);
    result = rate(seconds, [&] {
      return ::sendto(s.get(), data.data(), data.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0
                 ? -1.0
                 : 1.0;
    });
  } else if (kind == "connected") {
    const Socket s(SOCK_DGRAM, at(argv[1], port_datagrams), false);
    result = rate(seconds, [&] { return !s || ::send(s.get(), data.data(), data.size(), 0) < 0 ? -1.0 : 1.0; });
  } else if (kind == "bulk") {
    on_core(0);
    const Socket s(SOCK_STREAM, at(argv[1], port_sink), false);
    const std::vector<char> block(chunk);
    result = rate(seconds, [&] {
      const ssize_t n = s ? ::send(s.get(), block.data(), block.size(), MSG_NOSIGNAL) : -1;
      return static_cast<double>(n);
    });
  }
  if (result < 0) {
    std::perror(argv[0]);
    return 1;
  }
  std::printf("%.6g\n", result);
  return 0;
}

}  // namespace vpn::bench
