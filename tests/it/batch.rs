//! What the batch files must be on every Windows, held to by their text.
//!
//! They are run by a `cmd.exe` in `tests/windows`; here are the properties that
//! an edit on another system breaks without a sign.

use std::path::PathBuf;

const REVERSE: &str = include_str!("../../sync-reverse.bat");
const MENU: &str = include_str!("../../sync-menu.bat");

/// All that there are, by their names.
const ALL: [(&str, &str); 4] = [
    ("sync-reverse.bat", REVERSE),
    ("sync-incremental.bat", include_str!("../../sync-incremental.bat")),
    ("sync-full.bat", include_str!("../../sync-full.bat")),
    ("sync-menu.bat", MENU),
];

/// The commands, without remarks.
fn commands(text: &str) -> Vec<&str> {
    let is_remark = |line: &str| line.is_empty() || line == "rem" || line.starts_with("rem ");
    text.lines().filter(|line| !is_remark(line)).collect()
}

#[track_caller]
fn position(text: &str, command: &str) -> usize {
    let found = commands(text).iter().position(|line| *line == command);
    found.unwrap_or_else(|| panic!("there is no line {command:?}"))
}

#[test]
fn no_batch_file_is_left_out() {
    let folder = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
    let files = folder.map(|file| file.unwrap().path());
    let batch_files = files.filter(|file| file.extension().is_some_and(|kind| kind == "bat"));
    let name = |file: PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
    let mut found: Vec<String> = batch_files.map(name).collect();
    let mut expected = ALL.map(|(name, _)| name.to_owned());
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// With other line ends `cmd` misses labels; other letters depend on the code page.
#[test]
fn they_are_ascii_with_the_line_ends_of_windows() {
    for (name, text) in ALL {
        assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\r' | b'\n')), "{name}");
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{name}");
        assert_eq!(text.matches('\r').count(), text.matches("\r\n").count(), "{name}");
        assert!(text.ends_with("\r\n"), "{name}");
    }
    assert!(include_str!("../../.gitattributes").contains("*.bat text eol=crlf\n"));
}

#[test]
fn folders_with_exclamation_marks_are_entered_and_checked() {
    for (_, text) in ALL {
        assert_eq!(commands(text)[0], "@echo off");
        assert_eq!(commands(text)[1], "setlocal DisableDelayedExpansion");
        let enter = position(text, "pushd \"%~dp0\"");
        assert_eq!(commands(text)[enter + 1], "if errorlevel 1 goto no_folder");
    }
}

/// `shift` alone would shift `%0` too, and with it the folder.
#[test]
fn the_folder_survives_the_arguments() {
    let shifts = |text: &'static str| text.match_indices("shift").map(|(at, _)| &text[at..]);
    assert_eq!(shifts(REVERSE).count(), 2);
    assert!(shifts(REVERSE).all(|shift| shift.starts_with("shift /1")));
    assert_eq!(shifts(MENU).count(), 0);
}

#[test]
fn what_is_missing_is_told_with_the_code_of_a_wrong_configuration() {
    for (name, text) in ALL {
        let begins = position(text, "set \"RC=2\"");
        let runs = commands(text).iter().position(|line| line.starts_with("\".\\%PROGRAM%\""));
        let runs = runs.unwrap();
        assert!(begins < position(text, "if not defined PROGRAM goto no_program"), "{name}");
        assert!(position(text, "if not defined PROGRAM goto no_program") < runs, "{name}");
        assert!(position(text, "if not defined CONFIG goto no_config") < runs, "{name}");
        let complaints = || commands(text).into_iter().filter(|line| line.contains("error: "));
        assert_eq!(complaints().count(), 3, "{name}");
        for line in complaints().chain(commands(text).into_iter().filter(|l| l.contains("hint: ")))
        {
            assert!(line.ends_with(" 1>&2"), "{line}");
        }
        assert!(text.contains(&format!("beside {name} 1>&2")), "{name}");
    }
}

/// Whatever is run between the program and its code replaces the code.
#[test]
fn the_exit_code_is_the_programs() {
    let program = position(REVERSE, "\".\\%PROGRAM%\" reverse%ARGUMENTS%");
    assert_eq!(commands(REVERSE)[program + 1], "set \"RC=%ERRORLEVEL%\"");
    let assigned = commands(REVERSE).iter().filter(|line| line.contains("set \"RC=")).count();
    assert_eq!(assigned, 2);
    let program = position(MENU, "\".\\%PROGRAM%\" %COMMAND%");
    assert_eq!(commands(MENU)[program + 1], "set \"ENDED=%ERRORLEVEL%\"");
    for (name, text) in ALL {
        assert!(commands(text).last().unwrap().ends_with("endlocal & exit /b %RC%"), "{name}");
        let exits = commands(text).iter().filter(|line| line.contains("exit /b %RC%")).count();
        assert_eq!(exits, 2, "{name}");
    }
}

/// A scheduled run that waits for a key blocks all later ones.
#[test]
fn only_a_double_click_waits_for_a_key() {
    for (name, text) in ALL {
        let pause = position(text, "pause");
        for way_out in [
            "if defined PGSYNC_NO_PAUSE goto done",
            "if not defined SESSIONNAME goto done",
            "if not defined STARTED goto not_clicked",
            "if \"!STARTED: /c =!\"==\"!STARTED!\" goto not_clicked",
        ] {
            assert!(position(text, way_out) < pause, "{name}: {way_out}");
        }
        assert_eq!(
            commands(text).iter().filter(|line| line.contains("pause")).count(),
            1,
            "{name}"
        );
    }
    let way_out = position(REVERSE, "if defined SCHEDULED goto done");
    assert!(way_out < position(REVERSE, "pause"));
}

/// Each is a trap of its own: code pages, dates in the country's form, and
/// `>>` onto a file that is open, which skips the command without a word.
#[test]
fn known_traps_are_left_alone() {
    let traps = ["chcp", "%DATE%", "%TIME%", ">>", "timeout", "%CMDCMDLINE%", "%*", "%CD%"];
    for (name, text) in ALL {
        for trap in traps {
            assert!(!commands(text).iter().any(|line| line.contains(trap)), "{name}: {trap}");
        }
        let labels = commands(text);
        let jumps = text.split("goto ").skip(1).map(|rest| rest.split(['\r', ' ', '&']).next());
        for label in jumps.map(Option::unwrap) {
            assert!(labels.contains(&format!(":{label}").as_str()), "{name}: no label {label}");
        }
    }
}

/// One is tested above; the others are the same but for what they run.
#[test]
fn all_that_run_one_command_are_of_the_same_make() {
    let without_remarks = |text: &str| -> Vec<String> {
        let is_remark = |line: &&str| *line == "rem" || line.starts_with("rem ");
        text.split("\r\n").filter(|line| !is_remark(line)).map(str::to_owned).collect()
    };
    for (at, command) in [(1, "forward --incremental"), (2, "forward --full")] {
        let (name, text) = ALL[at];
        let run = format!("\".\\%PROGRAM%\" {command}%ARGUMENTS%");
        assert!(text.contains(&run), "{name}");
        let same = text
            .replace(&run, "\".\\%PROGRAM%\" reverse%ARGUMENTS%")
            .replace(name, "sync-reverse.bat");
        assert_eq!(without_remarks(&same), without_remarks(REVERSE), "{name}");
    }
}

/// Every number that the menu shows leads somewhere, and every exit code of the
/// program is told in words.
#[test]
fn the_menu_knows_what_it_shows() {
    let shown = commands(MENU).into_iter().filter_map(|line| line.strip_prefix("echo   "));
    let shown: Vec<&str> = shown.filter_map(|line| Some(line.split_once("  ")?.0)).collect();
    assert_eq!(shown, ["1", "2", "3", "4", "5", "6", "7", "0"]);
    for number in shown {
        let choice = format!("if \"%CHOICE%\"==\"{number}\" ");
        assert!(commands(MENU).iter().any(|line| line.starts_with(&choice)), "{number}");
    }
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 130] {
        let meaning = format!("if \"%ENDED%\"==\"{code}\" set \"MEANING=");
        assert!(commands(MENU).iter().any(|line| line.starts_with(&meaning)), "{code}");
    }
}

/// An answer may hold quotation marks, and the end of the input has no answer.
#[test]
fn the_menu_takes_any_answer() {
    let ask = position(MENU, "set /p \"CHOICE=Type a number and press Enter: \"");
    assert_eq!(commands(MENU)[ask - 1], "set \"CHOICE=\"");
    assert_eq!(commands(MENU)[ask + 1], "if not defined CHOICE goto no_answer");
    let strip = position(MENU, "set \"CHOICE=%CHOICE:\"=%\"");
    let uses = commands(MENU).into_iter().enumerate().filter(|(_, line)| line.contains("%CHOICE%"));
    assert!(uses.clone().count() == 8 && uses.clone().all(|(at, _)| at > strip));
    assert!(uses.clone().all(|(_, line)| line.starts_with("if \"%CHOICE%\"==\"")));
    let gives_up = position(MENU, "if \"%EMPTY%\"==\"xx\" goto leave");
    assert_eq!(commands(MENU)[gives_up - 1], ":no_answer");
    assert_eq!(commands(MENU)[gives_up + 1], "set \"EMPTY=%EMPTY%x\"");
}
