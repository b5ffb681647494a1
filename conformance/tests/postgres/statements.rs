//! What the server is asked to do for each operation, by its own log: one statement, and no transaction around it.

use botstore::model::{
    ActionFilter, Batch, Claim, CloseSessions, Expect, FailureText, KvKey, KvName, KvPrefix, KvValue, Limit,
    MessageText, NewMessage, NewToken, OutboundState, Plugin, Position, RowKey, Seconds, Settlement, Source,
    Timestamp, TokenSecret, TokenSelector, Username,
};
use botstore::store::BotStore;
use botstore_conformance::load::line;
use botstore_conformance::server::PostgresServer;
use serde_json::json;

use crate::given::{batch, open};

crate::tests![
    each_operation_is_one_statement_prepared_once,
    without_a_cache_each_operation_is_one_statement_all_the_same,
];

/// The server logs each message that makes it do something.
const SETTINGS: &str = "log_min_duration_statement = 0\nlog_line_prefix = '[%a] '\n";

/// What the server did for stores, in order: `parse`, `bind`, `execute` or `statement`, the last without preparation.
fn steps(log: &str) -> Vec<&str> {
    let of_stores = log.lines().filter_map(|line| line.strip_prefix("[rosey-bot] LOG:  duration: "));
    of_stores.map(|line| line.split_whitespace().nth(2).unwrap().trim_end_matches(':')).collect()
}

/// What the server did for each call, by the operation's name.
struct Watched<'a> {
    server: &'a PostgresServer,
    seen: usize,
    calls: Vec<(&'static str, Vec<String>)>,
}

impl Watched<'_> {
    /// Notes what the server did since the last note.
    fn note(&mut self, operation: &'static str) {
        let log = self.server.log().unwrap();
        let steps = steps(&log[self.seen..]).into_iter().map(str::to_owned).collect();
        self.seen = log.len();
        self.calls.push((operation, steps));
    }
}

/// Makes a call, and notes what the server did for it.
macro_rules! watch {
    ($watched:ident, $store:ident.$method:ident($($argument:expr),* $(,)?)) => {{
        let answer = $store.$method($($argument),*).await.unwrap();
        $watched.note(stringify!($method));
        answer
    }};
}

/// Makes each call that is one statement, `round` being a number of its own.
async fn each_operation(store: &dyn BotStore, round: i64, watched: &mut Watched<'_>) {
    let now = Timestamp::new(round * 1_000).unwrap();
    let few = Limit::new(5).unwrap();
    let source = Source::new("log").unwrap();
    let position = |position| Position::new(position).unwrap();

    watch!(watched, store.record(&batch("hello")));
    let events = vec![(position(round), line("hello"))];
    watch!(watched, store.record(&Batch::with_cursor(source.clone(), position(round - 1), events).unwrap()));
    watch!(watched, store.position(&source));

    watch!(watched, store.user_stats(&Username::new("ada").unwrap()));
    watch!(watched, store.top_chatters(few));
    watch!(watched, store.user_totals());
    watch!(watched, store.close_sessions(CloseSessions::LastSign));
    watch!(watched, store.close_sessions(CloseSessions::At(now)));
    watch!(watched, store.recent_chat(few));
    watch!(watched, store.chat_after(RowKey::START, few));
    watch!(watched, store.chat_count());
    watch!(watched, store.channel_stats());
    watch!(watched, store.count_samples_after(RowKey::START, few));
    watch!(watched, store.count_sample_count());
    watch!(watched, store.current_status());
    watch!(watched, store.user_actions(&ActionFilter::default(), RowKey::END, few));

    each_on_messages(store, now, watched).await;

    let secret = TokenSecret::generate().unwrap();
    watch!(watched, store.create_token(&NewToken::of(&secret), now));
    watch!(watched, store.check_token(&secret.hash(), now));
    watch!(watched, store.revoke_token(&TokenSelector::Whole(secret.hash()), now));
    let secret = TokenSecret::generate().unwrap();
    watch!(watched, store.create_token(&NewToken::of(&secret), now));
    watch!(watched, store.revoke_token(&TokenSelector::Prefix(secret.prefix()), now));
    watch!(watched, store.tokens(None, few));

    let plugin = Plugin::new("quiz").unwrap();
    let key = KvKey { plugin: plugin.clone(), key: KvName::new("score").unwrap() };
    watch!(watched, store.kv_put(&key, &KvValue::new(&json!(round)).unwrap(), None, Expect::Any, now));
    watch!(watched, store.kv_get(&key, now));
    watch!(watched, store.kv_list(&plugin, &KvPrefix::new("").unwrap(), None, now, few));
    watch!(watched, store.kv_delete(&key, None, now));
    watch!(watched, store.health());
}

