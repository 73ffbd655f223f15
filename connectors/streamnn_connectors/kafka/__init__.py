"""Kafka: topics as sources and sinks, outputs and offsets in one transaction. Needs kafka-python.

Importing this package does not import kafka-python; making a client without it raises MissingPackage.
"""

from ._fields import MessageFields
from ._partition import KafkaPartition
from ._steps import FeedColumns
from .admin import KafkaAdmin, TopicInfo, TopicLimits
from .contract import Change, LivePartition, Message, Offset, Place, SharedSource, TransactionalSink
from .dead_letter_topic import DeadLetters
from .dead_letters import DeadLetter, dead_letter_messages
from .encoding import Encoded, Encoding
from .errors import Fenced, OutcomeUnknown, TransactionFailed
from .feed import Fed, FeedPace, KafkaFeed
from .offsets import KafkaOffsets
from .output import KafkaOutput
from .reading import read_messages
from .registry import SchemaRegistry
from .registry_settings import RegistrySettings
from .settings import KafkaSettings
from .source import KafkaSource
from .takeover import take_over
from .transaction import KafkaTransaction

__all__ = [
    "Change",
    "DeadLetter",
    "DeadLetters",
    "Encoded",
    "Encoding",
    "Fed",
    "FeedColumns",
    "FeedPace",
    "Fenced",
    "KafkaAdmin",
    "KafkaFeed",
    "KafkaOffsets",
    "KafkaOutput",
    "KafkaPartition",
    "KafkaSettings",
    "KafkaSource",
    "KafkaTransaction",
    "LivePartition",
    "Message",
    "MessageFields",
    "Offset",
    "OutcomeUnknown",
    "Place",
    "RegistrySettings",
    "SchemaRegistry",
    "SharedSource",
    "TopicInfo",
    "TopicLimits",
    "TransactionFailed",
    "TransactionalSink",
    "dead_letter_messages",
    "read_messages",
    "take_over",
]
