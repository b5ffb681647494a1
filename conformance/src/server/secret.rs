//! What must never be seen: passwords, and URLs with passwords.

use botstore::model::TokenSecret;

use crate::secrets::MARK;

/// A password, or a URL that holds one, which does not appear in debug output.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl Secret {
    /// A new password, which may stand in a URL and in SQL as it is.
    pub(super) fn generate() -> anyhow::Result<Self> {
        Ok(Self(format!("{}{}", MARK, TokenSecret::generate()?.reveal())))
    }

    /// The URL, of another database.
    pub(super) fn with_database(&self, database: &str) -> Self {
        let (base, query) = match self.0.split_once('?') {
            Some((base, query)) => (base, format!("?{query}")),
            None => (&self.0 as &str, String::new()),
        };
        let (scheme, rest) = base.split_once("://").unwrap_or(("postgresql", base));
        let authority = rest.split('/').next().unwrap_or_default();
        Self(format!("{scheme}://{authority}/{database}{query}"))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_all_but_its_database() {
        for (url, expected) in [
            ("postgresql://u:p@h:1/a", "postgresql://u:p@h:1/b"),
            ("postgresql://u:p@h", "postgresql://u:p@h/b"),
            ("postgresql://u@/a?host=/run/pg", "postgresql://u@/b?host=/run/pg"),
            ("postgresql://u@%2Frun%2Fpg:1/a?x=y", "postgresql://u@%2Frun%2Fpg:1/b?x=y"),
        ] {
            assert_eq!(Secret(url.to_owned()).with_database("b").0, expected);
        }
    }
}
