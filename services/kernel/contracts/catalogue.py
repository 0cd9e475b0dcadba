"""Every topic as data: key, partitions, retention and what travels on it, from whom to whom.

The one list of who announces what and who reads it; `asyncapi.json` is generated from it. It names
services and types of later channels too, so that nobody gives a name twice. A producer is the
service whose decision the event is: any writer of a room may be the one that sends its outbox.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.kernel.contracts import events as e
from services.kernel.contracts import topics
from services.kernel.contracts.events import Room

SERVICES = {
    "intake-web": "Citizens' web form, JSON API and Open311; receipts; citizens' acts on the web.",
    "intake-whatsapp": "The provider's webhook: appends what comes in, decides nothing.",
    "conversation": "The chatbot: cases, answers and acts of citizens on WhatsApp.",
    "intake-phone": "The call centre: cases and acts by operators; owns calls and call-backs.",
    "routing": "Finds the office and officer of a case; writes room case through the case store.",
    "sla": "The clock: warnings, breaches, escalations; writes room sla.",
    "notify": "Tells people, by whichever channel reaches them; writes room notices.",
    "desk": "The console of officers, operators and the Collector: their acts on cases.",
    "cli": "The command `samvad`: directories applied, dead letters looked at.",
}
"""Every service that produces or consumes, with what it does."""

DAY_MS = 24 * 60 * 60 * 1000
FOR_EVER = -1
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Travels:
    """One type on a topic. `room` is None beside the case; `consumers` decode the value."""

    model: type[e.Event] | type[e.RecordDead]
    room: Room | None
    producers: tuple[str, ...]
    consumers: tuple[str, ...]

    @property
    def type(self) -> str:
        return self.model.TYPE


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic. `key` and `ce_id` say what they are made of; `retention_ms` -1 keeps for ever."""

    name: str
    purpose: str
    owner: str
    key: str
    ce_id: str
    partitions: int
    cleanup: str
    retention_ms: int
    max_message_bytes: int
    carries: tuple[Travels, ...]

    @property
    def configs(self) -> dict[str, str]:
        """The topic's settings as Kafka wants them at creation."""
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
        }


CITIZENS = ("intake-web", "conversation", "intake-phone")
"""Where citizens file and act."""
ACTORS = (*CITIZENS, "desk")
"""Where any person acts on a case."""
DESKS = ("intake-phone", "desk")
"""Where staff act on a case."""
FOLLOWERS = ("sla", "notify")
"""They follow nearly all that happens to a case; routing writes the room and reads little of it."""


def _case(
    model: type[e.Act], producers: tuple[str, ...], consumers: tuple[str, ...] = FOLLOWERS
) -> Travels:
    return Travels(model, "case", producers, consumers)


_LIFECYCLE = (
    Travels(e.CaseFiled, "intake", CITIZENS, ("routing", "sla", "notify")),
    _case(e.CaseTriaged, ("routing",)),
    _case(e.CaseAssigned, ("routing", "desk")),
    _case(e.CaseTransferred, ("desk",)),
    _case(e.CaseTakenOver, ("desk",)),
    _case(e.CaseReopened, ACTORS),
    _case(e.CaseAcknowledged, ("desk",)),
    _case(e.CaseStarted, ("desk",)),
    _case(e.QuestionAsked, ("desk",)),
    _case(e.QuestionMarked, DESKS),
    _case(e.QuestionAnswered, ACTORS),
    _case(e.CaseAttached, ACTORS, ("notify",)),
    _case(e.CaseReplied, ("desk",)),
    _case(e.CaseNoted, DESKS, ("notify",)),
    _case(e.CaseReminded, ACTORS, ("notify",)),
    _case(e.ServiceChanged, ("desk",)),
    _case(e.CaseResolved, ("desk",)),
    _case(e.FeedbackPlanned, DESKS),
    _case(e.FeedbackEnded, DESKS),
    _case(e.CaseConfirmed, ACTORS),
    _case(e.CaseClosed, ("routing",)),
    _case(e.RejectionProposed, ("desk",)),
    _case(e.RejectionRefused, ("desk",)),
    _case(e.CaseRejected, ("desk", "routing")),
    _case(e.CaseWithdrawn, ACTORS),
    _case(e.CaseMerged, ("desk",), ("routing", "sla", "notify")),
    _case(e.CaseUnmerged, ACTORS),
    _case(e.CaseRated, CITIZENS, ()),
    Travels(e.SlaWarned, "sla", ("sla",), ("notify",)),
    Travels(e.SlaBreached, "sla", ("sla",), ("notify",)),
    Travels(e.SlaEscalated, "sla", ("sla",), ("notify",)),
    Travels(e.SlaLapsed, "sla", ("sla",), ("routing",)),
    # sla takes its own `recalculated` as input only when the topic is replayed
    Travels(e.SlaRecalculated, "sla", ("sla",), ()),
    Travels(e.NoticeDelivered, "notices", ("notify",), ("sla",)),
    Travels(e.NoticeFailed, "notices", ("notify",), ("sla",)),
)

