"""The tables, with the columns that the work needs."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    type_annotation_map = {int: BigInteger}


class UserStats(Base):
    __tablename__ = "user_stats"

    username: Mapped[str] = mapped_column(primary_key=True)
    first_seen: Mapped[int]
    last_seen: Mapped[int]
    total_chat_lines: Mapped[int]
    total_time_connected: Mapped[int]
    current_session_start: Mapped[int | None]
    session_last_seen: Mapped[int | None]


class ChannelStats(Base):
    __tablename__ = "channel_stats"

    id: Mapped[int] = mapped_column(primary_key=True)
    max_users: Mapped[int]
    max_users_timestamp: Mapped[int | None]
    max_connected: Mapped[int]
    max_connected_timestamp: Mapped[int | None]
    last_updated: Mapped[int | None]


class UserCountHistory(Base):
    __tablename__ = "user_count_history"

    id: Mapped[int] = mapped_column(primary_key=True)
    timestamp: Mapped[int]
    chat_users: Mapped[int]
    connected_users: Mapped[int]


class RecentChat(Base):
    __tablename__ = "recent_chat"

    id: Mapped[int] = mapped_column(primary_key=True)
    timestamp: Mapped[int]
    username: Mapped[str]
    message: Mapped[str]


class OutboundMessage(Base):
    __tablename__ = "outbound_messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    timestamp: Mapped[int]
    sent_timestamp: Mapped[int | None]
    message: Mapped[str]
    # What the database sets where nothing is said, it is left to set.
    sent: Mapped[bool] = mapped_column(server_default="FALSE")
    state: Mapped[str] = mapped_column(server_default="queued")
    due_at: Mapped[int | None]
    lease_until: Mapped[int | None]
    lease_token: Mapped[int] = mapped_column(server_default="0")
