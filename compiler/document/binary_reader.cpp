// Binary property lists, by libplist. They have no text, so values have no places; findings name the key path.
#include <plist/plist.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "compiler/document/binary_check.h"
#include "compiler/document/characters.h"

namespace vpn::document {
namespace {

using findings::Code;

struct Free {
  void operator()(void* p) const { std::free(p); }  // what libplist hands out is from malloc
};
struct FreeTree {
  void operator()(void* p) const { plist_free(p); }
};

/// Recursion is as deep as check_binary() allows.
class Converter {
 public:
  explicit Converter(Context& context) : context_(context) {}
  Value value(plist_t node, const Path* path);

 private:
  std::string_view text(const char* bytes, std::uint64_t size, const Path* path, bool& faulty);
  void dictionary(plist_t node, const Path* path, Value& out);
  void array(plist_t node, const Path* path, Value& out);
  std::string_view date(plist_t node);

  static constexpr std::uint32_t most_faults = 100;
  Context& context_;
  std::uint32_t reports_ = 0;
};

std::string_view Converter::text(const char* bytes, std::uint64_t size, const Path* path, bool& faulty) {
  const std::string_view kept = context_.document.keep({bytes, size});
  bool has_marks = false;
  const auto bad = find_bad_character(kept, has_marks);
  if (!bad) return kept;
  faulty = true;
  if (++reports_ <= most_faults)
    context_.report({bad->control ? Code::control_character : Code::invalid_encoding, 0, 0,
                     bad->control ? "the text has a control character in it" : "the text is not valid UTF-8 or UTF-16"},
                    path == nullptr ? std::string() : path->to_string());
  // No view of it may be taken for text.
  return {};
}

void Converter::dictionary(plist_t node, const Path* path, Value& out) {
  const std::uint32_t count = plist_dict_get_size(node);
  auto* const members = context_.document.allocate_array<Member>(count);
  plist_dict_iter raw = nullptr;
  plist_dict_new_iter(node, &raw);
  const std::unique_ptr<void, Free> iterator(raw);
  std::uint32_t used = 0;
  for (; used < count; ++used) {
    plist_t child = nullptr;
    char* raw_key = nullptr;
    plist_dict_next_item(node, raw, &raw_key, &child);
    const std::unique_ptr<char, Free> key(raw_key);
    if (child == nullptr || raw_key == nullptr) break;
    Member& member = members[used];
    bool faulty = false;
    member.key = text(raw_key, std::strlen(raw_key), path, faulty);  // check_binary() lets no NUL pass in keys
    const Path step{path, member.key, 0};
    member.value = value(child, &step);
    member.value.faulty |= faulty;
  }
  out.members = members;
  out.size = used;
}

void Converter::array(plist_t node, const Path* path, Value& out) {
  const std::uint32_t count = plist_array_get_size(node);
  auto* const items = context_.document.allocate_array<Value>(count);
  plist_array_iter raw = nullptr;
  plist_array_new_iter(node, &raw);
  const std::unique_ptr<void, Free> iterator(raw);
  std::uint32_t used = 0;
  for (; used < count; ++used) {
    plist_t child = nullptr;
    plist_array_next_item(node, raw, &child);
    if (child == nullptr) break;
    const Path step{path, {}, used};
    items[used] = value(child, &step);
  }
  out.items = items;
  out.size = used;
}

/// plist_get_date_val() ends in 2069; the XML form does not.
std::string_view Converter::date(plist_t node) {
  char* raw = nullptr;
  std::uint32_t size = 0;
  plist_to_xml(node, &raw, &size);
  const std::unique_ptr<char, Free> xml(raw);
  const std::string_view form(raw == nullptr ? "" : raw, raw == nullptr ? 0 : size);
  const std::size_t begin = form.find("<date>"), end = form.find("</date>");
  if (begin == std::string_view::npos || end == std::string_view::npos) return {};
  return context_.document.keep(form.substr(begin + 6, end - begin - 6));
}

Value Converter::value(plist_t node, const Path* path) {
  Value out;
  switch (plist_get_node_type(node)) {
    case PLIST_BOOLEAN: {
      std::uint8_t boolean = 0;
      plist_get_bool_val(node, &boolean);
      out.type = Type::boolean;
      out.boolean = boolean != 0;
      break;
    }
    case PLIST_UINT: {
      std::uint64_t integer = 0;
      plist_get_uint_val(node, &integer);
      out.type = Type::integer;
      out.integer = static_cast<std::int64_t>(integer);  // eight bytes are signed, fewer are not
      break;
    }
    case PLIST_REAL:
      out.type = Type::real;
      plist_get_real_val(node, &out.real);
      break;
    case PLIST_STRING: {
      std::uint64_t size = 0;
      const char* const bytes = plist_get_string_ptr(node, &size);
      out.type = Type::string;
      bool faulty = false;
      const std::string_view kept = text(bytes == nullptr ? "" : bytes, bytes == nullptr ? 0 : size, path, faulty);
      out.faulty = faulty;
      out.text = kept.data();
      out.size = static_cast<std::uint32_t>(kept.size());
      break;
    }
    case PLIST_DATA: {
      std::uint64_t size = 0;
      const char* const bytes = plist_get_data_ptr(node, &size);
      auto* const kept = context_.document.allocate_array<std::uint8_t>(size);
      if (bytes != nullptr) std::copy_n(reinterpret_cast<const std::uint8_t*>(bytes), size, kept);
      out.type = Type::data;
      out.bytes = kept;
      out.size = bytes == nullptr ? 0 : static_cast<std::uint32_t>(size);
      break;
    }
    case PLIST_DATE: {
      const std::string_view kept = date(node);
      out.type = Type::date;
      out.text = kept.data();
      out.size = static_cast<std::uint32_t>(kept.size());
      break;
    }
    case PLIST_ARRAY:
      out.type = Type::array;
      array(node, path, out);
      break;
    case PLIST_DICT:
      out.type = Type::dictionary;
      dictionary(node, path, out);
      break;
    default:
      out.faulty = true;  // check_binary() lets no other kind pass
  }
  return out;
}

/// libplist does not look at what malloc gives it. What it is going to take is asked for once before, so that a lack of
/// memory is met here, as std::bad_alloc.
void expect_memory(const BinaryExtent& extent) {
  constexpr std::uint64_t node = 320, per_byte = 4;  // measured: a node with its lists 220 at most; UTF-16 grows
  const std::unique_ptr<void, Free> probe(std::malloc(extent.values * node + extent.bytes * per_byte));
  if (probe == nullptr) throw std::bad_alloc();
}

}  // namespace

std::optional<Value> read_binary(Context& context, std::string_view bytes) {
  context.positions = false;
  Limits limits = context.options.limits;
  limits.depth = std::min<std::uint32_t>(limits.depth, 512);  // libplist recurses
  BinaryExtent extent;
  if (auto fault = check_binary(bytes, limits, extent)) {
    context.report(*fault);
    return std::nullopt;
  }
  expect_memory(extent);
  plist_t raw = nullptr;
  plist_from_bin(bytes.data(), static_cast<std::uint32_t>(bytes.size()), &raw);
  const std::unique_ptr<void, FreeTree> tree(raw);
  if (raw == nullptr) {
    context.report({Code::malformed_binary_plist, 0, 0, "the binary property list is damaged",
                    "export the profile again, or convert it to XML"});
    return std::nullopt;
  }
  return Converter(context).value(raw, nullptr);
}

}  // namespace vpn::document
