#pragma once

#include "tutti/ensemble/fusion_rule.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

// Users' lists in a batch of rows; inside ensemble/fusion only.
namespace tutti {

/// The rows of each user, in row order; users by rising id.
class UserRows {
 public:
  explicit UserRows(std::span<const std::int32_t> user);
  [[nodiscard]] std::size_t size() const noexcept { return begin_.size() - 1; }
  [[nodiscard]] std::span<const std::size_t> operator[](std::size_t list) const {
    return std::span(row_).subspan(begin_[list], begin_[list + 1] - begin_[list]);
  }

 private:
  std::vector<std::size_t> row_;
  std::vector<std::size_t> begin_;
};

/// Rows with equal scores on places begin .. end-1 (from 0) of a member's list.
struct TiedPlaces {
  std::size_t begin;
  std::size_t end;
};

/// One user's list as all members score it. Positions count within the list, not the batch.
struct ListView {
  int members = 0;
  std::size_t size = 0;               ///< rows of the user: those that any member scores, and more
  std::vector<double> value;          ///< [member][position]; 0 where missing
  std::vector<std::uint8_t> present;  ///< [member][position]

  [[nodiscard]] std::span<double> values(int m) {
    return std::span(value).subspan(static_cast<std::size_t>(m) * size, size);
  }
  [[nodiscard]] std::span<const double> values(int m) const {
    return std::span(value).subspan(static_cast<std::size_t>(m) * size, size);
  }
  [[nodiscard]] bool has(int m, std::size_t i) const {
    return present[static_cast<std::size_t>(m) * size + i] != 0;
  }
  /// Positions that the member scores, by falling score; `ties` are the groups of equal scores.
  void ranked(int m, std::vector<std::size_t>& order, std::vector<TiedPlaces>& ties) const;
  /// Replaces each present score by the mean of f(place) over the places (from 0) of its tie group:
  /// what f gives on average over all orders of tied rows.
  void replace_by_place(int m, const std::function<double(std::size_t)>& f);
};

/// Fills `view` (its storage is used again) with one user's rows.
void fill_view(const Scores& in, std::span<const std::size_t> rows, ListView& view);

}  // namespace tutti
