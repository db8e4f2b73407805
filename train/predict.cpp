#include "tutti/data/batching.hpp"
#include "tutti/train/trainer.hpp"

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

/// Logits of some batches, one example after another.
std::vector<float> score(Model& model, std::span<const Tokens> examples,
                         std::span<const IndexBatch> batches, bool bf16) {
  // Not InferenceMode: a tensor that a model caches in it could not be used in training any more.
  const c10::NoGradGuard no_grad;
  Pass pass;
  pass.bf16 = bf16;
  std::vector<float> out;
  for (const IndexBatch& indices : batches) {
    Batch batch;
    for (const std::int32_t i : indices) batch.append(examples[static_cast<std::size_t>(i)]);
    const at::Tensor logits = model.logits(batch, pass).to(at::kCPU, at::kFloat).contiguous();
    const float* const values = logits.data_ptr<float>();
    out.insert(out.end(), values, values + logits.numel());
  }
  return out;
}

std::int64_t examples_in(std::span<const IndexBatch> batches) {
  std::int64_t count = 0;
  for (const IndexBatch& batch : batches) count += static_cast<std::int64_t>(batch.size());
  return count;
}

}  // namespace

std::vector<float> predict(Communicator& group, Model& model, std::span<const Tokens> examples,
                           std::int64_t batch_tokens, bool bf16) {
  if (examples.empty()) return {};
  std::vector<std::int32_t> lengths;
  lengths.reserve(examples.size());
  for (const Tokens& example : examples) {
    lengths.push_back(static_cast<std::int32_t>(example.encoding.ids.size()));
  }
  const std::vector<IndexBatch> batches = form_scoring_batches(lengths, batch_tokens);
  const std::vector<std::size_t> first = first_batches(batches, lengths, group.world_size());
  const auto batches_of = [&](int rank) {
    const std::size_t begin = first[static_cast<std::size_t>(rank)];
    return std::span(batches).subspan(begin, first[static_cast<std::size_t>(rank) + 1] - begin);
  };

  std::vector<float> mine;
  std::exception_ptr failure;
  try {
    mine = score(model, examples, batches_of(group.rank()), bf16);
  } catch (...) {
    failure = std::current_exception();
  }
  agree(group, failure);

  // Ranks with fewer logits send a padded buffer; one without any learns the number of labels here.
  std::int64_t most_examples = 0;
  std::int64_t total = static_cast<std::int64_t>(mine.size());
  for (int r = 0; r < group.world_size(); ++r) {
    most_examples = std::max(most_examples, examples_in(batches_of(r)));
  }
  at::Tensor count = at::full({1}, total, at::kLong);
  group.all_reduce_sum(count);
  total = count.item<std::int64_t>();
  const auto labels = static_cast<std::size_t>(total) / examples.size();
  const std::size_t stride = static_cast<std::size_t>(most_examples) * labels;
  mine.resize(stride);
  std::vector<float> all(stride * static_cast<std::size_t>(group.world_size()));
  group.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)));

  std::vector<float> out(examples.size() * labels);
  for (int r = 0; r < group.world_size(); ++r) {
    const float* from = all.data() + stride * static_cast<std::size_t>(r);
    for (const IndexBatch& batch : batches_of(r)) {
      for (const std::int32_t i : batch) {
        std::copy_n(from, labels, out.data() + static_cast<std::size_t>(i) * labels);
        from += labels;
      }
    }
  }
  return out;
}

}  // namespace tutti
