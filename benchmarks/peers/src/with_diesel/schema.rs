//! The tables, with the columns that the work needs.

diesel::table! {
    user_stats (username) {
        username -> Text,
        first_seen -> BigInt,
        last_seen -> BigInt,
        total_chat_lines -> BigInt,
        total_time_connected -> BigInt,
        current_session_start -> Nullable<BigInt>,
        session_last_seen -> Nullable<BigInt>,
    }
}

diesel::table! {
    channel_stats (id) {
        id -> BigInt,
        max_users -> BigInt,
        max_users_timestamp -> Nullable<BigInt>,
        max_connected -> BigInt,
        max_connected_timestamp -> Nullable<BigInt>,
        last_updated -> Nullable<BigInt>,
    }
}

diesel::table! {
    user_count_history (id) {
        id -> BigInt,
        timestamp -> BigInt,
        chat_users -> BigInt,
        connected_users -> BigInt,
    }
}

diesel::table! {
    recent_chat (id) {
        id -> BigInt,
        timestamp -> BigInt,
        username -> Text,
        message -> Text,
    }
}

diesel::table! {
    outbound_messages (id) {
        id -> BigInt,
        timestamp -> BigInt,
        sent_timestamp -> Nullable<BigInt>,
        message -> Text,
        sent -> Bool,
        state -> Text,
        due_at -> Nullable<BigInt>,
        lease_until -> Nullable<BigInt>,
        lease_token -> BigInt,
    }
}
