use super::*;

fn text(text: &str) -> Field {
    Field::Text(text.to_owned())
}

fn user(start: Field, last: Field) -> Result<Row, crate::InvalidInput> {
    let int = Field::Int;
    Row::new(Table::UserStats, vec![text("ada"), int(1), int(2), int(3), int(4), start, last])
}

fn refused(row: Result<Row, crate::InvalidInput>) -> (&'static str, String) {
    let invalid = row.unwrap_err();
    (invalid.field, invalid.reason)
}

#[test]
fn every_initial_row_is_valid() {
    for table in Table::ALL {
        assert_eq!(table.initial().is_some(), table.is_single(), "{table}");
    }
}

#[test]
fn a_column_keeps_its_rule_by_its_own_name() {
    let sample = |fields| Row::new(Table::UserCountHistory, fields);
    let int = Field::Int;
    assert!(sample(vec![int(1), int(2), int(3), int(3)]).is_ok());
    assert_eq!(refused(sample(vec![int(0), int(2), int(3), int(3)])).0, "id");
    assert_eq!(refused(sample(vec![int(1), int(-2), int(3), int(3)])).0, "timestamp");
    assert_eq!(refused(sample(vec![int(1), int(2), int(-3), int(3)])), ("chat_users", "is negative".into()));
    assert_eq!(refused(sample(vec![int(1), int(2), int(3), Field::Null])).1, "is null");
    assert_eq!(refused(sample(vec![int(1), int(2), int(3), text("4")])).0, "connected_users");
    assert_eq!(refused(sample(vec![int(1), int(2)])).1, "has 2 columns, and user_count_history has 4");
}

#[test]
fn columns_do_not_contradict_one_another() {
    let int = Field::Int;
    assert!(user(Field::Null, Field::Null).is_ok());
    assert!(user(int(1), int(2)).is_ok());
    assert_eq!(refused(user(int(1), Field::Null)).0, "session_last_seen");
    assert_eq!(refused(user(Field::Null, int(1))).0, "session_last_seen");
    let sample = Row::new(Table::UserCountHistory, vec![int(1), int(2), int(4), int(3)]);
    assert_eq!(refused(sample), ("connected_users", "is less than chat_users".into()));
    let line = Row::new(Table::RecentChat, vec![int(1), int(2), text("ada"), text("")]);
    assert_eq!(refused(line), ("message", "is empty".into()));
    let peak = |at| {
        let fields = vec![int(1), int(3), at, int(0), Field::Null, Field::Null];
        Row::new(Table::ChannelStats, fields)
    };
    assert!(peak(int(9)).is_ok());
    assert_eq!(refused(peak(Field::Null)).0, "max_users_timestamp");
}

#[test]
fn a_message_s_state_and_moments_agree() {
    let message = |sent: bool, sent_at: Field, state: &str, due: Field| {
        let (int, null) = (Field::Int, Field::Null);
        let fields = vec![
            int(1),
            int(2),
            sent_at,
            text("hello"),
            Field::Bool(sent),
            int(0),
            null.clone(),
            null.clone(),
            text(state),
            int(3),
            due,
            null,
            int(0),
        ];
        Row::new(Table::OutboundMessages, fields)
    };
    let (moment, null) = (Field::Int(5), Field::Null);
    assert!(message(true, moment.clone(), "sent", null.clone()).is_ok());
    assert!(message(false, null.clone(), "queued", moment.clone()).is_ok());
    assert!(message(false, null.clone(), "dead", null.clone()).is_ok());
    assert_eq!(refused(message(false, moment.clone(), "sent", null.clone())).0, "sent");
    assert_eq!(refused(message(false, moment.clone(), "dead", null.clone())).0, "sent_timestamp");
    assert_eq!(refused(message(false, null.clone(), "retrying", null.clone())).0, "due_at");
    assert_eq!(refused(message(false, null.clone(), "dead", moment)).0, "due_at");
    assert_eq!(refused(message(false, null.clone(), "lost", null)).0, "state");
}

#[test]
fn a_page_is_of_one_table_and_in_order() {
    let row = |name: &str| Row::new(Table::SourcePositions, vec![text(name), Field::Int(1)]).unwrap();
    assert!(Page::new(Table::SourcePositions, vec![row("a"), row("b")]).is_ok());
    for rows in [vec![row("b"), row("a")], vec![row("a"), row("a")]] {
        assert_eq!(Page::new(Table::SourcePositions, rows).unwrap_err().field, "rows");
    }
    assert_eq!(Page::new(Table::ApiTokens, vec![row("a")]).unwrap_err().field, "rows");
}

#[test]
fn what_stands_in_a_row_is_not_in_debug_output() {
    let row = Row::new(Table::RecentChat, vec![Field::Int(1), Field::Int(2), text("ada"), text("secret")]);
    assert!(!format!("{row:?}").contains("secret"));
}
