// ContentOptions as the member "content" of a snapshot's JSON.
#pragma once

#include "model/content_options.h"

namespace boost::json {
class object;
}

namespace shore::model {

boost::json::object content_json(const ContentOptions& content);
/// Throws Boost's errors, which whoever parses the snapshot catches.
ContentOptions content_from(const boost::json::object& object);

}  // namespace shore::model
