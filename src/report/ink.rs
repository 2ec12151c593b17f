//! Colours, where they help the eye; every text is whole without them.

use anstyle::{AnsiColor, Style};

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Good,
    Warning,
    Bad,
    /// The next step.
    Hint,
}

impl Ink {
    fn style(self) -> Style {
        let color = match self {
            Self::Good => AnsiColor::Green,
            Self::Warning => AnsiColor::Yellow,
            Self::Bad => AnsiColor::Red,
            Self::Hint => AnsiColor::Cyan,
        };
        Style::new().bold().fg_color(Some(color.into()))
    }
}

/// The text in its colour. Whoever prints takes it off again where it is not
/// wanted.
#[must_use]
pub fn inked(ink: Option<Ink>, text: &str) -> String {
    match ink {
        None => text.to_owned(),
        Some(ink) => format!("{0}{text}{0:#}", ink.style()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_ends_with_its_text() {
        assert_eq!(inked(None, "plain"), "plain");
        assert_eq!(inked(Some(Ink::Bad), "error:"), "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m");
    }
}
