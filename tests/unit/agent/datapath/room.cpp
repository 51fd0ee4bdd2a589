#include "room.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace vpn::agent::test {
namespace {

void need(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what + ": " + std::strerror(errno));
}

std::string cgroup_root() {
  std::ifstream mounts("/proc/mounts");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string device, folder, kind;
    words >> device >> folder >> kind;
    if (kind == "cgroup2") return folder;
  }
  throw std::runtime_error("there is no cgroup v2");
}

std::string own_cgroup() {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);)
    if (line.starts_with("0::")) return line.substr(3);
  return "/";
}

void join(const std::string& folder) {
  std::ofstream procs(folder + "/cgroup.procs");
  procs << ::getpid() << std::flush;
  need(procs.good(), "cannot join the cgroup " + folder);
}

}  // namespace

pid_t start_namespace() {
  std::array<int, 2> ready{};
  need(::pipe(ready.data()) == 0, "pipe");
  const pid_t child = ::fork();
  need(child >= 0, "fork");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const bool ok = ::unshare(CLONE_NEWNET) == 0;
    if (::write(ready[1], ok ? "y" : "n", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char answer = 'n';
  const bool told = ::read(ready[0], &answer, 1) == 1;
  ::close(ready[0]);
  ::close(ready[1]);
  need(told && answer == 'y', "no namespace for a test");
  return child;
}

void run(const std::string& command) {
  const int status = std::system(command.c_str());
  if (status != 0) throw std::runtime_error("failed: " + command);
}

Capture::Capture(Capture&& other) noexcept : fd_(std::exchange(other.fd_, -1)), frames_(std::move(other.frames_)) {}
Capture::~Capture() {
  if (fd_ >= 0) ::close(fd_);
}

int Capture::count(const std::string& text, int quiet) {
  pollfd wait{fd_, POLLIN, 0};
  while (::poll(&wait, 1, quiet) > 0) {
    std::array<char, 4096> frame{};
    const ssize_t n = ::recv(fd_, frame.data(), frame.size(), 0);
    if (n > 0) frames_.emplace_back(frame.data(), static_cast<std::size_t>(n));
  }
  int found = 0;
  for (const std::string& frame : frames_) found += frame.find(text) != std::string::npos ? 1 : 0;
  return found;
}

std::unique_ptr<Room> Room::make() {
  if (::geteuid() != 0) return nullptr;
  std::unique_ptr<Room> out(new Room);
  const std::string tag = "vpn-datapath-test-" + std::to_string(::getpid());
  out->gone_namespace_ = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  out->old_cgroup_ = cgroup_root() + own_cgroup();
  out->cgroup_ = cgroup_root() + "/" + tag;
  need(::mkdir(out->cgroup_.c_str(), 0755) == 0, "cannot make a cgroup");
  need(::unshare(CLONE_NEWNET | CLONE_NEWNS) == 0, "cannot make namespaces");
  need(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "cannot keep mounts to ourselves");
  std::array<char, 32> folder{"/tmp/vpn-datapath-XXXXXX"};
  need(::mkdtemp(folder.data()) != nullptr, "no temporary folder");
  out->bpf_ = folder.data();
  need(::mount("bpf", out->bpf_.c_str(), "bpf", 0, nullptr) == 0, "cannot mount a bpf file system");
  out->own_namespace_ = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  out->peer_ = start_namespace();
  const std::string pid = std::to_string(out->peer_);
  out->peer_namespace_ = ::open(("/proc/" + pid + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC);
  run("ip link set lo up");
  for (const auto& [name, net] : {std::pair{"eth0", "77"}, {"wg0", "99"}}) {
    const std::string n = name;
    run("ip link add " + n + " type veth peer name " + n + " netns " + pid);
    run("ip addr add 10." + std::string(net) + ".0.2/24 dev " + n);
    run("ip -6 addr add fd" + std::string(net) + "::2/64 dev " + n + " nodad");
    run("ip link set " + n + " up");
    out->run_in_peer("ip addr add 10." + std::string(net) + ".0.1/24 dev " + n);
    out->run_in_peer("ip -6 addr add fd" + std::string(net) + "::1/64 dev " + n + " nodad");
    out->run_in_peer("ip link set " + n + " address 02:00:00:00:00:" + net);
    out->run_in_peer("ip link set " + n + " up");
    /* no test waits for a neighbour to be found */
    for (const std::string& peer : {"10." + std::string(net) + ".0.1", "fd" + std::string(net) + "::1"})
      run("ip neigh replace " + peer + " lladdr 02:00:00:00:00:" + net + " dev " + n + " nud permanent");
  }
  out->run_in_peer("ip link set lo up");
  run("ip route add default via 10.77.0.1");
  out->eth0_ = ::if_nametoindex("eth0");
  out->wg0_ = ::if_nametoindex("wg0");
  return out;
}

Room::~Room() {
  if (!old_cgroup_.empty()) leave_cgroup();
  if (peer_ > 0) {
    ::kill(peer_, SIGKILL);
    ::waitpid(peer_, nullptr, 0);
  }
  if (!bpf_.empty()) {
    ::umount2(bpf_.c_str(), MNT_DETACH);
    ::rmdir(bpf_.c_str());
  }
  if (gone_namespace_ >= 0) ::setns(gone_namespace_, CLONE_NEWNET);
  for (const int fd : {peer_namespace_, own_namespace_, gone_namespace_})
    if (fd >= 0) ::close(fd);
  for (int tries = 0; tries < 50 && ::rmdir(cgroup_.c_str()) != 0 && errno == EBUSY; ++tries) ::usleep(10000);
}

std::uint64_t Room::cgroup_id() const {
  struct stat about {};
  need(::stat(cgroup_.c_str(), &about) == 0, "no cgroup");
  return about.st_ino;
}

Options Room::options() const {
  Options out;
  out.bpf_dir = bpf_ + "/guard";
  out.cgroup = cgroup_;
  return out;
}

std::vector<Interface> Room::interfaces() const {
  return {{1, "lo", InterfaceKind::loopback, false},
          {eth0_, "eth0", InterfaceKind::physical, true},
          {wg0_, "wg0", InterfaceKind::tunnel, true}};
}

void Room::run_in_peer(const std::string& command) const {
  run("nsenter --net=/proc/" + std::to_string(peer_) + "/ns/net " + command);
}

int Room::peer_socket(int family, int type, int protocol) const {
  need(::setns(peer_namespace_, CLONE_NEWNET) == 0, "cannot enter the peers' namespace");
  const int fd = ::socket(family, type | SOCK_CLOEXEC, protocol);
  const int error = errno;
  need(::setns(own_namespace_, CLONE_NEWNET) == 0, "cannot return from the peers' namespace");
  errno = error;
  need(fd >= 0, "socket");
  return fd;
}

Capture Room::capture(const std::string& interface) const {
  const int fd = peer_socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  need(::setns(peer_namespace_, CLONE_NEWNET) == 0, "cannot enter the peers' namespace");
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  const int on = 1; /* the peer's answers quote what it got */
  ::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof(at)) == 0;
  need(::setns(own_namespace_, CLONE_NEWNET) == 0, "cannot return from the peers' namespace");
  need(bound, "bind");
  return Capture(fd);
}

void Room::enter_cgroup() const { join(cgroup_); }
void Room::leave_cgroup() const { join(old_cgroup_); }

}  // namespace vpn::agent::test
