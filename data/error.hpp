#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace tutti {

/// What kind of thing went wrong. The value is the exit code of the program (docs/errors.md).
enum class Code {
  Partial = 3,     ///< the ensemble was made, but some members failed
  Quorum = 4,      ///< fewer members were left than `min_members`: no bundle
  Usage = 64,      ///< the command line
  Data = 65,       ///< a file's content: bad, corrupt or not what was expected
  Internal = 70,   ///< a library below us failed in a way we cannot name better
  Io = 74,         ///< reading or writing failed: missing file, full disk, permission
  Resumable = 75,  ///< try again: run folder in use, job preempted
  Config = 78,     ///< the configuration
};

/// What a user or the world can cause. Bugs do not throw: they assert (TUTTI_ASSERT).
///
/// The text is one line: what happened and where (file, line, key, rank), what was expected; the
/// hint says what to do.
class Error : public std::exception {
 public:
  Error(Code code, const std::string& what, const std::string& hint = {});

  [[nodiscard]] Code code() const noexcept { return code_; }
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  Code code_;
  std::string text_;
};

/// The name among `known` that is nearest to `wrong` by edit distance, or an empty string when none
/// is near. Used to end an error line with "did you mean ...?".
template <class Names>
std::string nearest_name(std::string_view wrong, const Names& known);

/// Levenshtein distance between two byte strings; cost O(|a| |b|).
std::size_t edit_distance(std::string_view a, std::string_view b);

namespace detail {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line,
                                   const std::string& text);
}

template <class Names>
std::string nearest_name(std::string_view wrong, const Names& known) {
  std::string best;
  std::size_t best_distance = 1 + wrong.size() / 3 + 1;
  for (const auto& name : known) {
    const std::size_t distance = edit_distance(wrong, name);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

}  // namespace tutti

/// States an invariant of ours, on in release too. A failure is a bug in tutti: prints file and
/// line and aborts.
#define TUTTI_ASSERT(condition, text)                                            \
  do {                                                                           \
    if (!(condition)) {                                                          \
      ::tutti::detail::assertion_failed(#condition, __FILE__, __LINE__, (text)); \
    }                                                                            \
  } while (false)
