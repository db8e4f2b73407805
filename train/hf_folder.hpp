#pragma once

#include "tutti/data/files.hpp"
#include "tutti/train/layers.hpp"

#include <string>
#include <vector>

namespace tutti {

/// `name` as a path if that is a folder; else a model of that name in the cache that scripts/setup
/// fills: $TUTTI_CACHE/models, without that variable $HOME/.cache/tutti/models. Throws Error(Io)
/// naming both places.
Path resolve_folder(const std::string& name);

/// `folder`/config.json as text. Throws Error(Io).
std::string read_config(const Path& folder);

/// Fills `parameters` from `folder`/model.safetensors, or from the shards that
/// model.safetensors.index.json names. Weights may be saved with or without the prefix of the base
/// model ("bert.", "transformer.", "model."), and norms under their old names (gamma, beta).
///
/// Gives the names that the files do not hold, or hold in another shape where `replaceable` says
/// so. Throws Error(Data) for any other tensor of a wrong shape or type, or a broken file.
std::vector<std::string> load_weights(const Path& folder, const NamedTensors& parameters,
                                      bool (*replaceable)(const std::string& name));

}  // namespace tutti
