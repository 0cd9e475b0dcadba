"""Every metric, declared in one typed place. Labels are few and never a ticket, a name or a number."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
# the goals lie between 0.25 and 1 s; the upper ones tell how far behind a clock is that was down
_LATE_SECONDS = (0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.7, 0.85, 1, 2.5, 10, 60, 300, 3600)

INTAKE_ACCEPTED = Counter(
    "samvad_intake_accepted_total", "Cases accepted with a receipt.", ["district", "channel", "kind"]
)
INTAKE_REPEATED = Counter(
    "samvad_intake_repeated_total", "Requests that repeated an accepted one.", ["channel"]
)
INTAKE_REFUSED = Counter(
    "samvad_intake_refused_total", "Requests refused, by reason.", ["channel", "reason"]
)
HANDLED = Counter(
    "samvad_consumer_handled_total", "Records handled, by outcome.", ["consumer", "outcome"]
)
RETRIED = Counter(
    "samvad_consumer_retried_total", "Batches tried again, by cause.", ["consumer", "cause"]
)
GAPS = Counter(
    "samvad_consumer_gaps_total", "Events that came before their predecessor.", ["consumer"]
)
OPEN_GAPS = Gauge(
    "samvad_consumer_open_gaps",
    "Cases whose next event has been missing for more than a minute.",
    ["consumer"],
)
BATCH_SIZE = Histogram(
    "samvad_consumer_batch_records",
    "Records a batch.",
    ["consumer"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)
BATCH_SECONDS = Histogram(
    "samvad_consumer_batch_seconds", "Seconds a batch took.", ["consumer"], buckets=_SECONDS
)
CONSUMER_LAG = Gauge("samvad_consumer_lag", "Records behind the end of the topic.", ["consumer"])
CONFLICTS = Counter(
    "samvad_room_conflicts_total", "Guarded writes that lost and were done again.", ["room"]
)
PARKED = Gauge("samvad_parked_records", "Records set aside for this consumer.", ["consumer"])
HELD = Gauge(
    "samvad_consumer_held_cases",
    "Cases tried again apart from the others: a fault of ours, or something that is not there yet.",
    ["consumer"],
)
PUBLISHED = Counter("samvad_events_published_total", "Events acknowledged by Kafka.", ["room"])
OUTBOX_BACKLOG = Gauge(
    "samvad_outbox_backlog", "Receipts or rooms with events not yet acknowledged.", ["room"]
)
SWEPT = Counter("samvad_outbox_swept_total", "Entries published by the sweeper.", ["room"])
UNACCOUNTED = Gauge(
    "samvad_unaccounted_cases",
    "Receipts of the window without a case after the grace time; told by the desk alone.",
    ["window"],
)
FILED_TO_ROUTED = Histogram(
    "samvad_filed_to_routed_seconds", "From the receipt to the routed case.", buckets=_SECONDS
)
FILED_TO_NOTIFIED = Histogram(
    "samvad_filed_to_notified_seconds",
    "From the receipt to the first message accepted by a provider.",
    buckets=_SECONDS,
)
ROUTED = Counter(
    "samvad_routed_total", "Cases routed, by outcome.", ["district", "department", "outcome"]
)
ACTS = Counter("samvad_case_acts_total", "Acts on cases, by outcome.", ["action", "outcome"])
OPEN_CASES = Gauge("samvad_open_cases", "Open cases.", ["district", "department", "state"])
SLA_ARMED = Counter("samvad_sla_armed_total", "Clocks armed.", ["district"])
SLA_WARNINGS = Counter(
    "samvad_sla_warnings_total", "Warnings raised.", ["district", "department", "target"]
)
SLA_BREACHES = Counter(
    "samvad_sla_breaches_total", "Deadlines missed.", ["district", "department", "target"]
)
SLA_ESCALATIONS = Counter(
    "samvad_sla_escalations_total",
    "Rungs climbed; `why`: unmet, repeated or reopened.",
    ["district", "department", "to", "rung", "why"],
)
SLA_ARMED_NOW = Gauge(
    "samvad_sla_timers_armed",
    "Cases for which something has yet to fall due; told by the clock's workers.",
)
SLA_OVERDUE = Gauge(
    "samvad_sla_overdue", "Open cases past their deadline.", ["district", "department"]
)
SLA_PAUSED = Gauge(
    "samvad_sla_paused",
    "Open cases whose clock stands for an answer of the citizen.",
    ["district", "department"],
)
SLA_DUE_WITHIN = Gauge(
    "samvad_sla_due_within",
    "Open cases, not overdue, whose deadline lies within so many working hours; cumulative.",
    ["district", "department", "hours"],
)
TIMER_LATENESS = Histogram(
    "samvad_timer_lateness_seconds",
    "From the due instant to the write that fired it.",
    ["loop"],
    buckets=_LATE_SECONDS,
)
TIMERS_FIRED = Counter("samvad_timers_fired_total", "Due items taken up.", ["loop", "outcome"])
NOTIFICATIONS = Counter(
    "samvad_notifications_total",
    "Attempts at a message, by channel and outcome.",
    ["channel", "outcome"],
)
PLANNED = Counter("samvad_notifications_planned_total", "Messages planned.", ["event", "audience"])
RECEIPTS = Counter(
    "samvad_notification_receipts_total",
    "Receipts of providers; `outcome`: applied, known, no_message (of another installation, or expired).",
    ["channel", "status", "outcome"],
)
MESSAGES_DUE = Gauge(
    "samvad_notification_due",
    "Messages that are due and not taken up yet, by queue; at most 10 000 are counted.",
    ["queue"],
)
MESSAGES_OLDEST = Gauge(
    "samvad_notification_oldest_due_seconds",
    "For how long the first of them has been due; 0 where none is.",
    ["queue"],
)
PROVIDER_PAUSED = Gauge(
    "samvad_provider_paused", "1 while a provider is left alone since it fails or throttles.", ["provider"]
)
CALLBACKS = Counter(
    "samvad_notification_callbacks_total", "Call-backs asked for since no channel reached a citizen."
)
DIGESTS = Counter("samvad_digests_requested_total", "Daily digests asked for.", ["district", "kind"])
DEPENDENCY_UP = Gauge("samvad_dependency_up", "1 when the dependency answered.", ["dependency"])
CONVERSATION_TURNS = Counter(
    "samvad_conversation_turns_total",
    "Messages of citizens on WhatsApp that were handled, by what they were.",
    ["district", "sort"],
)
WHATSAPP_RECEIVED = Counter(
    "samvad_whatsapp_received_total",
    "What came by WhatsApp and is on the topic; `kind` ignored: had no shape to be kept in.",
    ["kind"],
)
MEDIA = Counter(
    "samvad_media_total",
    "Files of citizens; `outcome`: kept, refused, gone, again (the provider failed), set_up (it does not "
    "know us, or sends us where we do not go), forgotten (of no case for a month, or erased).",
    ["outcome"],
)
MEDIA_SECONDS = Histogram(
    "samvad_media_fetch_seconds", "From asking the provider for a file to its being kept.", buckets=_SECONDS
)
MEDIA_WAITING = Gauge(
    "samvad_media_waiting", "Files yet to be fetched or told of; at most 10 000 are counted."
)
MEDIA_OLDEST = Gauge(
    "samvad_media_oldest_due_seconds",
    "For how long the first of them has been due; 0 where none is.",
)
