// Preview: what a deploy would do, in order, without doing it. plan() is run against an imagined
// world in which every start succeeds; what it asks for is the preview.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/diff.h"
#include "release/desired.h"
#include "release/observed.h"
#include "release/plan.h"

namespace shore::release {

enum class StepKind : uint8_t { kStart = 1, kStop = 2, kRoute = 3, kAdopt = 4, kActivate = 5 };

/// "start", "stop", "route", "adopt", "activate".
std::string_view to_string(StepKind kind);

struct Step {
    StepKind kind = StepKind::kStart;
    std::string service;   ///< Empty for kActivate.
    std::string instance;  ///< An existing one ("api-3"), or "api (new)" for one to come.
    std::string text;      ///< "start api, replica 2 (release 5)": for people.
    friend bool operator==(const Step&, const Step&) = default;
};

struct Preview {
    uint64_t release = 0;                 ///< The number the deploy would get.
    bool changed = false;                 ///< False: the deploy would change nothing.
    std::vector<config::Change> changes;  ///< Of the manifest, against the active release.
    std::vector<Step> steps;
    std::vector<std::string>
        warnings;  ///< E.g. a single replica that is stopped before its successor runs.
};

/// The steps from `observed` to `desired`.
std::vector<Step> imagine(const Desired& desired, Observed observed, const PlanOptions& options);

/// What a person should know before doing it.
std::vector<std::string> warnings(const Desired& desired, const std::vector<Step>& steps);

}  // namespace shore::release
