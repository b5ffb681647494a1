use std::collections::HashSet;

use botstore_core::url::DatabaseUrl;

use super::*;

fn connector(url: &str) -> Connector {
    let DatabaseUrl::Postgres(url) = url.parse().unwrap() else { panic!("no PostgreSQL URL") };
    Connector::new(&url, &url.settings(PostgresSettings::default())).unwrap()
}

#[test]
fn a_url_says_how_each_server_is_reached() {
    let connector = connector(
        "postgresql://ada:s%40cret@one:5433,two/db?hostaddr=10.0.0.1,10.0.0.2&target_session_attrs=primary\
         &load_balance_hosts=random&channel_binding=require&connect_timeout=3&keepalives_idle=20\
         &keepalives_interval=5&keepalives_retries=4&application_name=mine&sslmode=require",
    );
    let mut expected = Config::new();
    expected.user("ada").password("s@cret").dbname("db").application_name("mine");
    let session = Session::of(&PostgresSettings::default()).options();
    expected.options(session + " -c client_connection_check_interval=10s");
    expected.target_session_attrs(TargetSessionAttrs::ReadWrite);
    expected.channel_binding(config::ChannelBinding::Require);
    expected.load_balance_hosts(LoadBalanceHosts::Random).ssl_mode(config::SslMode::Require);
    expected.keepalives_idle(Duration::from_secs(20)).keepalives_interval(Duration::from_secs(5));
    expected.keepalives_retries(4);
    let (mut one, mut two) = (expected.clone(), expected);
    one.host("one").port(5433).hostaddr([10, 0, 0, 1].into());
    two.host("two").port(5432).hostaddr([10, 0, 0, 2].into());
    assert_eq!([&connector.servers[0].config, &connector.servers[1].config], [&one, &two]);
    let hosts = [0, 1].map(|n| connector.servers[n].host.to_string());
    assert_eq!(hosts, ["one:5433", "two:5432"]);
    assert_eq!((connector.timeout, connector.shuffle), (Duration::from_secs(3), true));
}

#[test]
fn a_socket_is_never_encrypted() {
    let connector = connector("postgresql://ada@%2Frun%2Fpg,host/db?sslmode=prefer");
    let configs = [0, 1].map(|n| &connector.servers[n].config);
    assert_eq!(configs.map(Config::get_ssl_mode), [config::SslMode::Disable, config::SslMode::Prefer]);
    assert_eq!(configs[0].get_hosts(), [config::Host::Unix("/run/pg".into())]);
}

#[test]
fn a_session_begins_with_the_settings_and_then_those_of_the_url() {
    let options = |parameters: &str| {
        let connector = connector(&format!("postgresql://ada@host/db?{parameters}"));
        connector.servers[0].config.get_options().map(str::to_owned)
    };
    let starts = |text: Option<String>, start: &str| assert!(text.unwrap().starts_with(start));
    starts(
        options(""),
        "-c statement_timeout=60000 -c jit=off -c default_transaction_isolation=read\\ committed ",
    );
    starts(options("statement_timeout=off&jit=on"), "-c statement_timeout=0 -c jit=on ");
    assert!(options("").unwrap().ends_with(" -c client_connection_check_interval=10s"));
    assert!(options("options=-c%20geqo%3Doff").unwrap().ends_with(" -c geqo=off"));
    // The first value would be refused where only the second will do.
    let own = options("options=-c%20client_connection_check_interval%3D0").unwrap();
    assert!(own.ends_with(" -c enable_mergejoin=off -c client_connection_check_interval=0"), "{own}");
    // PgBouncer refuses a connection that begins with any.
    assert_eq!(options("statement_cache=off"), None);
    assert_eq!(options("statement_cache=off&options=-c%20geqo%3Doff").unwrap(), "-c geqo=off");
}

#[tokio::test]
async fn servers_are_tried_in_their_order_or_if_asked_in_any() {
    let closed = |_| std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let [one, two] = [0, 1].map(closed);
    for (parameters, orders) in [("", 1), ("&load_balance_hosts=random", 2)] {
        let url = format!("postgresql://ada@127.0.0.1:{one},127.0.0.1:{two}/db?sslmode=disable{parameters}");
        let (connector, mut first) = (connector(&url), HashSet::new());
        for _ in 0..64 {
            let error = connector.connect().await.map(drop).unwrap_err();
            first.insert(error.attempts[0].server.clone());
        }
        assert_eq!(first.len(), orders, "{parameters:?}: {first:?}");
        assert!(first.contains(&format!("127.0.0.1:{one}")), "{first:?}");
    }
}

#[tokio::test]
async fn of_several_servers_each_says_why_it_would_not_do() {
    let closed = |_| std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let [one, two] = [0, 1].map(closed);
    let url =
        format!("postgresql://ada:secret@127.0.0.1:{one},localhost:{two}/db?hostaddr=127.0.0.1,127.0.0.1");
    let error = connector(&url).connect().await.map(drop).unwrap_err();
    let refused = "Connection refused (os error 111); is a server running there?";
    assert_eq!(error.to_string(), format!("127.0.0.1:{one}: {refused}. localhost:{two}: {refused}"));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let url = format!("postgresql://ada@127.0.0.1:{port}/db?connect_timeout=1");
    let error = connector(&url).connect().await.map(drop).unwrap_err();
    assert_eq!(error.to_string(), "no answer within 1 s");
}
