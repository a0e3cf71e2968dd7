#include "gateway/text_template.h"

namespace shore::gateway {

TextTemplate::Piece TextTemplate::blank_of(std::string_view name) {
    if (name.size() == 1 && name[0] >= '1' && name[0] <= '9') {
        return {.blank = Blank::kGroup, .group = static_cast<size_t>(name[0] - '0')};
    }
    return {.blank = name == "host"    ? Blank::kHost
                     : name == "path"  ? Blank::kPath
                     : name == "rest"  ? Blank::kRest
                     : name == "query" ? Blank::kQuery
                                       : Blank::kNone};
}

TextTemplate::TextTemplate(std::string_view text) {
    while (!text.empty()) {
        const size_t open = text.find('{');
        const size_t close = open == std::string_view::npos ? open : text.find('}', open);
        if (close == std::string_view::npos) {
            pieces_.push_back({.text = std::string(text)});
            return;
        }
        Piece piece = blank_of(text.substr(open + 1, close - open - 1));
        piece.text = text.substr(0, open);
        has_groups_ |= piece.blank == Blank::kGroup;
        pieces_.push_back(std::move(piece));
        text.remove_prefix(close + 1);
    }
}

std::string TextTemplate::fill(const Values& values) const {
    std::string text;
    for (const Piece& piece : pieces_) {
        text += piece.text;
        switch (piece.blank) {
            case Blank::kNone:
                break;
            case Blank::kHost:
                text += values.host;
                break;
            case Blank::kPath:
                text += values.path;
                break;
            case Blank::kRest:
                text += values.rest;
                break;
            case Blank::kQuery:
                text += values.query;
                break;
            case Blank::kGroup:
                text += values.groups[piece.group];
                break;
        }
    }
    return text;
}

}  // namespace shore::gateway
