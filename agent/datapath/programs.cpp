#include "agent/datapath/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <net/if.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "agent/datapath/bpf/maps.h"
#include "guard.skel.h"

namespace vpn::agent {
namespace {

constexpr std::uint32_t filter_handle = 0x76706e, filter_priority = 1;

/// libbpf's own messages: kept for the error that follows, printed by nobody.
thread_local std::string last_words;
int listen(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  std::array<char, 512> line{};
  const int n = std::vsnprintf(line.data(), line.size(), format, arguments);
  if (n > 0 && last_words.size() < 4096) last_words += line.data();
  return n;
}

std::string map_folder(const Options& options) { return options.bpf_dir + "/maps-" + std::to_string(VPN_LAYOUT); }
std::string link_folder(const Options& options) { return options.bpf_dir + "/links"; }

Result<void> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return kernel_error("cannot make the folder '" + path + "'", errno,
                      "it must lie in a mounted bpf file system: mount -t bpf bpf /sys/fs/bpf");
}

/// Those that are always attached. Packets first: with them in place nothing leaves that should not, whatever follows.
constexpr std::array lasting{"vpn_egress",   "vpn_ingress",  "vpn_sock_create",
                             "vpn_connect4", "vpn_connect6", "vpn_setsockopt"};
constexpr std::array always{"vpn_egress",     "vpn_ingress",  "vpn_sock_create", "vpn_connect4",  "vpn_connect6",
                            "vpn_setsockopt", "vpn_arrivals", "vpn_attribute",   "vpn_departures"};
constexpr std::array datagrams{"vpn_sendmsg4", "vpn_sendmsg6"};
constexpr std::array hiding{"vpn_recvmsg4", "vpn_recvmsg6", "vpn_getpeername4", "vpn_getpeername6"};
constexpr std::array telling{"vpn_tell_owner"};

/// Of the object that is compiled into this program, so that another one's programs are not taken for ours.
std::string object_name() {
  std::size_t size = 0;
  const void* object = guard::elf_bytes(&size);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  ::EVP_Digest(object, size, digest.data(), nullptr, ::EVP_sha256(), nullptr);
  std::uint64_t name = 0;
  std::memcpy(&name, digest.data(), sizeof(name));
  return std::to_string(name);
}

Descriptor pinned(const std::string& path) { return Descriptor(::bpf_obj_get(path.c_str())); }

std::uint32_t map_id(int fd) {
  bpf_map_info info{};
  std::uint32_t size = sizeof(info);
  return ::bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.id : 0;
}

/// Whether a program works on this map: maps that somebody has made anew are others.
bool uses_map(int program, std::uint32_t map) {
  std::array<std::uint32_t, 64> ids{};
  bpf_prog_info info{};
  std::uint32_t size = sizeof(info);
  info.nr_map_ids = ids.size();
  info.map_ids = reinterpret_cast<std::uintptr_t>(ids.data());
  if (map == 0 || ::bpf_obj_get_info_by_fd(program, &info, &size) != 0) return false;
  const auto last = ids.begin() + std::min<std::size_t>(info.nr_map_ids, ids.size());
  return std::find(ids.begin(), last, map) != last;
}

std::uint32_t program_id(int fd) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof(info);
  return ::bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.id : 0;
}

/// The cgroup and the program of a link; zeroes where it is none.
bpf_link_info link_info(int fd) {
  bpf_link_info info{};
  std::uint32_t size = sizeof(info);
  if (::bpf_obj_get_info_by_fd(fd, &info, &size) != 0) info = {};
  return info;
}

bpf_tc_hook hook_of(std::uint32_t index, bpf_tc_attach_point point = BPF_TC_INGRESS) {
  bpf_tc_hook hook{};
  hook.sz = sizeof(hook);
  hook.ifindex = static_cast<int>(index);
  hook.attach_point = point;
  return hook;
}

bpf_tc_opts our_filter() {
  bpf_tc_opts options{};
  options.sz = sizeof(options);
  options.handle = filter_handle;
  options.priority = filter_priority;
  return options;
}

}  // namespace

void Programs::SkeletonCloser::operator()(guard* skeleton) const { guard::destroy(skeleton); }

