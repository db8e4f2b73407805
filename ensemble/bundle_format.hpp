#pragma once

#include "tutti/ensemble/bundle.hpp"

#include <map>
#include <string>

namespace tutti {

/// File name inside the bundle -> SHA-256.
using FileDigests = std::map<std::string, std::string>;

inline constexpr const char* kBundleJson = "bundle.json";

/// bundle.json as text, with its own digest in it: SHA-256 of the text with zeros in its place.
std::string bundle_text(const BundleInfo& info, const FileDigests& files);

/// Throws Error(Data) naming `where` for a text whose digest does not fit, another format version,
/// or a missing field.
BundleInfo parse_bundle(const std::string& text, const std::string& where, FileDigests& files);

/// The model card.
std::string bundle_readme(const BundleInfo& info);

}  // namespace tutti
