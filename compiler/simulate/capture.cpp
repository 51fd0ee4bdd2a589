#include "compiler/simulate/capture.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vpn::simulate {
namespace {

constexpr const char* library_name = "libpcap.so.0.8";
constexpr std::size_t largest_frame = 262144;  // that libpcap reads

/// What is used of libpcap, from its own declarations.
struct Library {
  decltype(&::pcap_fopen_offline_with_tstamp_precision) fopen_offline = nullptr;
  decltype(&::pcap_next_ex) next_ex = nullptr;
  decltype(&::pcap_geterr) geterr = nullptr;
  decltype(&::pcap_datalink) datalink = nullptr;
  decltype(&::pcap_datalink_val_to_description_or_dlt) description = nullptr;
  decltype(&::pcap_close) close = nullptr;
  decltype(&::pcap_open_dead_with_tstamp_precision) open_dead = nullptr;
  decltype(&::pcap_dump_fopen) dump_fopen = nullptr;
  decltype(&::pcap_dump) dump = nullptr;
  decltype(&::pcap_dump_file) dump_file = nullptr;
  decltype(&::pcap_dump_close) dump_close = nullptr;
  std::string missing;  ///< why there is none; empty: there is

  Library() {
    void* handle = ::dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      const char* why = ::dlerror();
      missing = why == nullptr ? library_name : why;
      return;
    }
    load(handle, "pcap_fopen_offline_with_tstamp_precision", fopen_offline);
    load(handle, "pcap_next_ex", next_ex);
    load(handle, "pcap_geterr", geterr);
    load(handle, "pcap_datalink", datalink);
    load(handle, "pcap_datalink_val_to_description_or_dlt", description);
    load(handle, "pcap_close", close);
    load(handle, "pcap_open_dead_with_tstamp_precision", open_dead);
    load(handle, "pcap_dump_fopen", dump_fopen);
    load(handle, "pcap_dump", dump);
    load(handle, "pcap_dump_file", dump_file);
    load(handle, "pcap_dump_close", dump_close);
  }

 private:
  template <class Function>
  void load(void* handle, const char* name, Function& out) {
    out = reinterpret_cast<Function>(::dlsym(handle, name));
    if (out == nullptr && missing.empty()) missing = std::string(library_name) + " has no " + name;
  }
};

/// Stays loaded until the program ends.
const Library& library() {
  static const Library loaded;
  return loaded;
}

tl::unexpected<Error> unreadable(const std::string& path, int error) {
  return fail(ErrorKind::unreadable, std::string("cannot read the capture: ") + std::strerror(error), path);
}

Moment moment_of(const timeval& t) {  // nanoseconds in the place of microseconds
  return std::clamp<std::int64_t>(t.tv_sec, 0, last_second) * second + std::clamp<std::int64_t>(t.tv_usec, 0, second);
}

}  // namespace

void Capture::CloseFile::operator()(std::FILE* file) const { std::fclose(file); }

Capture::Capture(std::string path, pcap* handle, std::FILE* file)
    : path_(std::move(path)), handle_(handle), file_(file), bytes_(2 * largest_frame) {}

Capture::~Capture() { library().close(handle_); }

Result<std::unique_ptr<Capture>> Capture::open(const std::string& path) {
  const Library& pcap = library();
  if (!pcap.missing.empty())
    return fail(ErrorKind::environment, "captures cannot be read: " + pcap.missing, {}, "install libpcap (libpcap0.8)");
  const std::string shown = path == "-" ? "<stdin>" : path;
  std::unique_ptr<std::FILE, CloseFile> file(path == "-" ? ::fdopen(::dup(STDIN_FILENO), "rb")
                                                         : std::fopen(path.c_str(), "rbe"));
  struct stat info {};
  if (!file || ::fstat(::fileno(file.get()), &info) != 0) return unreadable(shown, errno);
  if (S_ISDIR(info.st_mode)) return unreadable(shown, EISDIR);
  char why[PCAP_ERRBUF_SIZE] = "";
  pcap_t* handle = pcap.fopen_offline(file.get(), PCAP_TSTAMP_PRECISION_NANO, why);
  if (handle == nullptr) {
    if (std::ferror(file.get()) != 0) return unreadable(shown, errno);
    return fail(ErrorKind::invalid_input, std::string("this is no capture that libpcap reads: ") + why, shown,
                "pcap and pcapng are read, as tcpdump -w and Wireshark write them");
  }
  std::unique_ptr<Capture> out(new Capture(shown, handle, file.release()));
  if (S_ISREG(info.st_mode)) out->size_ = static_cast<std::uint64_t>(info.st_size);
  const int dlt = pcap.datalink(handle);
  const auto link = link_of(dlt);
  if (!link)
    return fail(ErrorKind::invalid_input, std::string("frames of link type ") + pcap.description(dlt) + " are not read",
                shown, "these are: " + std::string(known_links()));
  out->link_ = *link;
  return out;
}