Programs::Programs(Programs&&) noexcept = default;
Programs& Programs::operator=(Programs&&) noexcept = default;
Programs::~Programs() = default;

int Programs::fd(const bpf_map* map) { return ::bpf_map__fd(map); }

std::string Programs::links() const { return link_folder(options_); }

std::string Programs::pin_of(const std::string& link) const { return link_folder(options_) + "/" + link; }

std::string Programs::program_folder() const {
  static const std::string name = object_name();
  return options_.bpf_dir + "/programs-" + name;
}

bool Programs::are_pinned(const Options& options) {
  return ::access((link_folder(options) + "/" + lasting.front()).c_str(), F_OK) == 0;
}

Result<Programs> Programs::load(const Options& options) {
  Programs out;
  out.options_ = options;
  ::libbpf_set_print(listen);
  out.cgroup_ = Descriptor(::open(options.cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat about {};
  if (!out.cgroup_ || ::fstat(out.cgroup_.get(), &about) != 0)
    return kernel_error("cannot open the cgroup '" + options.cgroup + "'", errno);
  out.cgroup_id_ = about.st_ino;
  for (const auto& folder : {options.bpf_dir, map_folder(options), link_folder(options), out.program_folder()})
    if (auto made = make_folder(folder); !made) return tl::unexpected(made.error());
  out.maps_kept_ = ::access((map_folder(options) + "/control").c_str(), F_OK) == 0;
  if (auto done = out.obtain(always); !done) return tl::unexpected(done.error());
  auto skeleton = out.open();
  if (!skeleton) return tl::unexpected(skeleton.error());
  out.skeleton_ = std::move(*skeleton);
  if (auto done = out.take_maps(); !done) return tl::unexpected(done.error());
  return out;
}

Result<Programs::Skeleton> Programs::open() const {
  Skeleton out(guard::open());
  if (!out) return kernel_error("cannot read the datapath's programs", errno);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, out->obj) {
    const std::string name = ::bpf_map__name(map);
    if (name.find('.') != std::string::npos) continue; /* what the compiler made: constants */
    ::bpf_map__set_pin_path(map, (map_folder(options_) + "/" + name).c_str());
  }
  return out;
}

Result<void> Programs::obtain(Names names) {
  if (adopt(names)) return {};
  return load(names);
}

bool Programs::adopt(Names names) {
  const Descriptor control = pinned(map_folder(options_) + "/control");
  const std::uint32_t map = control ? map_id(control.get()) : 0;
  std::map<std::string, Descriptor, std::less<>> found;
  for (const char* name : names) {
    Descriptor program = pinned(program_folder() + "/" + name);
    if (!program || !uses_map(program.get(), map)) return false;
    found.emplace(name, std::move(program));
  }
  programs_.merge(found);
  return true;
}

Result<void> Programs::load(Names names) {
  auto object = open();
  if (!object) return tl::unexpected(object.error());
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, (*object)->obj) {
    const std::string_view name = ::bpf_program__name(program);
    ::bpf_program__set_autoload(program, std::find(names.begin(), names.end(), name) != names.end());
  }
  last_words.clear();
  if (const int error = guard::load(object->get()); error != 0)
    return kernel_error("the kernel refuses the datapath's programs", error,
                        last_words.empty() ? "it needs Linux 6.1 with CONFIG_DEBUG_INFO_BTF, and root" : last_words);
  for (const char* name : names) {
    program = ::bpf_object__find_program_by_name((*object)->obj, name);
    Descriptor own(program == nullptr ? -1 : ::fcntl(::bpf_program__fd(program), F_DUPFD_CLOEXEC, 0));
    const std::string pin = program_folder() + "/" + name;
    ::unlink(pin.c_str());
    if (!own || ::bpf_obj_pin(own.get(), pin.c_str()) != 0) return kernel_error("cannot pin " + pin, errno);
    programs_.insert_or_assign(name, std::move(own));
  }
  return {};
}

