#include "store/store.h"

#include "store/schema.h"

namespace shore::store {

Result<std::unique_ptr<Store>> Store::open(async::Loop& loop, const std::filesystem::path& path) {
    SHORE_TRY(std::unique_ptr<Database> database, Database::open(path));
    SHORE_CHECK(migrate(*database));
    return std::unique_ptr<Store>(new Store(loop, std::move(database)));
}

Store::Store(async::Loop& loop, std::unique_ptr<Database> database)
    : loop_(loop), database_(std::move(database)), records_(*database_), pool_("store", 1) {
}

Store::~Store() {
    stop();
}

}  // namespace shore::store
