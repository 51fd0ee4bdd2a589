// What a file is, and its reader.
#include <algorithm>

#include "compiler/document/decrypt.h"
#include "compiler/document/encoding.h"
#include "compiler/document/envelope.h"
#include "compiler/document/reader.h"
#include "compiler/document/template.h"
#include "policy/ascii.h"

namespace vpn::document {
namespace {

using findings::Code;

std::string_view without_space(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty() && ascii::is_space(text.front())) text.remove_prefix(1);
  return text;
}

/// Texts in UTF-16 are read as UTF-8; spans then refer to that.
bool convert_encoding(Context& context) {
  Source& source = context.document.source();
  const Encoding encoding = detect_encoding(source.text());
  if (encoding == Encoding::utf8) return true;
  if (encoding == Encoding::utf32) {
    context.positions = false;
    context.report({Code::invalid_encoding, 0, 0, "the file is in UTF-32", "save it as UTF-8"});
    return false;
  }
  Converted converted = from_utf16(source.text(), encoding == Encoding::utf16_big);
  source.replace_text(std::move(converted.text), false);
  context.converted = true;
  if (!converted.wrong) return true;
  context.report({Code::invalid_encoding, *converted.wrong, *converted.wrong + 3, "the text is not valid UTF-16 here",
                  "save the file as UTF-8"});
  return false;
}

void report_unknown(Context& context, std::string_view text) {
  struct Magic {
    std::string_view bytes, what;
  };
  using namespace std::string_view_literals;
  constexpr Magic known[] = {{"PK\x03\x04"sv, "a ZIP archive"},
                             {"\x1f\x8b"sv, "compressed (gzip)"},
                             {"\x89VPNP"sv, "a compiled policy"},
                             {"%PDF"sv, "a PDF document"},
                             {"xar!"sv, "an installer package"},
                             {"\x7f"
                              "ELF"sv,
                              "a program"},
                             {"\x89PNG"sv, "a picture"},
                             {"\xcf\xfa\xed\xfe"sv, "a program"},
                             {"\xca\xfe\xba\xbe"sv, "a program"}};
  const auto* const magic =
      std::find_if(std::begin(known), std::end(known), [&](const Magic& m) { return text.starts_with(m.bytes); });
  const std::string_view body = without_space(text);
  const std::size_t begin = text.size() - body.size();
  const std::string_view line = body.substr(0, std::min<std::size_t>(body.find_first_of("\r\n"), 40));
  const bool is_text =
      std::all_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20; });
  const std::string what = magic != std::end(known) ? "the file is " + std::string(magic->what)
                           : is_text                ? "the file begins with '" + shown(line, 24) + "'"
                                                    : "the file is of an unknown binary format";
  if (!is_text || magic != std::end(known)) context.positions = false;
  context.report({Code::not_a_profile, begin, begin + line.size(), what + ", not a profile",
                  "expected an XML or binary property list, or a JSON declaration, plain or signed (CMS)"});
}

/// Who asks for trust must hear of a file that lacks what could be trusted: a signature is easily taken away.
void expect_signature(Context& context) {
  context.report_file({Code::unsigned_profile, 0, 0,
                       "the file is not signed, so nothing shows that it is to be trusted",
                       "sign it, or take it out of what is read with --trust"});
}

/// Envelopes may be within envelopes, but not without end.
bool open_envelopes(Context& context) {
  constexpr std::size_t most = 4;
  for (std::size_t i = 0; i <= most; ++i) {
    const Wrapping wrapping = wrapping_of(context.document.source().text());
    if (wrapping == Wrapping::none) {
      // A signature that does not hold leaves no envelope; that was said.
      const bool bare = !context.document.is_signed() && context.document.envelopes.size() >= i;
      if (bare && !context.options.trust.empty()) expect_signature(context);
      return true;
    }
    if (i < most && !open_envelope(context, wrapping)) return false;
  }
  context.report_file(beyond("too many envelopes are within each other", most, 0, 0));
  return false;
}

