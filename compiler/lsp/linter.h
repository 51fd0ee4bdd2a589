// What the server asks of lint. The command that starts the server answers, for the configuration files are its matter.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/document/document.h"
#include "compiler/findings/findings.h"
#include "compiler/schema/schema.h"
#include "policy/types.h"

namespace vpn::lsp {

/// What the client's settings say; wins over configuration files, like options of a command line.
struct Settings {
  std::vector<policy::Platform> platforms;
  std::optional<schema::Version> os_version;
  std::optional<bool> supervised;
  bool template_mode = false;  ///< read around placeholders
};

/// One file as the editor shows it.
struct Request {
  std::string path;
  std::string_view text;
  /// Texts of all open files by path: they count, not what is on the disk.
  const std::map<std::string, std::string_view>* open = nullptr;
  const Settings* settings = nullptr;
};

struct Outcome {
  std::vector<std::unique_ptr<document::Document>> documents;  ///< those judged together, the file itself first
  findings::Sink sink;                                         ///< sorted
  std::string configuration_fault;                             ///< why the configuration file was not used
  std::vector<policy::Platform> platforms;                     ///< that were checked
};

class Linter {
 public:
  virtual ~Linter() = default;
  /// Whether the text is, or by the file's name should be, a profile or a declaration.
  virtual bool concerns(const Request& request) = 0;
  virtual Outcome lint(const Request& request) = 0;
  /// The text with everything mended that can be mended safely; nothing: there is nothing to mend.
  virtual std::optional<std::string> mend(const Request& request) = 0;
};

}  // namespace vpn::lsp
