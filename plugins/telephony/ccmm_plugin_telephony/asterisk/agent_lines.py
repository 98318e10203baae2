"""Queue log lines → agents that come, go and pause.

Logged in: member of at least one queue by ADDMEMBER, or by AGENTLOGIN. Paused: in at least one queue, or in all.
"""

from ccmm_plugin_telephony.agent_time import AgentTime
from ccmm_plugin_telephony.asterisk.queue_log import NOBODY, QueueLine

_DESK = "/login"  # the place of AGENTLOGIN, which is no queue
_EVERYWHERE = "/all"  # the place of PAUSEALL


def apply_line(agents: AgentTime, line: QueueLine) -> None:
    """What one line, the next in time, changes."""
    if line.event in ("QUEUESTART", "ADDMEMBER", "REMOVEMEMBER") or line.event.startswith("AGENT"):
        _apply_login(agents, line)
    elif line.event in ("PAUSE", "PAUSEALL", "UNPAUSE", "UNPAUSEALL") and line.agent != NOBODY:
        _apply_pause(agents, line)


def _apply_login(agents: AgentTime, line: QueueLine) -> None:
    if line.event == "QUEUESTART":  # members of queues persist over a restart, logged-in channels do not
        for agent in [agent for agent, places in agents.places.items() if _DESK in places]:
            agents.leave(agent, _DESK, line.at_s)
    elif line.agent == NOBODY:
        return
    elif line.event == "ADDMEMBER":
        agents.come(line.agent, line.queue, line.at_s)
        if line.note == "PAUSED":
            agents.pause(line.agent, line.queue, "", line.at_s)
    elif line.event == "REMOVEMEMBER":
        agents.leave(line.agent, line.queue, line.at_s)
    elif line.event in ("AGENTLOGIN", "AGENTCALLBACKLOGIN"):
        agents.come(line.agent, _DESK, line.at_s)
    elif line.event in ("AGENTLOGOFF", "AGENTCALLBACKLOGOFF"):
        agents.leave(line.agent, _DESK, line.at_s)


def _apply_pause(agents: AgentTime, line: QueueLine) -> None:
    if line.event in ("PAUSE", "PAUSEALL"):
        agents.pause(line.agent, line.queue if line.event == "PAUSE" else _EVERYWHERE, line.note, line.at_s)
    elif line.event == "UNPAUSEALL":
        agents.unpause(line.agent, None, line.at_s)
    else:
        agents.unpause(line.agent, line.queue, line.at_s)