_TOPICS = (
    Topic(
        name=topics.COMPLAINTS,
        purpose="Every event of every case's life: accepted facts only, each case in order.",
        owner="kernel",
        key="the ticket",
        ce_id="<ticket>/<room>/<n>",
        partitions=12,
        cleanup="delete",
        retention_ms=FOR_EVER,
        max_message_bytes=MIB,
        carries=_LIFECYCLE,
    ),
    Topic(
        name=topics.WHATSAPP_INBOUND,
        purpose="What the WhatsApp provider sent: each message and each status, as it came.",
        owner="intake-whatsapp",
        key="HMAC of the sender; of a status, of the recipient",
        ce_id="the provider's id of the message; of a status, with the status behind it",
        partitions=12,
        cleanup="delete",
        retention_ms=14 * DAY_MS,
        # a webhook body may batch up to 1000 updates in 3 MB
        max_message_bytes=4 * MIB,
        carries=(
            Travels(
                e.WhatsAppReceived, None, ("intake-whatsapp",), ("conversation", "notify")
            ),
        ),
    ),
    Topic(
        name=topics.MESSAGES,
        purpose="Messages that have no case: bot replies, codes, digests, promises to call.",
        owner="notify",
        key="HMAC of the recipient",
        ce_id="the caller's key",
        partitions=12,
        cleanup="delete",
        retention_ms=14 * DAY_MS,
        max_message_bytes=MIB,
        carries=(Travels(e.MessageRequested, None, ACTORS, ("notify",)),),
    ),
    Topic(
        name=topics.CALLS,
        purpose="Requests to call somebody back and, with intake-phone, the events of calls.",
        owner="intake-phone",
        key="the call's or the request's own key",
        ce_id="the caller's key",
        partitions=6,
        cleanup="delete",
        retention_ms=30 * DAY_MS,
        max_message_bytes=MIB,
        carries=(
            Travels(
                e.CallbackRequested,
                None,
                ("intake-web", "conversation", "notify"),
                ("intake-phone",),
            ),
        ),
    ),
    Topic(
        name=topics.DIRECTORY,
        purpose="A new directory version is in the store; the newest of each district is kept.",
        owner="kernel",
        key="the district",
        ce_id="<district>/<version>",
        partitions=1,
        cleanup="compact",
        retention_ms=FOR_EVER,
        max_message_bytes=MIB,
        carries=(
            Travels(
                e.DirectoryPublished, None, ("desk", "cli"), (*ACTORS, "routing", "sla", "notify")
            ),
        ),
    ),
    Topic(
        name=topics.DEAD_LETTERS,
        purpose="Copies of records that a consumer set aside, for those who run the software.",
        owner="kernel",
        key="the record's own key",
        ce_id="<consumer>/<topic>/<partition>/<offset>",
        partitions=3,
        cleanup="delete",
        retention_ms=30 * DAY_MS,
        # base64 makes four bytes of three: the largest record of any topic must still fit
        max_message_bytes=6 * MIB,
        carries=(
            Travels(
                e.RecordDead,
                None,
                ("conversation", "intake-phone", "routing", "sla", "notify"),
                ("cli",),
            ),
        ),
    ),
)

TOPICS: dict[str, Topic] = {topic.name: topic for topic in _TOPICS}
"""Every topic by name."""

TYPES: dict[str, tuple[Topic, Travels]] = {
    row.type: (topic, row) for topic in _TOPICS for row in topic.carries
}
"""Every type with the topic that it travels on."""


def topic_configs() -> dict[str, dict[str, str]]:
    """The settings of every topic, by name, for its creation; partitions are in `TOPICS`."""
    return {topic.name: topic.configs for topic in _TOPICS}


def uses(service: str, topic: str) -> frozenset[str]:
    """The types on `topic` whose values `service` decodes, as `codec.receive` wants them."""
    return frozenset(row.type for row in TOPICS[topic].carries if service in row.consumers)