std::string Capture::link_name() const { return library().description(library().datalink(handle_)); }

std::uint64_t Capture::position() const {
  const off_t at = ::ftello(file_);
  return at < 0 ? 0 : static_cast<std::uint64_t>(at);
}

void Capture::note_end(int got) {
  at_end_ = true;
  if (got == PCAP_ERROR_BREAK) return;  // which is what the end of a file is called
  state_ = std::ferror(file_) != 0
               ? unreadable(path_, errno)
               : fail(ErrorKind::invalid_input,
                      std::string("the capture cannot be read any further: ") + library().geterr(handle_), path_,
                      "what stands before was judged; was it cut off while it was written?");
}

std::span<const Frame> Capture::next() {
  std::size_t count = 0, used = 0;
  while (!at_end_ && count < frames_.size() && used < largest_frame) {
    pcap_pkthdr* header = nullptr;
    const std::uint8_t* bytes = nullptr;
    if (const int got = library().next_ex(handle_, &header, &bytes); got != 1) {
      note_end(got);
      break;
    }
    const std::size_t size = std::min<std::size_t>(header->caplen, largest_frame);
    std::memcpy(bytes_.data() + used, bytes, size);
    frames_[count++] = {moment_of(header->ts), header->len, {bytes_.data() + used, size}};
    used += size;
  }
  return {frames_.data(), count};
}

// --- What was dropped -----------------------------------------------------------------------------------------------

Result<std::unique_ptr<DroppedFile>> DroppedFile::create(const std::string& path, const Capture& like) {
  auto file = lower::StreamedFile::create(path, 0644);
  if (!file) return tl::unexpected(std::move(file.error()));
  std::unique_ptr<DroppedFile> out(new DroppedFile(std::move(*file), path));
  const Library& pcap = library();
  std::FILE* stream = ::fdopen(::fcntl(out->file_.descriptor(), F_DUPFD_CLOEXEC, 0), "wb");
  if (stream == nullptr) return lower::cannot_write(path, errno);
  out->like_ = pcap.open_dead(pcap.datalink(like.handle_), static_cast<int>(largest_frame), PCAP_TSTAMP_PRECISION_NANO);
  if (out->like_ != nullptr) out->dumper_ = pcap.dump_fopen(out->like_, stream);
  if (out->dumper_ != nullptr) return out;
  std::fclose(stream);
  return fail(ErrorKind::unreadable,
              std::string("cannot write the capture: ") + (out->like_ == nullptr ? "" : pcap.geterr(out->like_)), path);
}

DroppedFile::~DroppedFile() {
  if (dumper_ != nullptr) library().dump_close(dumper_);
  if (like_ != nullptr) library().close(like_);
}

void DroppedFile::write(const Frame& frame) {
  pcap_pkthdr header{};
  header.ts.tv_sec = frame.at / second;
  header.ts.tv_usec = frame.at % second;
  header.caplen = static_cast<bpf_u_int32>(frame.bytes.size());
  header.len = frame.length;
  library().dump(reinterpret_cast<u_char*>(dumper_), &header, frame.bytes.data());
  ++frames_;
}

Result<void> DroppedFile::finish() {
  std::FILE* stream = library().dump_file(dumper_);
  const bool failed = std::fflush(stream) != 0 || std::ferror(stream) != 0;
  const int error = errno;
  library().dump_close(std::exchange(dumper_, nullptr));
  if (failed) return lower::cannot_write(path_, error);
  return file_.finish();
}

}  // namespace vpn::simulate
