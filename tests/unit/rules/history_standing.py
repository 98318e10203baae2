"""Rules of the small pack that look at points in time, at other rules, and back at their own past."""

STANDING = {
    "M-RES-01": (
        "{rate: {series: answer_rate, over: 4d, every: day, sample: 5}}",
        "rate >= 60.0 && rate.p_worse > 0.05 && rate.step > -4.0",
    ),
    "M-RES-02": (
        "{kpis: {series: {each: key_kpis}, over: 3d, every: day, good: 'met >= 2 || p_better < 0.2'}}",
        "kpis.share >= 100.0",
    ),
    "M-RES-03": ("{rate: {metric: answer_rate, over: 1d, sample: 5}}", "rate >= 70.0"),
    "D-EMG-02": ("{idle: {inventory: account, of: 'enabled', bad: 'last_login_days > 1'}}", "idle.bad <= 2"),
    "D-EMG-03": (
        "{acted: {occurrences: alert, bad: 'acked_minutes > 240.0', over: 2d, empty: 0}}",
        "acted.bad <= 1",
    ),
    "D-EMG-04": ('{others: {rules: "D-SEC-*"}}', "others.open <= 3 && others.satisfied >= 2"),
    "D-EMG-05": (
        "{others: {rules: [M-RES-03, D-EMG-02]}, rate: {metric: answer_rate, over: 1d}}",
        "others.open == 0 && rate >= 60.0",
    ),
    "D-EMG-06": ("{others: {rules: [D-EMG-05, D-EMG-04]}}", "others.satisfied >= 1"),
    "D-EMG-07": ("{others: {rules: [D-EMG-06]}}", "others.open == 0"),
}
HOLDS = {
    "M-RES-03": "hold: 3d",
    "D-EMG-02": "hold: 2d",
    "D-EMG-03": "hold: 2d",
    "D-EMG-05": "hold: 1d",
    "D-EMG-07": "hold: 1d",
}
