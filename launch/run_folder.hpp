#pragma once

#include "tutti/data/files.hpp"

#include <string>

namespace tutti {

/// The folder that holds all of a run, locked against a second one (flock on .lock: the kernel
/// frees it when the process dies). Rank 0 alone has one.
class RunFolder {
 public:
  /// Makes the folder and takes the lock. Throws Error(Resumable) naming pid and host when another
  /// process has it; Error(Config) when there is something in it and not `fresh`. With `fresh`,
  /// what a run writes is removed, and nothing else.
  RunFolder(Path folder, bool fresh);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  [[nodiscard]] const Path& path() const noexcept { return folder_; }
  /// Removes what this run wrote, as if it had never begun: for an error before a member trained.
  void abandon() noexcept;

 private:
  void lock();

  Path folder_;
  bool made_ = false;
  int fd_ = -1;
};

}  // namespace tutti
