//! What the parameters that have a few values are called, in URLs and for people.

use super::{ChannelBinding, SslMode, Target};

/// The words for a type's values; of several for one value, the first is the one that people are shown.
type Words<T> = &'static [(&'static str, T)];

const SSL_MODES: Words<SslMode> = &[
    ("disable", SslMode::Disable),
    ("prefer", SslMode::Prefer),
    ("allow", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

const CHANNEL_BINDINGS: Words<ChannelBinding> = &[
    ("disable", ChannelBinding::Disable),
    ("prefer", ChannelBinding::Prefer),
    ("require", ChannelBinding::Require),
];

const TARGETS: Words<Target> = &[
    ("any", Target::Any),
    ("read-write", Target::ReadWrite),
    ("primary", Target::ReadWrite),
    ("read-only", Target::ReadOnly),
    ("standby", Target::ReadOnly),
];

/// The value that `text` stands for, or what is wrong with it.
fn read<T: Copy>(words: Words<T>, text: &str) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        format!("is none of {}", words.join(", "))
    })
}

fn word<T: PartialEq>(words: Words<T>, value: &T) -> &'static str {
    words.iter().find(|(_, known)| known == value).map_or("", |(word, _)| word)
}

impl SslMode {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        read(SSL_MODES, text)
    }

    /// The name that libpq has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        word(SSL_MODES, &self)
    }

    /// Whether an unencrypted connection will not do.
    #[must_use]
    pub fn is_required(self) -> bool {
        !matches!(self, Self::Disable | Self::Prefer)
    }
}

impl ChannelBinding {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        read(CHANNEL_BINDINGS, text)
    }

    /// The name that libpq has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        word(CHANNEL_BINDINGS, &self)
    }
}

impl Target {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        read(TARGETS, text)
    }

    /// The name that libpq has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        word(TARGETS, &self)
    }
}
