#pragma once

#include "tutti/data/files.hpp"
#include "tutti/launch/messages.hpp"
#include "tutti/train/trainer.hpp"

#include <cstdio>
#include <functional>
#include <string>

namespace tutti {

/// Turns a trainer's steps into lines of metrics.jsonl and, a few times a second, Progress.
class StepLog {
 public:
  /// Empty `file`: no lines (ranks of a group but the first). Throws Error(Io).
  StepLog(const Path& file, int member, std::function<void(const Progress&)> on_progress);
  ~StepLog();
  StepLog(const StepLog&) = delete;
  StepLog& operator=(const StepLog&) = delete;

  /// What the following steps belong to: "pretrain", "train".
  void begin(const std::string& stage);
  void step(const StepReport& report);
  /// A stage without steps.
  void announce(const std::string& stage);
  /// Throws Error(Io) when a line could not be written.
  void close();

 private:
  Path file_;
  int member_;
  std::function<void(const Progress&)> on_progress_;
  std::string stage_;
  std::FILE* out_ = nullptr;
  bool failed_ = false;
  double seconds_ = 0;  // since the last Progress
  std::int64_t examples_ = 0;
  std::int64_t tokens_ = 0;
};

}  // namespace tutti
