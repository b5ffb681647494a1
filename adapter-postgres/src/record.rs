//! Writing down what a batch does, in one statement.
//!
//! The statement is put together from parts, one for each thing that the batch does, so that a single line of chat
//! costs no more than it must. It has few forms, since each part is there or not; each is prepared once a connection.
//! None joins a table with the batch: the plan that is kept for a prepared statement is made when the table may be
//! empty, and must still be the right one when it is large.
//!
//! Every statement takes its locks in one order: the source's position, the users by name, the channel, the status.
//! The parts are therefore counted in that order by the final SELECT, which is what makes them run in it.

use botstore_core::fold::{Effect, KeptAction, KeptLine, Opener, Samples, UserDelta};
use botstore_core::model::{Peak, Position, Source, StatusPatch, Timestamp, Username};

use crate::max_total;
use crate::statement::Statement;

/// The step of a source's position that a batch makes.
pub(crate) struct Move<'a> {
    pub(crate) source: &'a Source,
    pub(crate) from: Position,
    pub(crate) to: Position,
}

impl<'a> Statement<'a> {
    /// The statement that writes `effect`, if the source can make its step. Its one row has a column `moved`: 1 if the
    /// source moved, 0 if nothing was written.
    pub(crate) fn record(effect: &Effect<'a>, step: Option<Move<'a>>) -> Self {
        let mut statement = Self::default();
        if let Some(step) = step {
            statement.move_source(&step);
        }
        if !effect.users.is_empty() {
            statement.users(effect);
        }
        if let Some(samples) = &effect.samples {
            statement.samples(samples);
        }
        if let Some((at, patch)) = &effect.status {
            statement.status(*at, patch);
        }
        if !effect.lines.is_empty() {
            statement.lines(&effect.lines);
        }
        if !effect.actions.is_empty() {
            statement.actions(&effect.actions);
        }
        statement.finish();
        statement
    }

    fn move_source(&mut self, step: &Move<'a>) {
        let (source, to) = (self.bind(step.source.as_str()), self.bind(step.to.get()));
        let sql = if step.from == Position::START {
            format!(
                "INSERT INTO source_positions (source, position) VALUES ({source}, {to})
                ON CONFLICT (source) DO NOTHING"
            )
        } else {
            let from = self.bind(step.from.get());
            format!(
                "UPDATE source_positions SET position = {to} WHERE source = {source} AND position = {from}"
            )
        };
        self.locking_part("moved", sql);
        self.guard = "WHERE EXISTS (SELECT FROM moved)";
    }

    /// Users are changed or made one after the other, in the order of their names.
    fn users(&mut self, effect: &Effect<'a>) {
        let names = self.bind(names(effect));
        let lines = self.bind(column(effect, |delta| delta.lines));
        let first = self.bind(column(effect, |delta| delta.seen.map(|(first, _)| first.seconds())));
        let last = self.bind(column(effect, |delta| delta.seen.map(|(_, last)| last.seconds())));
        if effect.users.values().all(|delta| delta.sessions.is_none()) {
            self.speakers(&names, &lines, &first, &last);
        } else {
            self.sessions(effect, &names, &lines, &first, &last);
        }
    }

    /// Users who only spoke: the most frequent case.
    fn speakers(&mut self, names: &str, lines: &str, first: &str, last: &str) {
        let guard = self.guard;
        self.locking_part(
            "users",
            format!(
                "INSERT INTO user_stats AS u (username, first_seen, last_seen, total_chat_lines)
                SELECT * FROM unnest({names}, {first}, {last}, {lines})
                    AS d (username, first_seen, last_seen, lines)
                {guard} ORDER BY d.username COLLATE \"C\"
                ON CONFLICT (username) DO UPDATE SET
                    first_seen = LEAST(u.first_seen, excluded.first_seen),
                    last_seen = GREATEST(u.last_seen, excluded.last_seen),
                    total_chat_lines = LEAST(u.total_chat_lines + excluded.total_chat_lines, {max}),
                    session_last_seen = CASE WHEN u.current_session_start IS NOT NULL
                        THEN GREATEST(u.session_last_seen, excluded.last_seen) END",
                max = max_total!(),
            ),
        );
    }

