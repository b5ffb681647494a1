-- Nothing is lost: both indexes are made of what stays.

DROP INDEX user_actions_by_user_and_type;
DROP INDEX user_stats_open_sessions;
