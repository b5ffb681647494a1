-- Lost: everything else: the users and their statistics, the chat, the audit log, the counts of users and their peaks, the
-- status, the queue of messages and the tokens.

DROP TABLE api_tokens;
DROP TABLE outbound_messages;
DROP TABLE current_status;
DROP TABLE recent_chat;
DROP TABLE user_count_history;
DROP TABLE channel_stats;
DROP TABLE user_actions;
DROP TABLE user_stats;