/// The character that tells XML from JSON: the first that is not part of a template's placeholder.
char first_of_format(std::string_view body) {
  for (int i = 0; i < 100; ++i) {  // placeholders before the first element; more are not plausible
    const auto p = body.empty() || body.front() != '{' ? std::nullopt : find_placeholder(body, 0, body.size());
    if (!p || p->begin != 0) break;
    body = without_space(body.substr(p->end));
  }
  return body.empty() ? '\0' : body.front();
}

/// With --template, the text as one document that it may become.
std::string_view masked(Context& context, std::string (*mask)(std::string_view)) {
  const std::string_view text = context.document.source().text();
  if (!context.options.template_mode) return text;
  context.original = text;
  context.has_marks = true;
  return context.document.keep(mask(text));
}

std::optional<Value> read_content(Context& context) {
  if (!open_envelopes(context) || !convert_encoding(context)) return std::nullopt;
  const std::string_view text = context.document.source().text();
  const std::string_view body = without_space(text);
  if (body.empty()) {
    context.positions = false;
    context.report(
        {Code::empty_file, 0, 0, text.empty() ? "the file is empty" : "the file holds nothing but white space"});
    return std::nullopt;
  }
  if (text.starts_with("bplist")) {
    context.document.format = Format::binary;
    return read_binary(context, text);
  }
  const char first = first_of_format(body);
  if (first == '<') {
    context.document.format = Format::xml;
    return read_xml(context, masked(context, mask_xml));
  }
  if (first == '{' || first == '[') {
    context.document.format = Format::json;
    return read_json(context, masked(context, mask_json));
  }
  report_unknown(context, text);
  return std::nullopt;
}

/// A profile is a dictionary, a file of declarations one object or several in an array.
bool check_root(Context& context, const Value& root) {
  if (root.is(Type::dictionary)) return true;
  if (context.has_faults) return false;  // what makes the root look wrong has been reported
  const bool is_json = context.document.format == Format::json;
  const Value* wrong = &root;
  if (is_json && root.is(Type::array)) {
    const auto items = root.array();
    const auto other = std::find_if(items.begin(), items.end(), [](const Value& v) { return !v.is(Type::dictionary); });
    if (other == items.end() && !items.empty()) return true;
    if (other != items.end()) wrong = &*other;
  }
  const bool known = wrong->span.known();
  const std::string what = wrong->is(Type::array) && wrong->size == 0 && is_json
                               ? "an empty array"
                               : "a value of type " + std::string(type_name(wrong->type));
  context.report({Code::root_not_a_dictionary, known ? wrong->span.begin : std::size_t{0},
                  known ? wrong->span.end : std::size_t{0},
                  is_json ? "a declaration is an object; this is " + what
                          : "the root of a profile is a dictionary; this file holds " + what,
                  is_json ? "a file holds one declaration, or an array of declarations"
                          : "put the payloads into the array PayloadContent of a dictionary"});
  return false;
}

bool read_into(Document& document, const ReadOptions& options, findings::Sink& findings) {
  Context context{document, options, findings};
  const std::size_t size = document.source().text().size();
  if (document.source().is_too_large() || size > options.limits.file_bytes) {
    context.positions = false;
    const bool sized = !document.source().is_too_large();
    context.report(beyond("the file is too large" + (sized ? ": it has " + std::to_string(size) + " bytes" : ""),
                          options.limits.file_bytes, 0, 0));
    return false;
  }
  const auto root = read_content(context);
  if (!root || !check_root(context, *root)) return false;
  document.set_root(root->is(Type::dictionary) ? open_encrypted_content(context, *root) : *root);
  return true;
}

}  // namespace

std::unique_ptr<Document> read(std::unique_ptr<Source> source, const ReadOptions& options, findings::Sink& findings) {
  auto document = std::make_unique<Document>(std::move(source));
  if (read_into(*document, options, findings)) return document;
  findings.keep(document->release_source());
  return nullptr;
}

}  // namespace vpn::document
