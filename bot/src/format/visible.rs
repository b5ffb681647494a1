//! Text that other people wrote, made safe for a terminal.

/// The text on one line, with what one would not see shown by its code: control characters, those that turn the direction of
/// what follows, and those without a width, by which a name could look like another one. Those that join letters or
/// make an emoji stay where they do so.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_seen = match character {
            '\u{200c}' | '\u{200d}' => {
                before.is_some_and(joins) && characters.peek().copied().is_some_and(joins)
            }
            '\u{fe00}'..='\u{fe0f}' => before.is_some_and(varies),
            _ => !character.is_control() && !is_hidden(character),
        };
        if is_seen {
            shown.push(character);
        } else {
            shown.extend(character.escape_default());
        }
        before = Some(character);
    }
    shown
}

/// Of Unicode's characters that are ignored where they mean nothing, those that mean nothing in a name, and those that turn
/// the direction or break lines.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}'
            ..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether joiners have a meaning beside this character: in scripts whose letters change their form, and among emoji.
fn joins(character: char) -> bool {
    matches!(
        character,
        '\u{620}'..='\u{109f}' | '\u{1780}'..='\u{17b3}' | '\u{17b6}'..='\u{18af}' | '\u{2190}'..='\u{2bff}' | '\u{fe0f}'
            | '\u{1f000}'..='\u{1faff}'
    )
}

/// Whether this character has variants: emoji, the digits of keys, mathematical signs and ideographs.
fn varies(character: char) -> bool {
    matches!(character, '#' | '*' | '0'..='9' | '©' | '®' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}'
        | '\u{2100}'..='\u{3163}' | '\u{3165}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{1f000}'..='\u{3ffff}')
}

/// Text of which the middle is left out if it is too long to be read.
pub(crate) fn shortened(text: &str) -> String {
    const BEGINNING: usize = 700;
    const END: usize = 300;
    let characters = text.chars().count();
    if characters <= BEGINNING + END {
        return text.to_owned();
    }
    let beginning = text.chars().take(BEGINNING);
    beginning.chain(['…']).chain(text.chars().skip(characters - END)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_drive_a_terminal_is_shown_by_its_code() {
        assert_eq!(visible("a\u{1b}[2J\n\u{202e}b\u{9b}"), r"a\u{1b}[2J\n\u{202e}b\u{9b}");
        assert_eq!(visible("héllo שלום 👩‍💻 \\"), "héllo שלום 👩‍💻 \\");
    }

    #[test]
    fn what_nobody_sees_is_shown_by_its_code() {
        for hidden in [
            '\u{ad}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2060}',
            '\u{2063}',
            '\u{feff}',
            '\u{fe0f}',
            '\u{180e}',
            '\u{3164}',
            '\u{61c}',
            '\u{e0061}',
            '\u{e0101}',
        ] {
            assert_eq!(visible(&format!("ad{hidden}a")), format!("ad{}a", hidden.escape_default()));
            assert_eq!(visible(&format!("ada{hidden}")), format!("ada{}", hidden.escape_default()));
        }
        assert_eq!(visible("美\u{200d}咲"), r"美\u{200d}咲");
        assert_eq!(visible("लत\u{200d}\u{200d}ा"), r"लत\u{200d}\u{200d}ा");
    }

    #[test]
    fn what_joins_letters_or_makes_an_emoji_stays() {
        for text in [
            "👩\u{200d}💻dev",
            "❤\u{fe0f}\u{200d}🔥",
            "1\u{fe0f}\u{20e3}",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "Zoe\u{308}",
        ] {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn what_is_too_long_has_a_beginning_and_an_end() {
        assert_eq!(shortened(&"é".repeat(1_000)), "é".repeat(1_000));
        let long = shortened(&format!("a{}z", "é".repeat(100_000)));
        assert_eq!((long.chars().count(), long.starts_with("aé"), long.ends_with("éz")), (1_001, true, true));
    }
}
