-- Who is there now, so that closing their sessions need not look at everybody ever seen.
CREATE INDEX user_stats_open_sessions ON user_stats (username) WHERE current_session_start IS NOT NULL;

-- What a user did of one kind: either of the other indexes would pass over much that is not meant.
CREATE INDEX user_actions_by_user_and_type ON user_actions (username, action_type, timestamp);
