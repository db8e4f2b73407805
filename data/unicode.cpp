#include "tutti/data/unicode.hpp"

#include "tutti/data/error.hpp"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

namespace tutti::unicode {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};

struct CategoryRange {
  char32_t first;
  char32_t last;
  std::uint32_t category;
};

// What Unicode 15.1 and 16 changed: ICU 72 has 15.0. Sorted.
constexpr CategoryRange kYoung[] = {
    {0x897, 0x897, U_GC_MN_MASK},     {0x1b4e, 0x1b4f, U_GC_PO_MASK},
    {0x1b7f, 0x1b7f, U_GC_PO_MASK},   {0x1c89, 0x1c89, U_GC_LU_MASK},
    {0x1c8a, 0x1c8a, U_GC_LL_MASK},   {0x2427, 0x2429, U_GC_SO_MASK},
    {0x2ffc, 0x2fff, U_GC_SO_MASK},   {0x31e4, 0x31e5, U_GC_SO_MASK},
    {0x31ef, 0x31ef, U_GC_SO_MASK},   {0xa7cb, 0xa7cc, U_GC_LU_MASK},
    {0xa7cd, 0xa7cd, U_GC_LL_MASK},   {0xa7da, 0xa7da, U_GC_LU_MASK},
    {0xa7db, 0xa7db, U_GC_LL_MASK},   {0xa7dc, 0xa7dc, U_GC_LU_MASK},
    {0x105c0, 0x105f3, U_GC_LO_MASK}, {0x10d40, 0x10d49, U_GC_ND_MASK},
    {0x10d4a, 0x10d4d, U_GC_LO_MASK}, {0x10d4e, 0x10d4e, U_GC_LM_MASK},
    {0x10d4f, 0x10d4f, U_GC_LO_MASK}, {0x10d50, 0x10d65, U_GC_LU_MASK},
    {0x10d69, 0x10d6d, U_GC_MN_MASK}, {0x10d6e, 0x10d6e, U_GC_PD_MASK},
    {0x10d6f, 0x10d6f, U_GC_LM_MASK}, {0x10d70, 0x10d85, U_GC_LL_MASK},
    {0x10d8e, 0x10d8f, U_GC_SM_MASK}, {0x10ec2, 0x10ec4, U_GC_LO_MASK},
    {0x10efc, 0x10efc, U_GC_MN_MASK}, {0x11380, 0x11389, U_GC_LO_MASK},
    {0x1138b, 0x1138b, U_GC_LO_MASK}, {0x1138e, 0x1138e, U_GC_LO_MASK},
    {0x11390, 0x113b5, U_GC_LO_MASK}, {0x113b7, 0x113b7, U_GC_LO_MASK},
    {0x113b8, 0x113ba, U_GC_MC_MASK}, {0x113bb, 0x113c0, U_GC_MN_MASK},
    {0x113c2, 0x113c2, U_GC_MC_MASK}, {0x113c5, 0x113c5, U_GC_MC_MASK},
    {0x113c7, 0x113ca, U_GC_MC_MASK}, {0x113cc, 0x113cd, U_GC_MC_MASK},
    {0x113ce, 0x113ce, U_GC_MN_MASK}, {0x113cf, 0x113cf, U_GC_MC_MASK},
    {0x113d0, 0x113d0, U_GC_MN_MASK}, {0x113d1, 0x113d1, U_GC_LO_MASK},
    {0x113d2, 0x113d2, U_GC_MN_MASK}, {0x113d3, 0x113d3, U_GC_LO_MASK},
    {0x113d4, 0x113d5, U_GC_PO_MASK}, {0x113d7, 0x113d8, U_GC_PO_MASK},
    {0x113e1, 0x113e2, U_GC_MN_MASK}, {0x116d0, 0x116e3, U_GC_ND_MASK},
    {0x1171e, 0x1171e, U_GC_MC_MASK}, {0x11bc0, 0x11be0, U_GC_LO_MASK},
    {0x11be1, 0x11be1, U_GC_PO_MASK}, {0x11bf0, 0x11bf9, U_GC_ND_MASK},
    {0x11f5a, 0x11f5a, U_GC_MN_MASK}, {0x13460, 0x143fa, U_GC_LO_MASK},
    {0x16100, 0x1611d, U_GC_LO_MASK}, {0x1611e, 0x16129, U_GC_MN_MASK},
    {0x1612a, 0x1612c, U_GC_MC_MASK}, {0x1612d, 0x1612f, U_GC_MN_MASK},
    {0x16130, 0x16139, U_GC_ND_MASK}, {0x16d40, 0x16d42, U_GC_LM_MASK},
    {0x16d43, 0x16d6a, U_GC_LO_MASK}, {0x16d6b, 0x16d6c, U_GC_LM_MASK},
    {0x16d6d, 0x16d6f, U_GC_PO_MASK}, {0x16d70, 0x16d79, U_GC_ND_MASK},
    {0x18cff, 0x18cff, U_GC_LO_MASK}, {0x1cc00, 0x1ccef, U_GC_SO_MASK},
    {0x1ccf0, 0x1ccf9, U_GC_ND_MASK}, {0x1cd00, 0x1ceb3, U_GC_SO_MASK},
    {0x1e5d0, 0x1e5ed, U_GC_LO_MASK}, {0x1e5ee, 0x1e5ef, U_GC_MN_MASK},
    {0x1e5f0, 0x1e5f0, U_GC_LO_MASK}, {0x1e5f1, 0x1e5fa, U_GC_ND_MASK},
    {0x1e5ff, 0x1e5ff, U_GC_PO_MASK}, {0x1f8b2, 0x1f8bb, U_GC_SO_MASK},
    {0x1f8c0, 0x1f8c1, U_GC_SO_MASK}, {0x1fa89, 0x1fa89, U_GC_SO_MASK},
    {0x1fa8f, 0x1fa8f, U_GC_SO_MASK}, {0x1fabe, 0x1fabe, U_GC_SO_MASK},
    {0x1fac6, 0x1fac6, U_GC_SO_MASK}, {0x1fadc, 0x1fadc, U_GC_SO_MASK},
    {0x1fadf, 0x1fadf, U_GC_SO_MASK}, {0x1fae9, 0x1fae9, U_GC_SO_MASK},
    {0x1fbcb, 0x1fbef, U_GC_SO_MASK}, {0x2ebf0, 0x2ee5d, U_GC_LO_MASK}};
