//! What `sync-reverse.bat` must be on every Windows, held to by its text.
//!
//! It is run on a real `cmd.exe` elsewhere; here are the properties that an
//! edit on another system breaks without a sign.

const BATCH: &str = include_str!("../../sync-reverse.bat");

/// The commands, without remarks.
fn commands() -> Vec<&'static str> {
    let is_remark = |line: &str| line.is_empty() || line == "rem" || line.starts_with("rem ");
    BATCH.lines().filter(|line| !is_remark(line)).collect()
}

fn position(command: &str) -> usize {
    let found = commands().iter().position(|line| *line == command);
    found.unwrap_or_else(|| panic!("there is no line {command:?}"))
}

/// With other line ends `cmd` misses labels; other letters depend on the code page.
#[test]
fn it_is_ascii_with_the_line_ends_of_windows() {
    assert!(BATCH.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n')));
    assert_eq!(BATCH.matches('\n').count(), BATCH.matches("\r\n").count());
    assert_eq!(BATCH.matches('\r').count(), BATCH.matches("\r\n").count());
    assert!(BATCH.ends_with("\r\n"));
    assert!(include_str!("../../.gitattributes").contains("*.bat text eol=crlf\n"));
}

#[test]
fn folders_with_exclamation_marks_are_entered_and_checked() {
    assert_eq!(commands()[0], "@echo off");
    assert_eq!(commands()[1], "setlocal DisableDelayedExpansion");
    let enter = position("pushd \"%~dp0\"");
    assert_eq!(commands()[enter + 1], "if errorlevel 1 goto no_folder");
}

/// `shift` alone would shift `%0` too, and with it the folder.
#[test]
fn the_folder_survives_the_arguments() {
    let shifts = || BATCH.match_indices("shift");
    assert_eq!(shifts().count(), 2);
    assert!(shifts().all(|(at, _)| BATCH[at..].starts_with("shift /1")));
}

#[test]
fn what_is_missing_is_told_with_the_code_of_a_wrong_configuration() {
    let begins = position("set \"RC=2\"");
    let ends = position("set \"RC=%ERRORLEVEL%\"");
    let assigned = commands().iter().filter(|line| line.contains("set \"RC=")).count();
    assert!(begins < ends && assigned == 2);
    assert!(position("if not defined PROGRAM goto no_program") < ends);
    assert!(position("if not defined CONFIG goto no_config") < ends);
    for error in commands().iter().filter(|line| line.starts_with("echo ")) {
        assert!(error.ends_with(" 1>&2"), "{error}");
    }
}

/// Whatever is run between the program and its code replaces the code.
#[test]
fn the_exit_code_is_the_programs() {
    let program = position("\".\\%PROGRAM%\" reverse%ARGUMENTS%");
    assert_eq!(commands()[program + 1], "set \"RC=%ERRORLEVEL%\"");
    assert!(commands().last().unwrap().ends_with("endlocal & exit /b %RC%"));
    let exits = commands().iter().filter(|line| line.contains("exit")).count();
    assert_eq!(exits, 2);
}

/// A scheduled run that waits for a key blocks all later ones.
#[test]
fn only_a_double_click_waits_for_a_key() {
    let pause = position("pause");
    for way_out in [
        "if defined SCHEDULED goto done",
        "if defined PGSYNC_NO_PAUSE goto done",
        "if not defined SESSIONNAME goto done",
        "if not defined STARTED goto not_clicked",
        "if \"!STARTED: /c =!\"==\"!STARTED!\" goto not_clicked",
    ] {
        assert!(position(way_out) < pause, "{way_out}");
    }
    assert_eq!(commands().iter().filter(|line| line.contains("pause")).count(), 1);
}

/// Each is a trap of its own: code pages, dates in the country's form, and
/// `>>` onto a file that is open, which skips the command without a word.
#[test]
fn known_traps_are_left_alone() {
    for trap in ["chcp", "%DATE%", "%TIME%", ">>", "timeout", "%CMDCMDLINE%", "%*", "%CD%"] {
        assert!(!commands().iter().any(|line| line.contains(trap)), "{trap}");
    }
}

/// One is tested above; the others are the same but for what they run.
#[test]
fn all_of_them_are_of_the_same_make() {
    let others = [
        (
            "sync-incremental.bat",
            include_str!("../../sync-incremental.bat"),
            "forward --incremental",
        ),
        ("sync-full.bat", include_str!("../../sync-full.bat"), "forward --full"),
    ];
    let without_remarks = |text: &str| -> Vec<String> {
        text.split("\r\n").filter(|line| !line.starts_with("rem ")).map(str::to_owned).collect()
    };
    let expected = without_remarks(BATCH);
    for (name, text, command) in others {
        let run = format!("\".\\%PROGRAM%\" {command}%ARGUMENTS%");
        assert!(text.is_ascii() && text.contains(&run), "{name}");
        let same = text
            .replace(&run, "\".\\%PROGRAM%\" reverse%ARGUMENTS%")
            .replace(name, "sync-reverse.bat");
        let same: Vec<String> = without_remarks(&same).into_iter().filter(|l| l != "rem").collect();
        let expected: Vec<String> = expected.iter().filter(|l| *l != "rem").cloned().collect();
        assert_eq!(same, expected, "{name}");
    }
}