/// The same of the queue of messages.
async fn each_on_messages(store: &dyn BotStore, now: Timestamp, watched: &mut Watched<'_>) {
    let few = Limit::new(5).unwrap();
    let claim = Claim::new(now, Seconds::new(60).unwrap()).unwrap();
    let message = NewMessage::new(MessageText::new("hello").unwrap()).unwrap();
    watch!(watched, store.enqueue(&message, now));
    watch!(watched, store.due_messages(now, few));
    let leases = watch!(watched, store.claim_messages(claim, few));
    watch!(watched, store.settle_message(&leases[0], &Settlement::Sent, now));
    let failure = || FailureText::new("refused").unwrap();
    for (settlement, state) in [
        (Settlement::Transient(failure()), OutboundState::Retrying),
        (Settlement::Permanent(failure()), OutboundState::Failed),
    ] {
        let id = watch!(watched, store.enqueue(&message, now)).id;
        let leases = watch!(watched, store.claim_messages(claim, few));
        let lease = leases.iter().find(|lease| lease.message.id == id).unwrap();
        assert_eq!(watch!(watched, store.settle_message(lease, &settlement, now)), state);
        if state == OutboundState::Failed {
            watch!(watched, store.requeue_message(id, now));
            let leases = watch!(watched, store.claim_messages(claim, few));
            let lease = leases.iter().find(|lease| lease.message.id == id).unwrap();
            watch!(watched, store.settle_message(lease, &settlement, now));
            watch!(watched, store.discard_message(id));
        }
    }
    watch!(watched, store.outbound_messages(None, None, few));
    watch!(watched, store.outbound_messages(Some(OutboundState::Sent), None, few));
}

/// What the server did, for each operation in turn, in three rounds.
async fn watch(parameters: &str) -> [Vec<(&'static str, Vec<String>)>; 3] {
    let server = PostgresServer::start_own(SETTINGS).unwrap();
    let database = server.create_migrated().unwrap();
    // One connection: what is prepared on it is prepared for the next call.
    let store = open(&format!("{}?pool_size=1&max_overflow=0{parameters}", database.url())).await;
    let mut rounds = [1, 2, 3].map(|round| (round, Vec::new()));
    for (round, calls) in &mut rounds {
        let mut watched = Watched { server: &server, seen: server.log().unwrap().len(), calls: Vec::new() };
        each_operation(store.as_ref(), *round, &mut watched).await;
        *calls = watched.calls;
    }
    store.close().await.unwrap();
    rounds.map(|(_, calls)| calls)
}

async fn each_operation_is_one_statement_prepared_once() {
    // A source's first batch and its later ones are two forms of the statement.
    let [first, second, third] = watch("").await;
    for (operation, steps) in [first, second].concat() {
        let steps = steps.join(" ");
        assert!(["parse bind execute", "bind execute"].contains(&&*steps), "{operation}: {steps}");
    }
    for (operation, steps) in third {
        assert_eq!(steps, ["bind", "execute"], "{operation}");
    }
}

async fn without_a_cache_each_operation_is_one_statement_all_the_same() {
    for (operation, steps) in watch("&statement_cache=off").await.concat() {
        assert_eq!(steps, ["parse", "bind", "execute"], "{operation}");
    }
}
