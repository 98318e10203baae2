"""Every kind that may travel, as text: its name, the sort of its key, and on the lines after it its attributes.

Without a sort the key is a clear label. `time?` is an optional time; `@person` a pseudonym of that sort.
"""

INVENTORIES = """
person @person
    active:flag? post:text? agent:flag? team:text? project:text? site:text? employment:text? on_site:flag?
    access:flag? qualified:flag? certified:flag? certificate_until:time? joined:time? left:time? undertaking:time?
    screened:time? worked_days:whole? billed:flag? scorecard:flag?

account @account
    system:text person:@person? project:text? enabled:flag? created:time? disabled:time? last_login:time?
    password_changed:time? privileged:flag? remote:flag? mfa:flag? shared:flag? service:flag?
    exception_until:time? customer_data:flag? groups:words? locked:flag?

badge @badge
    person:@person? project:text? class:text? enabled:flag? disabled:time? zones:words?

setting
    system:text class:text? value:text? number:number? kpi:flag?

asset
    class:text? role:text? owner:text? support_end:time? seen:time? customer_data:flag? agent_pc:flag?
    mlps_grade:whole? filing:text? tested:time? retired:flag? has_disk:flag? serial:text? healthy:flag?
    standby_healthy:flag? standby_elsewhere:flag? standby_seen:time?

device
    class:text? zone:text? home:flag? healthy:flag? malware_ok:flag? encrypted:flag? managed:flag? vpn:flag?
    usb_blocked:flag? lock_minutes:number? seen:time? signatures:time? critical_since:time?

endpoint
    protocol:text? tls_minor:whole? weak_suites:flag? encrypted:flag? encryption_required:flag? expires:time?

holding
    class:text? source:text? project:text? client:text? copy:text? encrypted:flag? key_local:flag? protected:flag?
    legal_hold:flag? deletions_logged:flag? floor_days:whole? ceiling_days:whole? online_days:whole?
    kept_days:whole? deleted_age_days:whole? gap_share:number? began:time? oldest:time? newest:time? files:whole?
    size_bytes:whole? empty_files:whole?

article
    live:flag? owner:@person? changed:time? rechecked:time?

contract
    kind:text? party:text? project:text? in_force:flag? points:words? definitions:text? ended:time?

register
    register:text class:text? owner:@person? person:@person? line:@number? ref:text? metrics:words? points:words?
    public:flag? complete:flag? duty:flag? outside_owner:flag? value:text? number:number? share:number?
    reviewed:time? verified:time? vacant:time?

alert_rule
    signal:text? live:flag? fired:time?
"""

# Occurrences that may travel packed by the hour: only flags, whole numbers, words and pseudonyms.
ROLLED = """
call @call
    system:text call:@call? number:@number? shown_number:@number? queue:text? agent:@person? direction:text?
    answered:flag? required:flag? talk:whole? wait:whole? released_by:text? node:text?

recording @call
    call:@call? agent:@person? queue:text? length:whole? playable:flag?

session @person
    system:text account:@account? person:@person? place:text? site:text? project:text? lasted:whole?

passage @badge
    door:text? zone:text? person:@person? badge:@badge? badge_class:text? direction:text? result:text?
    controlled:flag? dedicated:flag? project:text?

mark @contact
    mark:text call:@call? contact:@contact? customer:@customer? number:@number? agent:@person? queue:text?

contact @contact
    contact:@contact? call:@call? customer:@customer? agent:@person? channel:text? topic:text? direction:text?
"""

OCCURRENCES = """
case @case
    case:@case? call:@call? contact:@contact? customer:@customer? number:@number? agent:@person? class:text?
    topic:text? origin:text? claim:text? ref:text? first_contact:flag? relabelled:flag? due:time? closed:time?
    due_moves:whole? bare_pauses:whole?

sample
    class:text? subject:text? call:@call? agent:@person? channel:text? drawn:text? blind:flag? random:flag?
    passed:flag? hits:whole? score:number? possible:number? gap:number? band:text? project:text? critical:flag?
    similarity:number? all_scorers:flag?

consent @number
    number:@number scope:text

training
    course:text? person:@person? passed:flag? score:number? attempts:whole? hours:number?

presence
    person:@person? badge:@badge? visitor:flag? host:@person? site:text? on_site:flag?

alert
    signal:text? system:text? service:text? colour:text? class:text? person:@person? confirmed:flag? acked:time?
    acted:time?

incident
    grade:text? class:text? service:text? reportable:flag? client_hours:number? rto_minutes:number?
    rpo_minutes:number? lost_minutes:number? detected:time? declared:time? told:time? restored:time? closed:time?
    authority:time? client_told:time? final:time? preserved:time?

exercise
    class:text? risk:text? site:text? ref:text? announced:flag? passed:flag? loaded:flag? full:flag? share:number?
    minutes:number? seconds:number? seats_4h:number? seats_1h:number? rto_minutes:number? rpo_minutes:number?
    lost_minutes:number?

job
    class:text? copy:text? verified:flag? due:time?

change
    class:text? system:text? ref:text? approved:flag? tested:flag? entered:time?

use
    action:text log:text? ref:text? user:@person? quality_staff:flag? case:@case? reason:text? ticket:text?
    number:whole? agreed:flag?

review
    subject:text? class:text? ref:text? client:text? held_by:@person? person:@person? independent:flag?
    changes:whole? decisions:whole? points:words? follow_up:flag? shift:text? on_time:flag?

action
    source:text? class:text? owner:@person? reopened:flag? cause:text? heading:text? due:time? closed:time?
    answered:time?

project
    class:text? metric:text? claimed:number? method:flag? statistics:flag? control_group:flag? privacy_ok:flag?
    accepted:flag? consent:flag? prepared:words? held_days:whole? closed:time? live:time? decided:time?
    measure_set:time? first_review:time?

notice
    class:text? incident:text? exercise:text? share:number?

report
    class:text? name:text? subject:@person? client:text? metric:text? unit:text? owner:@person? explained:flag?
    value:number? quality_weight:number? untraced:whole? published:time? seen:time? archived:time?

refusal
    system:text account:@account? reason:text?
"""

DOCUMENTS = """
document
    class:text scope:text? title:text? version:text? owner:@person? approver:text? live:flag? independent:flag?
    topics:words? approved:time? reviewed:time? review_due:time? copy_checked:time? valid_from:time?
    valid_until:time? size_bytes:whole?
"""

ATTESTATIONS = """
attestation
    class:text title:text? role:text? ref:text? independent:flag? author:@person? approver:@person? until:time?
    m2_per_seat:number? aisle_m:number? rest_area:flag? metric:text? subject_owner:@person? approved:time?
    definition:text? q10:number? q25:number? q50:number? q75:number? q90:number?
"""
