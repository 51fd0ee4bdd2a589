// The socket by which nss-resolve asks systemd-resolved, out of the way. Over it nobody sees which app asks what: no
// hook of Linux 6.1 is called for Unix sockets. Without it nss-resolve says that it is not available, and the C library
// goes on to `dns`, which asks the stub on loopback; that is steered, and attributed to the app (docs/dns.md).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/files/descriptor.h"
#include "agent/loop/loop.h"
#include "policy/result.h"

namespace vpn::agent {

class HiddenSocket {
 public:
  using Failed = std::function<void(const Error& error)>;
  /// `path`: where it is when nobody hides it; hidden it is beside, under another name. `loop` outlives this.
  HiddenSocket(Loop& loop, std::string path, Failed failed);
  HiddenSocket(const HiddenSocket&) = delete;
  HiddenSocket& operator=(const HiddenSocket&) = delete;
  ~HiddenSocket() = default;  ///< leaves it as it is: what guards outlives the agent

  /// From now on, also when its service makes it anew. An earlier agent may have hidden it already.
  void hide();
  /// As it was.
  void show();
  /// From time to time: a folder that came since the last time.
  void look();

  std::string hidden_path() const { return path_ + ".vpn-guard"; }

 private:
  void watch();
  void news();
  void take_away();

  Loop& loop_;
  std::string path_;
  Failed failed_;
  bool hidden_ = false;
  Descriptor watcher_;  ///< inotify on its folder
  std::unique_ptr<Waiting> waiting_;
};

}  // namespace vpn::agent
