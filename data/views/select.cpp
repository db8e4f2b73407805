#include "tutti/data/views/view.hpp"

#include <utility>

namespace tutti {

namespace {

template <class Picks>
class Selection : public View {
 public:
  Selection(ViewPtr base, Picks picks) : base_(std::move(base)), picks_(std::move(picks)) {}

  [[nodiscard]] Row size() const noexcept override { return static_cast<Row>(picks_.size()); }
  [[nodiscard]] Example get(Row index) const override { return base_->get(pick(index)); }
  [[nodiscard]] Row row(Row index) const override { return base_->row(pick(index)); }

 private:
  [[nodiscard]] Row pick(Row index) const { return picks_[static_cast<std::size_t>(index)]; }

  ViewPtr base_;
  Picks picks_;
};

}  // namespace

ViewPtr select(ViewPtr base, RowSet picks) {
  return std::make_unique<Selection<RowSet>>(std::move(base), std::move(picks));
}

ViewPtr select(ViewPtr base, Column<Row> picks) {
  return std::make_unique<Selection<Column<Row>>>(std::move(base), std::move(picks));
}

}  // namespace tutti
