#include "tutti/launch/progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <utility>

namespace tutti {

namespace {

constexpr std::chrono::milliseconds kRedraw{250};
constexpr std::chrono::seconds kPlainLine{10};

std::string duration(double seconds) {
  char text[32];
  if (seconds < 100) {
    std::snprintf(text, sizeof text, "%.0f s", seconds);
  } else {
    std::snprintf(text, sizeof text, "%.0f min", seconds / 60);
  }
  return text;
}

}  // namespace

std::string progress_text(const Progress& progress, double seconds_in_stage) {
  if (progress.steps == 0) return progress.stage;
  char text[160];
  std::snprintf(text, sizeof text, "%s %lld/%lld loss %.4f, %.0f examples/s, %.0f tokens/s",
                progress.stage.c_str(), static_cast<long long>(progress.step),
                static_cast<long long>(progress.steps), progress.loss, progress.examples_per_second,
                progress.tokens_per_second);
  std::string out = text;
  if (progress.step > 0 && progress.step < progress.steps) {
    const double per_step = seconds_in_stage / static_cast<double>(progress.step);
    out +=
        ", " + duration(per_step * static_cast<double>(progress.steps - progress.step)) + " left";
  }
  return out;
}

ProgressDisplay::ProgressDisplay(std::vector<std::string> names)
    : names_(std::move(names)), terminal_(::isatty(STDERR_FILENO) == 1), drawn_(Clock::now()) {}

void ProgressDisplay::update(const Progress* progress) {
  const auto now = Clock::now();
  if (progress != nullptr) {
    const auto found = active_.find(progress->member);
    if (found == active_.end() || found->second.stage != progress->stage) {
      begun_[progress->member] = now;
    }
    active_[progress->member] = *progress;
  }
  if (now - drawn_ < (terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine))) return;
  drawn_ = now;
  draw();
}

void ProgressDisplay::draw() {
  std::string line;
  for (const auto& [member, progress] : active_) {
    const std::chrono::duration<double> in_stage = drawn_ - begun_[member];
    const std::string text =
        names_[static_cast<std::size_t>(member)] + ": " + progress_text(progress, in_stage.count());
    if (terminal_) {
      line += (line.empty() ? "" : " | ") + text;
    } else {
      std::fprintf(stderr, "%s\n", text.c_str());
    }
  }
  if (!terminal_) return;
  const std::size_t length = line.size();
  if (length < width_) line.append(width_ - length, ' ');
  width_ = length;
  std::fprintf(stderr, "\r%s", line.c_str());
  std::fflush(stderr);
}

void ProgressDisplay::done(const Done& done) {
  close();
  active_.erase(done.member);
  ++finished_;
  const char* name = names_[static_cast<std::size_t>(done.member)].c_str();
  if (done.trained) {
    std::fprintf(stderr, "[%zu/%zu] %s: %lld steps, last loss %.4f, %s\n", finished_, names_.size(),
                 name, static_cast<long long>(done.steps), done.last_loss,
                 duration(done.seconds).c_str());
  } else {
    std::fprintf(stderr, "[%zu/%zu] %s: failed: %s\n", finished_, names_.size(), name,
                 done.reason.c_str());
  }
}

void ProgressDisplay::close() {
  if (terminal_ && width_ > 0) std::fprintf(stderr, "\r%s\r", std::string(width_, ' ').c_str());
  width_ = 0;
}

}  // namespace tutti
