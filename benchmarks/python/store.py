"""A bot's work by SQLAlchemy's asyncio ORM, with a session for each operation."""

from sqlalchemy import case, event, func, make_url, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import aliased

from tables import ChannelStats, OutboundMessage, RecentChat, UserCountHistory, UserStats

# How long a claimed message is its claimer's, in seconds.
LEASE = 300

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}

# What an answered write survives.
DURABILITY = {
    "sqlite": """SELECT upper(journal_mode) || ', synchronous=' || CASE synchronous
        WHEN 0 THEN 'OFF' WHEN 1 THEN 'NORMAL' WHEN 2 THEN 'FULL' ELSE 'EXTRA' END
        FROM pragma_journal_mode, pragma_synchronous""",
    "postgresql": """SELECT 'fsync=' || current_setting('fsync')
        || ', synchronous_commit=' || current_setting('synchronous_commit')""",
}


def set_up_sqlite(connection, _record):
    cursor = connection.cursor()
    for pragma in ("busy_timeout = 5000", "journal_mode = WAL", "synchronous = FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class Store:
    """The work on one database.

    A transaction that writes begins with a statement that writes, so that SQLite's write lock is waited for.
    Asked for after a read, it is refused at once if somebody else has it.
    """

    def __init__(self, url):
        url = make_url(url)
        self.backend = url.get_backend_name()
        if self.backend not in DRIVERS:
            raise SystemExit(
                "sqlite:////ABSOLUTE/PATH or postgresql://USER:PASSWORD@HOST/DATABASE is expected"
            )
        url = url.set(drivername=DRIVERS[self.backend])
        # The pool's size is SQLAlchemy's own choice. No error shows what was bound.
        self.engine = create_async_engine(url, pool_size=5, max_overflow=10, hide_parameters=True)
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        if self.backend == "sqlite":
            event.listen(self.engine.sync_engine, "connect", set_up_sqlite)
            self.insert, self.least, self.greatest = sqlite.insert, func.min, func.max
        else:
            self.insert, self.least, self.greatest = postgresql.insert, func.least, func.greatest

    def seen(self, values, changes):
        """An upsert of a user who was seen. The changes are made from the row that was proposed."""
        insert = self.insert(UserStats).values(total_time_connected=0, **values)
        proposed = insert.excluded
        known = {
            "first_seen": self.least(UserStats.first_seen, proposed.first_seen),
            "last_seen": self.greatest(UserStats.last_seen, proposed.last_seen),
        }
        return insert.on_conflict_do_update(index_elements=["username"], set_=known | changes(proposed))

    async def chat(self, at, user, message):
        values = {"username": user, "first_seen": at, "last_seen": at, "total_chat_lines": 1}
        upsert = self.seen(
            values,
            lambda proposed: {
                "total_chat_lines": UserStats.total_chat_lines + 1,
                "session_last_seen": case(
                    (
                        UserStats.current_session_start.is_not(None),
                        self.greatest(UserStats.session_last_seen, proposed.last_seen),
                    )
                ),
            },
        )
        async with self.sessions() as session, session.begin():
            await session.execute(upsert)
            session.add(RecentChat(timestamp=at, username=user, message=message))

    async def join(self, at, user):
        values = {"username": user, "first_seen": at, "last_seen": at, "total_chat_lines": 0}
        values |= {"current_session_start": at, "session_last_seen": at}
        seconds = func.coalesce(UserStats.session_last_seen - UserStats.current_session_start, 0)
        upsert = self.seen(
            values,
            lambda proposed: {
                "total_time_connected": UserStats.total_time_connected + seconds,
                "current_session_start": proposed.current_session_start,
                "session_last_seen": proposed.session_last_seen,
            },
        )
        await self.write(upsert)

    async def leave(self, at, user):
        seconds = self.greatest(at - UserStats.current_session_start, 0)
        close = update(UserStats).values(
            last_seen=self.greatest(UserStats.last_seen, at),
            total_time_connected=UserStats.total_time_connected + seconds,
            current_session_start=None,
            session_last_seen=None,
        )
        await self.write(
            close.where(UserStats.username == user, UserStats.current_session_start.is_not(None))
        )

    async def count(self, at, chat, connected):
        peaks = (
            update(ChannelStats)
            .where(ChannelStats.id == 1)
            .values(
                max_users=self.greatest(ChannelStats.max_users, chat),
                max_users_timestamp=case(
                    (ChannelStats.max_users < chat, at), else_=ChannelStats.max_users_timestamp
                ),
                max_connected=self.greatest(ChannelStats.max_connected, connected),
                max_connected_timestamp=case(
                    (ChannelStats.max_connected < connected, at), else_=ChannelStats.max_connected_timestamp
                ),
                last_updated=self.greatest(func.coalesce(ChannelStats.last_updated, at), at),
            )
        )
        async with self.sessions() as session, session.begin():
            session.add(UserCountHistory(timestamp=at, chat_users=chat, connected_users=connected))
            await session.execute(peaks, execution_options={"synchronize_session": False})

    async def top(self, limit):
        query = select(UserStats.username, UserStats.total_chat_lines).where(UserStats.total_chat_lines > 0)
        query = query.order_by(UserStats.total_chat_lines.desc(), UserStats.username).limit(limit)
        async with self.sessions() as session:
            return len((await session.execute(query)).all())

    async def recent(self, limit):
        query = select(RecentChat).order_by(RecentChat.timestamp.desc(), RecentChat.id.desc()).limit(limit)
        async with self.sessions() as session:
            lines = (await session.scalars(query)).all()
        return len(lines[::-1])

    async def stats(self, user):
        async with self.sessions() as session:
            return await session.get(UserStats, user) is not None

    async def queue(self, at, message):
        async with self.sessions() as session, session.begin():
            session.add(OutboundMessage(timestamp=at, message=message, due_at=at))
        claimed = await self.claim(at)
        if claimed is not None:
            sent = update(OutboundMessage).values(
                state="sent", sent=True, sent_timestamp=at, due_at=None, lease_until=None
            )
            await self.write(
                sent.where(
                    OutboundMessage.id == claimed.id, OutboundMessage.lease_token == claimed.lease_token
                )
            )

    async def claim(self, at):
        """Claims the message that is due first and that nobody else is at."""
        due = aliased(OutboundMessage)
        first = select(due.id).where(due.due_at <= at, or_(due.lease_until.is_(None), due.lease_until <= at))
        first = first.order_by(due.due_at, due.id).limit(1).with_for_update(skip_locked=True)
        claim = (
            update(OutboundMessage)
            .where(OutboundMessage.id == first.scalar_subquery())
            .values(lease_until=at + LEASE, lease_token=OutboundMessage.lease_token + 1)
            .returning(OutboundMessage.id, OutboundMessage.lease_token, OutboundMessage.message)
        )
        async with self.sessions() as session, session.begin():
            result = await session.execute(claim, execution_options={"synchronize_session": False})
            return result.one_or_none()

    async def write(self, statement):
        """One statement, in a transaction of its own."""
        async with self.sessions() as session, session.begin():
            await session.execute(statement, execution_options={"synchronize_session": False})

    async def durability(self):
        async with self.sessions() as session:
            return await session.scalar(text(DURABILITY[self.backend]))

    async def close(self):
        await self.engine.dispose()