/// Those that the programs work on.
Result<void> Programs::take_maps() {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) {
    const char* path = ::bpf_map__pin_path(map);
    if (path == nullptr) continue;
    const Descriptor own = pinned(path);
    if (!own) return kernel_error(std::string("cannot open ") + path, errno);
    if (const int error = ::bpf_map__reuse_fd(map, own.get()); error != 0)
      return kernel_error(std::string("cannot use ") + path, error);
  }
  return {};
}

Result<void> Programs::attach_one(const char* name) {
  const std::string pin = pin_of(name);
  const int program = programs_.find(name)->second.get();
  if (Descriptor old = pinned(pin); old) {
    const bpf_link_info info = link_info(old.get());
    const bool ours = info.cgroup.cgroup_id == cgroup_id_;
    if (ours && (info.prog_id == program_id(program) || ::bpf_link_update(old.get(), program, nullptr) == 0)) {
      links_.insert_or_assign(name, std::move(old));
      return {};
    }
    ::unlink(pin.c_str()); /* of another cgroup, or of one that is gone */
  }
  const bpf_program* about = ::bpf_object__find_program_by_name(skeleton_->obj, name);
  Descriptor link(::bpf_link_create(program, cgroup_.get(), ::bpf_program__expected_attach_type(about), nullptr));
  if (!link) return kernel_error(std::string("cannot attach ") + name + " to " + options_.cgroup, errno);
  if (::bpf_obj_pin(link.get(), pin.c_str()) != 0) return kernel_error("cannot pin " + pin, errno);
  links_.insert_or_assign(name, std::move(link));
  return {};
}

Result<void> Programs::attach() {
  for (const char* name : lasting)
    if (auto done = attach_one(name); !done) return done;
  // Those of another build are attached nowhere any more.
  std::error_code ignored;
  std::vector<std::filesystem::path> old;
  for (const auto& entry : std::filesystem::directory_iterator(options_.bpf_dir, ignored))
    if (entry.path().filename().string().starts_with("programs-") && entry.path() != program_folder())
      old.push_back(entry.path());
  for (const auto& folder : old) std::filesystem::remove_all(folder, ignored);
  return {};
}

Result<void> Programs::watch_datagrams(bool wanted) {
  for (const char* name : datagrams) {
    if (wanted) {
      if (programs_.find(name) == programs_.end())
        if (auto done = obtain(datagrams); !done) return done;
      if (links_.find(name) != links_.end()) continue;
      if (auto done = attach_one(name); !done) return done;
    } else {
      ::unlink(pin_of(name).c_str()); /* also that of an earlier agent */
      if (const auto link = links_.find(name); link != links_.end()) {
        ::bpf_link_detach(link->second.get());
        links_.erase(link);
      }
    }
  }
  return {};
}

Result<void> Programs::hide_forwarder() {
  for (const char* name : hiding) {
    if (links_.find(name) != links_.end()) continue;
    if (programs_.find(name) == programs_.end())
      if (auto done = obtain(hiding); !done) return done;
    if (auto done = attach_one(name); !done) return done;
  }
  return {};
}

Result<void> Programs::watch_departures(std::uint32_t index, bool wanted) {
  bpf_tc_hook hook = hook_of(index, BPF_TC_EGRESS);
  bpf_tc_opts filter = our_filter();
  const auto known = std::find(departures_.begin(), departures_.end(), index);
  if (!wanted) {
    if (known == departures_.end()) return {};
    departures_.erase(known);
    ::bpf_tc_detach(&hook, &filter);  // it matters no more
    return {};
  }
  if (known == departures_.end()) departures_.push_back(index);
  filter.prog_fd = programs_.find("vpn_departures")->second.get();
  filter.flags = BPF_TC_F_REPLACE;
  if (const int error = ::bpf_tc_attach(&hook, &filter); error != 0)
    return kernel_error("cannot watch the tunnel's interface " + std::to_string(index), error);
  return {};
}

