// The row of each verb; a file per verb defines it. commands() puts them in order.
#pragma once

#include "cli/command.h"

namespace shore::cli {

Command up_command();
Command down_command();
Command deploy_command();
Command rollback_command();
Command releases_command();
Command plan_command();
Command diff_command();
Command scale_command();
Command restart_command();
Command stop_command();
Command start_command();
Command status_command();
Command ls_command();
Command route_command();
Command top_command();
Command logs_command();
Command events_command();
Command health_command();
Command config_command();
Command exec_command();
Command version_command();
Command completion_command();
Command help_command();
Command shutdown_command();
Command gateway_command();
Command cache_command();
Command upgrade_command();
Command db_command();
Command pool_command();
Command redis_command();

}  // namespace shore::cli
