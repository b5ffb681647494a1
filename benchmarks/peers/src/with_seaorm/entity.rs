//! The tables, with the columns that the work needs.

pub(super) mod user_stats {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "user_stats")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub username: String,
        pub first_seen: i64,
        pub last_seen: i64,
        pub total_chat_lines: i64,
        pub total_time_connected: i64,
        pub current_session_start: Option<i64>,
        pub session_last_seen: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod channel_stats {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "channel_stats")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub max_users: i64,
        pub max_users_timestamp: Option<i64>,
        pub max_connected: i64,
        pub max_connected_timestamp: Option<i64>,
        pub last_updated: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod user_count_history {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "user_count_history")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub timestamp: i64,
        pub chat_users: i64,
        pub connected_users: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod recent_chat {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "recent_chat")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub timestamp: i64,
        pub username: String,
        pub message: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod outbound_messages {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbound_messages")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        pub timestamp: i64,
        pub sent_timestamp: Option<i64>,
        pub message: String,
        pub sent: bool,
        pub state: String,
        pub due_at: Option<i64>,
        pub lease_until: Option<i64>,
        pub lease_token: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
