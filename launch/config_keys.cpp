#include "tutti/launch/config_keys.hpp"

#include "tutti/data/reader.hpp"
#include "tutti/ensemble/fusion/normalise.hpp"
#include "tutti/ensemble/fusion_rule.hpp"
#include "tutti/ensemble/metric.hpp"
#include "tutti/train/head.hpp"
#include "tutti/train/model.hpp"

namespace tutti {

namespace {

constexpr double kBig = 1e15;  // for counts: exact in a double, far above any real one

template <class Section, class T>
auto& follow(Section& section, T pointer) {
  return section.*pointer;
}
template <class Section, class T, class... Rest>
auto& follow(Section& section, T pointer, Rest... rest) {
  return follow(section.*pointer, rest...);
}

template <class T>
constexpr bool kWhole = std::is_integral_v<T> && !std::is_same_v<T, bool>;

template <class T>
ConfigValue to_value(const T& field) {
  if constexpr (kWhole<T>) {
    return static_cast<std::int64_t>(field);
  } else {
    return field;
  }
}

template <class T>
void from_value(T& field, const ConfigValue& value) {
  if constexpr (kWhole<T>) {
    field = static_cast<T>(std::get<std::int64_t>(value));
  } else {
    field = std::get<T>(value);
  }
}

// The field is named by pointers to members, outermost first; its C++ type is the key's type.
template <class Section>
class Keys {
 public:
  template <class... Pointers>
  Key<Section>& add(const std::string& path, const std::string& description, Pointers... pointers) {
    Key<Section> key;
    key.path = path;
    key.description = description;
    key.get = [=](const Section& section) { return to_value(follow(section, pointers...)); };
    key.set = [=](Section& section, const ConfigValue& value) {
      from_value(follow(section, pointers...), value);
    };
    keys_.push_back(std::move(key));
    return keys_.back();
  }
  std::vector<Key<Section>> take() { return std::move(keys_); }