// Of Unicode 17.
constexpr Range kNumbersOf17[] = {{0x11de0, 0x11de9}, {0x16ff4, 0x16ff6}};
// The blocks that BERT's tokenizer surrounds with spaces. 0x2b920 is not a block's begin (that is
// 0x2b820), but it is what `tokenizers` has.
constexpr Range kChinese[] = {{0x4e00, 0x9fff},   {0x3400, 0x4dbf},   {0x20000, 0x2a6df},
                              {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf},
                              {0xf900, 0xfaff},   {0x2f800, 0x2fa1f}};

template <std::size_t N>
bool in(const Range (&ranges)[N], char32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [c](const Range& r) { return r.first <= c && c <= r.last; });
}

// The Unicode version that brought `c`, or 99 for a code point that none did.
int age(char32_t c) {
  UVersionInfo version;
  u_charAge(static_cast<UChar32>(c), version);
  return version[0] == 0 ? 99 : version[0];
}

// The general category in Unicode 16, as ICU's mask.
std::uint32_t category_of_16(char32_t c) {
  const auto* found = std::upper_bound(
      std::begin(kYoung), std::end(kYoung), c,
      [](char32_t value, const CategoryRange& range) { return value < range.first; });
  if (found != std::begin(kYoung) && c <= std::prev(found)->last) return std::prev(found)->category;
  const std::uint32_t now = U_GET_GC_MASK(static_cast<UChar32>(c));
  return age(c) <= 16 ? now : U_GC_CN_MASK;
}

char32_t simple_lower(char32_t c) {
  if (c >= 0x10d50 && c <= 0x10d65) return c + 0x20;
  if (c >= 0x16ea0 && c <= 0x16eb8) return c + 0x1b;
  switch (c) {
    case 0x1c89:
    case 0xa7cc:
    case 0xa7ce:
    case 0xa7d2:
    case 0xa7d4:
    case 0xa7da:
      return c + 1;
    case 0xa7cb:
      return 0x264;
    case 0xa7dc:
      return 0x19b;
    default:
      return static_cast<char32_t>(u_tolower(static_cast<UChar32>(c)));
  }
}

