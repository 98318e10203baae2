"""Results of scans as OpenSCAP writes them, in short."""

from datetime import datetime

PROFILE = "xccdf_org.ssgproject.content_profile_standard"
SPACE = "http://checklists.nist.gov/xccdf/1.2"


def scan_result(ended: datetime | str, target: str = "pbx-01", profile: str = PROFILE, **rules: str) -> str:
    """A TestResult; a rule is `result` or `result severity`."""
    told = "".join(
        f'<rule-result idref="{rule}" severity="{[*words.split(), "high"][1]}"><result>{words.split()[0]}</result>'
        f"<check><check-content-ref name='secret-of-{rule}'/></check></rule-result>"
        for rule, words in rules.items()
    )
    when = ended if isinstance(ended, str) else ended.isoformat()
    return (
        f'<TestResult xmlns="{SPACE}" id="x" start-time="{when}" end-time="{when}"><profile idref="{profile}"/>'
        f"<target>{target}</target><target-address>192.0.2.7</target-address>{told}</TestResult>"
    )
