//! The known word that somebody most likely meant.
//!
//! It knows words, and nothing about what they are for.

/// The nearest of `known` to `word`, if one is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let meant = folded(word);
    let allowed = (meant.chars().count() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&meant, &folded(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Capitals, dashes and underscores are not what people get wrong.
fn folded(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

/// The end of a sentence about an unknown word: what was meant, or what there is.
pub(super) fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("known are {}", list(known)),
    }
}

/// Words as people list them: `a, b and c`.
pub(super) fn list(words: &[&str]) -> String {
    match words {
        [] => "none".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found() {
        let known = ["schema", "desktop_schema", "key", "where"];
        assert_eq!(nearest("shema", known), Some("schema"));
        assert_eq!(nearest("Desktop-Schema", known), Some("desktop_schema"));
        assert_eq!(nearest("kye", known), Some("key"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn a_suggestion_names_one_or_all() {
        assert_eq!(suggestion("wehre", &["key", "where"]), "did you mean \"where\"?");
        assert_eq!(suggestion("banana", &["a", "b", "c"]), "known are a, b and c");
        assert_eq!(suggestion("banana", &["a"]), "known are a");
    }
}