std::uint16_t derive(char32_t c) {
  const auto icu = static_cast<UChar32>(c);
  const std::uint32_t now = U_GET_GC_MASK(icu);  // in ICU's Unicode, 15 or later
  const std::uint32_t of_16 = category_of_16(c);
  const int born = age(c);
  const bool of_8 = born <= 8;
  std::uint32_t bits = 0;
  if ((of_16 & U_GC_L_MASK) != 0) bits |= Letter;
  if ((of_16 & U_GC_N_MASK) != 0) bits |= Number;
  if ((bits & Number) != 0 || ((now & U_GC_N_MASK) != 0 && born <= 17) || in(kNumbersOf17, c))
    bits |= Numeric;
  if (u_hasBinaryProperty(icu, UCHAR_WHITE_SPACE) != 0) bits |= Space;
  // U+166D and U+111C9 were punctuation in Unicode 8 and are something else today, as U+1734 and
  // others were marks.
  const bool ascii_symbol = c < 128 && u_isgraph(icu) != 0 && u_isalnum(icu) == 0;
  if (((now & U_GC_P_MASK) != 0 && of_8) || c == 0x166d || c == 0x111c9 || ascii_symbol)
    bits |= Punctuation;
  if (((now & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0 && of_8) || c == 0xfffd)
    bits |= Control;
  if (c == '\t' || c == '\n' || c == '\r') bits &= ~static_cast<std::uint32_t>(Control);
  if (in(kChinese, c)) bits |= Chinese;
  const bool mark_later = c == 0x1885 || c == 0x1886 || c == 0xa9bd || c == 0x111c9;
  if (((now & U_GC_MN_MASK) != 0 && of_8 && !mark_later) || c == 0x1734) bits |= Nonspacing;
  if (((now & U_GC_M_MASK) != 0 && born <= 9 && c != 0x111c9) || c == 0x1cf2 || c == 0x1cf3)
    bits |= Combining;
  if (u_hasBinaryProperty(icu, UCHAR_ALPHABETIC) != 0 ||
      (of_16 & (U_GC_L_MASK | U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0)
    bits |= WordPart | RegexWord;
  if (u_hasBinaryProperty(icu, UCHAR_JOIN_CONTROL) != 0) bits |= WordPart;
  if (c == 0x130 || simple_lower(c) != c) bits |= Capital;
  if (c >= 0x80 && (u_hasBinaryProperty(icu, UCHAR_NFKD_INERT) == 0 ||
                    u_hasBinaryProperty(icu, UCHAR_NFKC_INERT) == 0))
    bits |= Decomposable;
  return static_cast<std::uint16_t>(bits);
}

// Planes 0 and 1 hold all but ideographs: a table for them, derivation for the rest.
constexpr char32_t kTableSize = 0x20000;

const std::uint16_t* table() {
  static const std::vector<std::uint16_t> bits = [] {
    std::vector<std::uint16_t> all(kTableSize);
    for (char32_t c = 0; c < kTableSize; ++c) all[c] = derive(c);
    return all;
  }();
  return bits.data();
}

const icu::Normalizer2& normalizer(Form form) {
  struct Normalizers {
    Normalizers() {
      UErrorCode error = U_ZERO_ERROR;
      known.applyPattern(u"[:age=9.0:]", error);
      known.freeze();
      const icu::Normalizer2* plain[] = {
          icu::Normalizer2::getNFCInstance(error), icu::Normalizer2::getNFDInstance(error),
          icu::Normalizer2::getNFKCInstance(error), icu::Normalizer2::getNFKDInstance(error)};
      TUTTI_ASSERT(U_SUCCESS(error) != 0, "ICU has no normalisation data");
      for (const icu::Normalizer2* each : plain) filtered.emplace_back(*each, known);
    }
    icu::UnicodeSet known;
    std::vector<icu::FilteredNormalizer2> filtered;
  };
  static const Normalizers all;
  return all.filtered[static_cast<std::size_t>(form)];
}

}  // namespace

std::uint32_t category(char32_t c) { return category_of_16(c); }

std::uint16_t properties(char32_t c) { return c < kTableSize ? table()[c] : derive(c); }

char32_t next(std::string_view utf8, std::size_t& at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(utf8[i]));
  };
  const char32_t lead = byte(at);
  if (lead < 0x80) {
    at += 1;
    return lead;
  }
  if (lead < 0xe0) {
    at += 2;
    return (lead & 0x1f) << 6 | (byte(at - 1) & 0x3f);
  }
  if (lead < 0xf0) {
    at += 3;
    return (lead & 0x0f) << 12 | (byte(at - 2) & 0x3f) << 6 | (byte(at - 1) & 0x3f);
  }
  at += 4;
  return (lead & 0x07) << 18 | (byte(at - 3) & 0x3f) << 12 | (byte(at - 2) & 0x3f) << 6 |
         (byte(at - 1) & 0x3f);
}

void append(std::string& utf8, char32_t c) {
  const auto put = [&](char32_t byte) { utf8.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

bool is_ascii(std::string_view bytes) {
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, 8);
    if ((word & 0x8080808080808080ULL) != 0) return false;
  }
  for (; i < bytes.size(); ++i) {
    if ((static_cast<unsigned char>(bytes[i]) & 0x80) != 0) return false;
  }
  return true;
}

bool is_valid(std::string_view bytes) {
  if (is_ascii(bytes)) return true;
  for (std::size_t i = 0; i < bytes.size();) {
    UChar32 c = 0;
    U8_NEXT(bytes.data(), i, bytes.size(), c);
    if (c < 0) return false;
  }
  return true;
}

std::string repair(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size();) {
    UChar32 c = 0;
    U8_NEXT(bytes.data(), i, bytes.size(), c);
    append(out, c < 0 ? 0xfffd : static_cast<char32_t>(c));
  }
  return out;
}

std::string normalize(Form form, std::string_view utf8) {
  UErrorCode error = U_ZERO_ERROR;
  const auto from = icu::UnicodeString::fromUTF8(
      icu::StringPiece(utf8.data(), static_cast<std::int32_t>(utf8.size())));
  std::string out;
  normalizer(form).normalize(from, error).toUTF8String(out);
  TUTTI_ASSERT(U_SUCCESS(error) != 0, "ICU normalisation");
  return out;
}

void append_lower(std::string& utf8, char32_t c) {
  if (c == 0x130) {  // the only code point whose lower case is two
    utf8 += "i\u0307";
  } else {
    append(utf8, simple_lower(c));
  }
}

std::size_t length(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
  }));
}

}  // namespace tutti::unicode
