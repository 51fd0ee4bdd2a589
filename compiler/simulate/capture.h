// Captures, pcap and pcapng, read and written through libpcap. The library is loaded when a capture is opened: it and
// those that it needs would make every other command start a quarter slower.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compiler/lower/pending_file.h"
#include "compiler/simulate/simulation.h"
#include "policy/result.h"

struct pcap;
struct pcap_dumper;

namespace vpn::simulate {

class Capture {
 public:
  /// A file, or standard input for "-". Errors: `unreadable`; `invalid_input`: no capture, or a link type that is not
  /// read; `environment`: libpcap is not installed.
  static Result<std::unique_ptr<Capture>> open(const std::string& path);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  Link link() const { return link_; }
  std::string link_name() const;  ///< as libpcap describes it
  /// The next frames, at most Simulation::most_together, whose bytes are valid until the next call. None: there are no
  /// more, or what comes cannot be read (state()).
  std::span<const Frame> next();
  /// Nothing went wrong, or: what is behind the frames so far cannot be read.
  const Result<void>& state() const { return state_; }

  std::uint64_t size() const { return size_; }  ///< of the file; 0: not known
  std::uint64_t position() const;

 private:
  friend class DroppedFile;
  struct CloseFile {
    void operator()(std::FILE* file) const;
  };
  Capture(std::string path, pcap* handle, std::FILE* file);
  void note_end(int got);

  std::string path_;
  pcap* handle_;  ///< owns file_
  std::FILE* file_;
  Link link_ = Link::ethernet;
  std::uint64_t size_ = 0;
  Result<void> state_;
  bool at_end_ = false;
  std::array<Frame, Simulation::most_together> frames_;
  std::vector<std::uint8_t> bytes_;  ///< of the frames: libpcap keeps those of the last one only
};

/// A capture that is written: of the link type of another, in nanoseconds. It appears when it is whole.
class DroppedFile {
 public:
  static Result<std::unique_ptr<DroppedFile>> create(const std::string& path, const Capture& like);
  ~DroppedFile();
  DroppedFile(const DroppedFile&) = delete;
  DroppedFile& operator=(const DroppedFile&) = delete;

  void write(const Frame& frame);
  /// To the disk, and in place.
  Result<void> finish();
  std::uint64_t frames() const { return frames_; }

 private:
  DroppedFile(lower::StreamedFile file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  lower::StreamedFile file_;
  std::string path_;
  pcap* like_ = nullptr;
  pcap_dumper* dumper_ = nullptr;  ///< owns a stream onto file_
  std::uint64_t frames_ = 0;
};

}  // namespace vpn::simulate
