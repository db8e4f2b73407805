#include "tutti/data/batching.hpp"
#include "tutti/train/trainer.hpp"
#include "tutti/train/two_tower.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <exception>

namespace tutti {

namespace {

/// Batches of rank r: first[r] .. first[r + 1] - 1, with about the same number of tokens each.
std::vector<std::size_t> first_batches(std::span<const IndexBatch> batches,
                                       std::span<const std::int32_t> lengths, int ranks) {
  std::vector<std::int64_t> tokens;
  std::int64_t total = 0;
  for (const IndexBatch& batch : batches) {
    tokens.push_back(0);
    for (const std::int32_t i : batch) tokens.back() += lengths[static_cast<std::size_t>(i)];
    total += tokens.back();
  }
  std::vector<std::size_t> first(static_cast<std::size_t>(ranks) + 1, batches.size());
  first[0] = 0;
  std::int64_t before = 0;
  int rank = 0;
  for (std::size_t b = 0; b < batches.size(); ++b) {
    // A batch goes to the rank that its middle token falls to.
    const auto owner = static_cast<int>(std::min<std::int64_t>(
        ranks - 1, (2 * before + tokens[b]) * ranks / std::max<std::int64_t>(1, 2 * total)));
    for (; rank < owner; ++rank) first[static_cast<std::size_t>(rank) + 1] = b;
    before += tokens[b];
  }
  return first;
}

std::int64_t examples_in(std::span<const IndexBatch> batches) {
  std::int64_t count = 0;
  for (const IndexBatch& batch : batches) count += static_cast<std::int64_t>(batch.size());
  return count;
}

/// [n][values] what `rows_of` gives for batches of n things of these lengths, in their order, on
/// every rank: each rank computes its share of the batches. Batches come from the lengths alone, so
/// the bits do not depend on the number of ranks.
template <class RowsOf>
std::vector<float> in_shares(Communicator& group, std::span<const std::int32_t> lengths,
                             std::int64_t batch_tokens, const RowsOf& rows_of) {
  const std::vector<IndexBatch> batches = form_scoring_batches(lengths, batch_tokens);
  const std::vector<std::size_t> first = first_batches(batches, lengths, group.world_size());
  const auto batches_of = [&](int rank) {
    const std::size_t begin = first[static_cast<std::size_t>(rank)];
    return std::span(batches).subspan(begin, first[static_cast<std::size_t>(rank) + 1] - begin);
  };

  std::vector<float> mine;
  std::exception_ptr failure;
  try {
    for (const IndexBatch& batch : batches_of(group.rank())) {
      const at::Tensor rows = rows_of(batch).to(at::kCPU, at::kFloat).contiguous();
      const float* const values = rows.template const_data_ptr<float>();
      mine.insert(mine.end(), values, values + rows.numel());
    }
  } catch (...) {
    failure = std::current_exception();
  }
  agree(group, failure);

  // Ranks with fewer rows send a padded buffer; one without any learns the width of a row here.
  std::int64_t most = 0;
  std::int64_t total = static_cast<std::int64_t>(mine.size());
  for (int r = 0; r < group.world_size(); ++r) {
    most = std::max(most, examples_in(batches_of(r)));
  }
  at::Tensor count = at::full({1}, total, at::kLong);
  group.all_reduce_sum(count);
  total = count.item<std::int64_t>();
  const auto width = static_cast<std::size_t>(total) / lengths.size();
  const std::size_t stride = static_cast<std::size_t>(most) * width;
  mine.resize(stride);
  std::vector<float> all(stride * static_cast<std::size_t>(group.world_size()));
  group.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)));

  std::vector<float> out(lengths.size() * width);
  for (int r = 0; r < group.world_size(); ++r) {
    const float* from = all.data() + stride * static_cast<std::size_t>(r);
    for (const IndexBatch& batch : batches_of(r)) {
      for (const std::int32_t i : batch) {
        std::copy_n(from, width, out.data() + static_cast<std::size_t>(i) * width);
        from += width;
      }
    }
  }
  return out;
}

/// Logits of two towers: every distinct text of all examples is encoded once, by one rank.
std::vector<float> predict_towers(Communicator& group, TwoTower& model,
                                  std::span<const Tokens> examples, std::int64_t batch_tokens,
                                  const Pass& pass) {
  const SharedBatch shared = share_texts(examples);
  const Batch& texts = shared.texts;
  std::vector<std::int32_t> lengths;
  for (std::size_t t = 0; t < texts.rows.size(); ++t) {
    lengths.push_back(texts.offsets[t + 1] - texts.offsets[t]);
  }
  std::vector<float> encoded = in_shares(group, lengths, batch_tokens, [&](const IndexBatch& some) {
    Batch batch;
    for (const std::int32_t t : some) append_text(batch, texts, static_cast<std::size_t>(t));
    return model.encode(batch, pass);
  });
  const auto rows = static_cast<std::int64_t>(lengths.size());
  const at::Tensor matrix =
      at::from_blob(encoded.data(), {rows, static_cast<std::int64_t>(encoded.size()) / rows});
  const at::Tensor logits =
      model.compare(matrix.to(model.device()), shared.user_text, shared.item_text)
          .to(at::kCPU)
          .contiguous();
  const float* const values = logits.const_data_ptr<float>();
  return {values, values + logits.numel()};
}

}  // namespace

std::vector<float> predict(Communicator& group, Model& model, std::span<const Tokens> examples,
                           std::int64_t batch_tokens, bool bf16) {
  if (examples.empty()) return {};
  // Not InferenceMode: a tensor that a model caches in it could not be used in training any more.
  const c10::NoGradGuard no_grad;
  Pass pass;
  pass.bf16 = bf16;
  if (TwoTower* const towers = model.towers(); towers != nullptr) {
    return predict_towers(group, *towers, examples, batch_tokens, pass);
  }
  std::vector<std::int32_t> lengths;
  lengths.reserve(examples.size());
  for (const Tokens& example : examples) {
    lengths.push_back(static_cast<std::int32_t>(example.encoding.ids.size()));
  }
  return in_shares(group, lengths, batch_tokens, [&](const IndexBatch& indices) {
    Batch batch;
    for (const std::int32_t i : indices) batch.append(examples[static_cast<std::size_t>(i)]);
    return model.logits(batch, pass);
  });
}

}  // namespace tutti
