#include "compiler/document/binary_check.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace vpn::document {
namespace {

using findings::Code;

constexpr std::size_t header_size = 8, trailer_size = 32;

/// Seconds from 2001-01-01 to 0001-01-01 and to 10000-01-01: dates that the text form can write.
constexpr double first_date = -63113904000.0, behind_last_date = 252423993600.0;

enum class Shape : std::uint8_t { scalar, string, array, dictionary };

struct Object {
  Shape kind = Shape::scalar;
  unsigned unit = 1;             ///< bytes of a character
  std::uint64_t references = 0;  ///< offset of the first; a dictionary has its keys, then as many values
  std::uint64_t count = 0;       ///< elements, members, bytes
};

/// What an object grows to when every reference to it becomes a copy.
struct Extent {
  std::uint64_t values = 0;  ///< 0: not known yet
  std::uint64_t bytes = 0;
  std::uint32_t height = 0;
  bool is_open = false;
};

class Check {
 public:
  Check(std::string_view bytes, const Limits& limits)
      : bytes_(bytes), limits_(limits), most_values_(limits.values / 2) {}
  std::optional<Fault> run(BinaryExtent& extent) {
    if (trailer()) walk();
    if (!fault_) extent = {extents_[top_].values, extents_[top_].bytes};
    return fault_;
  }

 private:
  struct Step {
    std::uint64_t index = 0, next = 0;
    Object object;
    Extent extent;
  };

  bool fail(std::string message, Code code = Code::malformed_binary_plist) {
    if (!fault_) fault_ = Fault{code, 0, 0, std::move(message), "export the profile again, or convert it to XML"};
    return false;
  }
  bool exceeds(std::string_view what, std::uint64_t limit) {
    if (!fault_) fault_ = beyond(what, limit, 0, 0);
    return false;
  }

  std::uint64_t number(std::uint64_t at, unsigned size) const {
    std::uint64_t n = 0;
    for (unsigned i = 0; i < size; ++i) n = (n << 8) | static_cast<unsigned char>(bytes_[at + i]);
    return n;
  }

  bool trailer();
  bool object(std::uint64_t index, Object& out);
  bool scalar(unsigned marker, std::uint64_t at);
  bool length(std::uint64_t& at, unsigned low, std::uint64_t& out);
  bool reference(const Object& object, std::uint64_t which, std::uint64_t& out);
  bool is_key(const Object& key);
  bool enter(std::uint64_t index);
  bool add(Step& step, const Extent& child);
  void walk();

