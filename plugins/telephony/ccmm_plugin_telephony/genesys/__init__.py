"""Genesys Cloud: two sources, one outcome a run each. Both only read.

calls_source      source `genesys_cloud`: voice conversations by their detail
conversation      a conversation → contacts
users_source      source `genesys_cloud_users`: accounts and presence
presence          presences → log-ins and pauses
directory         queues and users → settings, accounts, who a user is
cloud             the client: tokens, pages, jobs
shape             parts of answers
"""

from collections.abc import Callable

from ccmm_agent.plugin import Source, hookimpl
from ccmm_plugin_telephony.genesys.calls_source import Calls
from ccmm_plugin_telephony.genesys.users_source import Users


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Calls)
    register(Users)
