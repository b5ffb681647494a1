//! Bounded text: one type a field, checked once, when it is made.

use crate::error::InvalidInput;

/// What a text field admits besides its length. No field admits NUL: PostgreSQL cannot store it.
#[derive(Clone, Copy)]
pub(crate) enum Characters {
    /// Line breaks, tabs and all else but NUL.
    AllButNul,
    /// No control character (Unicode category Cc).
    NoControls,
}

/// Checks `text` against a field's rules. Lengths are in characters (Unicode scalar values).
pub(crate) fn check(
    field: &'static str,
    text: &str,
    min: usize,
    max: usize,
    characters: Characters,
) -> Result<(), InvalidInput> {
    let forbidden: fn(char) -> bool = match characters {
        Characters::AllButNul => |c| c == '\0',
        Characters::NoControls => char::is_control,
    };
    if let Some(found) = text.chars().find(|&c| forbidden(c)) {
        let reason = match found {
            '\0' => "contains NUL".to_owned(),
            _ => format!("contains the control character U+{:04X}", u32::from(found)),
        };
        return Err(InvalidInput::new(field, reason));
    }
    // A text of n characters has at least n bytes: most texts need no count.
    if text.len() > max {
        let length = text.chars().count();
        if length > max {
            return Err(InvalidInput::new(
                field,
                format!("has {length} characters, at most {max} are allowed"),
            ));
        }
    }
    if min > 0 && text.is_empty() {
        return Err(InvalidInput::new(field, "is empty"));
    }
    Ok(())
}

/// Defines a validated text type. `hidden` ones show only their length in debug output.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $field:literal, $min:literal..=$max:literal, $characters:ident $(, $hidden:ident)?) => {
        $(#[$doc])*
        #[doc = concat!("\n\nField `", $field, "`: ", $min, " to ", $max, " characters.")]
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The greatest length, in characters (Unicode scalar values).
            pub const MAX_CHARS: usize = $max;

            /// Checks `text` and takes it as it is: nothing is trimmed, folded or normalised.
            ///
            /// # Errors
            ///
            #[doc = concat!("[`InvalidInput`](crate::InvalidInput) of `", $field, "`: empty where it must not be, too long, or with a character that it may not have.")]
            pub fn new(text: impl AsRef<str>) -> Result<Self, $crate::error::InvalidInput> {
                let text = text.as_ref();
                $crate::model::text::check($field, text, $min, $max, $crate::model::text::Characters::$characters)?;
                Ok(Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::error::InvalidInput;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        $crate::model::text::text_type!(@debug $name $($hidden)?);
    };
    (@debug $name:ident hidden) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
    (@debug $name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &*self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use text_type;

#[cfg(test)]
mod tests {
    use crate::model::{MessageText, Username};

    fn reason(text: &str) -> String {
        Username::new(text).unwrap_err().reason
    }

    #[test]
    fn length_is_counted_in_characters_not_bytes() {
        assert!(Username::new("\u{1F600}".repeat(50)).is_ok());
        assert_eq!(reason(&"\u{1F600}".repeat(51)), "has 51 characters, at most 50 are allowed");
    }

    #[test]
    fn control_characters_are_named() {
        assert_eq!(reason("a\0b"), "contains NUL");
        assert_eq!(reason("a\u{85}b"), "contains the control character U+0085");
        assert_eq!(reason(""), "is empty");
    }

    #[test]
    fn message_text_is_not_in_debug_output() {
        let text = MessageText::new("line one\nsecret").unwrap();
        assert_eq!(format!("{text:?}"), "MessageText(15 bytes)");
    }
}
