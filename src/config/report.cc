#include "config/report.h"

#include <algorithm>

#include "config/limits.h"

namespace shore::config {

namespace {

void keep(std::vector<Finding>& findings, Finding finding) {
    if (findings.size() < kFindingsMax && std::ranges::find(findings, finding) == findings.end()) {
        findings.push_back(std::move(finding));
    }
}

std::vector<Finding> in_order(const std::vector<Finding>& findings) {
    std::vector<std::string> files;
    const auto rank = [&](const Finding& finding) {
        const auto found = std::ranges::find(files, finding.file);
        if (found == files.end()) {
            files.push_back(finding.file);
            return files.size() - 1;
        }
        return static_cast<size_t>(found - files.begin());
    };
    for (const Finding& finding : findings) {
        rank(finding);
    }
    std::vector<Finding> sorted = findings;
    std::ranges::sort(sorted, [&](const Finding& a, const Finding& b) {
        return std::tuple(rank(a), a) < std::tuple(rank(b), b);
    });
    return sorted;
}

}  // namespace

void Report::problem(const Place& place, std::string_view path, std::string message) {
    keep(problems_, finding_at(place, path, std::move(message)));
}

void Report::note(const Place& place, std::string_view path, std::string message) {
    keep(notes_, finding_at(place, path, std::move(message)));
}

bool Report::failed_below(std::string_view path) const {
    return std::ranges::any_of(problems_, [&](const Finding& problem) {
        const std::string_view at = problem.path;
        return at.starts_with(path) &&
               (at.size() == path.size() || at[path.size()] == '.' || at[path.size()] == '[');
    });
}

bool Report::full() const {
    return problems_.size() >= kFindingsMax;
}

Problems Report::problems() const {
    Problems sorted = in_order(problems_);
    if (sorted.size() == kFindingsMax) {
        sorted.push_back({.message = "more problems follow; mend these first"});
    }
    return sorted;
}

std::vector<Note> Report::notes() const {
    return in_order(notes_);
}

Finding finding_at(const Place& place, std::string_view path, std::string message) {
    return {.file = place.file ? *place.file : std::string(),
            .line = place.line,
            .column = place.column,
            .path = std::string(path),
            .message = std::move(message)};
}

}  // namespace shore::config