    /// Users who joined or left, and may have spoken too: `UserDelta::apply` in SQL. A user who only left is changed
    /// but not made. A row that is there finds its delta again by the place of its name among the sorted names.
    fn sessions(&mut self, effect: &Effect<'a>, names: &str, lines: &str, first: &str, last: &str) {
        let sessions = |delta: &UserDelta| delta.sessions;
        let seconds = self.bind(column(effect, |delta| delta.seconds));
        let head = self.bind(column(effect, |delta| delta.head.map(Timestamp::seconds)));
        let joined =
            self.bind(column(effect, |delta| sessions(delta).is_some_and(|s| s.opener == Opener::Join)));
        let left = self.bind(column(effect, |delta| match sessions(delta)?.opener {
            Opener::Leave(at) => Some(at.seconds()),
            Opener::Join => None,
        }));
        let start = self.bind(column(effect, |delta| Some(sessions(delta)?.open?.start.seconds())));
        let sign = self.bind(column(effect, |delta| Some(sessions(delta)?.open?.last_sign.seconds())));
        let and_guard = self.and_guard();
        self.locking_part(
            "users",
            format!(
                "INSERT INTO user_stats AS u (username, first_seen, last_seen, total_chat_lines, total_time_connected,
                    current_session_start, session_last_seen)
                SELECT d.username, COALESCE(d.first_seen, d.left_at), COALESCE(d.last_seen, d.left_at), d.lines,
                    LEAST(d.seconds, {max}), d.start, d.last_sign
                FROM unnest({names}, {first}, {last}, {lines}, {seconds}, {left}, {start}, {sign})
                    AS d (username, first_seen, last_seen, lines, seconds, left_at, start, last_sign)
                WHERE (d.first_seen IS NOT NULL
                    OR (SELECT TRUE FROM user_stats k WHERE k.username = d.username COLLATE \"C\"))
                    {and_guard}
                ORDER BY d.username COLLATE \"C\"
                ON CONFLICT (username) DO UPDATE SET
                    total_chat_lines = LEAST(u.total_chat_lines + excluded.total_chat_lines, {max}),
                    (first_seen, last_seen, total_time_connected, current_session_start, session_last_seen) = (
                        SELECT
                            LEAST(u.first_seen, d.first_seen,
                                CASE WHEN u.current_session_start IS NOT NULL THEN d.left_at END),
                            GREATEST(u.last_seen, d.last_seen,
                                CASE WHEN u.current_session_start IS NOT NULL THEN d.left_at END),
                            LEAST(u.total_time_connected + excluded.total_time_connected + CASE
                                WHEN u.current_session_start IS NULL THEN 0
                                WHEN d.joined
                                    THEN GREATEST(0, GREATEST(u.session_last_seen, d.head) - u.current_session_start)
                                WHEN d.left_at IS NOT NULL THEN GREATEST(0, d.left_at - u.current_session_start)
                                ELSE 0 END, {max}),
                            CASE WHEN d.joined OR d.left_at IS NOT NULL THEN excluded.current_session_start
                                ELSE u.current_session_start END,
                            CASE WHEN d.joined OR d.left_at IS NOT NULL THEN excluded.session_last_seen
                                WHEN u.current_session_start IS NOT NULL
                                    THEN GREATEST(u.session_last_seen, d.head) END
                        FROM (
                            SELECT ({first})[n] AS first_seen, ({last})[n] AS last_seen, ({head})[n] AS head,
                                ({joined})[n] AS joined, ({left})[n] AS left_at
                            FROM (SELECT width_bucket(excluded.username COLLATE \"C\", {names}) OFFSET 0) AS place (n)
                        ) AS d
                    )",
                max = max_total!(),
            ),
        );
    }

    fn lines(&mut self, lines: &[KeptLine<'a>]) {
        let at = self.bind(lines.iter().map(|line| line.at.seconds()).collect::<Vec<_>>());
        let usernames = self.bind(lines.iter().map(|line| line.username.as_str()).collect::<Vec<_>>());
        let messages = self.bind(lines.iter().map(|line| line.message.as_str()).collect::<Vec<_>>());
        let guard = self.guard;
        self.part(
            "lines",
            format!(
                "INSERT INTO recent_chat (timestamp, username, message)
                SELECT l.at, l.username, l.message
                FROM unnest({at}, {usernames}, {messages}) WITH ORDINALITY
                    AS l (at, username, message, n)
                {guard} ORDER BY l.n"
            ),
        );
    }

    fn samples(&mut self, samples: &Samples) {
        let peak = |peak: Option<Peak>| {
            (peak.map_or(0, |peak| peak.count.get()), peak.map(|peak| peak.at.seconds()))
        };
        let ((chat, chat_at), (connected, connected_at)) =
            (peak(samples.peak_chat), peak(samples.peak_connected));
        let (chat, chat_at) = (self.bind(chat), self.bind(chat_at));
        let (connected, connected_at) = (self.bind(connected), self.bind(connected_at));
        let last = self.bind(samples.last.seconds());
        let guard = self.guard;
        // Without the condition, statements that change nothing would wait for one another's commits.
        self.locking_part(
            "peaks",
            format!(
                "UPDATE channel_stats c SET
                    max_users = GREATEST(c.max_users, p.chat),
                    max_users_timestamp = CASE WHEN p.chat > c.max_users THEN p.chat_at
                        WHEN p.chat = c.max_users THEN LEAST(c.max_users_timestamp, p.chat_at)
                        ELSE c.max_users_timestamp END,
                    max_connected = GREATEST(c.max_connected, p.connected),
                    max_connected_timestamp = CASE WHEN p.connected > c.max_connected THEN p.connected_at
                        WHEN p.connected = c.max_connected THEN LEAST(c.max_connected_timestamp, p.connected_at)
                        ELSE c.max_connected_timestamp END,
                    last_updated = GREATEST(c.last_updated, p.last)
                FROM (SELECT {chat}, {chat_at}, {connected}, {connected_at},
                    {last} {guard}) AS p (chat, chat_at, connected, connected_at, last)
                WHERE c.id = 1 AND (p.chat > c.max_users OR p.connected > c.max_connected
                    OR p.chat = c.max_users AND p.chat_at < c.max_users_timestamp
                    OR p.connected = c.max_connected AND p.connected_at < c.max_connected_timestamp
                    OR (p.last > c.last_updated) IS NOT FALSE)"
            ),
        );
        let samples = &samples.samples;
        let at = self.bind(samples.iter().map(|(at, _)| at.seconds()).collect::<Vec<_>>());
        let chat = self.bind(samples.iter().map(|(_, counts)| counts.chat().get()).collect::<Vec<_>>());
        let connected =
            self.bind(samples.iter().map(|(_, counts)| counts.connected().get()).collect::<Vec<_>>());
        self.part(
            "samples",
            format!(
                "INSERT INTO user_count_history (timestamp, chat_users, connected_users)
                SELECT s.at, s.chat, s.connected
                FROM unnest({at}, {chat}, {connected}) WITH ORDINALITY
                    AS s (at, chat, connected, n)
                {guard} ORDER BY s.n"
            ),
        );
    }

    fn actions(&mut self, actions: &[KeptAction<'a>]) {
        let at = self.bind(actions.iter().map(|action| action.at.seconds()).collect::<Vec<_>>());
        let usernames = self.bind(actions.iter().map(|action| action.username.as_str()).collect::<Vec<_>>());
        let kinds = self.bind(actions.iter().map(|action| action.action.as_str()).collect::<Vec<_>>());
        let details: Vec<_> = actions.iter().map(|action| action.details.map(|text| text.as_str())).collect();
        let details = self.bind(details);
        let guard = self.guard;
        self.part(
            "actions",
            format!(
                "INSERT INTO user_actions (timestamp, username, action_type, details)
                SELECT a.at, a.username, a.kind, a.details
                FROM unnest({at}, {usernames}, {kinds}, {details}) WITH ORDINALITY
                    AS a (at, username, kind, details, n)
                {guard} ORDER BY a.n"
            ),
        );
    }

    /// The guard behind other conditions.
    fn and_guard(&self) -> String {
        self.guard.replacen("WHERE", "AND", 1)
    }

    /// Each field has a flag beside its value, so that the text is the same whatever fields a patch names.
    fn status(&mut self, at: Timestamp, patch: &StatusPatch) {
        let mut fields: Vec<String> = Vec::new();
        macro_rules! field {
            ($name:ident, $value:expr) => {
                let (named, value) = (self.bind(patch.$name.is_some()), self.bind($value));
                let name = stringify!($name);
                fields.push(format!("{name} = CASE WHEN {named} THEN {value} ELSE {name} END"));
            };
        }
        macro_rules! text {
            ($name:ident) => {
                field!($name, patch.$name.as_ref().and_then(|v| v.as_ref()).map(|v| v.as_str().to_owned()));
            };
        }
        macro_rules! count {
            ($name:ident) => {
                field!($name, patch.$name.flatten().map(|count| count.get()));
            };
        }
        field!(status, patch.status.as_ref().map(|status| status.as_str().to_owned()));
        text!(bot_name);
        field!(bot_rank, patch.bot_rank.flatten().map(|rank| rank.get()));
        field!(bot_afk, patch.bot_afk.flatten());
        text!(channel_name);
        field!(current_users, patch.current_users.map(|count| count.get()));
        field!(connected_users, patch.connected_users.map(|count| count.get()));
        count!(current_chat_users);
        count!(current_connected_users);
        count!(playlist_items);
        text!(current_media_title);
        count!(current_media_duration);
        field!(bot_start_time, patch.bot_start_time.flatten().map(Timestamp::seconds));
        field!(bot_connected, patch.bot_connected.flatten());
        let at = self.bind(at.seconds());
        let and_guard = self.and_guard();
        let fields = fields.join(", ");
        self.locking_part(
            "patched",
            format!(
                "UPDATE current_status SET {fields}, last_updated = GREATEST(last_updated, {at})
                WHERE id = 1 {and_guard}"
            ),
        );
    }
}

fn names<'a>(effect: &Effect<'a>) -> Vec<&'a str> {
    effect.users.keys().map(|&name| Username::as_str(name)).collect()
}

/// One value of each user's delta, in the order of names.
fn column<T>(effect: &Effect<'_>, value: impl Fn(&UserDelta) -> T) -> Vec<T> {
    effect.users.values().map(value).collect()
}

#[cfg(test)]
pub(crate) mod tests;