 private:
  std::vector<Key<Section>> keys_;
};

}  // namespace

const std::vector<Key<ExperimentConfig>>& experiment_keys() {
  static const std::vector<Key<ExperimentConfig>> all = [] {
    using E = ExperimentConfig;
    Keys<E> k;
    k.add("name", "Names the run folder and the bundle.", &E::name);
    k.add("seed", "Everything random comes from it.", &E::seed).range(0, kBig);
    k.add("output", "The run folder; empty: runs/NAME in the current folder.", &E::output);
    return k.take();
  }();
  return all;
}

const std::vector<Key<DataOptions>>& data_keys() {
  static const std::vector<Key<DataOptions>> all = [] {
    using D = DataOptions;
    Keys<D> k;
    k.add("source", "How `path` is read.", &D::source)
        .from_list(
            [] {
              auto names = ReaderRegistry::names();
              names.emplace_back("predictions");  // CSV of members' scores, for `tutti fuse`
              return names;
            },
            "data source", "sources");
    k.add("path",
          "File or folder of the source; `cache:` starts at the folder that scripts/setup fills.",
          &D::path)
        .file();
    k.add("task",
          "click: will this be a positive? rating: which rating? rank: order a user's items.",
          &D::task)
        .one_of({"click", "rating", "rank"}, "task");
    k.add("positive", "click and rank: a rating of at least this is a positive.", &D::positive);

    using C = CsvOptions;
    k.add("csv.interactions", "source csv: the file of interactions.", &D::csv, &C::interactions)
        .file();
    k.add("csv.items", "source csv: the file of items, or empty.", &D::csv, &C::items).file();
    k.add("csv.users", "source csv: the file of users, or empty.", &D::csv, &C::users).file();
    k.add("csv.user", "Column of the user id.", &D::csv, &C::user);
    k.add("csv.item", "Column of the item id.", &D::csv, &C::item);
    k.add("csv.rating", "Column of the rating; empty: every interaction is a positive.", &D::csv,
          &C::rating);
    k.add("csv.time", "Column of the time in seconds since 1970; empty: no time.", &D::csv,
          &C::time);
    k.add("csv.separator", "One character; \"\\t\" for TSV.", &D::csv, &C::separator);

    using L = CleaningOptions;
    k.add("cleaning.rating_min", "A rating below is bad data.", &D::cleaning, &L::rating_min);
    k.add("cleaning.rating_max", "A rating above is bad data.", &D::cleaning, &L::rating_max);
    k.add("cleaning.out_of_range", "What to do with one.", &D::cleaning, &L::out_of_range)
        .one_of({"error", "drop", "clip"});
    k.add("cleaning.bad_utf8", "What to do with a text that is not UTF-8.", &D::cleaning,
          &L::bad_utf8)
        .one_of({"error", "drop", "repair"});
    k.add("cleaning.drop_duplicates", "The same user and item again: only the last stays.",
          &D::cleaning, &L::drop_duplicates);
    k.add("cleaning.min_user_interactions", "Users with fewer are dropped.", &D::cleaning,
          &L::min_user_interactions)
        .range(1, 1e9);
    k.add("cleaning.min_item_interactions", "Items with fewer are dropped.", &D::cleaning,
          &L::min_item_interactions)
        .range(1, 1e9);
    k.add("cleaning.max_user_per_day",
          "Robots: users with more than this in one day are dropped; 0: keep all.", &D::cleaning,
          &L::max_user_per_day)
        .range(0, 1e9);

    using S = SplitOptions;
    k.add("split.by", "How validation and test rows are chosen.", &D::split, &S::by)
        .one_of({"time", "user-time", "random", "leave-last-out"}, "split");
    k.add("split.validation", "Share of the interactions.", &D::split, &S::validation)
        .range(0, 0.9);
    k.add("split.test", "Share of the interactions.", &D::split, &S::test).range(0, 0.9);
    k.add("split.max_validation", "At most so many rows are scored, whole users; 0: all.",
          &D::split, &S::max_validation)
        .range(0, kBig);
    k.add("split.max_test", "At most so many rows are scored, whole users; 0: all.", &D::split,
          &S::max_test)
        .range(0, kBig);
    return k.take();
  }();
  return all;
}

namespace {

void add_backbone_keys(Keys<MemberConfig>& k) {
  using M = MemberConfig;
  using B = BackboneOptions;
  const auto scope = KeyScope::Member;
  k.add("backbone.folder",
        "A Hugging Face folder, or the name of a model in the cache. `backbone = \"NAME\"` is "
        "short for it.",
        &M::backbone, &B::folder)
      .model()
      .only(scope);
  k.add("backbone.type", "Without a folder: the kind of model to make from scratch.", &M::backbone,
        &B::type)
      .from_list(
          [] {
            auto names = ModelRegistry::names();
            names.insert(names.begin(), "");
            return names;
          },
          "backbone", "backbones")
      .only(scope);
  k.add("backbone.layers", "Depth; with a folder: keep the first so many (0: all).", &M::backbone,
        &B::layers)
      .range(0, 1000)
      .only(scope);
  k.add("backbone.hidden", "From scratch: width.", &M::backbone, &B::hidden)
      .range(1, 65536)
      .only(scope);
  k.add("backbone.heads", "From scratch: attention heads.", &M::backbone, &B::heads)
      .range(1, 1024)
      .only(scope);
  k.add("backbone.kv_heads", "llama from scratch: key and value heads; 0: as many as heads.",
        &M::backbone, &B::kv_heads)
      .range(0, 1024)
      .only(scope);
  k.add("backbone.intermediate", "From scratch: width of the feed-forward part; 0: 4 x hidden.",
        &M::backbone, &B::intermediate)
      .range(0, 1e6)
      .only(scope);
  k.add("backbone.max_positions", "From scratch: the longest text in tokens.", &M::backbone,
        &B::max_positions)
      .range(1, 1e6)
      .only(scope);
  k.add("backbone.dropout", "Hidden and attention dropout; negative: as the folder says.",
        &M::backbone, &B::dropout)
      .range(-1, 0.9)
      .only(scope);
  k.add("backbone.tokenizer",
        "From scratch: a folder or cached model with a tokenizer, or \"train\" to learn one.",
        &M::backbone, &B::tokenizer)
      .model()
      .only(scope);
  k.add("backbone.vocab_size", "tokenizer = \"train\": tokens to learn.", &M::backbone,
        &B::vocab_size)
      .range(260, 1e6)
      .only(scope);
}

void add_training_keys(Keys<MemberConfig>& k) {
  using M = MemberConfig;
  using T = TrainOptions;
  k.add("epochs", "Passes over the training rows; may be a fraction.", &M::train, &T::epochs)
      .range(0, 1e6);
  k.add("max_steps", "Stop after so many; 0: what epochs give.", &M::train, &T::max_steps)
      .range(0, kBig);
  k.add("batch_tokens", "Tokens in a global batch, over all ranks.", &M::train, &T::batch_tokens)
      .range(1, kBig);
  k.add("batch_examples", "Examples in a global batch, instead of batch_tokens when not 0.",
        &M::train, &T::batch_examples)
      .range(0, kBig);
  k.add("micro_batch_tokens",
        "At most so many tokens in one forward pass of a rank; 0: its whole share.", &M::train,
        &T::micro_batch_tokens)
      .range(0, kBig);
  k.add("optimizer", "The optimiser.", &M::train, &T::optimizer)
      .one_of({"adamw", "adam"}, "optimizer");
  k.add("learning_rate", "Its highest value.", &M::train, &T::learning_rate).range(0, 1);
  k.add("weight_decay", "Not on biases and norms.", &M::train, &T::weight_decay).range(0, 1);
  k.add("beta1", "Adam's decay of the first moment.", &M::train, &T::beta1).range(0, 0.999999);
  k.add("beta2", "Adam's decay of the second moment.", &M::train, &T::beta2).range(0, 0.999999);
  k.add("epsilon", "Adam's epsilon.", &M::train, &T::epsilon).range(1e-16, 1);
  k.add("schedule", "The learning rate after warm-up.", &M::train, &T::schedule)
      .one_of({"constant", "linear", "cosine"}, "schedule");
  k.add("warmup", "Share of the steps in which the learning rate rises.", &M::train, &T::warmup)
      .range(0, 1);
  k.add("clip", "Largest global gradient norm; 0: no clipping.", &M::train, &T::clip).range(0, 1e9);
  k.add("precision", "Of matrix products; weights and losses are fp32.", &M::train, &T::precision)
      .one_of({"fp32", "bf16"}, "precision");
  k.add("max_length", "Tokens an example; longer texts are cut.", &M::train, &T::max_length)
      .range(4, 1e6);

  k.add("bucket_bytes",
        "Several ranks: gradients are summed in buckets of so many bytes, while backward runs on.",
        &M::train, &T::bucket_bytes)
      .range(1, kBig);
  k.add("wire", "Several ranks: gradients on their way; bf16 halves the bytes and rounds them.",
        &M::train, &T::wire)
      .one_of({"fp32", "bf16"}, "wire");
  k.add("shard",
        "Several ranks: what each keeps only a part of, with all named before it (ZeRO 1, 2, 3).",
        &M::train, &T::shard)
      .one_of({"none", "optimizer", "gradients", "parameters"}, "shard");
  k.add("checkpoint_activations",
        "Compute each layer again in backward instead of keeping what it made: the same bits, less "
        "memory, a third more work.",
        &M::train, &T::checkpoint_activations);

  using P = PretrainConfig;
  k.add("pretrain.objective",
        "Pre-training on item and training texts: mlm for encoders, clm for "
        "decoders.",
        &M::pretrain, &P::objective)
      .one_of({"none", "mlm", "clm"}, "objective");
  k.add("pretrain.epochs", "Passes over the texts.", &M::pretrain, &P::epochs).range(0, 1e6);
  k.add("pretrain.learning_rate", "Its highest value.", &M::pretrain, &P::learning_rate)
      .range(0, 1);
  k.add("pretrain.batch_tokens", "Tokens in a global batch.", &M::pretrain, &P::batch_tokens)
      .range(1, kBig);
  k.add("pretrain.max_length", "Tokens a text.", &M::pretrain, &P::max_length).range(4, 1e6);
  k.add("pretrain.mask", "mlm: share of the tokens that are predicted.", &M::pretrain, &P::mask)
      .range(0.01, 0.9);
}

void add_view_keys(Keys<MemberConfig>& k) {
  using M = MemberConfig;
  using D = MemberData;
  k.add("data.fold", "0 .. of-1: this fold is held out of the member's training; -1: no folds.",
        &M::data, &D::fold)
      .range(-1, 1000);
  k.add("data.of", "How many folds.", &M::data, &D::of).range(2, 1001);
  k.add("data.fraction", "Share of the training rows, drawn by the seed.", &M::data, &D::fraction)
      .range(0, 1);
  k.add("data.max_examples", "At most so many training rows; 0: all.", &M::data, &D::max_examples)
      .range(0, kBig);
  k.add("data.bootstrap", "Draw training rows with replacement.", &M::data, &D::bootstrap);
  k.add("data.from_time", "Only rows from this second since 1970; 0: open.", &M::data,
        &D::from_time)
      .range(-kBig, kBig);
  k.add("data.to_time", "Only rows before this second since 1970; 0: open.", &M::data, &D::to_time)
      .range(-kBig, kBig);
  k.add("data.last", "Only the latest part of the training rows in time.", &M::data, &D::last)
      .range(0, 1);
  k.add("data.segment", "Only users with COLUMN=VALUE; empty: all.", &M::data, &D::segment);
  k.add("data.history", "Earlier interactions of the user in the text.", &M::data, &D::history)
      .range(0, 10000);
  k.add("data.share_history",
        "At most so many training rows of a user show one history, as it was before the first of "
        "them, and so one text; rows early in a user's life share with fewer. 0: none shared, for "
        "kind two-tower 64.",
        &M::data, &D::share_history)
      .range(0, 1e6);
  k.add("data.fields", "Item columns in the text.", &M::data, &D::fields);
  k.add("data.user_fields", "User columns in the text.", &M::data, &D::user_fields);
  k.add("data.statistics", "Mean and count of the item's and the user's earlier ratings, in words.",
        &M::data, &D::statistics);
  k.add("data.crop_history", "Augmentation: probability to keep only the newest part of it.",
        &M::data, &D::crop_history)
      .range(0, 1);
  k.add("data.shuffle_history", "Augmentation: probability to shuffle it.", &M::data,
        &D::shuffle_history)
      .range(0, 1);
  k.add("data.drop_field", "Augmentation: probability to drop each item column.", &M::data,
        &D::drop_field)
      .range(0, 1);
}

}  // namespace

const std::vector<Key<MemberConfig>>& member_keys() {
  static const std::vector<Key<MemberConfig>> all = [] {
    using M = MemberConfig;
    Keys<M> k;
    k.add("name", "Names the member and its folder: letters, digits, '.', '_', '-'.", &M::name)
        .only(KeyScope::Member);
    k.add("kind",
          "cross: user and item are one text. two-tower: they are read apart, and the product of "
          "their vectors is the score; each distinct text of a batch is read once.",
          &M::kind)
        .one_of({"cross", "two-tower"}, "kind");
    k.add("tower_size", "two-tower: of the two vectors.", &M::tower_size).range(1, 1e6);
    k.add("encoding_cache_steps",
          "two-tower: for so many steps after the one that read it, an item's text serves without "
          "being read again, and without gradient; 0: every step reads its items.",
          &M::encoding_cache_steps)
        .range(0, 1e6);
    k.add("head", "What is learned from the logits.", &M::head)
        .from_list([] { return HeadRegistry::names(); }, "head", "heads");
    k.add("num_labels", "Logits; 0: what head and task suggest.", &M::num_labels).range(0, 1e6);
    k.add("score_precision",
          "Of matrix products when scoring validation and test and in the bundle; fp32 gives the "
          "logits that transformers gives.",
          &M::score_precision)
        .one_of({"fp32", "bf16"}, "precision");
    k.add("ranks",
          "How many ranks train the member together (data parallel); 0: as many as keep all ranks "
          "busy, by the plan.",
          &M::ranks)
        .range(0, 1e6);
    k.add("threads",
          "Threads of a rank; 0: its part of the CPUs that it may run on. Runs repeat bit for bit "
          "at "
          "equal threads, so the config in the run folder holds what was taken.",
          &M::threads)
        .range(0, 4096)
        .only_if_set()
        .only(KeyScope::Train);
    k.add("seed", "0: from the experiment's seed and the member's name.", &M::seed).range(0, kBig);
    add_training_keys(k);
    add_view_keys(k);
    add_backbone_keys(k);
    return k.take();
  }();
  return all;
}

const std::vector<Key<EnsembleConfig>>& ensemble_keys() {
  static const std::vector<Key<EnsembleConfig>> all = [] {
    using E = EnsembleConfig;
    Keys<E> k;
    const auto metrics = [] { return MetricRegistry::names(); };
    const auto metric_or_none = [] {
      auto names = MetricRegistry::names();
      names.insert(names.begin(), "");
      return names;
    };
    const auto rules = [] {
      std::vector<std::string> names = FusionRegistry::names();
      for (const std::string& normaliser : NormaliserRegistry::names()) {
        for (const std::string& rule : FusionRegistry::names()) {
          names.push_back(normaliser + "+" + rule);
        }
      }
      return names;
    };
    const auto normaliser_or_none = [] {
      auto names = NormaliserRegistry::names();
      names.insert(names.begin(), "");
      return names;
    };
    k.add("candidates",
          "Fusion rules to choose from; \"min-max+learned\" puts a normaliser before one.",
          &E::candidates)
        .from_list(rules, "fusion rule", "fusion-rules");
    k.add("normalise", "The normaliser before every candidate that names none; empty: none.",
          &E::normalise)
        .from_list(normaliser_or_none, "normaliser", "normalisers");
    k.add("choose_by",
          "The metric that chooses among them, by nested cross-validation; empty: the first of "
          "metrics.",
          &E::choose_by)
        .from_list(metric_or_none, "metric", "metrics")
        .cut_off();
    k.add("metrics",
          "Metrics of the report; \"@10\" sets a cut-off; empty: the usual ones of the task.",
          &E::metrics)
        .from_list(metrics, "metric", "metrics")
        .cut_off();
    k.add("min_members", "With fewer trained members there is no bundle (exit code 4).",
          &E::min_members)
        .range(1, 10000);
    k.add("bootstrap", "Replicates of an interval, drawn by user.", &E::bootstrap).range(0, 1e6);
    k.add("folds", "Folds, by user, of the nested cross-validation.", &E::folds).range(2, 100);
    k.add("threshold", "Voting: a score of at least this is a vote.", &E::threshold);
    k.add("top_k", "Voting over lists and rule ndcg: the length of a list.", &E::top_k)
        .range(1, 10000);
    k.add("rrf_k", "Rule rrf: 1 / (rrf_k + rank).", &E::rrf_k).range(0, 1e9);
    k.add("power", "Rule average-power: the exponent.", &E::power).range(-1000, 1000);
    k.add("trim", "Rule average-trimmed: the share of members cut at each end.", &E::trim)
        .range(0, 0.49);
    k.add("temperature", "Rule performance-softmax: of the validation performance.",
          &E::temperature)
        .range(1e-6, 1e6);
    k.add("penalty", "Rules ridge, logistic and pairwise: the strength of the L2 penalty.",
          &E::penalty)
        .range(0, 1e12);
    return k.take();
  }();
  return all;
}

}  // namespace tutti
