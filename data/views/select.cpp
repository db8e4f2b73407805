#include "tutti/data/views/view.hpp"

#include <utility>

namespace tutti {

namespace {

class Selection : public View {
 public:
  Selection(ViewPtr base, std::vector<Row> picks)
      : base_(std::move(base)), picks_(std::move(picks)) {}

  [[nodiscard]] Row size() const noexcept override { return static_cast<Row>(picks_.size()); }
  [[nodiscard]] Example get(Row index) const override { return base_->get(pick(index)); }
  [[nodiscard]] Row row(Row index) const noexcept override { return base_->row(pick(index)); }

 private:
  [[nodiscard]] Row pick(Row index) const noexcept {
    return picks_[static_cast<std::size_t>(index)];
  }

  ViewPtr base_;
  std::vector<Row> picks_;
};

}  // namespace

ViewPtr select(ViewPtr base, std::vector<Row> picks) {
  return std::make_unique<Selection>(std::move(base), std::move(picks));
}

}  // namespace tutti
