//! What is said when the program itself has a fault.
//!
//! A panic's message may hold whatever a library found worth showing: an
//! address with its password, a customer's row. So only messages that stand
//! word for word in somebody's source are repeated, and the place, which is
//! enough to find the fault.

use std::io::Write as _;
use std::panic::{Location, PanicHookInfo};
use std::sync::Mutex;

/// Somebody who wants to hear of it too.
type Listener = Box<dyn Fn(&str) + Send>;

static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);

/// Lets a fault be told to this one as well, instead of the one before.
pub fn tell_also(listener: impl Fn(&str) + Send + 'static) {
    if let Ok(mut known) = LISTENER.lock() {
        *known = Some(Box::new(listener));
    }
}

fn pass_on(text: &str) {
    // Not waiting: the fault may be the listener's own.
    if let Ok(listener) = LISTENER.try_lock()
        && let Some(listener) = listener.as_ref()
    {
        listener(text);
    }
}

/// Lets every panic be told in this way.
pub fn watch() {
    std::panic::set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    let message = panic.payload().downcast_ref::<&'static str>().copied();
    let told = told(message, panic.location());
    drop(write!(std::io::stderr(), "{told}"));
    pass_on(told.trim_start_matches("error: "));
}

fn told(message: Option<&'static str>, place: Option<&Location<'_>>) -> String {
    let place = place.map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let message = message.map_or(String::new(), |message| format!(": {message}"));
    format!(
        "error: pgsync has a fault of its own, at {place}{message}\n  \
         hint: what was committed stays; run again, and report this line\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_to_the_log_too() {
        static HEARD: Mutex<String> = Mutex::new(String::new());
        tell_also(|_| panic!("replaced"));
        tell_also(|text| HEARD.lock().unwrap().push_str(text));
        pass_on("at a place");
        assert_eq!(*HEARD.lock().unwrap(), "at a place");
    }

    #[test]
    fn a_fault_is_told_by_its_place() {
        assert_eq!(
            told(Some("never"), None),
            "error: pgsync has a fault of its own, at an unknown place: never\n  \
             hint: what was committed stays; run again, and report this line\n"
        );
    }

    /// What a real panic hands to the hook, with its message made at run time.
    #[test]
    fn a_message_that_was_put_together_is_not_repeated() {
        static TOLD: Mutex<String> = Mutex::new(String::new());
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(|panic| {
            let message = panic.payload().downcast_ref::<&'static str>().copied();
            *TOLD.lock().unwrap() = told(message, panic.location());
        }));
        let secret = String::from("hunter2");
        let caught = std::panic::catch_unwind(|| panic!("could not use {secret}"));
        std::panic::set_hook(before);
        assert!(caught.is_err());
        let told = TOLD.lock().unwrap().clone();
        assert!(told.contains("fault.rs:") && !told.contains("hunter2"), "{told}");
    }
}
