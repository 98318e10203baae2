"""Amazon Connect: two sources, one outcome a run each. Both only read.

calls_source      source `amazon_connect`: voice contacts
contact_record    a contact of the search, and its detail → an entering of a queue
users_source      source `amazon_connect_users`: accounts and time online
people            users and security profiles → accounts, who a user is
api               the client: which operations, pages, pace
trouble           what went wrong with a question
"""

from collections.abc import Callable

from ccmm_agent.plugin import Source, hookimpl
from ccmm_plugin_telephony.connect.calls_source import Contacts
from ccmm_plugin_telephony.connect.users_source import Users


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Contacts)
    register(Users)