Result<void> Programs::watch_interface(std::uint32_t index, bool wanted) {
  bpf_tc_hook hook = hook_of(index);
  bpf_tc_opts filter = our_filter();
  std::erase(watched_, index);
  if (!wanted) {
    if (::bpf_tc_detach(&hook, &filter) == 0 || errno == ENOENT || errno == ENODEV || errno == EINVAL) return {};
    return kernel_error("cannot take the filter off interface " + std::to_string(index), errno);
  }
  if (const int error = ::bpf_tc_hook_create(&hook); error != 0 && error != -EEXIST)
    return kernel_error("cannot watch interface " + std::to_string(index), error, "it needs the kernel's sch_ingress");
  filter.prog_fd = programs_.find("vpn_arrivals")->second.get();
  filter.flags = BPF_TC_F_REPLACE;
  if (const int error = ::bpf_tc_attach(&hook, &filter); error != 0)
    return kernel_error("cannot watch interface " + std::to_string(index), error, "it needs the kernel's cls_bpf");
  watched_.push_back(index);
  return {};
}

Result<std::string> Programs::walk(const char* iterator, bpf_iter_link_info* only, const char* what) const {
  bpf_link_create_opts options{};
  options.sz = sizeof(options);
  options.iter_info = only;
  options.iter_info_len = only == nullptr ? 0 : sizeof(*only);
  const Descriptor link(::bpf_link_create(programs_.find(iterator)->second.get(), 0, BPF_TRACE_ITER, &options));
  if (!link) return kernel_error(std::string("cannot walk the ") + what, errno);
  const Descriptor file(::bpf_iter_create(link.get()));
  std::string out;
  std::array<char, 4096> buffer{};
  ssize_t n = file ? 0 : -1;
  if (file) {
    do {
      n = ::read(file.get(), buffer.data(), buffer.size());
      if (n > 0) out.append(buffer.data(), static_cast<std::size_t>(n));
    } while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
  }
  if (n < 0) return kernel_error(std::string("cannot walk the ") + what, errno);
  return out;
}

Result<void> Programs::attribute() {
  const auto walked = walk("vpn_attribute", nullptr, "open files");
  if (!walked) return tl::unexpected(walked.error());
  return {};
}

Result<vpn_owner> Programs::owner_of(std::uint32_t pid) {
  if (programs_.find(telling.front()) == programs_.end())
    if (auto done = obtain(telling); !done) return tl::unexpected(done.error());
  bpf_iter_link_info only{};
  only.task.tid = pid;
  const auto told = walk(telling.front(), &only, "processes");
  if (!told) return tl::unexpected(told.error());
  vpn_owner out{};
  if (told->size() >= sizeof(out)) std::memcpy(&out, told->data(), sizeof(out));
  return out;
}

void Programs::check(Health& health) const {
  for (const char* name : lasting) {
    const auto link = links_.find(name);
    if (link == links_.end() || link_info(link->second.get()).cgroup.cgroup_id != cgroup_id_)
      health.missing.push_back(std::string(name) + " is not attached to " + options_.cgroup);
    else if (::access(pin_of(name).c_str(), F_OK) != 0)
      health.missing.push_back(std::string(name) + " is not pinned: the guard would end with the agent");
  }
  const auto arrivals = programs_.find("vpn_arrivals");
  const std::uint32_t wanted = arrivals == programs_.end() ? 0 : program_id(arrivals->second.get());
  for (const std::uint32_t index : watched_) {
    bpf_tc_hook hook = hook_of(index);
    bpf_tc_opts filter = our_filter();
    if (::bpf_tc_query(&hook, &filter) == 0 && wanted != 0 && wanted == filter.prog_id) continue;
    std::array<char, IF_NAMESIZE> name{};
    if (!::if_indextoname(index, name.data())) continue; /* it has gone, and its packets with it */
    health.missing.push_back("vpn_arrivals is not attached to " + std::string(name.data()));
  }
}

Result<void> Programs::remove() {
  for (const std::uint32_t index : std::vector(departures_)) (void)watch_departures(index, false);
  for (const std::uint32_t index : std::vector(watched_))
    if (auto done = watch_interface(index, false); !done) return done;
  for (auto& [name, link] : links_) {
    ::bpf_link_detach(link.get());
    ::unlink(pin_of(name).c_str());
  }
  links_.clear();
  std::error_code error;
  std::filesystem::remove_all(options_.bpf_dir, error);
  if (error) return kernel_error("cannot remove " + options_.bpf_dir, error.value());
  return {};
}

}  // namespace vpn::agent
