// Which format a file has, and its reader.
#include <cstring>

#include "compiler/document/reader.h"

namespace vpn::document {
namespace {

using findings::Code;

bool check_root(Context& context, const Value& root) {
  if (root.is(Type::dictionary)) return true;
  if (context.has_faults) return false;  // what makes the root look wrong has been reported
  const bool known = root.span.known();
  context.report(
      {Code::root_not_a_dictionary, known ? root.span.begin : std::size_t{0}, known ? root.span.end : std::size_t{0},
       "the root of a profile is a dictionary; this file holds a value of type " + std::string(type_name(root.type)),
       "put the payloads into the array PayloadContent of a dictionary"});
  return false;
}

}  // namespace

std::unique_ptr<Document> read(std::unique_ptr<Source> source, const ReadOptions& options, findings::Sink& findings) {
  auto document = std::make_unique<Document>(std::move(source));
  Context context{*document, options, findings};
  const std::string_view text = document->source().text();
  const auto root = read_xml(context, text);
  if (!root || !check_root(context, *root)) {
    findings.keep(std::shared_ptr<Source>(document->release_source()));
    return nullptr;
  }
  document->set_root(*root);
  return document;
}

}  // namespace vpn::document
