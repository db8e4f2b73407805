#pragma once

#include "tutti/data/data_options.hpp"
#include "tutti/data/reader.hpp"
#include "tutti/data/store.hpp"

#include <string>

namespace tutti {

/// Cleans in place and puts the interactions in store order: by time, then by position in the
/// source.
///
/// In this order: ratings out of range, duplicates, robots, then users and items with too few
/// interactions, again and again until none is left to drop. Ids and tables stay whole. Every row
/// read is kept or counted under one reason. Throws Error(Data) naming file, line, value and range
/// for a rating out of range where options.out_of_range is "error", and where nothing is left;
/// Error(Config) for an option that cannot be.
CleaningReport clean(Source& source, const CleaningOptions& options);

/// {"read": 5, "kept": 3, "dropped": {"duplicate": 2}, "repaired": {}}
std::string to_json(const CleaningReport& report);
CleaningReport cleaning_from_json(const std::string& json);

}  // namespace tutti
