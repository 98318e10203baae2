"""What leaves in clear of a case names no person, whatever the options point at."""

from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Reason
from tests.support import odoo_center, salesforce_center
from tests.support.salesforce_orgs import case


@pytest.mark.parametrize("attribute", ["queue", "topic", "ref"])
@pytest.mark.parametrize("field", ["user_id", "partner_id"])
def test_a_link_of_odoo_to_people_is_refused_where_it_would_leave_in_clear(
    attribute: str, field: str, tmp_path: Path
) -> None:
    fields = {**odoo_center.FIELDS, attribute: field}
    reason, told = odoo_center.problem(odoo_center.center(), tmp_path, fields=fields)
    assert (reason, f"fields.{attribute} links to people" in told) == (Reason.BAD_OPTION, True)


def test_the_owner_of_a_case_of_salesforce_is_told_only_where_it_is_a_queue(tmp_path: Path) -> None:
    org = salesforce_center.center()
    person = {"Name": "Wang Fang", "Type": "User", "Username": "E1007"}
    queue = {"Name": "Complaints", "Type": "Queue", "Username": None}
    due = salesforce_center.at(21, 2)
    org.cases = [
        case(10, salesforce_center.at(20, 2), Owner=person, Due__c=due),
        case(11, salesforce_center.at(20, 3), Owner=queue, Due__c=due),
    ]
    fields = {**salesforce_center.FIELDS, "queue": "Owner.Name"}
    found, _ = salesforce_center.read_at(org, tmp_path, salesforce_center.NOW + timedelta(days=1), fields=fields)
    assert "Wang Fang" not in str(found)
    assert "Complaints" in str(found)


@pytest.mark.parametrize("field", ["Contact.Name", "Account.Name", "CreatedBy.Name"])
def test_a_field_of_a_person_of_salesforce_is_refused_where_it_would_leave_in_clear(field: str, tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="names no person"):
        salesforce_center.source("https://x.example", tmp_path, fields={**salesforce_center.FIELDS, "topic": field})
