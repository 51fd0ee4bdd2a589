#include "agent/tunnel/strongswan/vici_message.h"

namespace vpn::agent::strongswan {
namespace {

// Element types of the protocol.
constexpr std::uint8_t section_start = 1, section_end = 2, key_value = 3, list_start = 4, list_item = 5, list_end = 6;
constexpr std::size_t longest_name = 0xff, longest_value = 0xffff, deepest = 16;

void append(WipedBytes& out, std::size_t byte) { out.push_back(static_cast<std::byte>(byte & 0xff)); }

void append(WipedBytes& out, std::span<const std::byte> bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void append_name(WipedBytes& out, std::string_view name) {
  append(out, name.size());
  append(out, std::as_bytes(std::span(name)));
}

void append_value(WipedBytes& out, std::span<const std::byte> value) {
  append(out, value.size() >> 8);
  append(out, value.size());
  append(out, value);
}

}  // namespace

Section& Section::set(std::string_view name, std::string_view value) {
  return set(name, std::as_bytes(std::span(value)));
}

Section& Section::set(std::string_view name, std::span<const std::byte> value) {
  Element& element = elements_.emplace_back(Element{Kind::value, std::string(name), {}, nullptr});
  element.values.push_back(wiped(value));
  return *this;
}

Section& Section::list(std::string_view name, const std::vector<std::string>& items) {
  std::vector<WipedBytes> values;
  values.reserve(items.size());
  for (const std::string& item : items) values.push_back(wiped(item));
  return list(name, std::move(values));
}

Section& Section::list(std::string_view name, std::vector<WipedBytes> items) {
  elements_.push_back(Element{Kind::list, std::string(name), std::move(items), nullptr});
  return *this;
}

Section& Section::section(std::string_view name) { return section(name, Section{}); }

Section& Section::section(std::string_view name, Section content) {
  elements_.push_back(Element{Kind::section, std::string(name), {}, std::make_unique<Section>(std::move(content))});
  return *elements_.back().section;
}

const Section::Element* Section::find(Kind kind, std::string_view name) const {
  for (const Element& element : elements_) {
    if (element.kind == kind && element.name == name) return &element;
  }
  return nullptr;
}

std::optional<std::string_view> Section::text(std::string_view name) const {
  const Element* element = find(Kind::value, name);
  if (element == nullptr) return std::nullopt;
  return text_of(element->values.front());
}

std::vector<std::string_view> Section::texts(std::string_view name) const {
  std::vector<std::string_view> out;
  const Element* element = find(Kind::list, name);
  if (element == nullptr) return out;
  out.reserve(element->values.size());
  for (const WipedBytes& value : element->values) out.push_back(text_of(value));
  return out;
}

const Section* Section::find(std::string_view name) const {
  const Element* element = find(Kind::section, name);
  return element == nullptr ? nullptr : element->section.get();
}

std::vector<std::pair<std::string_view, const Section*>> Section::sections() const {
  std::vector<std::pair<std::string_view, const Section*>> out;
  for (const Element& element : elements_) {
    if (element.kind == Kind::section) out.emplace_back(element.name, element.section.get());
  }
  return out;
}

bool Section::encode_into(WipedBytes& out) const {
  for (const Element& element : elements_) {
    if (element.name.size() > longest_name) return false;
    for (const WipedBytes& value : element.values) {
      if (value.size() > longest_value) return false;
    }
    switch (element.kind) {
      case Kind::value:
        append(out, key_value);
        append_name(out, element.name);
        append_value(out, element.values.front());
        break;
      case Kind::list:
        append(out, list_start);
        append_name(out, element.name);
        for (const WipedBytes& value : element.values) {
          append(out, list_item);
          append_value(out, value);
        }
        append(out, list_end);
        break;
      case Kind::section:
        append(out, section_start);
        append_name(out, element.name);
        if (!element.section->encode_into(out)) return false;
        append(out, section_end);
        break;
    }
  }
  return true;
}

Result<WipedBytes> Section::encode() const {
  WipedBytes out;
  if (encode_into(out)) return out;
  return fail(ErrorKind::invalid_input, "a name or a value is too long for a message to charon");
}

class Section::Decoder {
 public:
  explicit Decoder(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Result<Section> run() {
    open_.push_back(&root_);
    while (position_ < bytes_.size()) {
      if (const char* fault = element()) return refuse(fault);
    }
    if (in_list_ || open_.size() != 1) return refuse("ends within a section or a list");
    return std::move(root_);
  }

 private:
  // Gives what is wrong, or null.
  const char* element() {
    const auto type = std::to_integer<std::uint8_t>(bytes_[position_++]);
    if (in_list_) return within_list(type);
    switch (type) {
      case section_start:
        return start_section();
      case section_end:
        if (open_.size() == 1) return "closes a section that is not open";
        open_.pop_back();
        return nullptr;
      case key_value:
        return start(Kind::value) ? (value() ? nullptr : cut) : cut;
      case list_start:
        if (!start(Kind::list)) return cut;
        in_list_ = true;
        return nullptr;
      case list_item:
      case list_end:
        return "has a list's part outside of a list";
      default:
        return "has an element of unknown type";
    }
  }

  const char* within_list(std::uint8_t type) {
    if (type == list_end) {
      in_list_ = false;
      return nullptr;
    }
    if (type != list_item) return "has something else than items in a list";
    return value() ? nullptr : cut;
  }

  const char* start_section() {
    if (open_.size() > deepest) return "is nested too deep";
    if (!start(Kind::section)) return cut;
    Element& element = open_.back()->elements_.back();
    element.section = std::make_unique<Section>();
    open_.push_back(element.section.get());
    return nullptr;
  }

  bool start(Kind kind) {
    if (bytes_.size() - position_ < 1) return false;
    const auto size = std::to_integer<std::size_t>(bytes_[position_]);
    if (bytes_.size() - position_ - 1 < size) return false;
    const std::string_view name = text_of(bytes_.subspan(position_ + 1, size));
    open_.back()->elements_.push_back(Element{kind, std::string(name), {}, nullptr});
    position_ += 1 + size;
    return true;
  }

  bool value() {
    if (bytes_.size() - position_ < 2) return false;
    const auto size =
        std::to_integer<std::size_t>(bytes_[position_]) << 8 | std::to_integer<std::size_t>(bytes_[position_ + 1]);
    if (bytes_.size() - position_ - 2 < size) return false;
    open_.back()->elements_.back().values.push_back(wiped(bytes_.subspan(position_ + 2, size)));
    position_ += 2 + size;
    return true;
  }

  tl::unexpected<Error> refuse(const char* fault) const {
    return fail(ErrorKind::invalid_input, std::string("a message from charon ") + fault,
                "offset " + std::to_string(position_));
  }

  static constexpr const char* cut = "is cut short";
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  Section root_;
  std::vector<Section*> open_;  ///< the root first
  bool in_list_ = false;        ///< it is the last element of the innermost section
};

Result<Section> Section::decode(std::span<const std::byte> bytes) { return Decoder(bytes).run(); }

}  // namespace vpn::agent::strongswan
