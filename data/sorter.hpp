#pragma once

#include "tutti/data/spill_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace tutti {

/// Sorts more than fits in memory: sorted runs of kMemory bytes in a SpillFile, then one merge.
/// `Less` is a strict order without ties (put the position in it), so that the result is one alone.
/// A merge holds a buffer of 64 KiB for each run: 16 MB of memory sort 1 GB, 160 MB sort 10 GB.
template <class T, class Less>
class Sorter {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  static constexpr std::size_t kMemory = std::size_t{1} << 23;  ///< bytes

  explicit Sorter(Less less = {}) : less_(less) {}

  void add(const T& value) {
    values_.push_back(value);
    if (values_.size() * sizeof(T) >= kMemory) spill();
  }

  /// Calls use(value) for each in order; the sorter is empty after it.
  template <class Use>
  void drain(Use use) {
    if (runs_.empty()) {
      std::sort(values_.begin(), values_.end(), less_);
      for (const T& value : values_) use(value);
      values_ = {};
      return;
    }
    if (!values_.empty()) spill();
    values_ = {};
    const auto later = [&](const Run* a, const Run* b) { return less_(b->head(), a->head()); };
    std::priority_queue<Run*, std::vector<Run*>, decltype(later)> next(later);
    for (Run& run : runs_) {
      run.fill(*file_);
      next.push(&run);
    }
    while (!next.empty()) {
      Run* const run = next.top();
      next.pop();
      use(run->head());
      if (run->step(*file_)) next.push(run);
    }
    runs_.clear();
    file_.reset();
  }

 private:
  struct Run {
    static constexpr std::size_t kBuffer = std::max<std::size_t>(1, (1 << 16) / sizeof(T));
    std::uint64_t offset = 0;  // of what is not yet read
    std::size_t left = 0;      // elements not yet read
    std::vector<T> buffer = {};
    std::size_t at = 0;

    [[nodiscard]] const T& head() const { return buffer[at]; }
    void fill(const SpillFile& file) {
      buffer.resize(std::min(kBuffer, left));
      file.read(offset, buffer.data(), buffer.size() * sizeof(T));
      offset += buffer.size() * sizeof(T);
      left -= buffer.size();
      at = 0;
    }
    bool step(const SpillFile& file) {
      if (++at < buffer.size()) return true;
      if (left == 0) return false;
      fill(file);
      return true;
    }
  };

  void spill() {
    if (!file_) file_ = std::make_unique<SpillFile>();
    std::sort(values_.begin(), values_.end(), less_);
    runs_.push_back({file_->append(values_.data(), values_.size() * sizeof(T)), values_.size()});
    values_.clear();
  }

  Less less_;
  std::vector<T> values_;
  std::vector<Run> runs_;
  std::unique_ptr<SpillFile> file_;
};

}  // namespace tutti
