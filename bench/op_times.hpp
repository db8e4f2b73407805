#pragma once

#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tutti {

/// Where the time of a step goes, by LibTorch operator: the time of each without that of the
/// operators it calls. What runs outside of any is not in it. For one process with one thread that
/// calls operators; their own worker threads do not count.
class OpTimes {
 public:
  OpTimes() {
    all() = this;
    handle_ = at::addGlobalCallback(
        at::RecordFunctionCallback(&OpTimes::begin, &OpTimes::end)
            .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
  }
  ~OpTimes() {
    at::removeCallback(handle_);
    all() = nullptr;
  }
  OpTimes(const OpTimes&) = delete;
  OpTimes& operator=(const OpTimes&) = delete;

  /// The largest first, as share of `seconds`; what is left is outside of operators.
  void print(double seconds) const {
    std::vector<std::pair<double, std::string>> sorted;
    double rest = seconds;
    for (const auto& [name, took] : seconds_) {
      sorted.emplace_back(took, name);
      rest -= took;
    }
    sorted.emplace_back(rest, "(outside of operators)");
    std::sort(sorted.rbegin(), sorted.rend());
    for (const auto& [took, name] : sorted) {
      std::printf("op %.4f %s\n", took / seconds, name.c_str());
    }
  }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Started : at::ObserverContext {
    Time at;
  };

  // LibTorch's callbacks are plain functions: this is how they find the object.
  static OpTimes*& all() {
    static OpTimes* object = nullptr;
    return object;
  }
  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& /*function*/) {
    all()->inner_.push_back(0);
    auto started = std::make_unique<Started>();
    started->at = std::chrono::steady_clock::now();
    return started;
  }
  static void end(const at::RecordFunction& function, at::ObserverContext* context) {
    const std::chrono::duration<double> took =
        std::chrono::steady_clock::now() - static_cast<Started*>(context)->at;
    std::vector<double>& inner = all()->inner_;
    all()->seconds_[function.name()] += took.count() - inner.back();
    inner.pop_back();
    if (!inner.empty()) inner.back() += took.count();
  }

  at::CallbackHandle handle_{};
  std::map<std::string, double> seconds_;
  std::vector<double> inner_;  ///< of each operator under way: seconds of those it called
};

}  // namespace tutti
