//! Nothing that a store says has a password or a message in it. The suite looks for passwords in all that it makes stores
//! say; here are the ways to fail that it does not go.

use std::net::TcpListener;

use botstore::Config;
use botstore::model::{Expect, KvKey, KvName, KvValue, Plugin, Timestamp};
use botstore::url::DatabaseUrl;
use botstore_conformance::proxy::{Fault, Proxy};
use botstore_conformance::secrets::{self, MARK};
use serde_json::json;

use crate::given::{batch, database, open};

crate::tests![no_password_and_no_message_is_in_anything_that_is_said,];

/// URLs with a secret that cannot be opened, or not even read.
fn bad_urls(server: &str) -> Vec<String> {
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let place = server.split_once('@').unwrap().1;
    let other = |rest: &str| format!("postgresql://rosey:{MARK}x{rest}");
    vec![
        // The server says no.
        format!("postgresql://botstore:{MARK}wrong@{place}"),
        format!("postgresql://nobody:{MARK}x@{place}"),
        format!("{server}_that_is_not_there"),
        format!("{server}?options=-c%20no_such_setting%3D1"),
        format!("{server}?sslmode=require"),
        format!("postgresql://botstore@{place}?password={MARK}wrong"),
        // Nobody does.
        other(&format!("@127.0.0.1:{free}/rosey")),
        other("@no-such-host.invalid/rosey"),
        other("@%2Fno%2Fsuch%2Fdirectory/rosey"),
        other(&format!("@127.0.0.1:{free},[::1]:{free}/rosey?target_session_attrs=read-write")),
        other("@localhost/rosey?sslmode=verify-full&sslrootcert=/no/such/file"),
        // They are wrong.
        other("@localhost:port/rosey"),
        other("@localhost/rosey?sslmod=require"),
        other("@localhost/rosey?pool_size=many"),
        other("/@localhost/rosey"),
        other("?@localhost/rosey"),
        other("#@localhost/rosey"),
        other("@@localhost/rosey"),
        other("%zz@localhost/rosey"),
        other("@localhost/ro@sey"),
        other("@[::1/rosey"),
        other(""),
        format!("postgresql://rosey@localhost/rosey?passwort={MARK}x"),
        format!("postgresql://rosey@localhost/rosey?password={MARK}x&port=x"),
        format!("postgresql:rosey:{MARK}x@localhost/rosey"),
        format!("mysql://rosey:{MARK}x@localhost/rosey"),
    ]
}

async fn no_password_and_no_message_is_in_anything_that_is_said() {
    let database = database();
    let mut errors = 0;
    for url in bad_urls(database.url()) {
        match url.parse::<DatabaseUrl>() {
            Err(error) => secrets::look_into(&format!("{error} {error:?}")),
            Ok(url) => {
                secrets::look_into(&format!("{url} {url:?}"));
                let config = Config::new(url);
                secrets::open(&config).await.unwrap_err();
                secrets::migrate(&config).await.unwrap_err();
            }
        }
        errors += 1;
    }
    assert_eq!(errors, 26);

    // A store that logs all it can, of which connections break.
    let port = database.server().port().unwrap();
    let proxy = Proxy::start(port).await.unwrap();
    let url = format!("{}&echo=on&echo_pool=on", proxy.url(database.url(), port));
    let store = open(&url).await;
    let said = batch(&format!("{MARK}message"));
    store.record(&said).await.unwrap();
    for fault in [Fault::AnswerLost, Fault::CutInTheMiddle] {
        proxy.plan(fault, 1);
        store.record(&said).await.unwrap_err();
    }
    let key = KvKey { plugin: Plugin::new("quiz").unwrap(), key: KvName::new("score").unwrap() };
    let (value, now) = (KvValue::new(&json!(format!("{MARK}value"))).unwrap(), Timestamp::new(1).unwrap());
    store.kv_put(&key, &value, None, Expect::Any, now).await.unwrap();
    store.kv_put(&key, &value, None, Expect::Absent, now).await.unwrap_err();
    store.close().await.unwrap();

    let outcome = secrets::outcome();
    assert_eq!(outcome.found, Vec::<String>::new());
    assert!(outcome.texts > 100, "{}", outcome.texts);
}