  std::string_view bytes_;
  const Limits& limits_;
  std::size_t most_values_;
  std::optional<Fault> fault_;
  unsigned offset_size_ = 0, reference_size_ = 0;
  std::uint64_t count_ = 0, top_ = 0, table_ = 0;
  std::vector<Extent> extents_;
  std::vector<Step> open_;
};

bool Check::trailer() {
  if (bytes_.substr(0, header_size) != "bplist00")
    return fail("the version '" + shown(bytes_.substr(0, header_size)) + "' of the binary property list is not known");
  if (bytes_.size() < header_size + 1 + trailer_size)
    return fail("the file ends within a binary property list", Code::truncated_file);
  const std::uint64_t at = bytes_.size() - trailer_size;
  offset_size_ = static_cast<unsigned char>(bytes_[at + 6]);
  reference_size_ = static_cast<unsigned char>(bytes_[at + 7]);
  count_ = number(at + 8, 8);
  top_ = number(at + 16, 8);
  table_ = number(at + 24, 8);
  const bool sizes = offset_size_ >= 1 && offset_size_ <= 8 && reference_size_ >= 1 && reference_size_ <= 8;
  if (!sizes || count_ == 0 || top_ >= count_ || table_ < header_size || table_ > at ||
      count_ > (at - table_) / offset_size_)
    return fail("the trailer of the binary property list is damaged; the file may be cut off");
  if (count_ > most_values_) return exceeds("the file has too many values", most_values_);
  extents_.resize(count_);
  return true;
}

/// A length is in the marker, or an integer behind it.
bool Check::length(std::uint64_t& at, unsigned low, std::uint64_t& out) {
  out = low;
  if (low != 0xf) return true;
  const unsigned marker = at < table_ ? static_cast<unsigned char>(bytes_[at]) : 0;
  const unsigned size = 1u << (marker & 0xfu);
  if ((marker & 0xf0u) != 0x10 || size > 8 || table_ - at < 1 + size)
    return fail("the length of an object of the binary property list is damaged");
  out = number(at + 1, size);
  at += 1 + size;
  return true;
}

bool Check::scalar(unsigned marker, std::uint64_t at) {
  const unsigned low = marker & 0xfu;
  const bool has_size = marker >= 0x10 && marker < 0x40 && low <= 4;
  const std::uint64_t size = has_size ? std::uint64_t{1} << low : 0;
  if (size > table_ - at) return fail("an object of the binary property list is cut off");
  switch (marker >> 4) {
    case 0x0:
      if (low == 8 || low == 9) return true;
      return fail(low == 0 ? "the binary property list holds a null, which profiles do not have"
                           : "the binary property list holds an object of an unknown kind");
    case 0x1: {
      if (low > 4) break;
      constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
      if (size == 16 && (number(at, 8) != 0 || number(at + 8, 8) > most))
        return fail("an integer does not fit into 64 bits", Code::invalid_integer);
      return true;
    }
    case 0x2:
      if (low == 2 || low == 3) return true;
      break;
    case 0x3: {
      if (low != 3) break;
      const auto seconds = std::bit_cast<double>(number(at, 8));
      if (seconds >= first_date && seconds < behind_last_date) return true;
      return fail("a date lies outside of the years 1 to 9999", Code::invalid_date);
    }
    case 0x8:
      return fail("the binary property list holds a UID, which only archives of programs have");
    default:
      break;
  }
  return fail("the binary property list holds an object of an unknown kind");
}

bool Check::object(std::uint64_t index, Object& out) {
  const std::uint64_t offset = number(table_ + index * offset_size_, offset_size_);
  if (offset < header_size || offset >= table_)
    return fail("the offset table of the binary property list points outside of the file");
  const unsigned marker = static_cast<unsigned char>(bytes_[offset]);
  std::uint64_t at = offset + 1;
  const unsigned kind = marker >> 4;
  if (kind != 0x4 && kind != 0x5 && kind != 0x6 && kind != 0xa && kind != 0xd) return scalar(marker, at);
  if (!length(at, marker & 0xfu, out.count)) return false;
  const bool is_container = kind == 0xa || kind == 0xd;
  const std::uint64_t each = kind == 0x6 ? 2 : kind == 0xa ? reference_size_ : kind == 0xd ? 2 * reference_size_ : 1;
  if (out.count > (table_ - at) / each) return fail("an object of the binary property list is longer than the file");
  out.kind = kind == 0xa ? Shape::array : kind == 0xd ? Shape::dictionary : kind == 0x4 ? Shape::scalar : Shape::string;
  out.references = at;
  if (!is_container) {
    out.unit = kind == 0x6 ? 2 : 1;
    out.count *= out.unit;
    if (out.count > limits_.string_bytes) return exceeds("a text is too long", limits_.string_bytes);
  }
  return true;
}

bool Check::reference(const Object& object, std::uint64_t which, std::uint64_t& out) {
  out = number(object.references + which * reference_size_, reference_size_);
  return out < count_ || fail("a reference of the binary property list points to no object");
}

/// A string, and without NUL, at which libplist would end it.
bool Check::is_key(const Object& key) {
  if (key.kind != Shape::string) return fail("a key of the binary property list is not a string");
  for (std::uint64_t i = 0; i < key.count; i += key.unit)
    if (number(key.references + i, key.unit) == 0)
      return fail("a key of the binary property list has the character NUL in it", Code::control_character);
  return true;
}

bool Check::enter(std::uint64_t index) {
  if (open_.size() >= limits_.depth) return exceeds("objects are nested too deep", limits_.depth);
  Step step;
  step.index = index;
  if (!object(index, step.object)) return false;
  step.extent.values = 1;
  const bool is_leaf = step.object.kind == Shape::scalar || step.object.kind == Shape::string;
  step.extent.bytes = is_leaf ? step.object.count : 0;
  step.extent.height = 1;
  extents_[index].is_open = true;
  open_.push_back(step);
  return true;
}

bool Check::add(Step& step, const Extent& child) {
  step.extent.values += child.values;
  step.extent.bytes += child.bytes;
  step.extent.height = std::max(step.extent.height, child.height + 1);
  // Checked at every step, so that the sums cannot overflow.
  if (step.extent.values > most_values_) return exceeds("the file has too many values", most_values_);
  if (step.extent.bytes > limits_.file_bytes) return exceeds("the texts of the file are too long", limits_.file_bytes);
  if (open_.size() + child.height > limits_.depth) return exceeds("objects are nested too deep", limits_.depth);
  return true;
}

void Check::walk() {
  if (!enter(top_)) return;
  while (true) {
    Step& step = open_.back();
    const bool is_dictionary = step.object.kind == Shape::dictionary;
    const std::uint64_t children = is_dictionary                      ? 2 * step.object.count
                                   : step.object.kind == Shape::array ? step.object.count
                                                                      : 0;
    if (step.next == children) {
      const Extent done = step.extent;
      extents_[step.index] = done;
      open_.pop_back();
      if (open_.empty() || !add(open_.back(), done)) return;
      continue;
    }
    std::uint64_t child = 0;
    if (!reference(step.object, step.next, child)) return;
    if (is_dictionary && step.next < step.object.count) {
      Object key;
      if (!object(child, key)) return;
      if (!is_key(key)) return;
    }
    ++step.next;
    const Extent& known = extents_[child];
    if (known.is_open) {
      fail("an object of the binary property list contains itself");
      return;
    }
    if (known.values != 0 ? !add(step, known) : !enter(child)) return;
  }
}

}  // namespace

std::optional<Fault> check_binary(std::string_view bytes, const Limits& limits, BinaryExtent& extent) {
  return Check(bytes, limits).run(extent);
}

}  // namespace vpn::document
