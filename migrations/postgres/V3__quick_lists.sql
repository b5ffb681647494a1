-- The root of a user's lines, rounded down. It seldom changes, and so an index on it, unlike one on the lines, is not
-- written at each of them: only where no index changes can a row be changed in place (a HOT update). The pages keep room
-- for that.
ALTER TABLE user_stats SET (fillfactor = 70);
ALTER TABLE user_stats ADD COLUMN chat_rank INTEGER NOT NULL GENERATED ALWAYS AS (floor(sqrt(total_chat_lines))) STORED;
CREATE INDEX user_stats_by_rank ON user_stats (chat_rank DESC) WHERE chat_rank > 0;
DROP INDEX user_stats_by_lines;

-- What a user did of one kind: either of the other indexes would pass over much that is not meant.
CREATE INDEX user_actions_by_user_and_type ON user_actions (username, action_type, timestamp, id);
