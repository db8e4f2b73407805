#include "tutti/launch/step_log.hpp"

#include "tutti/data/error.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tutti {

namespace {

constexpr double kReportEvery = 0.5;  // seconds

double rate(std::int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

}  // namespace

StepLog::StepLog(const Path& file, int member, std::function<void(const Progress&)> on_progress)
    : file_(file), member_(member), on_progress_(std::move(on_progress)) {
  if (file.empty()) return;
  out_ = std::fopen(file.c_str(), "we");
  if (out_ == nullptr) {
    throw Error(Code::Io, "cannot create: " + file.string() + ": " + std::strerror(errno));
  }
}

StepLog::~StepLog() {
  if (out_ != nullptr) std::fclose(out_);
}

void StepLog::begin(const std::string& stage) { stage_ = stage; }

void StepLog::announce(const std::string& stage) {
  Progress progress;
  progress.member = member_;
  progress.stage = stage;
  on_progress_(progress);
}

void StepLog::step(const StepReport& report) {
  if (out_ != nullptr) {
    const nlohmann::ordered_json line = {
        {"stage", stage_},
        {"step", report.step},
        {"epoch", report.epoch},
        {"loss", report.loss},
        {"learning_rate", report.learning_rate},
        {"gradient_norm", report.gradient_norm},
        {"examples", report.examples},
        {"tokens", report.tokens},
        {"examples_per_second", rate(report.examples, report.seconds)},
        {"tokens_per_second", rate(report.tokens, report.seconds)},
        {"communication_seconds", report.communication_seconds},
        {"wait_seconds", report.wait_seconds}};
    const std::string text = line.dump() + "\n";
    failed_ |= std::fwrite(text.data(), 1, text.size(), out_) != text.size();
  }
  seconds_ += report.seconds;
  examples_ += report.examples;
  tokens_ += report.tokens;
  if (seconds_ < kReportEvery && report.step != report.steps) return;
  Progress progress{member_,
                    stage_,
                    report.step,
                    report.steps,
                    report.loss,
                    rate(examples_, seconds_),
                    rate(tokens_, seconds_)};
  on_progress_(progress);
  if (out_ != nullptr) failed_ |= std::fflush(out_) != 0;
  seconds_ = 0;
  examples_ = 0;
  tokens_ = 0;
}

void StepLog::close() {
  if (out_ == nullptr) return;
  std::FILE* out = std::exchange(out_, nullptr);
  failed_ |= std::fclose(out) != 0;
  if (failed_) throw Error(Code::Io, "write failed: " + file_.string());
}

}  // namespace tutti
