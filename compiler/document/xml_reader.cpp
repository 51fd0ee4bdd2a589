// XML property lists: pugixml parses a private copy in place, Walk makes the values of its tree.
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

#include "compiler/document/characters.h"
#include "compiler/document/xml_walk.h"
#include "console/similar/similar.h"

namespace vpn::document {
namespace {

using findings::Code;
using xml::Element;

/// The tree costs 64 bytes for each node, and each node has a '<' in the text that begins no end tag.
bool check_markup_count(Context& context, std::string_view text) {
  const std::size_t most = std::size_t{context.options.limits.values} + 64;
  if (text.size() <= most) return true;
  std::size_t count = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) count += text[i] == '<' && text[i + 1] != '/' ? 1u : 0u;
  if (count <= most) return true;
  context.report(beyond("the file has too many tags", most, 0, 1));
  return false;
}

void report_root(Context& context, std::string_view text, std::size_t root) {
  const std::size_t stop = xml::name_end(text, root + 1);
  const std::string_view name = text.substr(root + 1, stop - root - 1);
  const std::size_t end = std::min(text.find('>', stop), text.size() - 1) + 1;
  const std::string tag = "<" + shown(name) + ">";
  const Element element = xml::element_of(name);
  constexpr std::string_view plist[] = {"plist"};
  Fault fault{Code::not_a_profile, root, end, {}};
  if (element != Element::unknown) {
    fault.code = Code::missing_plist;
    fault.message = "the file begins with " + tag + "; a property list begins with <plist>";
    fault.help = "put <plist version=\"1.0\"> before it and </plist> at the end of the file";
  } else if (!cli::nearest(name, plist).empty()) {
    fault.code = Code::unknown_element;
    fault.message = "a property list begins with <plist>, not with " + tag;
    fault.help = "did you mean <plist>?";
  } else if (name == "html" || name == "HTML") {
    fault.message = "this is an HTML page, not a profile";
    fault.help = "a download may have ended on a login or error page; fetch the profile itself";
  } else {
    fault.message = "this is another kind of XML: its root is " + tag + ", that of a property list is <plist>";
  }
  context.report(fault);
}

void note_prolog(Context& context, const xml::Prolog& prolog) {
  if (!prolog.has_declaration)
    context.report({Code::missing_xml_declaration, prolog.root, prolog.root + 6, "the file has no XML declaration",
                    "begin it with <?xml version=\"1.0\" encoding=\"UTF-8\"?>"});
  if (prolog.space_before != 0)
    context.report({Code::space_before_xml_declaration, prolog.space_before, prolog.space_before + 5,
                    "white space stands before the XML declaration", "strict XML parsers refuse it; remove it"});
}

struct WipesAtEnd {
  char* bytes;
  std::size_t size;
  ~WipesAtEnd() { OPENSSL_cleanse(bytes, size); }
};

/// Nothing of the tree or of its text outlives the conversion.
std::optional<Value> convert(Context& context, std::string_view text, std::size_t root,
                             std::vector<Comment>& comments) {
  const auto copy = std::make_unique_for_overwrite<char[]>(text.size());
  std::memcpy(copy.get() + root, text.data() + root, text.size() - root);
  pugi::xml_document tree;
  const auto parsed = tree.load_buffer_inplace(copy.get() + root, text.size() - root,
                                               pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol |
                                                   pugi::parse_embed_pcdata | pugi::parse_ws_pcdata_single,
                                               pugi::encoding_utf8);
  const WipesAtEnd wipes{copy.get(), context.is_secret ? text.size() : 0};
  xml::Walk walk(context, text, copy.get(), comments);
  auto value = walk.run(tree.first_child(), root);
  if (!parsed && !walk.has_faults()) {
    const std::size_t at =
        std::min(root + static_cast<std::size_t>(std::max<std::ptrdiff_t>(parsed.offset, 0)), text.size() - 1);
    context.report({Code::xml_syntax, at, at + 1, "the markup is not well-formed here"});
    context.has_faults = true;
    return std::nullopt;
  }
  context.has_faults = walk.has_faults();
  return value;
}

}  // namespace

std::optional<Value> read_xml(Context& context, std::string_view text) {
  if (!check_characters(context, text, "XML") || !check_markup_count(context, text)) return std::nullopt;
  std::vector<Comment> comments;
  Fault fault;
  const xml::Prolog prolog = xml::read_prolog(text, context.converted, comments, fault);
  if (prolog.root == xml::failed) {
    const auto cause = context.has_marks ? template_cause(context, text, fault) : std::nullopt;
    context.report(cause ? *cause : fault);
    return std::nullopt;
  }
  const std::size_t stop = xml::name_end(text, prolog.root + 1);
  if (text.substr(prolog.root + 1, stop - prolog.root - 1) != "plist") {
    report_root(context, text, prolog.root);
    return std::nullopt;
  }
  const auto value = convert(context, text, prolog.root, comments);
  if (!context.has_faults) {
    note_prolog(context, prolog);
    note_template(context, context.original.empty() ? text : context.original);
  }
  if (context.positions) context.document.comments = std::move(comments);
  return value;
}

}  // namespace vpn::document
