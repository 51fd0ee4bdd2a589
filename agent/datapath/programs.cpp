#include "agent/datapath/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
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
std::vector<std::pair<std::string, bpf_program*>> lasting(const guard& s) {
  return {{"vpn_egress", s.progs.vpn_egress},           {"vpn_ingress", s.progs.vpn_ingress},
          {"vpn_sock_create", s.progs.vpn_sock_create}, {"vpn_connect4", s.progs.vpn_connect4},
          {"vpn_connect6", s.progs.vpn_connect6},       {"vpn_setsockopt", s.progs.vpn_setsockopt}};
}

bpf_tc_hook ingress_of(std::uint32_t index) {
  bpf_tc_hook hook{};
  hook.sz = sizeof(hook);
  hook.ifindex = static_cast<int>(index);
  hook.attach_point = BPF_TC_INGRESS;
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

void Programs::LinkCloser::operator()(bpf_link* link) const {
  ::bpf_link__disconnect(link); /* closing leaves it attached */
  ::bpf_link__destroy(link);
}
void Programs::SkeletonCloser::operator()(guard* skeleton) const { guard::destroy(skeleton); }

Programs::Programs(Programs&&) noexcept = default;
Programs& Programs::operator=(Programs&&) noexcept = default;
Programs::~Programs() = default;

int Programs::fd(const bpf_map* map) { return ::bpf_map__fd(map); }

std::string Programs::pin_of(const std::string& name) const { return link_folder(options_) + "/" + name; }

Result<Programs> Programs::load(const Options& options) {
  Programs out;
  out.options_ = options;
  ::libbpf_set_print(listen);
  last_words.clear();
  out.cgroup_ = Descriptor(::open(options.cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat about {};
  if (!out.cgroup_ || ::fstat(out.cgroup_.get(), &about) != 0)
    return kernel_error("cannot open the cgroup '" + options.cgroup + "'", errno);
  out.cgroup_id_ = about.st_ino;
  for (const auto& folder : {options.bpf_dir, map_folder(options), link_folder(options)})
    if (auto made = make_folder(folder); !made) return tl::unexpected(made.error());
  out.maps_kept_ = ::access((map_folder(options) + "/control").c_str(), F_OK) == 0;
  auto skeleton = load_part(options, false);
  if (!skeleton) return tl::unexpected(skeleton.error());
  out.skeleton_ = std::move(*skeleton);
  return out;
}

Result<Programs::Skeleton> Programs::load_part(const Options& options, bool datagrams) {
  Skeleton out(guard::open());
  if (!out) return kernel_error("cannot read the datapath's programs", errno);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, out->obj) {
    const std::string name = ::bpf_map__name(map);
    if (name.find('.') != std::string::npos) continue; /* what the compiler made: constants */
    ::bpf_map__set_pin_path(map, (map_folder(options) + "/" + name).c_str());
  }
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, out->obj) {
    const bool for_datagrams = program == out->progs.vpn_sendmsg4 || program == out->progs.vpn_sendmsg6;
    ::bpf_program__set_autoload(program, for_datagrams == datagrams);
  }
  last_words.clear();
  if (const int error = guard::load(out.get()); error != 0)
    return kernel_error("the kernel refuses the datapath's programs", error,
                        last_words.empty() ? "it needs Linux 6.1 with CONFIG_DEBUG_INFO_BTF, and root" : last_words);
  return out;
}

Result<void> Programs::attach_one(bpf_program* program, const std::string& name) {
  const std::string pin = pin_of(name);
  if (Link old(::bpf_link__open(pin.c_str())); old) {
    bpf_link_info info{};
    std::uint32_t size = sizeof(info);
    const bool ours =
        ::bpf_obj_get_info_by_fd(::bpf_link__fd(old.get()), &info, &size) == 0 && info.cgroup.cgroup_id == cgroup_id_;
    if (ours && ::bpf_link__update_program(old.get(), program) == 0) {
      links_[name] = std::move(old);
      return {};
    }
    ::unlink(pin.c_str()); /* of another cgroup, or of one that is gone */
  }
  Link link(::bpf_program__attach_cgroup(program, cgroup_.get()));
  if (!link) return kernel_error("cannot attach " + name + " to " + options_.cgroup, errno);
  if (const int error = ::bpf_link__pin(link.get(), pin.c_str()); error != 0)
    return kernel_error("cannot pin " + pin, error);
  links_[name] = std::move(link);
  return {};
}

Result<void> Programs::attach() {
  for (const auto& [name, program] : lasting(*skeleton_))
    if (auto done = attach_one(program, name); !done) return done;
  return {};
}

Result<void> Programs::watch_datagrams(bool wanted) {
  if (!wanted) {
    for (const char* name : {"vpn_sendmsg4", "vpn_sendmsg6"}) {
      ::unlink(pin_of(name).c_str()); /* also that of an earlier agent */
      if (const auto link = links_.extract(name); link) ::bpf_link__detach(link.mapped().get());
    }
    return {};
  }
  if (!datagrams_) {
    auto loaded = load_part(options_, true);
    if (!loaded) return tl::unexpected(loaded.error());
    datagrams_ = std::move(*loaded);
  }
  if (!links_.contains("vpn_sendmsg4"))
    if (auto done = attach_one(datagrams_->progs.vpn_sendmsg4, "vpn_sendmsg4"); !done) return done;
  if (!links_.contains("vpn_sendmsg6")) return attach_one(datagrams_->progs.vpn_sendmsg6, "vpn_sendmsg6");
  return {};
}

Result<void> Programs::watch_interface(std::uint32_t index, bool wanted) {
  bpf_tc_hook hook = ingress_of(index);
  bpf_tc_opts filter = our_filter();
  std::erase(watched_, index);
  if (!wanted) {
    if (::bpf_tc_detach(&hook, &filter) == 0 || errno == ENOENT || errno == ENODEV || errno == EINVAL) return {};
    return kernel_error("cannot take the filter off interface " + std::to_string(index), errno);
  }
  if (const int error = ::bpf_tc_hook_create(&hook); error != 0 && error != -EEXIST)
    return kernel_error("cannot watch interface " + std::to_string(index), error, "it needs the kernel's sch_ingress");
  filter.prog_fd = ::bpf_program__fd(skeleton_->progs.vpn_arrivals);
  filter.flags = BPF_TC_F_REPLACE;
  if (const int error = ::bpf_tc_attach(&hook, &filter); error != 0)
    return kernel_error("cannot watch interface " + std::to_string(index), error, "it needs the kernel's cls_bpf");
  watched_.push_back(index);
  return {};
}

Result<void> Programs::attribute() {
  Link link(::bpf_program__attach_iter(skeleton_->progs.vpn_attribute, nullptr));
  if (!link) return kernel_error("cannot walk the open files", errno);
  const Descriptor walk(::bpf_iter_create(::bpf_link__fd(link.get())));
  std::array<char, 64> ignored{};
  ssize_t n = walk ? 0 : -1;
  if (walk) {
    do n = ::read(walk.get(), ignored.data(), ignored.size());
    while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
  }
  const int error = errno;
  ::bpf_link__detach(link.get());
  if (n < 0) return kernel_error("cannot walk the open files", error);
  return {};
}

void Programs::check(Health& health) const {
  for (const auto& [name, program] : lasting(*skeleton_)) {
    const auto link = links_.find(name);
    bpf_link_info info{};
    std::uint32_t size = sizeof(info);
    if (link == links_.end() || ::bpf_obj_get_info_by_fd(::bpf_link__fd(link->second.get()), &info, &size) != 0 ||
        info.cgroup.cgroup_id != cgroup_id_)
      health.missing.push_back(name + " is not attached to " + options_.cgroup);
    else if (::access(pin_of(name).c_str(), F_OK) != 0)
      health.missing.push_back(name + " is not pinned: the guard would end with the agent");
  }
  for (const std::uint32_t index : watched_) {
    bpf_tc_hook hook = ingress_of(index);
    bpf_tc_opts filter = our_filter();
    if (::bpf_tc_query(&hook, &filter) == 0) {
      bpf_prog_info info{};
      std::uint32_t size = sizeof(info);
      if (::bpf_obj_get_info_by_fd(::bpf_program__fd(skeleton_->progs.vpn_arrivals), &info, &size) == 0 &&
          info.id == filter.prog_id)
        continue;
    }
    std::array<char, IF_NAMESIZE> name{};
    if (!::if_indextoname(index, name.data())) continue; /* it has gone, and its packets with it */
    health.missing.push_back("vpn_arrivals is not attached to " + std::string(name.data()));
  }
}

Result<void> Programs::remove() {
  for (const std::uint32_t index : std::vector(watched_))
    if (auto done = watch_interface(index, false); !done) return done;
  for (auto& [name, link] : links_) {
    ::bpf_link__detach(link.get());
    ::unlink(pin_of(name).c_str());
  }
  links_.clear();
  std::error_code error;
  std::filesystem::remove_all(options_.bpf_dir, error);
  if (error) return kernel_error("cannot remove " + options_.bpf_dir, error.value());
  return {};
}

}  // namespace vpn::agent
