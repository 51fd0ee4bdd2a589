#include "compiler/lint/lint.h"

#include "compiler/lint/checks.h"
#include "compiler/lint/lookup.h"
#include "compiler/lint/profile.h"
#include "compiler/lint/walk.h"

namespace vpn::lint {
namespace {

bool has_lists_to_compare(const Item& item) {
  return item.kind == ItemKind::per_app_vpn && item.dictionary->find("ExcludedDomains") != nullptr;
}

void lint_item(Context& context, Walker& walker, const Item& item, Secrets& secrets) {
  ItemPath path;
  const Section section = item_section(context.document, item, path);
  if (item.schema == nullptr) return walker.free_form(*item.dictionary, section.path);
  const std::vector<KeptList> lists = walker.item(item, section, has_lists_to_compare(item));
  check_vpn(context, item, section, lists, secrets);
  check_certificate(context, item, section);
  check_linux(context, item, section);
}

void lint_document(Context& context, const Device& device, const Profile& profile) {
  check_structure(context, profile);
  Secrets secrets;
  Walker walker(context, device, profile, secrets);
  if (profile.kind == DocumentKind::profile) {
    const Section root{&context.document.root(), nullptr, opening(context.document, context.document.root())};
    walker.top_level(root);
    check_identity(context, profile);
  }
  for (const Item& item : profile.items) lint_item(context, walker, item, secrets);
  check_secrets(context, secrets);
}

}  // namespace

void lint(std::span<const document::Document* const> documents, const Options& options, findings::Sink& findings) {
  Device device;
  read_device(documents, device);
  Contexts contexts;
  contexts.reserve(documents.size());
  for (const Profile& profile : device.profiles) {
    Context& context = contexts.emplace_back(*profile.document, options, findings);
    lint_document(context, device, profile);
  }
  if (!options.one_device && documents.size() > 1) return;
  check_device(contexts, device);
  check_device_apps(contexts, device);
}

}  // namespace vpn::lint
