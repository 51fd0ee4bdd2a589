// Lint for the language server: one file as the editor shows it, with the configuration that governs it.
#pragma once

#include "compiler/cli/lint_run.h"
#include "compiler/lsp/linter.h"

namespace vpn::cli {

class EditorLint : public lsp::Linter {
 public:
  EditorLint();
  bool concerns(const lsp::Request& request) override;
  lsp::Outcome lint(const lsp::Request& request) override;
  std::optional<std::string> mend(const lsp::Request& request) override;

 private:
  struct Unit;
  static Unit unit(const lsp::Request& request, LintRun& run, std::string& fault);
  void prepare(const lsp::Request& request);

  LintSettings settings_;
};

}  // namespace vpn::cli
