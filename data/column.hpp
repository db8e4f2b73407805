#pragma once

#include "tutti/data/error.hpp"
#include "tutti/data/spill_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace tutti {

/// A sequence that may be longer than memory: what push_back fills past kMemory bytes goes to a
/// SpillFile in blocks, and a column of a store may lie in the store's own file. Element access is
/// one pread where the element is on disk; loops should iterate, which reads by block. Reading is
/// safe from many threads. Elements are plain values (trivially copyable).
template <class T>
class Column {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  static constexpr std::size_t kBlock = std::size_t{1} << 16;   ///< elements, as a chunk in HDF5
  static constexpr std::size_t kMemory = std::size_t{1} << 20;  ///< bytes
  class Iterator;
  using value_type = T;
  using iterator = Iterator;
  using const_iterator = Iterator;
  using const_reference = T;
  using size_type = std::size_t;

  Column() = default;
  Column(std::initializer_list<T> values)
      : Column(std::span<const T>(values.begin(), values.size())) {}
  Column(const std::vector<T>& values) : Column(std::span<const T>(values)) {}  // NOLINT: a vector
  explicit Column(std::span<const T> values) {
    for (const T& value : values) push_back(value);
  }
  /// `size` elements in blocks of `file` that start at these bytes.
  Column(std::shared_ptr<SpillFile> file, std::vector<std::uint64_t> blocks, std::size_t size)
      : size_(size), on_disk_(size), file_(std::move(file)), blocks_(std::move(blocks)) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] bool spilled() const noexcept { return on_disk_ != 0; }
  [[nodiscard]] T operator[](std::size_t index) const {
    if (index >= on_disk_) return tail_[index - on_disk_];
    T value;
    read_block(index, std::span(&value, 1));
    return value;
  }
  [[nodiscard]] T front() const { return (*this)[0]; }
  [[nodiscard]] T back() const { return (*this)[size_ - 1]; }

  /// Elements first .. first + out.size() - 1.
  void read(std::size_t first, std::span<T> out) const {
    TUTTI_ASSERT(first + out.size() <= size_, "read past the end of a column");
    while (!out.empty()) {
      std::size_t count = 0;
      if (first >= on_disk_) {
        count = out.size();
        std::copy_n(tail_.begin() + static_cast<std::ptrdiff_t>(first - on_disk_), count,
                    out.begin());
      } else {
        count = std::min({out.size(), on_disk_ - first, kBlock - first % kBlock});
        read_block(first, out.first(count));
      }
      first += count;
      out = out.subspan(count);
    }
  }

  void push_back(T value) {
    TUTTI_ASSERT(on_disk_ % kBlock == 0, "a column of a file is not appended to");
    tail_.push_back(value);
    ++size_;
    if (tail_.size() * sizeof(T) >= kMemory && tail_.size() % kBlock == 0) spill();
  }
  void clear() { *this = Column(); }

  /// The same bytes as values of another type of this size.
  template <class U>
  [[nodiscard]] Column<U> as() const {
    static_assert(sizeof(U) == sizeof(T) && Column<U>::kBlock == kBlock);
    Column<U> out(file_, blocks_, on_disk_);
    out.size_ = size_;
    out.tail_.resize(tail_.size());
    if (!tail_.empty()) std::memcpy(out.tail_.data(), tail_.data(), tail_.size() * sizeof(T));
    return out;
  }

  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, size_}; }
  friend bool operator==(const Column& a, const Column& b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  template <class U>
  friend class Column;

  void read_block(std::size_t first, std::span<T> out) const {
    file_->read(blocks_[first / kBlock] + first % kBlock * sizeof(T), out.data(),
                out.size() * sizeof(T));
  }
  void spill() {
    if (!file_) file_ = std::make_shared<SpillFile>();
    for (std::size_t i = 0; i < tail_.size(); i += kBlock) {
      blocks_.push_back(file_->append(tail_.data() + i, kBlock * sizeof(T)));
    }
    on_disk_ += tail_.size();
    tail_.clear();
  }

  std::size_t size_ = 0;
  std::size_t on_disk_ = 0;  // elements before tail_
  std::shared_ptr<SpillFile> file_;
  std::vector<std::uint64_t> blocks_;  // where each block starts in file_
  std::vector<T> tail_;
};

/// Forward through a column; copies share what was read ahead, so one thread uses them.
template <class T>
class Column<T>::Iterator {
  static constexpr std::size_t kAhead = std::size_t{1} << 14;  // elements; a part of a block
  struct Ahead {
    std::size_t first = 0;
    std::vector<T> values;
  };

 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using pointer = const T*;
  using reference = T;

  Iterator() = default;
  Iterator(const Column* column, std::size_t index)
      : column_(column),
        index_(index),
        ahead_(column->spilled() && index == 0 ? std::make_shared<Ahead>() : nullptr) {}
  T operator*() const {
    if (index_ >= column_->on_disk_) return column_->tail_[index_ - column_->on_disk_];
    if (index_ < ahead_->first || index_ >= ahead_->first + ahead_->values.size()) {
      ahead_->first = index_ - index_ % kAhead;
      ahead_->values.resize(std::min(kAhead, column_->on_disk_ - ahead_->first));
      column_->read(ahead_->first, ahead_->values);
    }
    return ahead_->values[index_ - ahead_->first];
  }
  Iterator& operator++() {
    ++index_;
    return *this;
  }
  Iterator operator++(int) {
    Iterator old = *this;
    ++index_;
    return old;
  }
  friend bool operator==(const Iterator& a, const Iterator& b) { return a.index_ == b.index_; }

 private:
  const Column* column_ = nullptr;
  std::size_t index_ = 0;
  std::shared_ptr<Ahead> ahead_;
};

}  // namespace tutti
