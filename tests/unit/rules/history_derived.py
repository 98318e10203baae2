"""Rules of the small pack that read rows which the engine makes."""

DERIVED = {
    "D-SEC-04": (
        (
            "{low: {occurrences: breach.answer_rate, every: 6h, meets: 70, by: queue, over: 2d,"
            " good: 'slots <= 2 && !open', empty: 0}}"
        ),
        "low.n <= 8 && low.share >= 40.0",
    ),
    "D-SEC-05": (
        (
            "{warned: {match: {occurrences: breach.answer_rate, every: 6h, meets: target, split: true},"
            " with: {occurrences: alert, time: [-12h, 12h]}, pick: all, over: 3d, empty: 100.0}}"
        ),
        "warned.share >= 80.0",
    ),
    "D-SEC-06": (
        "{odd: {occurrences: signal.answer_rate, every: 6h, over: 6d, good: 'sigma > 0.0', by: queue, empty: 0}}",
        "odd.n <= 1",
    ),
    "D-SEC-07": (
        (
            "{moved: {occurrences: change.account, of: \"attribute in ['enabled', 'entry_removed']\", over: 3d,"
            " empty: 0}, closed: {match: {inventory: person, of: 'has_left'}, with: {occurrences: change.account,"
            " of: \"attribute == 'enabled'\", same: {key: person}}, over: 6d, empty: 100.0}}"
        ),
        "moved.n <= 2 && closed.share >= 50.0",
    ),
    "D-SEC-08": (
        "{quiet: {occurrences: silence, of: 'lasted_minutes > 30.0', over: 3d, number: lasted_hours, empty: 0}}",
        "quiet.n <= 2 && quiet.max <= 7",
    ),
    "D-SEC-10": (
        (
            "{heard: {match: {occurrences: silence, of: 'lasted_minutes > 30.0'}, over: 3d, empty: 0,"
            " with: {occurrences: alert, time: [-24h, 24h]}, pick: all}}"
        ),
        "heard.only_a <= 1",
    ),
    "D-SEC-11": (
        (
            "{first: {match: {occurrences: call, of: 'answered', first_by: agent,"
            " also: {inventory: person, of: 'has_active', same: {agent: key}}}, over: 4d, empty: 0,"
            " with: {occurrences: recording, same: {call: call}}, pick: best, good: 'b.length >= a.talk'},"
            " away: {match: {occurrences: call, of: 'answered',"
            " also: {occurrences: breach.answer_rate, every: 3h, meets: 60, time: [-6h, 0h]}},"
            " with: {occurrences: session, same: {agent: person}, time: [-1d, 1h]}, over: 2d, empty: 0}}"
        ),
        "first.only_a <= 3 && first.good_share >= 30.0 && away.only_a <= 4",
    ),
}
