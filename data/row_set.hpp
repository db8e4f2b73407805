#pragma once

#include "tutti/data/tables.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

namespace tutti {

/// A set of rows, one bit a row of the whole: ten million rows are 1.25 MB, and an eighth more to
/// find the n-th of them. In ascending order.
class RowSet {
 public:
  class const_iterator;

  /// Appends row `rows()` to the whole, as a member of the set or not.
  void append(bool member) {
    if (rows_ % 64 == 0) {
      if (rows_ % kSpan == 0) before_.push_back(size_);
      words_.push_back(0);
    }
    if (member) {
      words_.back() |= std::uint64_t{1} << (rows_ % 64);
      ++size_;
    }
    ++rows_;
  }

  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(size_); }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Of the whole.
  [[nodiscard]] Row rows() const noexcept { return rows_; }
  [[nodiscard]] bool has(Row row) const noexcept {
    return (words_[static_cast<std::size_t>(row) / 64] >> (row % 64) & 1) != 0;
  }
  /// The n-th row of the set, from 0.
  [[nodiscard]] Row operator[](std::size_t n) const noexcept;
  [[nodiscard]] Row front() const noexcept { return (*this)[0]; }
  [[nodiscard]] Row back() const noexcept { return (*this)[size() - 1]; }

  [[nodiscard]] const_iterator begin() const noexcept;
  [[nodiscard]] const_iterator end() const noexcept;

 private:
  static constexpr Row kSpan = 512;  // rows between two counts

  std::vector<std::uint64_t> words_;
  std::vector<Row> before_;  // members before each span
  Row rows_ = 0;
  Row size_ = 0;
};

class RowSet::const_iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Row;
  using difference_type = std::ptrdiff_t;
  using pointer = const Row*;
  using reference = Row;

  const_iterator() = default;
  const_iterator(const RowSet* set, Row row) : set_(set), row_(row) { settle(); }
  Row operator*() const noexcept { return row_; }
  const_iterator& operator++() noexcept {
    ++row_;
    settle();
    return *this;
  }
  const_iterator operator++(int) noexcept {
    const_iterator old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const const_iterator& a, const const_iterator& b) noexcept {
    return a.row_ == b.row_;
  }

 private:
  // The first member from row_ on, or the end.
  void settle() noexcept {
    while (row_ < set_->rows_) {
      const std::uint64_t left = set_->words_[static_cast<std::size_t>(row_) / 64] >> (row_ % 64);
      if (left != 0) {
        row_ += std::countr_zero(left);
        return;
      }
      row_ = (row_ / 64 + 1) * 64;
    }
    row_ = set_->rows_;
  }

  const RowSet* set_ = nullptr;
  Row row_ = 0;
};

inline RowSet::const_iterator RowSet::begin() const noexcept { return {this, 0}; }
inline RowSet::const_iterator RowSet::end() const noexcept { return {this, rows_}; }

}  // namespace tutti
